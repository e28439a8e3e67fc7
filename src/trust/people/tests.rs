use std::{fs, os::unix::fs::MetadataExt};

use super::super::scratch::Scratch;
use super::*;

fn key(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

fn names(people: &[Person]) -> Vec<&str> {
    people.iter().map(|person| person.name.as_str()).collect()
}

#[test]
fn what_is_said_is_known_at_once_and_by_the_next_program() {
    let scratch = Scratch::new();
    let people = People::open(scratch.join("people")).unwrap();
    assert!(!people.is(&key(1), Mark::Verified));
    assert!(people.mark(&key(1), "Jörg K", Mark::Verified).unwrap());
    assert!(!people.mark(&key(1), "Jörg K", Mark::Verified).unwrap(), "said before");
    assert!(people.mark(&key(1), "Jörg K", Mark::Trusted).unwrap());
    assert!(people.mark(&key(2), "bob", Mark::Ignored).unwrap());
    for people in [people.clone(), People::open(scratch.join("people")).unwrap()] {
        assert!(people.is(&key(1), Mark::Verified) && people.is(&key(1), Mark::Trusted));
        assert!(!people.is(&key(1), Mark::Ignored) && people.is(&key(2), Mark::Ignored));
        assert_eq!(names(&people.all(Mark::Verified)), ["Jörg K"]);
        assert_eq!(people.marks(&key(1)).words().collect::<Vec<_>>(), ["verified", "trusted"]);
        assert_eq!(people.get(&key(2)).and_then(|person| person.marks.since(Mark::Ignored)), Some(Date::today()));
    }
    assert!(people.unmark(&key(2), Mark::Ignored).unwrap());
    assert!(!people.unmark(&key(2), Mark::Ignored).unwrap(), "taken back before");
    assert!(people.unmark(&key(1), Mark::Verified).unwrap());
    let text = fs::read_to_string(scratch.join("people")).unwrap();
    assert_eq!(text, format!("{HEAD}\n{} trusted:{} Jörg K\nend\n", "01".repeat(32), Date::today()));
    assert_eq!(fs::metadata(scratch.join("people")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_saved_does_not_count() {
    let scratch = Scratch::new();
    let path = scratch.join("people");
    let people = People::open(&path).unwrap();
    people.mark(&key(1), "bob", Mark::Verified).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, "pchat people 1\n").unwrap();
    assert!(matches!(people.mark(&key(2), "eve", Mark::Trusted), Err(PeopleError::File(_))));
    assert!(matches!(people.unmark(&key(1), Mark::Verified), Err(PeopleError::File(_))));
    assert!(people.refresh().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "pchat people 1\n", "a damaged file is not written over");
    assert!(people.is(&key(1), Mark::Verified) && !people.is(&key(2), Mark::Trusted));
    fs::write(&path, whole).unwrap();
    people.refresh().unwrap();

    let nowhere = People::default();
    assert!(matches!(nowhere.mark(&key(1), "bob", Mark::Verified), Err(PeopleError::Nowhere)));
    assert!(!nowhere.is(&key(1), Mark::Verified));
}

#[test]
fn a_folder_that_takes_no_file_is_an_error_and_nothing_changes() {
    let scratch = Scratch::new();
    let folder = scratch.join("data");
    let people = People::open(folder.join("people")).unwrap();
    people.mark(&key(1), "bob", Mark::Trusted).unwrap();
    // No rights stop a superuser, but nobody can write a file where a folder is.
    fs::remove_file(folder.join("people")).unwrap();
    fs::create_dir(folder.join("people")).unwrap();
    assert!(people.mark(&key(2), "eve", Mark::Verified).is_err());
    assert!(people.unmark(&key(1), Mark::Trusted).is_err());
    assert!(people.is(&key(1), Mark::Trusted) && !people.is(&key(2), Mark::Verified));
}

#[test]
fn two_programs_lose_nothing_of_each_other() {
    let scratch = Scratch::new();
    let [one, other] = [(); 2].map(|()| People::open(scratch.join("people")).unwrap());
    one.mark(&key(1), "bob", Mark::Verified).unwrap();
    assert!(!other.is(&key(1), Mark::Verified), "it has not looked since");
    other.mark(&key(1), "bob", Mark::Trusted).unwrap();
    assert!(other.is(&key(1), Mark::Verified));
    one.refresh().unwrap();
    assert!(one.is(&key(1), Mark::Trusted));
    std::thread::scope(|scope| {
        for (people, first) in [(&one, 10), (&other, 20)] {
            scope.spawn(move || {
                for byte in first..first + 10 {
                    people.mark(&key(byte), "carol", Mark::Ignored).unwrap();
                }
            });
        }
    });
    assert_eq!(People::open(scratch.join("people")).unwrap().all(Mark::Ignored).len(), 20);
}

#[test]
fn case_65_a_known_name_with_another_key_is_noticed_whatever_it_is_written_like() {
    let scratch = Scratch::new();
    let people = People::open(scratch.join("people")).unwrap();
    assert!(!people.keep_names());
    people.mark(&key(1), "modern", Mark::Verified).unwrap();
    people.mark(&key(2), "bill", Mark::Trusted).unwrap();
    people.mark(&key(3), "mallory", Mark::Ignored).unwrap();
    for alike in ["modern", "MODERN", "rnodern", "ｍodern"] {
        assert_eq!(people.namesake(&key(9), alike).map(|person| person.key), Some(key(1)), "{alike}");
        assert_eq!(people.namesake(&key(1), alike), None, "it is that very key");
    }
    assert_eq!(people.namesake(&key(9), "bi11").map(|person| person.key), Some(key(2)));
    assert_eq!(people.namesake(&key(2), "modern").map(|person| person.key), Some(key(1)), "known, but not as this");
    for other in ["mallory", "modernity", "", &"modern".repeat(1 << 16)] {
        assert_eq!(people.namesake(&key(9), other), None);
    }
    // Somebody with two machines.
    people.mark(&key(4), "Modern", Mark::Trusted).unwrap();
    assert_eq!(people.namesake(&key(4), "modern"), None);
}

#[test]
fn a_name_is_the_one_that_the_key_had_when_something_was_said() {
    let scratch = Scratch::new();
    let people = People::open(scratch.join("people")).unwrap();
    people.mark(&key(1), "bob", Mark::Verified).unwrap();
    let older = fs::read_to_string(scratch.join("people")).unwrap().replace(&Date::today().to_string(), "2020-02-29");
    fs::write(scratch.join("people"), older).unwrap();
    people.mark(&key(1), "robert", Mark::Trusted).unwrap();
    let marks = people.marks(&key(1));
    assert_eq!(marks.since(Mark::Verified), Date::parse("2020-02-29"), "each mark keeps its day");
    assert_eq!(marks.since(Mark::Trusted), Some(Date::today()));
    assert_eq!(names(&people.all(Mark::Verified)), ["robert"]);
    let forged = format!("bob\n{} verified:2026-11-23 mallory", "02".repeat(32));
    for name in [forged.as_str(), "", " bob", "b\u{1b}[2Job", &"b".repeat(MAX_NAME_LEN + 1)] {
        assert!(matches!(people.mark(&key(2), name, Mark::Verified), Err(PeopleError::Name { .. })), "{name:?}");
    }
}

#[test]
fn a_damaged_file_is_refused_with_the_line() {
    let scratch = Scratch::new();
    let path = scratch.join("people");
    let key_text = "01".repeat(32);
    for (lines, line) in [
        (format!("{key_text} verified:2026-11-23"), 2),
        (format!("{key_text} verified:yesterday bob"), 2),
        (format!("{key_text} verified bob"), 2),
        (format!("{key_text}  bob"), 2),
        (format!("{key_text} Verified:2026-11-23 bob"), 2),
        (format!("{key_text} verified:2026-11-23,verified:2026-11-23 bob"), 2),
        (format!("{key_text} trusted:2026-11-23,verified:2026-11-23 bob"), 2),
        (format!("{key_text} verified:2026-11-23, bob"), 2),
        (format!("{} verified:2026-11-23 bob", &key_text[1..]), 2),
        (format!("{key_text} verified:2026-11-23 bob\n{key_text} trusted:2026-11-23 bob"), 3),
    ] {
        fs::write(&path, format!("{HEAD}\n{lines}\nend\n")).unwrap();
        let error = People::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("{}, line {line}: ", path.display())), "{error}");
    }
    for damaged in ["", "pchat people 2\nend\n", "pchat people 1\n", "pchat members 1\nend\n"] {
        fs::write(&path, damaged).unwrap();
        assert!(People::open(&path).is_err(), "{damaged:?}");
    }
    let all = format!("{HEAD}\n{key_text} verified:2026-11-23,trusted:2026-11-23,ignored:2026-11-23 bob\nend\n");
    fs::write(&path, &all).unwrap();
    let people = People::open(&path).unwrap();
    assert_eq!(people.marks(&key(1)).words().collect::<Vec<_>>(), ["verified", "trusted", "ignored"]);
}

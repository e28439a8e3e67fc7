//! Who is who: comparing words, trusting, ignoring, and known names with another key.

mod hiding;
mod namesakes;
mod trusting;
mod verifying;

use std::{fs, path::PathBuf};

use crate::support::{Home, Pchat};

/// The file of people of somebody.
fn file(home: &Home) -> PathBuf {
    home.path().join(".local/share/pchat/people")
}

fn fingerprint(home: &Home) -> String {
    Pchat::once(home, &["id"]).out.replace("guest ", "")
}

/// An open room.
fn open_room(home: &Home, more: &[&str]) -> (Pchat, u16) {
    let mut args = vec!["--open"];
    args.extend(more);
    let host = Pchat::host(home, "alice", &args);
    let port = host.port();
    host.out.expect_start("* you are alice");
    (host, port)
}

/// One compares words with the other, and both say that they are the same.
fn verify(one: &mut Pchat, (name, other): (&str, &mut Pchat), ones_name: &str) {
    one.say(&format!("verify {name}"));
    let words = one.out.expect_start(&format!("* the words for {name}: "));
    let told = other.out.expect_start(&format!("* {ones_name} compares words with you: "));
    assert_eq!(words, told);
    assert_eq!(words.split(' ').count(), 4, "{words}");
    one.say("y");
    one.out.expect_where("it is done", |line| line.starts_with(name) && line.ends_with(" is verified"));
    other.say(&format!("verify {ones_name} Yes"));
    other.out.expect_where("it is done", |line| line.starts_with(ones_name) && line.ends_with(" is verified"));
}

/// Makes it impossible to save anything about people, for a superuser as well.
fn make_unwritable(home: &Home) {
    let mut lock = file(home).into_os_string();
    lock.push(".lock");
    let _ = fs::remove_file(&lock);
    fs::create_dir_all(&lock).expect("a folder in the place of the lock");
}

#[test]
fn a_damaged_file_of_people_ends_the_start_with_a_clear_message() {
    let home = Home::new();
    fs::create_dir_all(file(&home).parent().expect("a folder")).expect("a folder");
    let line = format!("{} verified:2026-11-23,trusted:2026-11-23 bob\n", "01".repeat(32));
    for (damaged, at) in [(format!("pchat people 1\n{line}"), 2), (String::new(), 1), (line.clone(), 1)] {
        fs::write(file(&home), &damaged).expect("a file");
        for args in [&["host", "--port", "0", "--bind", "127.0.0.1"][..], &["join", "127.0.0.1:1"]] {
            let ended = Pchat::once(&home, args);
            let start = format!("error: {}, line {at}: ", file(&home).display());
            assert!(ended.code == Some(1) && ended.err.starts_with(&start), "{ended:?}");
            assert_eq!(ended.out, "", "nothing has begun");
        }
        assert_eq!(fs::read_to_string(file(&home)).expect("it is there"), damaged);
    }
    fs::write(file(&home), format!("pchat people 1\n{line}end\n")).expect("a file");
    let (mut host, _) = open_room(&home, &[]);
    host.say("verify");
    host.out.expect_where("bob", |line| line.starts_with("bob  ") && line.ends_with("  since 2026-11-23"));
}

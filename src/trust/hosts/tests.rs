use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::scratch::Scratch;
use super::*;

fn addr(text: &str) -> HostAddr {
    text.parse().unwrap()
}

fn key(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

/// A list that holds `a:5000` with key 1.
fn list(scratch: &Scratch) -> Hosts {
    let hosts = Hosts::at(scratch.join("hosts"));
    hosts.remember(&addr("a"), &key(1)).unwrap();
    hosts
}

#[test]
fn a_remembered_key_is_known_from_then_on() {
    let scratch = Scratch::new();
    let hosts = Hosts::at(scratch.join("deep/hosts"));
    assert_eq!(hosts.check(&addr("A"), &key(1)).unwrap(), Pin::New);
    hosts.remember(&addr("A"), &key(1)).unwrap();
    hosts.remember(&addr("a:5000"), &key(1)).unwrap();
    let again = Hosts::at(scratch.join("deep/hosts"));
    assert_eq!(again.check(&addr("a"), &key(1)).unwrap(), Pin::Known);
    assert_eq!(again.check(&addr("a:5001"), &key(2)).unwrap(), Pin::New);
    assert_eq!(fs::metadata(scratch.join("deep/hosts")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(scratch.join("deep")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn case_30_a_known_host_with_another_key_is_a_hard_stop_that_shows_both() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    let text = hosts.check(&addr("a"), &key(2)).unwrap_err().to_string();
    assert!(text.contains(&Fingerprint::of(&key(1)).to_string()), "{text}");
    assert!(text.contains(&Fingerprint::of(&key(2)).to_string()), "{text}");
    assert!(text.contains("pchat forget a:5000"), "{text}");
    // Remembering is not a way around it.
    assert!(matches!(hosts.remember(&addr("a"), &key(2)), Err(HostsError::Changed { .. })));
    assert_eq!(hosts.check(&addr("a"), &key(1)).unwrap(), Pin::Known);
}

#[test]
fn case_31_a_known_key_at_a_new_address_is_new_there() {
    let scratch = Scratch::new();
    assert_eq!(list(&scratch).check(&addr("b"), &key(1)).unwrap(), Pin::New);
}

#[test]
fn forgetting_takes_one_address_only() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    hosts.remember(&addr("[::1]:6000"), &key(2)).unwrap();
    assert!(hosts.forget(&addr("a")).unwrap());
    assert!(!hosts.forget(&addr("a")).unwrap());
    assert_eq!(hosts.check(&addr("a"), &key(3)).unwrap(), Pin::New);
    assert_eq!(hosts.check(&addr("[::1]:6000"), &key(2)).unwrap(), Pin::Known);
}

#[test]
fn a_room_that_moved_keeps_its_key() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    assert!(hosts.copy(&addr("a"), &addr("a:6000")).unwrap());
    assert_eq!(hosts.check(&addr("a:6000"), &key(1)).unwrap(), Pin::Known);
    assert_eq!(hosts.check(&addr("a"), &key(1)).unwrap(), Pin::Known);
    assert!(!hosts.copy(&addr("b"), &addr("b:6000")).unwrap());
    hosts.remember(&addr("c"), &key(3)).unwrap();
    assert!(matches!(hosts.copy(&addr("a"), &addr("c")), Err(HostsError::Changed { .. })));
}

#[test]
fn case_33_a_damaged_list_is_refused_and_stays_as_it_is() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    let path = scratch.join("hosts");
    let whole = fs::read_to_string(&path).unwrap();
    let entry = whole.lines().nth(1).unwrap().to_owned();
    let other = entry.replace("01", "02");
    let mut damaged: Vec<(String, usize)> = vec![
        (String::new(), 1),
        (format!("pchat hosts 2\n{entry}\nend\n"), 1),
        (format!("pchat hosts 1\n{entry}\n{other}\nend\n"), 3),
        (format!("pchat hosts 1\n{entry}\nend\n{other}\n"), 4),
        (format!("pchat hosts 1\n\n{entry}\nend\n"), 2),
        (format!("pchat hosts 1\n{entry} x\nend\n"), 2),
        (format!("pchat hosts 1\n{}\nend\n", entry.replace("a:5000", "A:5000")), 2),
        (format!("pchat hosts 1\n{}\nend\n", entry.replace("a:5000", "a")), 2),
        (format!("pchat hosts 1\n{}\nend\n", entry.replace("a:5000", "a:99999")), 2),
    ];
    // Cut after every byte. The rest of the first line is the one thing at fault until that line is whole.
    damaged.extend((1..whole.len()).map(|len| (whole[..len].to_owned(), whole[..len].lines().count())));
    for (text, line) in damaged {
        fs::write(&path, &text).unwrap();
        let errors = [
            hosts.check(&addr("a"), &key(2)).unwrap_err().to_string(),
            hosts.check(&addr("new"), &key(2)).unwrap_err().to_string(),
            hosts.remember(&addr("new"), &key(2)).unwrap_err().to_string(),
            hosts.forget(&addr("a")).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains(&format!("{}, line {line}: ", path.display())), "{error}\n{text}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, b"pchat hosts 1\n\xff\nend\n").unwrap();
    assert!(hosts.check(&addr("a"), &key(1)).unwrap_err().to_string().contains("line 2"));
}

#[test]
fn a_line_that_stands_twice_does_no_harm() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    let path = scratch.join("hosts");
    let whole = fs::read_to_string(&path).unwrap();
    let entry = whole.lines().nth(1).unwrap();
    fs::write(&path, format!("pchat hosts 1\n{entry}\n{entry}\nend\n")).unwrap();
    assert_eq!(hosts.check(&addr("a"), &key(1)).unwrap(), Pin::Known);
}

#[test]
fn case_33_writers_at_the_same_time_lose_nothing() {
    let scratch = Scratch::new();
    let path = scratch.join("hosts");
    std::thread::scope(|scope| {
        for writer in 0..8u8 {
            let hosts = Hosts::at(&path);
            scope.spawn(move || {
                for port in 1..=10 {
                    hosts.remember(&addr(&format!("host{writer}:{port}")), &key(writer)).unwrap();
                }
            });
        }
    });
    let hosts = Hosts::at(&path);
    for writer in 0..8u8 {
        for port in 1..=10 {
            assert_eq!(hosts.check(&addr(&format!("host{writer}:{port}")), &key(writer)).unwrap(), Pin::Known);
        }
    }
    let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no temporary file stays: {left:?}");
}

#[test]
fn case_143_a_room_that_says_it_went_to_port_0_does_not_spoil_the_list() {
    let scratch = Scratch::new();
    let hosts = list(&scratch);
    assert!(!hosts.copy(&addr("a"), &addr("a").with_port(0)).unwrap());
    assert_eq!(hosts.check(&addr("a"), &key(1)).unwrap(), Pin::Known);
}

#[test]
fn case_135_a_key_that_cannot_be_saved_is_an_error() {
    let scratch = Scratch::new();
    fs::write(scratch.join("file"), "").unwrap();
    let below_a_file = Hosts::at(scratch.join("file/hosts"));
    let error = below_a_file.remember(&addr("a"), &key(1)).unwrap_err().to_string();
    assert!(error.starts_with("could not create ") && error.contains("file"), "{error}");
    // The list is a folder: it exists and cannot be read, so nothing is known about any host.
    fs::create_dir(scratch.join("folder")).unwrap();
    assert!(matches!(Hosts::at(scratch.join("folder")).check(&addr("a"), &key(1)), Err(HostsError::File(_))));
}

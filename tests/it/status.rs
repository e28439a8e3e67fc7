//! What a member is told of the room.

use crate::support::{Home, Pchat};

/// The row of that name.
fn row(program: &mut Pchat, name: &str) -> String {
    program.say("status");
    program.out.expect_start(name)
}

#[test]
fn status_counts_what_was_said_and_what_passed_through_and_names_the_versions() {
    let homes = [Home::new(), Home::new(), Home::new()];
    let host = Pchat::host(&homes[0], "ann", &["--open"]);
    let mut bob = Pchat::join(&homes[1], "bob", host.port(), &[]);
    let mut carol = Pchat::join(&homes[2], "carol", host.port(), &["--auto-accept", "all"]);
    let version = env!("CARGO_PKG_VERSION");
    let room = row(&mut bob, "room ");
    assert!(room.contains("open for ") && room.ends_with(&format!("pchat {version}")), "{room}");
    assert_eq!(row(&mut bob, "members ").trim(), "3 of 256");
    assert_eq!(row(&mut bob, "transfers ").trim(), "none yet");
    bob.say("hello");
    host.out.expect("bob: hello");
    assert!(row(&mut carol, "messages ").contains("1, 5 B"), "one line of five bytes");
    std::fs::write(homes[1].path().join("photo"), vec![7; 300_000]).unwrap();
    bob.say(&format!("sendfile {}", homes[1].path().join("photo").display()));
    carol.out.expect_where("it is saved", |line| line.contains("saved"));
    let transfers = row(&mut carol, "transfers ");
    assert!(transfers.contains("1 in all") && transfers.contains("KiB passed through the host"), "{transfers}");
    assert!(row(&mut carol, "log ").contains(" of 65,536 events"), "it says how full the log is");
    assert!(row(&mut carol, "you ").contains("in for "), "and how one is there oneself");
}

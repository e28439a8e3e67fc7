//! Whose files are wanted.

use std::fs;

use super::{file, fingerprint, make_unwritable, open_room};
use crate::support::{Home, Pchat};

/// A file of some bytes in somebody's home.
fn put(home: &Home, name: &str, len: u64) {
    let path = home.path().join(name);
    let file = fs::File::create(path).expect("a file");
    file.set_len(len).expect("holes take no place");
}

fn has(home: &Home, name: &str) -> bool {
    home.path().join("Downloads/pchat").join(name).exists()
}

#[test]
fn trust_lifts_the_limit_in_an_open_room_by_key_until_it_is_taken_back() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &["--auto-accept", "4K"]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    put(&bob, "one", 5_000);
    member.say("sendfile one");
    host.out.expect("* bob offers one (4.9 KiB): accept 1 / decline 1");
    host.say("trust bob");
    host.say("/trust bob");
    let who = format!("bob ({})", fingerprint(&bob));
    host.out.expect(&format!("{who} is trusted from now on: what they offer comes without asking"));
    host.out.expect_start("* this key is not verified, only the room says whose it is: verify bob");
    member.out.expect("alice: trust bob");
    put(&bob, "two", 6_000);
    member.say("sendfile two");
    host.out.expect("* bob offers two (5.9 KiB): offer 2, which is being received");
    member.out.expect("* alice saved two");
    assert!(has(&alice, "two") && !has(&alice, "one"));
    host.say("/trust bob");
    host.out.expect(&format!("{who} is trusted already: what they offer comes without asking"));
    host.say("who");
    host.out.expect_where("the word", |line| line.starts_with("bob ") && line.ends_with("trusted"));
    drop((host, member));

    // In the next room, whatever the name; and taken back by the name that was known, of one who is not there.
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "robert", port, &[]);
    put(&bob, "three", 7_000);
    member.say("sendfile three");
    host.out.expect("* robert offers three (6.8 KiB): offer 1, which is being received");
    member.out.expect("* alice saved three");
    member.say("quit");
    host.out.expect("* robert left");
    host.say("/trust");
    host.out.expect_start(&format!("bob  {}  since 2", fingerprint(&bob)));
    host.say("/untrust robert");
    host.err.expect("error: nobody called robert is trusted");
    host.say("/untrust bob");
    host.out.expect(&format!("{who} is not trusted any more"));
    host.say("/trust");
    host.out.expect("you trust nobody's files yet");
    let mut member = Pchat::join(&bob, "robert", port, &[]);
    put(&bob, "four", 8_000);
    member.say("sendfile four");
    host.out.expect_start("* robert offers four (7.8 KiB): accept ");
    assert!(!has(&alice, "four"));
}

#[test]
fn who_wants_to_be_asked_about_everything_is_asked_and_oneself_cannot_be_trusted() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &["--auto-accept", "none"]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    host.say("/trust alice");
    host.err.expect("error: alice has your own key: what you offer yourself comes anyway");
    host.say("/trust bob");
    host.out.expect("* you started pchat with --auto-accept none, though: you are asked all the same");
    put(&bob, "one", 5_000);
    member.say("sendfile one");
    host.out.expect("* bob offers one (4.9 KiB): accept 1 / decline 1");
}

#[test]
fn trust_that_cannot_be_saved_or_was_saved_for_another_key_does_not_count() {
    let (alice, bob, mallory) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = open_room(&alice, &[]);
    let mut member = Pchat::join(&bob, "bob", port, &[]);
    make_unwritable(&alice);
    host.say("/trust bob");
    host.err.expect_start("error: could not open ");
    assert!(!file(&alice).exists());
    put(&bob, "one", 5_000);
    member.say("sendfile one");
    host.out.expect("* bob offers one (4.9 KiB): accept 1 / decline 1");
    drop((host, member));

    let mut lock = file(&alice).into_os_string();
    lock.push(".lock");
    fs::remove_dir(lock).expect("an empty folder");
    let (mut host, port) = open_room(&alice, &[]);
    let member = Pchat::join(&bob, "bob", port, &[]);
    host.say("/trust bob");
    host.out.expect_start(&format!("bob ({}) is trusted", fingerprint(&bob)));
    drop((host, member));
    let (host, port) = open_room(&alice, &[]);
    let mut false_bob = Pchat::join(&mallory, "bob", port, &[]);
    host.err.expect_start(&format!("error: bob ({}) has another key than the bob you trusted", fingerprint(&mallory)));
    put(&mallory, "two", 5_000);
    false_bob.say("sendfile two");
    host.out.expect("* bob offers two (4.9 KiB): accept 1 / decline 1");
}

//! What becomes of a transfer when what is sent changes, or cannot be read.

use std::{fs, io::Write};

use super::{ALL, MIB, names, noise, open_room, partial, put, set_mode};
use crate::support::{Home, Pchat};

/// Offers a file, which `change` then changes while it is sent, and gives what both are told.
fn changed(change: impl Fn(&std::path::Path)) -> (String, String) {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let path = put(&bob, "a.bin", noise(1, 2 * MIB));
    member.say("limit 100K");
    member.say("sendfile a.bin");
    partial(&alice, 1);
    change(&path);
    member.say("limit off");
    let told = (host.err.expect_start("error: a.bin from bob was not received: "), member.err.expect_start("error: "));
    assert!(names(&alice).iter().all(|name| name.starts_with(".pchat-")), "{:?}", names(&alice));
    // The room goes on.
    member.say("sorry");
    host.out.expect("bob: sorry");
    told
}

#[test]
fn case_101_a_source_that_is_rewritten_grows_or_shrinks_is_told_at_both_ends() {
    let rewritten = changed(|path| {
        let mut file = fs::File::options().write(true).open(path).expect("it is there");
        file.write_all(b"something else").expect("it can be written");
    });
    let grown = changed(|path| {
        let mut file = fs::File::options().append(true).open(path).expect("it is there");
        file.write_all(b"more").expect("it can be written");
    });
    let shrunk = changed(|path| {
        let file = fs::File::options().write(true).open(path).expect("it is there");
        file.set_len(500_000).expect("it can be cut");
    });
    for ((receiver, sender), what) in
        [(rewritten, "was changed since it was offered"), (grown, "has another length"), (shrunk, "has another length")]
    {
        assert_eq!(receiver, format!("source changed: a.bin {what}"));
        assert_eq!(sender, format!("a.bin does not reach alice: source changed: a.bin {what}"));
    }
}

#[test]
fn case_101_a_source_that_was_replaced_before_it_is_fetched_is_told() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    let path = put(&bob, "a.bin", noise(1, 5_000));
    member.say("sendfile a.bin");
    host.out.expect_start("* bob offers a.bin ");
    put(&bob, "b.bin", noise(2, 5_000));
    fs::rename(bob.path().join("b.bin"), &path).expect("it is there");
    host.say("accept");
    host.err.expect("error: a.bin from bob was not received: source changed: a.bin is not what it was");
    fs::remove_file(&path).expect("it is there");
    host.say("accept 1");
    host.err.expect("error: a.bin from bob was not received: source changed: a.bin is gone");
    assert!(names(&alice).iter().all(|name| name.starts_with(".pchat-")));
}

#[test]
fn a_folder_in_which_something_changed_is_told_with_the_name_of_it() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&bob, "dir/a.bin", noise(1, 5_000));
    put(&bob, "dir/sub/b.bin", noise(2, 5_000));
    member.say("sendfile dir");
    host.out.expect_start("* bob offers dir/ ");
    put(&bob, "dir/sub/b.bin", noise(2, 6_000));
    host.say("accept");
    let told = host.err.expect_start("error: dir/ from bob was not received: source changed: ");
    assert!(told.starts_with("sub/b.bin has another length"), "{told}");
    assert!(names(&alice).iter().all(|name| name.starts_with(".pchat-")));
    // Offered anew it is what it is now.
    member.say("sendfile dir");
    host.out.expect_start("* bob offers dir/ ");
    host.say("accept 2");
    host.out.expect_start("* saved ");
    // What came of the first one is kept for a while, in case that it comes again.
    assert_eq!(names(&alice).iter().filter(|name| !name.starts_with(".pchat-")).count(), 1);
}

#[test]
fn case_102_what_cannot_be_read_is_told() {
    // The superuser reads everything.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    set_mode(&put(&bob, "secret", "x"), 0o000);
    set_mode(&put(&bob, "dir/secret", "x"), 0o000);
    member.say("sendfile secret");
    let told = member.err.expect_start("error: ");
    assert!(told.contains("secret"), "{told}");
    member.say("sendfile dir");
    member.out.expect("  | secret: skipped, not readable");
    host.out.expect("* bob offers dir/ (0 files, 0 B): accept 1 / decline 1 / files 1");
    host.say("accept");
    host.out.expect_start("* saved ");
}

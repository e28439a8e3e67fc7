//! What is received without asking, and what a person answers.

use super::{ALL, MIB, befriend, downloads, expect_content, expect_saved, names, noise, open_room, put};
use crate::support::{Home, Pchat, Pty};

/// A room that asks at the door, with somebody in it whom it knows.
fn closed_room(alice: &Home, bob: &Home, more: &[&str]) -> (Pchat, Pchat) {
    befriend(alice, bob, "bob");
    let host = Pchat::host(alice, "alice", more);
    let member = Pchat::join(bob, "bob", host.port(), &[]);
    (host, member)
}

#[test]
fn by_default_64_mib_come_by_themselves_among_people_who_were_let_in_and_more_is_asked_about() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = closed_room(&alice, &bob, &[]);
    let small = noise(1, 5_000);
    put(&bob, "small.bin", &small);
    member.say("sendfile small.bin");
    expect_saved(&host.out, &alice, "small.bin", &small);
    // Holes take no place.
    let large = put(&bob, "large.bin", "");
    std::fs::File::options().write(true).open(large).and_then(|file| file.set_len(64 * MIB + 1)).expect("a file");
    member.say("sendfile large.bin");
    host.out.expect("* bob offers large.bin (64.0 MiB): accept 2 / decline 2");
    host.say("decline");
    member.out.expect("* alice declined large.bin");
    assert_eq!(names(&alice), ["small.bin"]);
    // The other way it is the same.
    put(&alice, "from alice.bin", &small);
    host.say("sendfile from alice.bin");
    expect_saved(&member.out, &bob, "from alice.bin", &small);
}

#[test]
fn in_an_open_room_nothing_comes_by_itself_unless_all_is_taken() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &["--auto-accept", "100M"]);
    let all = Pchat::join(&carol, "carol", port, ALL);
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    put(&alice, "b.bin", &bytes);
    member.say("sendfile a.bin");
    host.out.expect("* bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    expect_saved(&all.out, &carol, "a.bin", &bytes);
    host.say("sendfile b.bin");
    member.out.expect("* alice offers b.bin (4.9 KiB): accept 2 / decline 2");
    expect_saved(&all.out, &carol, "b.bin", &bytes);
    host.say("accept 1");
    expect_saved(&host.out, &alice, "a.bin", &bytes);
    member.out.expect("* alice saved a.bin");
    assert!(names(&bob).is_empty());
}

#[test]
fn none_asks_about_everything_and_a_size_is_the_limit() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, mut member) = closed_room(&alice, &bob, &["--auto-accept", "4K"]);
    let (less, more) = (noise(1, 4096), noise(2, 4097));
    put(&bob, "less.bin", &less);
    put(&bob, "more.bin", &more);
    member.say("sendfile less.bin more.bin");
    host.out.expect("* bob offers more.bin (4.0 KiB): accept 2 / decline 2");
    member.out.expect("* alice saved less.bin");
    expect_content(&downloads(&alice).join("less.bin"), &less);
    host.say("accept");
    expect_saved(&host.out, &alice, "more.bin", &more);
    // That it is saved is said to its sender, who has to have heard it.
    member.out.expect("* alice saved more.bin");
    host.say("quit");
    assert_eq!(host.wait().code, Some(0));

    let host = Pchat::host(&alice, "alice", &["--auto-accept", "none"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&bob, "empty", "");
    member.say("sendfile empty");
    host.out.expect("* bob offers empty (0 B): accept 1 / decline 1");
}

#[test]
fn ones_own_key_is_never_asked_about() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--open", "--auto-accept", "none"]);
    let mut second = Pchat::join(&alice, "laptop", host.port(), &[]);
    let bytes = noise(1, 5_000);
    put(&alice, "mine.bin", &bytes);
    second.say("sendfile mine.bin");
    host.out.expect("* laptop offers mine.bin (4.9 KiB): offer 1, which is being received");
    expect_saved(&host.out, &alice, "mine.bin", &bytes);
    second.out.expect("* alice saved mine.bin");
}

#[test]
fn a_bare_accept_means_the_only_thing_that_waits_and_otherwise_lists() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    for line in ["accept", "decline"] {
        host.say(line);
        host.out.expect("nothing and nobody waits for an answer");
    }
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    put(&bob, "b.bin", &bytes);
    put(&bob, "dir/c.bin", &bytes);
    member.say("sendfile a.bin b.bin dir");
    host.out.expect("* bob offers dir/ (1 file, 4.9 KiB): accept 3 / decline 3 / files 3");
    host.out.expect("  | c.bin");
    host.say("accept");
    host.out.expect("offer 1: bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    host.out.expect("offer 2: bob offers b.bin (4.9 KiB): accept 2 / decline 2");
    host.out.expect("offer 3: bob offers dir/ (1 file, 4.9 KiB): accept 3 / decline 3 / files 3");
    host.out.expect("which one? Say the name or number as well");
    host.say("accept 2");
    expect_saved(&host.out, &alice, "b.bin", &bytes);
    host.say("decline 3");
    member.out.expect("* alice declined dir/");
    host.say("accept");
    expect_saved(&host.out, &alice, "a.bin", &bytes);
    // What was declined can still be had.
    host.say("accept 3");
    host.out.expect_start(&format!("* saved {}", super::downloads(&alice).join("dir").display()));
    assert_eq!(names(&alice), ["a.bin", "b.bin", "dir"]);
}

#[test]
fn case_72_numbers_that_are_no_offers_of_others_are_told_and_twice_is_once() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    put(&bob, "a.bin", noise(1, 5_000));
    member.say("sendfile a.bin");
    host.out.expect_start("* saved ");
    for line in ["/accept 9", "/decline 9", "/withdraw 9", "/cancel 9", "/pause 9", "/resume 9", "/files 9"] {
        host.say(line);
        host.err.expect("error: no offer has the number 9");
    }
    host.say("/withdraw 0");
    host.err.expect("error: 0 is not the number of an offer");
    host.say("withdraw 1");
    host.err.expect("error: offer 1 is not yours; decline 1 says that you do not want it");
    member.say("accept 1");
    member.err.expect("error: offer 1 is your own");
    member.say("decline 1");
    member.err.expect("error: offer 1 is your own; withdraw 1 takes it back");
    host.say("accept 1");
    host.out
        .expect(&format!("* a.bin from bob is there already: {}", super::downloads(&alice).join("a.bin").display()));
    member.out.expect("* alice has a.bin already");
    assert_eq!(names(&alice), ["a.bin"]);
}

#[test]
fn a_knock_and_an_offer_can_wait_at_once() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &["--auto-accept", "none"]);
    let mut member = Pchat::knock(&bob, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    host.line("accept");
    member.out.expect_start("* you are bob");
    let bytes = noise(1, 5_000);
    put(&bob, "a.bin", &bytes);
    member.say("sendfile a.bin");
    host.expect("* bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    // She takes nothing by herself: the host could not leave at once while she does.
    let stranger = Pchat::knock(&carol, "carol", port, &["--auto-accept", "none"]);
    host.expect("wants to join: accept carol");
    host.line("accept");
    host.expect("offer 1: bob offers a.bin (4.9 KiB): accept 1 / decline 1");
    host.expect("which one? Say the name or number as well");
    host.line("accept carol");
    stranger.out.expect_start("* you are carol");
    host.line("accept");
    host.expect("* saved ");
    member.out.expect("* alice saved a.bin");
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
}

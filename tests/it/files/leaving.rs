//! Leaving while files are under way, and what the end of a pipe means.

use super::{ALL, MIB, befriend, expect_saved, names, noise, open_room, partial, put};
use crate::support::{Home, Pchat, Pty};

const CTRL_D: &str = "\x04";

#[test]
fn case_79_quit_lists_what_is_under_way_and_the_second_one_leaves() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = open_room(&alice);
    let mut member = Pty::join(&bob, "bob", port);
    put(&alice, "a.bin", noise(1, 100_000));
    host.say("limit 1K");
    host.say("sendfile a.bin");
    member.expect("accept 1 / decline 1");
    member.line("accept");
    host.out.expect("* bob receives a.bin");
    partial(&bob, 1);
    member.line("quit");
    member.expect("* under way:");
    member.expect("leave again within 10 s to cut it off; what came so far is kept");
    assert!(member.text().contains("a.bin from alice ("), "{}", member.text());
    member.line("still here");
    host.out.expect("bob: still here");
    member.line("quit");
    assert_eq!(member.wait_clean(), Some(0));
    host.out.expect("* bob left");
    assert!(names(&bob).len() == 1 && names(&bob)[0].starts_with(".pchat-"), "{:?}", names(&bob));
}

#[test]
fn ctrl_d_asks_just_so() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let mut member = Pty::join(&bob, "bob", port);
    put(&bob, "a.bin", noise(1, 100_000));
    member.line("limit 1K");
    member.line("sendfile a.bin");
    partial(&alice, 1);
    member.keys(CTRL_D);
    member.expect("* under way:");
    assert!(member.text().contains("a.bin to alice ("), "{}", member.text());
    // Between two prompts the terminal would take the key for itself.
    member.wait_for("the prompt", |text| text.contains("leave again") && text.trim_end().ends_with("bob>"));
    member.keys(CTRL_D);
    assert_eq!(member.wait_clean(), Some(0));
    host.out.expect("* a.bin of bob is not offered any more; what came is kept for another time");
}

#[test]
fn a_host_that_leaves_is_told_what_goes_through_its_room() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &["--open"]);
    let mut member = Pchat::join(&bob, "bob", port, ALL);
    let other = Pchat::join(&carol, "carol", port, ALL);
    put(&bob, "a.bin", noise(1, 100_000));
    member.say("limit 1K");
    member.say("sendfile a.bin --to carol");
    partial(&carol, 1);
    host.line("quit");
    host.expect("1 transfer between other members, through your room");
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
    for member in [member, other] {
        assert!(member.wait().out.ends_with("* alice closed the room"));
    }
}

#[test]
fn what_a_pipe_offers_is_delivered_before_the_end() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = open_room(&alice);
    let bytes = noise(1, 5 * MIB);
    put(&bob, "a.bin", &bytes);
    let mut member = Pchat::knock(&bob, "bob", port, &[]);
    member.write(b"sendfile a.bin\n");
    let ended = member.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.ends_with("* alice saved a.bin"), "{}", ended.out);
    expect_saved(&host.out, &alice, "a.bin", &bytes);
    host.out.expect("* bob left");
}

#[test]
fn a_pipe_whose_offer_nobody_takes_ends_after_its_wait_and_says_so() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    put(&bob, "a.bin", noise(1, 5_000));
    let mut member = Pchat::knock(&bob, "bob", host.port(), &["--wait", "1"]);
    member.write(b"sendfile a.bin\n");
    let ended = member.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: nobody received a.bin"));
    host.out.expect("* bob left");

    let mut host = host;
    let mut member = Pchat::knock(&carol, "carol", host.port(), &[]);
    put(&carol, "b.bin", noise(1, 5_000));
    member.write(b"sendfile b.bin\n");
    member.close_input();
    host.out.expect_start("* carol offers b.bin ");
    host.say("decline");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "all who are there have answered");
}

#[test]
fn a_pipe_that_ends_while_something_is_received_waits_for_it() {
    let (alice, bob) = (Home::new(), Home::new());
    befriend(&alice, &bob, "bob");
    let mut host = Pchat::host(&alice, "alice", &[]);
    let member = Pchat::join(&bob, "bob", host.port(), &[]);
    put(&alice, "a.bin", noise(1, MIB));
    host.say("limit 500K");
    host.say("sendfile a.bin");
    partial(&bob, 1);
    let mut member = member;
    member.close_input();
    host.say("hurry");
    member.out.expect("alice: hurry");
    host.say("limit off");
    let ended = member.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    super::expect_content(&super::downloads(&bob).join("a.bin"), &noise(1, MIB));
    host.out.expect("* bob saved a.bin");
}

#[test]
fn a_path_that_is_missing_ends_a_pipe_in_1() {
    let (alice, bob) = (Home::new(), Home::new());
    let (_host, port) = open_room(&alice);
    let mut member = Pchat::knock(&bob, "bob", port, &[]);
    member.write(b"sendfile missing\n");
    let ended = member.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("missing"), "{}", ended.err);
}

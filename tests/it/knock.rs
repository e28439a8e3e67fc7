//! Strangers at the door of somebody who sits at a terminal.

use crate::support::{Home, Pchat, Pty};

#[test]
fn a_stranger_who_knocks_is_let_in_by_name_and_known_from_then_on() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut stranger = Pchat::knock(&bob, "bob", port, &[]);
    stranger.out.expect("* you wait at the door as bob: the host is being asked");
    host.expect("wants to join: accept bob");
    let fingerprint = Pchat::once(&bob, &["id"]).out.replace("guest ", "");
    host.expect(&format!("* bob ({fingerprint}) at 127.0.0.1"));
    host.line("accept bob");
    host.expect("* bob joined");
    stranger.out.expect("* you are bob in the room of alice; one other is here");
    stranger.say("thank you");
    host.expect("bob: thank you");
    host.line("welcome");
    stranger.out.expect("alice: welcome");
    let listed = Pchat::once(&alice, &["members"]).out;
    assert!(listed.starts_with(&format!("bob  {fingerprint}  since ")), "{listed}");
    assert_eq!(stranger.end().code, Some(0));
    host.expect_gone("bob");
    // Known: nobody is asked.
    drop(Pchat::join(&bob, "bob", port, &[]).end());
    let forgotten = Pchat::once(&alice, &["members", "forget", "bob"]);
    assert_eq!((forgotten.code, forgotten.out.as_str()), (Some(0), "bob has to ask for entry again"));
    assert_eq!(Pchat::once(&alice, &["members"]).out, "nobody was let in yet");
    let again = Pchat::knock(&bob, "bob", port, &[]);
    again.out.expect("* you wait at the door as bob: the host is being asked");
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
    let ended = again.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: the room is closing"));
}

#[test]
fn a_stranger_who_is_declined_is_told_and_leaves_no_trace() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let stranger = Pchat::knock(&bob, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    host.line("decline");
    let ended = stranger.wait();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: you were not let in"));
    assert_eq!(Pchat::once(&alice, &["members"]).out, "nobody was let in yet");
}

#[test]
fn a_stranger_who_gives_up_is_no_longer_announced() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let stranger = Pchat::knock(&bob, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    stranger.signal(crate::support::Signal::INT);
    assert_eq!(stranger.wait().code, Some(0));
    host.expect("* bob no longer waits");
    host.line("/accept bob");
    host.expect("error: nobody called bob waits at the door");
}

#[test]
fn a_stranger_with_a_known_name_and_another_key_is_flagged() {
    let (alice, bob, mallory) = (Home::new(), Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let stranger = Pchat::knock(&bob, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    host.line("accept");
    stranger.out.expect_start("* you are bob");
    drop(stranger.end());
    host.expect_gone("bob");
    let _other = Pchat::knock(&mallory, "bob", port, &[]);
    host.expect("(another key than the bob you");
}

#[test]
fn a_stranger_in_a_terminal_waits_and_can_leave() {
    let (alice, bob) = (Home::new(), Home::new());
    let (host, port) = Pty::host(&alice, "alice", &[]);
    let mut stranger = Pty::run(&bob, &["join", &format!("127.0.0.1:{port}"), "--name", "bob"]);
    stranger.expect("code (Enter to knock):");
    stranger.keys("\r");
    stranger.expect("* you wait at the door as bob: the host is being asked");
    host.expect("wants to join: accept bob");
    stranger.line("quit");
    assert_eq!(stranger.wait_clean(), Some(0));
    host.expect("* bob no longer waits");
}

#[test]
fn two_terminals_of_one_person_just_work_and_talk() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let mut second = Pty::join(&alice, "bob", port);
    second.line("hello");
    host.expect("bob: hello");
    second.expect("bob: hello");
    host.line("hi there");
    second.expect("alice: hi there");
    host.line("msg bob psst");
    second.expect("(alice, to you alone) psst");
    host.expect("(to bob alone) psst");
    second.line("quit");
    assert_eq!(second.wait_clean(), Some(0));
    host.expect_gone("bob");
    host.line("exit");
    assert_eq!(host.wait_clean(), Some(0));
}

//! What a host may do to those in the room and at its door, and nobody else may.

use std::fs;

use crate::support::{Home, Pchat, Pty};

const BANNED: &str = "error: you were put out of this room for good";
const NOBODY_TO_ASK: &str = "error: this room lets in only those it knows, and nobody is there to be asked";

fn fingerprint(home: &Home) -> String {
    Pchat::once(home, &["id"]).out.replace("guest ", "")
}

/// The same room opened anew, on a free port.
fn again(home: &Home, mut host: Pchat) -> Pchat {
    host.say("quit");
    assert_eq!(host.wait().code, Some(0));
    Pchat::host(home, "alice", &[])
}

#[test]
fn a_ban_holds_over_names_and_restarts_until_it_is_taken_back() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let member = Pchat::with_code_and(&bob, "bob", port, &code, &["--stay"]);
    let other = Pchat::with_code_and(&carol, "carol", port, &code, &["--stay"]);
    for name in ["bob", "carol"] {
        host.out.collect(1, |line| line.starts_with(&format!("* {name} (")) && line.ends_with("came in with the code"));
    }
    host.say("/ban bob that's enough");
    let ended = member.wait();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err, "error: alice put you out of the room for good: that's enough");
    for reader in [&host, &other] {
        reader.out.expect("* bob was put out for good by alice: that's enough");
    }
    for name in ["bob", "ben"] {
        let ended = Pchat::with_code(&bob, name, port, &code).end();
        assert_eq!((ended.code, ended.err.as_str()), (Some(1), BANNED));
    }
    host.say("bans");
    host.out.expect(&format!("bob  {}  for good", fingerprint(&bob)));
    assert!(!Pchat::once(&alice, &["members"]).out.contains("bob"), "off the list");

    let mut host = again(&alice, host);
    let (port, code) = (host.port(), host.code());
    let ended = Pchat::with_code(&bob, "robert", port, &code).end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), BANNED));
    host.say("/unban BOB");
    host.out.expect(&format!("bob ({}) may come again, and has to knock or give the code", fingerprint(&bob)));
    host.say("bans");
    host.out.expect("nobody is put out");
    let ended = Pchat::knock(&bob, "bob", port, &[]).end();
    assert!(ended.code == Some(1) && ended.err.starts_with(NOBODY_TO_ASK), "{ended:?}");
    assert_eq!(Pchat::with_code(&bob, "bob", port, &code).end().code, Some(0));
    host.say("/unban bob");
    host.err.expect("error: nobody called bob is put out");
}

#[test]
fn the_minutes_after_a_kick_are_listed_and_can_be_taken_back() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let member = Pchat::with_code_and(&bob, "bob", port, &code, &["--stay"]);
    host.out.expect_where("bob", |line| line.ends_with("came in with the code"));
    host.say("kick bob");
    assert_eq!(member.wait().err, "error: alice put you out of the room");
    host.say("bans");
    host.out.expect(&format!("bob  {}  10 min more", fingerprint(&bob)));
    host.say(&format!("/unban {}", fingerprint(&bob)));
    host.out.expect_start(&format!("bob ({}) may come again", fingerprint(&bob)));
    // A kick takes them off the list, which an unban does not undo.
    let ended = Pchat::knock(&bob, "bob", port, &[]).end();
    assert!(ended.code == Some(1) && ended.err.starts_with(NOBODY_TO_ASK), "{ended:?}");
    assert_eq!(Pchat::with_code(&bob, "bob", port, &code).end().code, Some(0));
}

#[test]
fn of_two_who_are_out_under_one_name_the_fingerprint_tells_which_is_meant() {
    let (alice, one, other) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    for (round, home) in [&one, &other].into_iter().enumerate() {
        if round > 0 {
            // A name stays with its key while a room is open, and for an hour after that.
            host.say("quit");
            assert_eq!(host.wait().code, Some(0));
            std::fs::remove_file(alice.path().join(".local/state/pchat/names")).expect("the names of the room");
            host = Pchat::host(&alice, "alice", &[]);
        }
        let member = Pchat::with_code_and(home, "bob", host.port(), &host.code(), &["--stay"]);
        host.out.expect_where("bob", |line| line.ends_with("came in with the code"));
        host.say("/ban bob");
        assert_eq!(member.wait().code, Some(1));
    }
    host.say("/unban bob");
    host.err.expect("error: several who are put out are called bob; say the fingerprint of the one you mean:");
    for home in [&one, &other] {
        host.err.collect(1, |line| line.contains(&fingerprint(home)));
    }
    host.say(&format!("/unban {}", fingerprint(&one)));
    host.out.expect_start(&format!("bob ({}) may come again", fingerprint(&one)));
    host.say("bans");
    host.out.expect(&format!("bob  {}  for good", fingerprint(&other)));
}

#[test]
fn who_waits_at_the_door_can_be_banned() {
    let (alice, bob) = (Home::new(), Home::new());
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let stranger = Pchat::knock(&bob, "bob", port, &[]);
    host.expect("wants to join: accept bob");
    host.line("/ban bob");
    host.expect("bob stays out for good");
    assert_eq!(stranger.wait().err, "error: you were not let in");
    assert_eq!(Pchat::knock(&bob, "bob", port, &[]).end().err, BANNED);
}

#[test]
fn a_muted_member_reads_and_whispers_and_offers_nothing_to_everyone() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open"]);
    let port = host.port();
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    let mut other = Pchat::join(&carol, "carol", port, &["--stay"]);
    host.out.expect("* carol joined");
    host.say("mute bob");
    member.out.expect("* alice has muted you: you can read and use private messages, but say nothing to everyone");
    for reader in [&host, &other] {
        reader.out.expect("* bob was muted by alice");
    }
    member.say("loud");
    member.err.expect("error: not said: the host has muted you: loud");
    fs::write(bob.path().join("a.txt"), "loud, too").expect("a file");
    member.say("sendfile a.txt");
    member.err.expect("error: not said: the host has muted you: sendfile a.txt");
    member.say("msg carol psst");
    other.out.expect("(bob) psst");
    other.say("hello bob");
    member.out.expect("carol: hello bob");
    host.say("who");
    host.out.expect_where("bob's row", |line| line.starts_with("bob ") && line.ends_with("muted"));
    // Leaving and coming back changes nothing.
    member.say("quit");
    drop(member.wait());
    let mut member = Pchat::join(&bob, "bob", port, &["--stay"]);
    member.say("loud");
    member.err.expect("error: not said: the host has muted you: loud");
    host.say("unmute bob");
    member.out.expect("* alice lets you speak again");
    member.say("thank you");
    other.out.expect("bob: thank you");
    assert!(!other.out.so_far().iter().any(|line| line.contains("loud") || line.contains("a.txt")));
    host.say("unmute bob");
    host.err.expect("error: they are not muted");
    host.say("mute alice");
    host.err.expect("error: the host cannot be muted");
}

#[test]
fn a_locked_room_lets_nobody_new_in_and_keeps_those_who_are_there() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let mut member = Pchat::with_code_and(&bob, "bob", port, &code, &["--stay"]);
    host.out.expect_where("bob", |line| line.ends_with("came in with the code"));
    host.say("/lock");
    for reader in [&host, &member] {
        reader.out.expect("* alice locked the room: nobody new gets in");
    }
    for ended in [Pchat::with_code(&carol, "carol", port, &code).end(), Pchat::knock(&carol, "carol", port, &[]).end()]
    {
        assert_eq!(ended.code, Some(1));
        assert_eq!(ended.err, "error: the room is locked: its host lets nobody new in at the moment");
    }
    // The host's other terminal is not new.
    assert_eq!(Pchat::join(&alice, "laptop", port, &[]).end().code, Some(0));
    member.say("still here");
    host.out.expect("bob: still here");
    host.say("/unlock");
    member.out.expect("* alice unlocked the room");
    assert_eq!(Pchat::with_code(&carol, "carol", port, &code).end().code, Some(0));
}

#[test]
fn cases_74_and_141_what_a_host_may_do_is_denied_to_members() {
    let (alice, bob, carol) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &[]);
    let (port, code) = (host.port(), host.code());
    let mut member = Pchat::with_code_and(&bob, "bob", port, &code, &["--stay"]);
    member.out.expect_start("* you are bob");
    let mut other = Pchat::with_code_and(&carol, "carol", port, &code, &["--stay"]);
    for reader in [&host, &member] {
        reader.out.expect("* carol joined");
    }
    let lines = [
        "kick carol",
        "/ban carol",
        "/ban alice",
        "/ban nobody",
        "/unban carol",
        "bans",
        "mute carol",
        "/mute nobody",
        "unmute carol",
        "/lock",
        "/unlock",
        "code",
        "code new",
        "code off",
    ];
    for line in lines {
        member.say(line);
        member.err.expect("error: only the host of the room can do that");
    }
    host.say("/ban alice");
    host.err.expect("error: the host cannot be banned");
    host.say("code");
    host.out.expect(&format!("the code is {code}: whoever knows it gets in"));
    other.say("still here");
    member.out.expect("carol: still here");
    assert!(!member.out.so_far().iter().any(|line| line.contains(&code)));
    assert!(!host.out.so_far().iter().any(|line| line.contains("was put out") || line.contains("was muted")));
}

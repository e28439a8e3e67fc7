//! A hostile room that tells of the past: too much of it, out of its time, unasked, or dressed up.

use pchat::wire::{FromRoom, MAX_COMMAND_LEN, MAX_NAME_LEN, MAX_PAST, MAX_PAYLOAD_LEN, Past, Said};

use super::{
    lies::failed,
    peer::{instance, line, stranger},
    room::{Guest, Room},
};
use crate::support::{Home, Pty};

fn past(text: &str) -> Past {
    let (key, instance) = (stranger().public_key(), instance());
    Past { key, instance, name: "old".to_owned(), n: 1, age_secs: 3600, said: line(text) }
}

/// Somebody at a terminal, who wants to hear of the past.
fn joined(room: &Room, home: &Home) -> (Pty, Guest) {
    let member = Pty::run(home, &["join", &format!("127.0.0.1:{}", room.port), "--name", "bob"]);
    let mut guest = room.accept();
    guest.welcome(|_| ());
    (member, guest)
}

const BROKEN: &str = "error: the room breaks the protocol: it tells of the past out of its time, or too much";

#[test]
fn case_143_a_past_that_is_too_much_or_comes_too_late_ends_it_in_plain_words() {
    let home = Home::new();
    let room = Room::open();
    let long = "x".repeat(MAX_PAYLOAD_LEN);
    let lines = |count, text: &str| vec![past(text); count];
    for bad in [lines(MAX_PAST + 1, "x"), lines(22, &long)] {
        let (mut member, mut guest) = joined(&room, &home);
        bad.into_iter().for_each(|past| guest.say(&FromRoom::Past(past)));
        // Its program may show much before that.
        assert_eq!(member.wait_clean(), Some(1));
        member.expect("breaks the protocol");
    }
    let (mut member, mut guest) = joined(&room, &home);
    guest.introduce(2, "carol");
    guest.said(2, 1, 0, "the present");
    guest.say(&FromRoom::Past(past("too late")));
    assert_eq!(member.wait_clean(), Some(1));
    let text = member.text().replace("\n  | ", " ");
    assert!(text.contains(BROKEN) && text.contains("carol: the present") && !text.contains("too late"), "{text}");
    for bad in [
        Past { name: "n".repeat(MAX_NAME_LEN + 1), ..past("x") },
        Past { said: Said { command: "c".repeat(MAX_COMMAND_LEN + 1), payload: "x".into() }, ..past("x") },
    ] {
        let (mut member, mut guest) = joined(&room, &home);
        guest.say(&FromRoom::Past(bad));
        assert_eq!(member.wait_clean(), Some(1));
        member.expect("a name longer than any");
    }
}

#[test]
fn case_143_a_script_that_asked_for_no_past_is_told_none() {
    let home = Home::new();
    let room = Room::open();
    let (member, mut guest) = room.joined(&home, &["--stay"]);
    guest.say(&FromRoom::Past(past("unasked")));
    let ended = member.wait();
    failed(&ended, "the room breaks the protocol: it tells of the past out of its time, or too much");
    assert!(!ended.out.contains("unasked"), "{}", ended.out);
}

#[test]
fn case_142_the_past_reaches_no_command_that_does_not_expect_it_and_is_shown_filtered() {
    let home = Home::new();
    let room = Room::open();
    let (member, mut guest) = joined(&room, &home);
    let of = |command: &str| Past { said: Said { command: command.to_owned(), payload: "x".into() }, ..past("x") };
    for command in ["sendfile", "verify", "msg", "away", "no_such_command"] {
        guest.say(&FromRoom::Past(of(command)));
    }
    guest.say(&FromRoom::Past(Past {
        age_secs: u64::MAX,
        name: "eve\x1b[2J".to_owned(),
        ..past("a\x1b[2Jb\n* c left")
    }));
    guest.introduce(2, "carol");
    guest.said(2, 1, 0, "the present");
    member.expect("carol: the present");
    let text = member.text();
    let row = text.lines().position(|row| row.contains("<U+001B>[2Jb")).unwrap_or_else(|| panic!("{text}"));
    assert!(text.lines().nth(row + 1).is_some_and(|next| next.trim_start().starts_with("| * c left")), "{text}");
    for said in ["unreadable", "used `", "offers", "error"] {
        assert!(!text.contains(said), "{said}: {text}");
    }
}

//! The terminal as the next program finds it, whatever the end.

use std::fs;

use super::{CTRL_C, CTRL_D, Room, at_prompt, join, rows};
use crate::support::{Home, Pchat, Pty, Signal};

/// Waits until the program has gone, and checks what it leaves: every mode as before, no colour, the cursor to be seen
/// at the left of an empty row with nothing under it, and the last row in which anything stands.
fn left(member: &mut Pty, code: i32) -> String {
    assert_eq!(member.wait_clean(), Some(code));
    member.expect_no_traces();
    member.look(|screen| {
        let rows = rows(screen);
        let (row, column) = screen.cursor_position();
        assert_eq!((usize::from(row), column), (rows.len().min(23), 0), "{rows:#?}");
        rows.last().cloned().unwrap_or_default()
    })
}

type Way = fn(&mut Pty);

fn interrupt_twice(member: &mut Pty) {
    member.keys(CTRL_C);
    member.expect("(Ctrl-C again, or Ctrl-D, to leave)");
    member.keys(CTRL_C);
}

#[test]
fn whoever_leaves_by_a_key_a_line_or_a_signal_finds_the_terminal_as_it_was() {
    let ways: [Way; 5] = [
        |member| member.line("quit"),
        interrupt_twice,
        |member| member.keys(CTRL_D),
        |member| member.signal(Signal::TERM),
        |member| member.signal(Signal::HUP),
    ];
    let mut room = Room::open();
    for (i, way) in ways.into_iter().enumerate() {
        let mut member = room.join("carol");
        way(&mut member);
        let last = left(&mut member, 0);
        let expected = if i == 0 { "carol> quit" } else { "* you are carol " };
        assert!(last.starts_with(expected), "{i}: {last}");
        let gone = |text: &str| text.matches("carol left").count() + text.matches("carol came and went").count();
        room.alice.wait_for("that carol left", |text| gone(text) > 0);
        // The next ones come and go in a row of their own.
        room.alice.line("clear");
        room.alice.wait_for("a clear window", |text| gone(text) == 0);
    }
}

#[test]
fn a_half_typed_line_that_wraps_is_not_left_behind_by_a_signal() {
    let room = Room::open();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut member = room.join("carol");
        let wrapped = "月光".repeat(50);
        member.keys(&wrapped);
        member.wait_for_screen("all of it", |screen| rows(screen).last().is_some_and(|row| row.ends_with("月光")));
        member.signal(signal);
        let last = left(&mut member, 0);
        assert!(last.starts_with("* you are carol "), "{last}");
    }
}

#[test]
fn whoever_is_put_out_or_left_by_the_host_reads_it_last_and_finds_the_terminal_as_it_was() {
    let (home, other, third) = (Home::new(), Home::new(), Home::new());
    let mut host = Pchat::host(&home, "alice", &["--open", "--time", "off"]);
    let port = host.port();
    let mut put_out = Pty::spawn(join(&other, "bob", port));
    at_prompt(&put_out, "bob");
    let mut member = Pty::spawn(join(&third, "carol", port));
    at_prompt(&member, "carol");
    for (member, name) in [(&mut put_out, "bob"), (&mut member, "carol")] {
        member.keys("half a li");
        member.expect(&format!("{name}> half a li"));
    }
    host.say("kick bob enough");
    assert_eq!(left(&mut put_out, 1), "error: alice put you out of the room: enough");
    host.say("quit");
    assert_eq!(left(&mut member, 0), "* alice closed the room");
}

#[test]
fn whoever_dials_a_host_that_was_killed_leaves_a_clean_terminal() {
    let ways: [Way; 4] = [
        |member| member.line("quit"),
        interrupt_twice,
        |member| member.keys(CTRL_D),
        |member| member.signal(Signal::TERM),
    ];
    let (home, other) = (Home::new(), Home::new());
    let host = Pchat::host(&home, "alice", &["--open", "--time", "off"]);
    let mut members = ["bob", "carol", "dave", "erin"].map(|name| {
        let member = Pty::spawn(join(&other, name, host.port()));
        at_prompt(&member, name);
        member
    });
    host.signal(Signal::KILL);
    for (member, way) in members.iter_mut().zip(ways) {
        member.expect("dialling again until it works");
        way(member);
        left(member, 0);
        let text = member.scrollback();
        assert!(!text.contains("Ctrl-C again"), "{text}");
    }
}

#[test]
fn a_bar_does_not_outlive_the_program() {
    let room = Room::open();
    let mut member = room.join("carol");
    fs::write(room.home.path().join("crate.iso"), vec![7; 64 << 20]).expect("it can be written");
    member.line("limit 1M");
    member.line("sendfile crate.iso --to bob");
    member.wait_for("a bar", |text| text.lines().any(|row| row.contains("crate.iso") && row.contains('%')));
    member.signal(Signal::TERM);
    left(&mut member, 0);
    let text = member.scrollback();
    assert!(!text.lines().any(|row| row.contains("crate.iso") && row.contains('%')), "{text}");
}

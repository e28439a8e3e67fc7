//! The terminal as the next program finds it, whatever the end.

use std::fs;

use super::{CTRL_C, CTRL_D, Room, at_prompt, join, rows};
use crate::support::{Dice, Home, Pchat, Pty, Signal};

/// Waits until the program has gone, and checks what it leaves: every mode as before, no colour, the cursor to be seen
/// at the left of an empty row with nothing under it, and the last row in which anything stands.
fn left(member: &mut Pty, code: i32) -> String {
    assert_eq!(member.wait_clean(), Some(code));
    member.look(|screen| {
        let rows = rows(screen);
        let (row, column) = screen.cursor_position();
        assert_eq!((usize::from(row), column), (rows.len().min(23), 0), "{rows:#?}");
        assert!(!screen.bold() && !screen.dim() && !screen.italic() && !screen.underline() && !screen.inverse());
        assert_eq!((screen.fgcolor(), screen.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
        assert!(!screen.alternate_screen() && !screen.application_cursor() && !screen.application_keypad());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
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

/// What somebody is at when the end comes.
const MOMENTS: [&str; 5] = ["", "half a line", "\u{12}ha", "/k\t", "\u{1b}[200~one\ntwo\u{1b}[201~"];

/// Ends so many programs, each in a terminal of its own, at a moment and in a way by chance.
fn exits(count: usize) {
    const AT_ONCE: usize = 4;
    let home = Home::new();
    let host = Pchat::host(&home, "alice", &["--open", "--time", "off"]);
    let port = host.port();
    let end_some = |worker: usize| {
        let mut dice = Dice::new(worker as u64 + 1);
        for round in 0..count / AT_ONCE {
            let (home, name) = (Home::new(), format!("m{worker}r{round}"));
            let mut member = Pty::spawn(join(&home, &name, port));
            at_prompt(&member, &name);
            let moment = MOMENTS[dice.roll(MOMENTS.len() as u64) as usize];
            member.keys(moment);
            // Whether it has read them is left to chance, too.
            if dice.roll(2) == 0 && !moment.is_empty() {
                member.wait_for_screen("something of it", |screen| {
                    rows(screen).last().is_none_or(|row| row != &format!("{name}>"))
                });
            }
            match dice.roll(if moment.is_empty() { 4 } else { 2 }) {
                0 => member.signal(Signal::TERM),
                1 => member.signal(Signal::HUP),
                2 => member.keys(CTRL_D),
                _ => member.line("quit"),
            }
            assert_eq!(member.wait_clean(), Some(0), "{name}, at {moment:?}");
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|worker| drop(scope.spawn(move || end_some(worker)))));
}

#[test]
fn sixty_ends_in_any_way_at_any_moment_leave_the_terminal_as_it_was() {
    exits(60);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_ends_in_any_way_at_any_moment_leave_the_terminal_as_it_was() {
    exits(1_000);
}

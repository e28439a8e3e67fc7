//! What moves a cursor: programs that stop and go on, and characters whose width terminals have to agree on.

use super::{CTRL_Z, Room, at_prompt, join, rows, shows};
use crate::support::Pty;

/// A member whose job a shell has stopped at this line, and who goes on in a window of 40 columns.
fn goes_on(room: &mut Room, typed: &str) -> Pty {
    let member = join(&room.home, "carol", room.port);
    let mut shell = room.home.command("bash");
    shell.args(["-c", "set -m; \"$@\"; echo it is stopped; read -r; fg > /dev/null; echo it is over", "sh"]);
    shell.arg(member.get_program()).args(member.get_args());
    let mut member = Pty::spawn(shell);
    at_prompt(&member, "carol");
    member.keys(typed);
    let last = typed.chars().last().expect("something is typed");
    member.wait_for("all of it", |text| text.trim_end().ends_with(last));
    member.keys(CTRL_Z);
    member.expect("it is stopped");
    for i in 0..30 {
        room.bob.say(&format!("line {i}"));
    }
    member.resize(24, 40);
    member.keys("\r");
    member
}

#[test]
fn a_line_is_whole_after_a_stop_in_which_the_window_became_narrow() {
    for (typed, shown, column) in [
        ("short".to_owned(), vec!["carol> short".to_owned()], 12),
        ("x".repeat(60), vec![format!("carol> {}", "x".repeat(33)), "x".repeat(27)], 27),
        (
            "月光".repeat(20) + "！",
            vec![format!("carol> {}", "月光".repeat(8)), "月光".repeat(10), "月光月光！".to_owned()],
            10,
        ),
    ] {
        let mut room = Room::open();
        let mut member = goes_on(&mut room, &typed);
        let rows: Vec<_> = ["bob: line 29"].into_iter().chain(shown.iter().map(String::as_str)).collect();
        shows(&member, &rows, (0, column));
        let text = member.scrollback();
        let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: line ")).collect();
        assert_eq!(heard, (0..30).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
        // What is typed from then on stands in its place, too.
        room.bob.say("more");
        let rows: Vec<_> = ["bob: more"].into_iter().chain(shown.iter().map(String::as_str)).collect();
        shows(&member, &rows, (0, column));
        member.keys("!\r");
        room.bob.out.expect(&format!("carol: {typed}!"));
        member.line("quit");
        member.expect("it is over");
    }
}

#[test]
fn emoji_and_lines_from_right_to_left_keep_the_prompt_in_its_place() {
    let mut room = Room::open();
    let Room { alice, bob, .. } = &mut room;
    alice.keys("日本 🦀 é");
    let line = "alice> 日本 🦀 é";
    shows(alice, &[line], (0, 16));
    for said in [
        "👨‍👩‍👧‍👦 a family",
        "🇩🇪🇯🇵 flags",
        "👍🏽 a tone, ❤️ a heart, 1️⃣ a keycap",
        "שלום עולם",
        "مرحبا بالعالم",
        "left \u{202e}thgir",
        "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306} marks",
        &"👍".repeat(50),
        &"ש".repeat(100),
    ] {
        bob.say(said);
        bob.say("and then");
        alice.wait_for_screen("the line under it", |screen| {
            let rows = rows(screen);
            rows.ends_with(&["bob: and then".to_owned(), line.to_owned()])
                && screen.cursor_position() == (rows.len() as u16 - 1, 16)
        });
        bob.say("next");
        shows(alice, &["bob: next", line], (0, 16));
    }
    let text = alice.scrollback();
    for said in ["שלום עולם", "مرحبا بالعالم", "left <U+202E>thgir"] {
        assert!(text.contains(said), "{said} in {text}");
    }
    alice.keys(".\r");
    bob.out.expect("alice: 日本 🦀 é.");
}

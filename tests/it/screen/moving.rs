//! What moves a cursor: programs that stop and go on, and characters whose width terminals have to agree on.

use super::{CTRL_Z, Room, join, rows, shows};
use crate::support::Pty;

#[test]
fn a_wrapped_line_is_whole_after_a_stop_in_which_the_window_became_narrow() {
    let mut room = Room::open();
    let Room { bob, port, home, .. } = &mut room;
    let member = join(home, "carol", *port);
    let mut shell = home.command("bash");
    shell.args(["-c", "set -m; \"$@\"; echo it is stopped; read -r; fg > /dev/null; echo it is over", "sh"]);
    shell.arg(member.get_program()).args(member.get_args());
    let mut member = Pty::spawn(shell);
    super::at_prompt(&member, "carol");
    let typed = "月光".repeat(20);
    member.keys(&typed);
    shows(&member, &[&format!("carol> {}", "月光".repeat(18)), &"月光".repeat(2)], (0, 8));
    member.keys(CTRL_Z);
    member.expect("it is stopped");
    for i in 0..30 {
        bob.say(&format!("line {i}"));
    }
    member.resize(24, 40);
    member.keys("\r");
    let rows = [format!("carol> {}", "月光".repeat(8)), "月光".repeat(10), "月光".repeat(2)];
    shows(&member, &["bob: line 29", &rows[0], &rows[1], &rows[2]], (0, 8));
    let text = member.scrollback();
    let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: line ")).collect();
    assert_eq!(heard, (0..30).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
    member.keys("！\r");
    bob.out.expect(&format!("carol: {typed}！"));
    member.line("quit");
    member.expect("it is over");
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

//! Lines that arrive while one is typed, searched for or pasted.

use std::{fs, iter};

use super::{CTRL_A, CTRL_E, CTRL_R, LEFT, Room, one, rows, shows, whole};

/// Sixty columns: with the prompt they fill a row of 40 but for the last column, and the next one but for 13.
const TYPED: &str = "床前明月光疑是地上霜舉頭望明月低頭思故鄉一二三四五六七八九十";

#[test]
fn a_message_comes_above_a_wrapped_line_of_wide_characters_and_the_cursor_stays_in_it() {
    let mut room = Room::open_in((24, 40));
    let Room { alice, bob, .. } = &mut room;
    alice.keys(TYPED);
    let (first, second) = TYPED.split_at("床".len() * 16);
    let first = format!("alice> {first}");
    shows(alice, &[&first, second], (0, 28));
    // Back into the first row, beyond where the wide character did not fit.
    alice.keys(&LEFT.repeat(17));
    shows(alice, &[&first, second], (1, 33));
    let said = "月".repeat(50);
    for _ in 0..3 {
        bob.say(&said);
    }
    bob.say("🦀 that was all");
    shows(alice, &["bob: 🦀 that was all", &first, second], (1, 33));
    let above = alice.look(rows);
    let above = &above[..above.len() - 3];
    let from = above.iter().position(|row| row.starts_with("bob: ")).expect("it is there");
    assert_eq!(
        whole(&above[from..]),
        format!("bob: {said}").repeat(3),
        "each is whole, once, and nothing between them"
    );
    alice.keys("！");
    let typed: String = TYPED.chars().take(13).chain(['！']).chain(TYPED.chars().skip(13)).collect();
    alice.keys(&format!("{CTRL_E}.\r"));
    bob.out.expect(&format!("alice: {typed}."));
    shows(alice, &["alice>"], (0, 7));
    let text = alice.scrollback();
    assert_eq!(text.matches("alice> ").count(), 1, "no copy of the prompt is left behind: {text}");
}

#[test]
fn bars_move_above_the_line_that_is_typed_and_leave_nothing_behind() {
    let mut room = Room::open();
    let Room { alice, bob, home, .. } = &mut room;
    fs::write(home.path().join("crate.iso"), vec![7; 3 << 20]).expect("it can be written");
    alice.line("limit 1M");
    alice.line("sendfile crate.iso --to bob");
    let typed = "with bars 月光";
    let mut before = String::new();
    for (at, key) in typed.char_indices() {
        alice.keys(key.encode_utf8(&mut [0; 4]));
        let line = format!("alice> {}", &typed[..at + key.len_utf8()]);
        alice.wait_for_screen("a bar that has moved, above the line", |screen| {
            let rows = rows(screen);
            let [.., bar, last] = rows.as_slice() else { return false };
            let bars = rows.iter().filter(|row| is_bar(row)).count();
            assert!(bars <= 1, "a bar was left behind: {rows:#?}");
            last == line.trim_end() && is_bar(bar) && *bar != before
        });
        before = alice.look(|screen| rows(screen).into_iter().find(|row| is_bar(row)).expect("it was there"));
    }
    bob.say("still there?");
    alice.wait_for("the end", |text| text.contains("bob saved crate.iso"));
    shows(alice, &["alice> with bars 月光"], (0, 21));
    alice.wait_for_screen("no bar", |screen| !rows(screen).iter().any(|row| is_bar(row)));
    let text = alice.scrollback();
    assert!(text.contains("bob: still there?"));
    assert!(!text.lines().any(is_bar), "{text}");
    alice.keys("\r");
    bob.out.expect("alice: with bars 月光");
}

/// Whether a row tells how far the file is.
fn is_bar(row: &str) -> bool {
    row.contains("crate.iso") && row.contains('%')
}

#[test]
fn a_search_goes_on_while_lines_arrive_and_runs_what_it_found() {
    let mut room = Room::open();
    let Room { alice, bob, .. } = &mut room;
    for line in ["the first of them", "some other line"] {
        alice.line(line);
        bob.out.expect(&format!("alice: {line}"));
    }
    shows(alice, &["alice: some other line", "alice>"], (0, 7));
    alice.keys(CTRL_R);
    alice.keys("first");
    alice.wait_for("the line that was found", |text| {
        text.trim_end().rsplit('\n').next().is_some_and(|row| row.contains("the first of them"))
    });
    for i in 0..200 {
        bob.say(&format!("line {i}"));
    }
    // A line of its own after them, which ends the search, and shows that the room has all.
    alice.keys("\r");
    bob.out.expect("alice: the first of them");
    alice.wait_for("the last line and the prompt", |text| {
        text.contains("\nbob: line 199\n") && text.trim_end().ends_with("\nalice>")
    });
    let text = alice.scrollback();
    let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: line ")).collect();
    assert_eq!(heard, (0..200).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
    assert_eq!(text.matches("alice: the first of them").count(), 2);
}

#[test]
fn fifty_lines_that_are_pasted_are_one_message_while_others_talk() {
    let mut room = Room::open();
    let witness = room.join("witness");
    let Room { alice, bob, .. } = &mut room;
    let lines: Vec<_> = iter::once("quit".to_owned()).chain((1..49).map(|i| format!("line {i}"))).collect();
    let lines = [lines, vec!["/kick bob".to_owned()]].concat();
    bob.say("before");
    alice.expect("bob: before");
    alice.keys(&format!("\x1b[200~{}\x1b[201~", lines.join("\n")));
    shows(alice, &["line 48", "/kick bob"], (0, 9));
    for i in 0..20 {
        bob.say(&format!("meanwhile {i}"));
    }
    witness.expect("bob: meanwhile 19");
    // The window is smaller than the line, so that what comes above it cannot be seen yet.
    alice.keys(" now\r");
    bob.out.expect("alice: quit");
    for line in &lines[1..49] {
        bob.out.expect(&format!("  | {line}"));
    }
    bob.out.expect("  | /kick bob now");
    shows(alice, &["  | line 48", "  | /kick bob now", "alice>"], (0, 7));
    let text = alice.scrollback();
    let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: meanwhile")).collect();
    assert_eq!(heard, (0..20).map(|i| format!("bob: meanwhile {i}")).collect::<Vec<_>>());
    assert_eq!(text.matches("alice: quit").count(), 1);
    // What does not fit the window scrolls out of it whenever the line is drawn: at keys, but not at lines that come.
    let copies = text.matches("\nline 10\n").count();
    assert!(copies < 15, "{copies}");
    alice.line("still here");
    bob.out.expect("alice: still here");
}

#[test]
fn a_thousand_lines_arrive_in_order_around_a_line_that_is_typed_and_edited() {
    let mut room = Room::open();
    let Room { alice, bob, .. } = &mut room;
    let input = bob.take_input();
    let talker = std::thread::spawn(move || {
        use std::io::Write;
        let mut input = input;
        for i in 0..1_000 {
            input.write_all(format!("line {i}\n").as_bytes()).expect("it reads");
        }
        input
    });
    let (mut typed, mut line) = (String::new(), String::from("alice> "));
    for word in ["words ", "日本 ", "🦀 ", "at ", "once"] {
        for key in word.chars() {
            alice.keys(key.encode_utf8(&mut [0; 4]));
            typed.push(key);
            line.push(key);
            alice.wait_for_screen(&line, |screen| {
                let (height, width) = screen.size();
                let last = (0..height.get()).rev().map(|row| one(screen, row, width.get())).find(|row| !row.is_empty());
                last.is_some_and(|row| row == line.trim_end())
            });
        }
    }
    let _input = talker.join().expect("it wrote them");
    shows(alice, &["bob: line 999", "alice> words 日本 🦀 at once"], (0, 28));
    let text = alice.scrollback();
    let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: line ")).collect();
    assert_eq!(heard, (0..1_000).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
    assert_eq!(text.matches("alice> ").count(), 1, "no copy of the prompt is left behind");
    alice.keys(&format!("{CTRL_A}all \r"));
    bob.out.expect("alice: all words 日本 🦀 at once");
}

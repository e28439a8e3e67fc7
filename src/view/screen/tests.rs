mod looks;

use std::num::NonZero;

use proptest::prelude::*;

use super::{above::STATUS_ROWS, *};
use crate::view::line::somebody;

const WIDTH: u16 = 40;

fn said(name: &str, text: &str) -> Line {
    Line::Said(Said {
        name: name.into(),
        verified: false,
        privacy: Privacy::Room,
        own: false,
        text: text.into(),
        ..somebody()
    })
}

fn drawn(lines: impl IntoIterator<Item = Line>, width: usize) -> String {
    let mut screen = Screen::new(true);
    lines.into_iter().for_each(|line| screen.push(line));
    screen.drain(width)
}

/// The rows that a terminal shows, and the terminal.
fn rendered(text: &str) -> (Vec<String>, vt100::Parser) {
    let mut parser = vt100::Parser::new(NonZero::new(2_000).unwrap(), NonZero::new(WIDTH).unwrap(), 0);
    parser.process(text.as_bytes());
    let rows = parser.screen().rows(0, WIDTH).map(|row| row.trim_end().to_owned()).collect();
    (rows, parser)
}

/// Checks that a line drew exactly its own rows, each with its mark, and left nothing behind.
fn contained(line: Line, mark: &str) {
    let text = drawn([line, Line::Notice("end".into())], usize::from(WIDTH));
    let expected = text.matches("\r\n").count();
    let (rows, parser) = rendered(&text);
    let screen = parser.screen();
    assert_eq!(screen.cursor_position(), (u16::try_from(expected).unwrap(), 0), "{rows:?}");
    assert_eq!(rows[expected - 1], "* end");
    assert!(rows[0].starts_with(mark.trim_end()), "{rows:?}");
    for row in &rows[1..expected - 1] {
        assert!(row.starts_with("  |"), "{row:?}");
    }
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert_eq!((screen.fgcolor(), screen.bold()), (vt100::Color::Default, false));
}

#[test]
fn each_kind_of_line_looks_its_own_way() {
    let private = |own| {
        Line::Said(Said {
            name: "bob".into(),
            verified: false,
            privacy: Privacy::Private,
            own,
            text: "psst".into(),
            ..somebody()
        })
    };
    let mut screen = Screen::new(false);
    for line in [said("bob", "hi"), private(false), private(true), Line::Notice("n".into()), Line::Error("e".into())] {
        screen.push(line);
    }
    screen.push(Line::Output("a\nb".into()));
    assert_eq!(
        screen.drain(40),
        "bob: hi\r\n(bob, to you alone) psst\r\n(to bob alone) psst\r\n* n\r\nerror: e\r\na\r\nb\r\n"
    );
}

#[test]
fn who_is_verified_has_a_mark_that_no_name_can_bear() {
    let line = |name: &str, verified, privacy, own| {
        let line = Line::Said(Said { name: name.into(), verified, privacy, own, text: "hi".into(), ..somebody() });
        let mut screen = Screen::new(false);
        screen.push(line);
        screen.drain(80).trim_end().to_owned()
    };
    assert_eq!(line("bob", true, Privacy::Room, false), "bob✓: hi");
    assert_eq!(line("bob", true, Privacy::Private, false), "(bob✓, to you alone) hi");
    assert_eq!(line("bob", true, Privacy::Private, true), "(to bob✓ alone) hi");
    assert_eq!(line("שרה", true, Privacy::Room, false), "\u{2068}שרה\u{2069}✓: hi");
    // Whatever a room says that somebody is called.
    for (name, shown) in [
        ("bob✓", "bob<U+2713>: hi"),
        ("bob✔", "bob<U+2714>: hi"),
        ("bob√", "bob<U+221A>: hi"),
        ("bob\u{aa9c}", "bob<U+AA9C>: hi"),
        ("bob: hi ann", "bob<U+003A><U+0020>hi<U+0020>ann: hi"),
        ("bo\u{301}b✓", "bo<U+0301>b<U+2713>: hi"),
        ("b\u{200b}ob", "b<U+200B>ob: hi"),
    ] {
        assert_eq!(line(name, false, Privacy::Room, false), shown);
    }
    for name in ["Zoë", "李雷", "Дима", "j.r_r-2", "हिन्दी"] {
        assert_eq!(line(name, false, Privacy::Room, false), format!("{name}: hi"));
    }
    let name = "bob".into();
    let verified =
        Line::Said(Said { name, verified: true, privacy: Privacy::Room, own: false, text: "hi".into(), ..somebody() });
    let drawn = drawn([verified], 40);
    assert!(drawn.starts_with("\x1b[1;38;5;") && drawn.contains("mbob✓:\x1b[0m hi"), "{drawn:?}");
}

#[test]
fn every_row_ends_with_a_reset() {
    let text = drawn([said("bob", "one\ntwo three four five six seven eight nine ten eleven")], 40);
    assert!(text.split_terminator("\r\n").all(|row| row.ends_with("\x1b[0m")));
    assert!(text.starts_with("\x1b[1;38;5;") && text.contains("mbob:\x1b[0m one"), "{text:?}");
}

#[test]
fn case_55_line_ends_cannot_begin_a_new_message() {
    contained(said("bob", "hi\nann: no\r\n* ann left\u{85}error: x\u{2028}ann> \u{2029}y"), "bob: ");
}

#[test]
fn case_56_long_and_padded_text_keeps_the_mark_on_every_row() {
    for pad in 30..80 {
        contained(said("bob", &format!("x{}<host> hello{}", " ".repeat(pad), "日本".repeat(pad))), "bob: ");
    }
}

#[test]
fn case_57_text_equal_to_our_own_notices_keeps_its_sender() {
    contained(said("bob", "*** bob left"), "bob: *** bob left");
    contained(said("bob", "accept? [y/n] \x1b[1A* ann left"), "bob: accept?");
}

#[test]
fn case_50_to_54_sequences_move_nothing_on_a_terminal() {
    for text in [
        "\x1b[2J\x1b[H",
        "\x1b[?1049h",
        "\x1b[5A\rann: hi",
        "\u{9b}2J",
        "\x1b]0;x",
        "\x1bPq\x1b_x",
        "\x08\x08\x08\r\x0b\x0c",
    ] {
        contained(said("bob", text), "bob: ");
        contained(said(text, "hi"), "");
        contained(Line::Notice(text.into()), "* ");
        contained(Line::Error(text.into()), "error: ");
    }
}

#[test]
fn pending_lines_stand_above_the_prompt_until_they_are_settled() {
    let mut screen = Screen::new(false);
    screen.rename("ann");
    screen.pending(1, "one");
    screen.pending(2, "two\nrows");
    assert_eq!(screen.above(40), "ann: one\r\nann: two rows\r\n");
    assert_eq!(screen.erase(1), "\x1b[3A\r\x1b[J");
    screen.settle(1);
    assert_eq!(screen.above(40), "ann: two rows\r\n");
    screen.settle(3);
    assert_eq!(screen.above(40), "");
    screen.pending(3, "its echo won the race");
    assert_eq!(screen.above(40), "");
    screen.pending(4, "four");
    assert_eq!(screen.above(8), "ann: f…\r\n");
}

#[test]
fn many_pending_lines_take_few_rows() {
    let mut screen = Screen::new(false);
    for id in 1..=10 {
        screen.pending(id, "x");
    }
    let above = screen.above(40);
    assert_eq!(above.matches("\r\n").count(), STATUS_ROWS);
    assert!(above.ends_with("... and 7 more\r\n"), "{above}");
}

#[test]
fn a_screen_that_cannot_draw_keeps_the_newest_rows_and_says_so() {
    let mut screen = Screen::new(false);
    for i in 0..QUEUED_ROWS + 5 {
        screen.push(said("bob", &i.to_string()));
    }
    let text = screen.drain(40);
    assert!(text.starts_with("* 5 lines skipped\r\nbob: 5\r\n"));
    assert!(text.ends_with("bob: 10004\r\n"));
    screen.push(said("bob", "next"));
    assert_eq!(screen.drain(40), "bob: next\r\n");
}

#[test]
fn the_prompt_leaves_room_to_type() {
    let mut screen = Screen::new(true);
    screen.rename("a\x1bverylongname");
    assert_eq!(screen.prompt(80), "a<U+001B>verylongname> ");
    assert_eq!(screen.prompt(10), "a<U+…> ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_leaves_its_rows(name in "[a-zא-ת日]{1,12}", text in any::<String>(), more in "[\u{1b}\\[\\]a;0-9mHJK\u{7}\u{9b}\u{202e}\u{200d}\u{fe0f}👩🚀e\u{301}\u{336}ש\n\r\t\u{2028} ]{0,80}") {
        contained(said(&name, &format!("{text}{more}")), "");
        contained(Line::Notice(format!("{more}{text}")), "* ");
    }
}

#[test]
fn a_window_without_room_shows_fewer_rows_above_the_prompt() {
    let mut screen = Screen::new(false);
    for i in 0..6 {
        screen.status(i, Some(&format!("row {i}")));
    }
    assert_eq!(screen.above(80), "row 0\r\nrow 1\r\nrow 2\r\n... and 3 more\r\n");
    screen.fit(2, 0);
    assert_eq!(screen.above(80), "row 0\r\n... and 5 more\r\n");
    screen.fit(1, 0);
    assert_eq!(screen.above(80), "row 0\r\n");
    screen.fit(0, 0);
    assert_eq!(screen.above(80), "");
    screen.fit(100, 0);
    assert_eq!(screen.above(80).lines().count(), 4);
}

#[test]
fn lines_that_wait_when_the_window_becomes_wider_come_after_those_that_are_written_anew() {
    let mut screen = Screen::new(false);
    screen.fit(3, 0);
    (0..5).for_each(|i| screen.push(Line::Notice(format!("{i}"))));
    assert_eq!(screen.draw(40), "\r\x1b[J* 0\r\n* 1\r\n* 2\r\n* 3\r\n* 4\r\n");
    screen.status(1, Some("status"));
    (5..9).for_each(|i| screen.push(Line::Notice(format!("{i}"))));
    assert_eq!(screen.draw(80), "\x1b[H\x1b[K* 3\r\n\x1b[K* 4\r\n\x1b[J* 5\r\n* 6\r\n* 7\r\n* 8\r\nstatus\r\n");
    assert_eq!(screen.draw(80), "\x1b[1A\r\x1b[Jstatus\r\n");
    assert_eq!(screen.draw(40), "\x1b[1A\r\x1b[Jstatus\r\n");
}

#[test]
fn rows_that_may_be_gone_are_written_again_in_a_window_that_is_not_full() {
    let mut screen = Screen::new(false);
    (0..3).for_each(|i| screen.push(Line::Notice(format!("{i}"))));
    screen.fit(20, 0);
    screen.draw(40);
    screen.fit(20, 2);
    assert_eq!(screen.draw(80), "\r\x1b[J* 1\r\n* 2\r\n");
}

//! Tests of how lines look at a terminal: times, colours, mentions, code, links, what is folded and what rings.

use std::num::NonZero;

use super::*;
use crate::view::{
    Event,
    line::{bar, somebody},
    look::{Time, When},
};

const NOON: &str = "2026-11-25T12:00:00Z";

fn screen(can: Abilities, colour: When) -> Screen {
    let look = Look { time: Time(Some("%H:%M".to_owned())), colour, bell: Bell::Mention };
    let mut screen = Screen::able(can, &look);
    screen.clock = Clock::at(look.time, jiff::tz::TimeZone::UTC, NOON.parse().unwrap());
    screen.rename("ann");
    screen
}

fn plain() -> Screen {
    screen(Abilities::simple(true), When::Never)
}

fn said(at: &str, text: &str) -> Said {
    Said { name: "bob".into(), text: text.into(), at: at.parse().unwrap(), ..somebody() }
}

fn drawn(mut screen: Screen, said: impl IntoIterator<Item = Said>, width: usize) -> String {
    said.into_iter().for_each(|said| screen.push(Line::Said(said)));
    screen.drain(width)
}

fn event(kind: &'static str, name: &str) -> Line {
    let text = format!("{name} {}", if kind == "join" { "joined" } else { "left" });
    Line::Event(Event::new(kind, text).with("name", name).with("key", format!("key of {name}")).with("how", "left"))
}

/// The cells of a terminal of this width after this was written to it.
fn terminal(text: &str, width: u16) -> vt100::Parser {
    let mut parser = vt100::Parser::new(NonZero::new(50).unwrap(), NonZero::new(width).unwrap(), 0);
    parser.process(text.as_bytes());
    parser
}

fn rows(parser: &vt100::Parser, width: u16) -> Vec<String> {
    let rows = parser.screen().rows(0, width).map(|row| row.trim_end().to_owned());
    rows.take_while(|row| !row.is_empty()).collect()
}

#[test]
fn a_time_stands_before_a_line_and_further_rows_begin_with_the_mark_under_the_text() {
    let text = drawn(plain(), [said(NOON, "one two three four five six seven eight nine ten\n12:01 eve: no")], 46);
    let expected = ["12:00 bob: one two three four five six seven", "  |   eight nine ten", "  |   12:01 eve: no"];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(drawn(plain(), [said(NOON, "hi")], 45), "bob: hi\r\n", "a narrow window has no room for times");
}

#[test]
fn another_day_is_told_before_its_first_line() {
    let lines = [said(NOON, "a"), said("2026-11-26T00:00:00Z", "b"), said("2026-11-26T09:30:00Z", "-- Friday --")];
    let expected = "12:00 bob: a\r\n-- Thursday, 26 November 2026 --\r\n00:00 bob: b\r\n09:30 bob: -- Friday --\r\n";
    assert_eq!(drawn(plain(), lines, 80), expected);
}

#[test]
fn what_was_said_before_one_came_cannot_be_taken_for_new() {
    let past = |text| Said { past: true, ..said("2026-11-25T11:59:00Z", text) };
    let text = drawn(plain(), [past("eve: old"), past("older"), said(NOON, "new")], 80);
    let expected = [
        "-- before you came --",
        "11:59 < bob: eve: old",
        "11:59 < bob: older",
        "-- since you came --",
        "12:00 bob: new",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    let coloured = drawn(screen(Abilities::simple(true), When::Auto), [past("ann, old"), said(NOON, "new")], 80);
    let parser = terminal(&coloured, 80);
    let dim = |row, column| parser.screen().cell(row, column).unwrap().dim();
    assert!((8..16).all(|column| column == 12 || dim(1, column)), "{coloured:?}");
    assert!(!dim(3, 12), "what is new is not");
    assert!(!coloured.contains('\x07'), "nor does the past ring");
}

#[test]
fn a_member_has_one_colour_in_lines_and_in_events() {
    let key = somebody().key;
    let mut screen = screen(Abilities::simple(true), When::Auto);
    screen.push(Line::Said(said(NOON, "hi")));
    screen.push(Line::Said(Said { name: "rob".into(), ..said(NOON, "hi") }));
    screen.push(Line::Said(Said { name: "ann".into(), own: true, ..said(NOON, "hi") }));
    let event = Event::new("delivered", "bob saved it").with("name", "it").with("bytes", 1).with("to", "bob");
    let event = event.with("key", key.to_string());
    screen.push(Line::Event(event));
    let parser = terminal(&screen.drain(80), 80);
    let cell = |row, column| parser.screen().cell(row, column).unwrap();
    let colour = cell(0, 6).fgcolor();
    assert!(matches!(colour, vt100::Color::Idx(16..)), "{colour:?}");
    // An event is of now, before which another day may stand.
    let row = parser.screen().rows(0, 80).position(|row| row.contains("saved")).expect("it is told") as u16;
    assert_eq!((cell(1, 6).fgcolor(), cell(row, 8).fgcolor()), (colour, colour));
    assert_eq!((cell(2, 6).fgcolor(), cell(2, 6).bold()), (vt100::Color::Default, true), "one's own is distinct");
    assert_eq!(cell(row, 12).fgcolor(), vt100::Color::Default, "the rest of the sentence is not coloured");
}

#[test]
fn who_names_me_is_highlighted_and_rings_once_a_second() {
    let mut screen = screen(Abilities::simple(true), When::Auto);
    for text in ["hi Ann!", "hi joann"] {
        screen.push(Line::Said(said(NOON, text)));
    }
    let text = screen.drain(80);
    assert_eq!(text.matches('\x07').count(), 1);
    let parser = terminal(&text, 80);
    let reversed = |row| (6..10).all(|column| parser.screen().cell(row, column).unwrap().inverse());
    assert!(reversed(0) && !reversed(1));
    screen.push(Line::Said(said(NOON, "ann again")));
    assert!(!screen.drain(80).contains('\x07'), "too soon");
    screen.rang = None;
    let quiet = [
        Said { own: true, ..said(NOON, "ann") },
        Said { past: true, ..said(NOON, "ann") },
        said(NOON, "nobody"),
        Said { own: true, privacy: Privacy::Private, ..said(NOON, "x") },
    ];
    quiet.into_iter().for_each(|said| screen.push(Line::Said(said)));
    assert!(!screen.drain(80).contains('\x07'));
    screen.push(Line::Said(Said { privacy: Privacy::Private, ..said(NOON, "psst") }));
    assert!(screen.drain(80).contains('\x07'), "a private message is meant for one");
}

#[test]
fn the_bell_is_as_loud_as_one_wants() {
    for (bell, text, rings) in
        [(Bell::Off, "ann", false), (Bell::All, "anything", true), (Bell::Mention, "anything", false)]
    {
        let mut screen = plain();
        screen.bell = bell;
        assert_eq!(drawn(screen, [said(NOON, text)], 80).contains('\x07'), rings, "{bell:?}");
    }
}

#[test]
fn private_messages_are_told_by_words_and_by_colour() {
    let private = |own| Said { privacy: Privacy::Private, own, ..said(NOON, "psst\nmore") };
    let text = drawn(plain(), [private(true)], 80);
    assert_eq!(text, "12:00 (to bob alone) psst\r\n  |   more\r\n");
    let text = drawn(screen(Abilities::simple(true), When::Auto), [private(false)], 80);
    let parser = terminal(&text, 80);
    assert_eq!(rows(&parser, 80), ["12:00 (bob, to you alone) psst", "  |   more"]);
    let screen = parser.screen();
    assert_ne!(screen.cell(0, 6).unwrap().bgcolor(), vt100::Color::Default);
    assert_ne!(screen.cell(1, 2).unwrap().fgcolor(), vt100::Color::Default, "the margin, too");
}

#[test]
fn comings_and_goings_are_one_row_until_something_else_happens() {
    let mut screen = Screen::new(false);
    screen.push(event("join", "bob"));
    assert_eq!(screen.draw(80), "\r\x1b[J* bob joined\r\n");
    screen.push(event("join", "eve"));
    screen.push(event("leave", "carl"));
    assert_eq!(screen.draw(80), "\x1b[1A\r\x1b[J* bob, eve joined; carl left\r\n", "in its place");
    screen.push(Line::Notice("else".into()));
    assert_eq!(screen.draw(80), "\x1b[1A\r\x1b[J* bob, eve joined; carl left\r\n* else\r\n");
    screen.push(event("join", "dan"));
    assert_eq!(screen.draw(80), "\r\x1b[J* dan joined\r\n", "what is in the scrollback stays");
    assert_eq!(screen.erase(0), "\x1b[1A\r\x1b[J");
    assert_eq!(screen.typed("ann> ", "help", 80), "* dan joined\r\nann> help\r\n", "before what is typed after it");
    assert_eq!(screen.draw(80), "\r\x1b[J");
}

#[test]
fn a_sentence_that_grows_too_long_and_one_at_a_stop_are_told() {
    let mut screen = Screen::new(false);
    for i in 0..40 {
        screen.push(event("join", &format!("member{i}")));
    }
    let text = screen.draw(20);
    assert!(text.matches("\r\n").count() > FOLD_ROWS && screen.fold.is_none(), "{text}");
    screen.push(event("join", "bob"));
    screen.draw(80);
    screen.forget();
    assert_eq!(screen.draw(80), "\r\x1b[J", "it stands above the shell's lines");
    screen.push(event("leave", "bob"));
    screen.commit();
    assert_eq!(screen.drain(80), "* bob left\r\n");
}

#[test]
fn code_keeps_its_spaces_and_has_a_look_of_its_own() {
    let code =
        "see `x  y`:\n```\nfn  main() {\n        one(two, three,  four, five, six, seven, eight, nine)\n}\n```\nthere";
    let text = drawn(Screen::new(true), [said(NOON, code)], 40);
    let parser = terminal(&text, 40);
    let shown = rows(&parser, 40);
    let expected = [
        "bob: see `x  y`:",
        "  | ```",
        "  | fn  main() {",
        "  |         one(two, three,  four, five,",
        "  |  six, seven, eight, nine)",
        "  | }",
        "  | ```",
        "  | there",
    ];
    assert_eq!(shown, expected);
    let colour = |row, column| parser.screen().cell(row, column).unwrap().fgcolor();
    assert_ne!(colour(2, 4), vt100::Color::Default);
    assert_eq!((colour(0, 9), colour(4, 6)), (colour(2, 4), colour(2, 4)));
    assert_eq!((colour(0, 6), colour(7, 5)), (vt100::Color::Default, vt100::Color::Default));
}

#[test]
fn a_link_that_is_broken_leads_to_all_of_it_from_every_row() {
    let link = format!("https://example.org/{}", "a".repeat(60));
    let text = drawn(Screen::new(true), [said(NOON, &format!("see {link}!"))], 40);
    let opened: Vec<&str> = text.split("\x1b]8;").skip(1).filter_map(|rest| rest.split("\x1b\\").next()).collect();
    let begins: Vec<&str> = opened.iter().copied().filter(|opened| *opened != ";").collect();
    assert!(begins.len() >= 2 && begins.iter().all(|begin| *begin == begins[0] && begin.ends_with(&link)), "{text:?}");
    assert_eq!(opened.len(), 2 * begins.len(), "each is closed in its row");
    assert!(text.lines().all(|row| row.matches("\x1b]8;").count() % 2 == 0), "{text:?}");
    let fits = drawn(Screen::new(true), [said(NOON, "see it there: (https://example.org/abcdefghi)")], 40);
    assert!(fits.contains("https://example.org/abcdefghi") && !fits.contains("\x1b]8"), "{fits:?}");
    let hostile = drawn(Screen::new(true), [said(NOON, &format!("{link}\x1b]8;;http://evil\x1b\\x"))], 40);
    assert!(!hostile.contains("\x1b]8;;http"), "{hostile:?}");
    assert!(!drawn(Screen::new(false), [said(NOON, &link)], 40).contains('\x1b'));
}

#[test]
fn every_script_keeps_its_place_behind_a_time() {
    let text = "שלום 日本語 👩\u{200d}🚀 http://example.org `קוד` ".repeat(6);
    for width in [46_u16, 47, 60, 61] {
        let text = drawn(screen(Abilities::simple(true), When::Auto), [said(NOON, &text)], width.into());
        let parser = terminal(&text, width);
        let shown = rows(&parser, width);
        assert_eq!(shown.len(), text.matches("\r\n").count(), "no row overflows: {shown:?}");
        assert!(
            shown[0].starts_with("12:00 bob: ") && shown[1..].iter().all(|row| row.starts_with("  |   ")),
            "{shown:?}"
        );
        let isolates = |c| text.matches(c).count();
        assert_eq!(isolates('\u{2068}'), isolates('\u{2069}'));
        for row in text.lines() {
            assert_eq!(row.matches('\u{2068}').count(), row.matches('\u{2069}').count(), "{row:?}");
        }
    }
}

#[test]
fn a_terminal_without_utf_8_gets_nothing_but_ascii() {
    let can = Abilities { unicode: false, ..Abilities::simple(true) };
    let mut screen = screen(can, When::Auto);
    screen.rename("zoë");
    let verified = Said { name: "Zoë".into(), verified: true, ..said(NOON, "für zoë: 日本 שלום") };
    screen.push(Line::Said(verified));
    screen.push(event("join", "Åsa"));
    screen.progress(1, Some(&Bar { what: "фото".into(), whom: "from Åsa".into(), ..bar(1, 2) }));
    screen.status(2, Some("…"));
    screen.pending(3, "ü");
    let text = screen.draw(60) + &screen.prompt(20) + &screen.typed("zoë> ", "né", 60);
    assert!(text.is_ascii(), "{text}");
    for part in ["Zo<U+00EB>[v]:", "f<U+00FC>r", "<U+00C5>sa", "#####-----", "zo<U+00EB>> "] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn clearing_takes_what_was_shown_before_and_leaves_what_comes_after() {
    let mut screen = Screen::new(true);
    screen.push(Line::Notice("old".into()));
    screen.clear();
    screen.push(Line::Notice("new".into()));
    assert_eq!(screen.drain(80), "\x1b[H\x1b[2J* new\x1b[0m\r\n");
    let mut unable = screen_that_cannot_move();
    unable.clear();
    assert_eq!(unable.drain(80), "");
}

fn screen_that_cannot_move() -> Screen {
    screen(Abilities { moves: false, ..Abilities::simple(false) }, When::Auto)
}

#[test]
fn bars_and_the_title_are_drawn_around_the_window() {
    let mut screen = screen(Abilities { progress: true, ..Abilities::simple(true) }, When::Auto);
    screen.title("pchat: room of bob (2)");
    for key in 1..=6 {
        screen.progress(key, Some(&Bar { what: format!("file{key}"), ..bar(1, 4) }));
    }
    let text = screen.draw(80);
    assert!(text.starts_with("\x1b[22;2t\x1b]2;pchat: room of bob (2)\x1b\\\x1b]9;4;1;25\x1b\\"), "{text:?}");
    let parser = terminal(&text, 80);
    let shown = rows(&parser, 80);
    assert_eq!((shown.len(), shown[3].as_str()), (STATUS_ROWS, "and 3 more"), "{shown:?}");
    (1..=6).for_each(|key| screen.progress(key, None));
    assert_eq!(screen.draw(80), "\x1b]9;4;0\x1b\\\x1b[4A\r\x1b[J");
    let mut colourless = plain();
    colourless.title("x");
    assert_eq!(colourless.draw(80), "\r\x1b[J");
}

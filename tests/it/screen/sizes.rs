//! Windows that change their size, and small ones.

use std::fs;

use super::{LEFT, Room, rows, shows};
use crate::support::Signal;

/// A hundred and four columns: three rows of 40 with the prompt.
const TYPED: &str =
    "one line that is far too long for a narrow window, but not at all for one that is as wide as this one is";

#[test]
fn a_line_survives_a_window_that_becomes_narrow_and_wide_again_while_others_talk() {
    let mut room = Room::open_in((24, 120));
    let Room { alice, bob, .. } = &mut room;
    alice.keys(TYPED);
    let line = format!("alice> {TYPED}");
    let end = line.len() as u16;
    shows(alice, &[&line], (0, end));
    let mut said = 0;
    for _ in 0..3 {
        for width in [40, 120] {
            alice.resize(24, width);
            // What is under way for another size when the window changes is out of anybody's hands.
            if width == 40 {
                shows(alice, &[&line[..40], &line[40..80], &line[80..]], (0, end - 80));
            } else {
                shows(alice, &[&line], (0, end));
            }
            for _ in 0..5 {
                bob.say(&format!("line {said}"));
                said += 1;
            }
            let last = format!("bob: line {}", said - 1);
            if width == 40 {
                shows(alice, &[&last, &line[..40], &line[40..80], &line[80..]], (0, end - 80));
            } else {
                shows(alice, &[&last, &line], (0, end));
            }
        }
    }
    let text = alice.scrollback();
    let heard: Vec<_> = text.lines().filter(|row| row.starts_with("bob: line ")).collect();
    // A window that has become wider is written anew. This terminal does not fetch rows back from its scrollback then, as
    // others do, so that a few are there twice.
    let last = |(i, row): &(usize, &&str)| !heard[i + 1..].contains(row);
    let heard: Vec<_> = heard.iter().enumerate().filter(last).map(|(_, row)| *row).collect();
    assert_eq!(heard, (0..said).map(|i| format!("bob: line {i}")).collect::<Vec<_>>());
    assert_eq!(text.matches("alice> ").count(), 1, "no copy of the prompt is left behind: {text}");
    alice.keys("\r");
    bob.out.expect(&format!("alice: {TYPED}"));
}

#[test]
fn the_cursor_keeps_its_place_in_the_line_when_the_window_changes() {
    let mut room = Room::open_in((24, 120));
    let Room { alice, bob, .. } = &mut room;
    alice.keys(TYPED);
    alice.keys(&LEFT.repeat(60));
    let line = format!("alice> {TYPED}");
    let at = line.len() as u16 - 60;
    shows(alice, &[&line], (0, at));
    alice.resize(24, 40);
    shows(alice, &[&line[..40], &line[40..80], &line[80..]], (1, at - 40));
    bob.say("narrow");
    shows(alice, &["bob: narrow", &line[..40], &line[40..80], &line[80..]], (1, at - 40));
    alice.resize(24, 120);
    shows(alice, &[&line], (0, at));
    bob.say("wide");
    shows(alice, &["bob: wide", &line], (0, at));
    alice.keys("!\r");
    let (before, after) = TYPED.split_at(usize::from(at) - "alice> ".len());
    bob.out.expect(&format!("alice: {before}!{after}"));
}

#[test]
fn windows_of_a_few_cells_take_keys_and_lines_and_are_whole_again_later() {
    let mut room = Room::open();
    let Room { alice, bob, .. } = &mut room;
    let mut typed = String::new();
    for (i, (height, width)) in (1..=3).flat_map(|rows| (1..=10).map(move |columns| (rows, columns))).enumerate() {
        alice.resize(height, width);
        bob.say(&format!("日本 line {i}"));
        let key = ["a", "月", " ", "é"][i % 4];
        alice.keys(key);
        typed.push_str(key);
    }
    alice.resize(24, 80);
    alice.signal(Signal::WINCH);
    // A line that comes before the editor has heard of the size is drawn for the old one.
    let line = format!("alice> {typed}");
    alice.wait_for_screen("the line in its new size", |screen| rows(screen).last() == Some(&line));
    bob.say("the last");
    alice.keys("end");
    typed.push_str("end");
    let line = format!("alice> {typed}");
    alice.wait_for_screen("the line below the last one", |screen| {
        let rows = rows(screen);
        rows.ends_with(&["bob: the last".to_owned(), line.clone()])
    });
    alice.keys("\r");
    bob.out.expect(&format!("alice: {typed}"));
    alice.line("quit");
    assert_eq!(alice.wait_clean(), Some(0));
}

#[test]
fn short_windows_show_the_line_that_is_typed_and_what_was_said_last() {
    for height in [1, 2, 3] {
        let mut room = Room::open();
        let Room { alice, bob, .. } = &mut room;
        alice.resize(height, 80);
        for i in 0..20 {
            bob.say(&format!("line {i}"));
        }
        alice.keys("typed here");
        alice.wait_for_screen("the line in the last row", |screen| {
            let rows = rows(screen);
            rows.last().is_some_and(|row| row == "alice> typed here")
                && (height == 1 || rows[rows.len() - 2] == "bob: line 19")
        });
        alice.keys("\r");
        bob.out.expect("alice: typed here");
    }
}

#[test]
fn bars_in_a_window_that_is_too_short_for_them_do_not_fill_the_scrollback() {
    let mut room = Room::open();
    let Room { alice, bob, home, .. } = &mut room;
    for name in ["one.iso", "two.iso", "three.iso"] {
        fs::write(home.path().join(name), vec![7; 1 << 20]).expect("it can be written");
    }
    alice.line("limit 1M");
    alice.resize(3, 80);
    for name in ["one.iso", "two.iso", "three.iso"] {
        alice.line(&format!("sendfile {name} --to bob"));
    }
    alice.keys("typed meanwhile");
    bob.out.collect(3, |line| line.starts_with("* saved "));
    alice.keys("\r");
    bob.out.expect("alice: typed meanwhile");
    let text = alice.scrollback();
    let copies = text.lines().filter(|row| row.contains(".iso") && row.contains('%')).count();
    assert!(copies < 4, "{copies} in {text}");
}

#[test]
fn a_window_that_becomes_wider_is_written_anew_whatever_the_terminal_made_of_its_rows() {
    let mut room = Room::open_in((12, 40));
    let Room { alice, bob, .. } = &mut room;
    alice.keys(TYPED);
    let line = format!("alice> {TYPED}");
    shows(alice, &[&line[..40], &line[40..80], &line[80..]], (0, line.len() as u16 - 80));
    for i in 0..30 {
        bob.say(&format!("line {i}, which is too long for a row of 40 columns"));
    }
    let last = "bob: line 29, which is too long for a";
    shows(
        alice,
        &[last, "  | row of 40 columns", &line[..40], &line[40..80], &line[80..]],
        (0, line.len() as u16 - 80),
    );
    alice.resize(12, 120);
    let mut expected: Vec<_> =
        (19..30).map(|i| format!("bob: line {i}, which is too long for a row of 40 columns")).collect();
    expected.push(line);
    alice.wait_for_screen("all of it", |screen| rows(screen) == expected);
}

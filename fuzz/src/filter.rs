use pchat::view::{
    filter::{clean, isolate, rows},
    wrap::{MARGIN, columns, cut, message},
};
use unicode_segmentation::UnicodeSegmentation;

use super::take;

const ZWJ: char = '\u{200D}';
const VS16: char = '\u{FE0F}';
const ISOLATES: [char; 2] = ['\u{2068}', '\u{2069}'];

/// Any name and text as somebody's message, in a window of any width.
///
/// The input is the width, the length of the name, the name and the text.
pub fn filter(data: &[u8]) {
    let mut data = data;
    let width = usize::from(take(&mut data));
    let len = usize::from(take(&mut data)).min(data.len());
    let (name, text) = data.split_at(len);
    let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));

    let name = clean(&name);
    shown(&name);
    assert_eq!(clean(&name), name, "what is clean is cleaned");
    let name = isolate(&name);
    balanced(&name);
    let rows = rows(&text);
    for row in &rows {
        shown(row);
        assert_eq!(&clean(row), row, "what is clean is cleaned");
        balanced(&isolate(row));
        assert!(columns(&cut(row, width)) <= width, "a cut row is too wide");
    }

    let found = message(&format!("{name}: "), &rows, width);
    assert!(found.len() >= rows.len());
    for (at, row) in found.iter().enumerate() {
        assert!(columns(row) <= width.max(1), "{} columns of {width}: {row:?}", columns(row));
        let plain = row.replace(ISOLATES, "");
        shown(&plain);
        if at > 0 && width >= 12 {
            assert!(row.starts_with(MARGIN.trim_end()), "a row begins like a message of somebody else: {row:?}");
        }
    }
    whole(&name, &rows.concat(), &found, width);
}

/// Nothing but spaces is lost in wrapping, unless something was too wide for the window.
fn whole(name: &str, text: &str, found: &[String], width: usize) {
    let said = format!("{name}:{text}").replace(ISOLATES, "").replace(' ', "");
    if width < 12 || said.graphemes(true).any(|cluster| columns(cluster) > width - MARGIN.len()) {
        return;
    }
    let margin = MARGIN.trim_end();
    let rows =
        found.iter().enumerate().map(|(at, row)| if at == 0 { row } else { row.strip_prefix(margin).unwrap_or(row) });
    let written = rows.collect::<String>().replace(ISOLATES, "").replace(' ', "");
    assert_eq!(written, said, "wrapping changes the text");
}

/// Nothing in `text` acts on a terminal or cannot be seen.
fn shown(text: &str) {
    let mut before = None;
    for c in text.chars() {
        let visible = match c {
            // Only within a sequence of emoji.
            ZWJ | VS16 => before.is_some_and(|before: char| !before.is_alphabetic() && before != ' '),
            c => !acts(c),
        };
        assert!(visible, "U+{:04X} got out in {text:?}", u32::from(c));
        before = Some(c);
    }
}

/// Whether a terminal or the eye takes the character for something else than what it is: controls, line ends,
/// marks of direction, blanks without width, tags, private use.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{E000}'..='\u{F8FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}'..='\u{FFFF}' | '\u{E0000}'..)
}

/// Isolates are ours, and each is closed.
fn balanced(text: &str) {
    let count = |wanted| text.chars().filter(|c| *c == wanted).count();
    assert_eq!(count(ISOLATES[0]), count(ISOLATES[1]));
    assert!(count(ISOLATES[0]) <= 1);
}

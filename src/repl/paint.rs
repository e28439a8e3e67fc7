//! The colours of a line that is being typed, and the hint after it.

use std::{borrow::Cow, ops::Range};

use rustyline::GraphemeClusterMode;

use super::layout;
use crate::{
    registry::{Hint, Mark},
    view::wrap,
};

const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";

/// Fewer columns say nothing.
const MIN_HINT: usize = 4;

/// Control characters that were typed or pasted take no column for rustyline, and must do nothing.
pub(super) fn harmless(line: &str) -> Cow<'_, str> {
    let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    if line.contains(harmful) { Cow::Owned(line.replace(harmful, "")) } else { Cow::Borrowed(line) }
}

/// `line` with colours at its marks, which are in order.
pub(super) fn coloured<'l>(line: &'l str, marks: &[(Range<usize>, Mark)]) -> Cow<'l, str> {
    if marks.is_empty() {
        return harmless(line);
    }
    let mut out = String::with_capacity(line.len() + 16 * marks.len());
    let mut done = 0;
    for (span, mark) in marks {
        let (Some(before), Some(part)) = (line.get(done..span.start), line.get(span.clone())) else { continue };
        out += &harmless(before);
        out += style(*mark);
        out += &harmless(part);
        out += RESET;
        done = span.end;
    }
    out += &harmless(&line[done..]);
    Cow::Owned(out)
}

fn style(mark: Mark) -> &'static str {
    match mark {
        Mark::Command => "\x1b[1;32m",
        Mark::Private => "\x1b[1;35m",
        Mark::Unfinished => "\x1b[33m",
        Mark::Wrong => "\x1b[31m",
        Mark::Option => "\x1b[36m",
        Mark::Path => "\x1b[4m",
    }
}

/// As much of a hint as fits behind the line without reaching the last column, so that the line takes no more rows with
/// it than rustyline counts without.
pub(super) fn hint(hint: &Hint, (prompt, line): (&str, &str), columns: usize, mode: GraphemeClusterMode) -> String {
    let Some(column) = layout::column_after(prompt, line, columns, mode) else { return String::new() };
    let free = columns.saturating_sub(column + 1);
    if free < MIN_HINT { String::new() } else { wrap::cut(&hint.text, free) }
}

/// A hint in its colour.
pub(super) fn dim(text: &str) -> String {
    format!("{DIM}{text}{RESET}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_colours_and_controls_vanish() {
        let marks = [(0..3, Mark::Command), (4..8, Mark::Option)];
        assert_eq!(coloured("put --to\x1b[2J x", &marks), "\x1b[1;32mput\x1b[0m \x1b[36m--to\x1b[0m[2J x");
        assert_eq!(coloured("a\x1b[2J\0\nb\tc", &[]), "a[2J\nb\tc");
        assert_eq!(coloured("short", &[(0..99, Mark::Wrong)]), "short");
    }

    #[test]
    fn a_hint_never_reaches_the_last_column() {
        let whole = Hint { text: " PATH... [--to NAME]".to_owned(), completes: 0 };
        let shown = |line: &str, columns| hint(&whole, ("> ", line), columns, GraphemeClusterMode::WcWidth);
        assert_eq!(shown("put", 80), whole.text);
        for columns in 1..40 {
            let text = shown("put", columns);
            assert!(text.is_empty() || 5 + wrap::columns(&text) < columns, "{columns}: {text:?}");
        }
        assert_eq!(shown("12345678", 10), "", "the cursor hangs between two rows");
        assert_eq!(shown("1日本", 10), "", "hardly a column is free");
        assert!(shown("12345678日本", 30).starts_with(" PATH"));
    }
}

//! The last lines that went into the window, to write them anew. A terminal that wraps its rows anew when it becomes
//! wider needs fewer rows for a typed line than the editor believes, which then erases rows of others above it.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::fold::Fold;
use crate::view::Line;

/// More lines than a window has rows.
const LINES: usize = 256;

/// The longest lines would otherwise take a MiB, and an output may be longer than any of them.
const BYTES: usize = 256 << 10;

/// A line in the window.
pub(super) enum Shown {
    Line(Line, Timestamp),
    /// Comings and goings.
    Fold(Fold),
    /// What stands between lines.
    Rule(String),
    /// What the person typed, behind its prompt.
    Typed(String, String),
}

/// The last of them.
#[derive(Default)]
pub(super) struct LastShown {
    lines: VecDeque<(Shown, usize)>,
    bytes: usize,
}

impl Shown {
    fn len(&self) -> usize {
        match self {
            Self::Line(line, _) => line.text().len(),
            Self::Fold(fold) => fold.bytes(),
            Self::Rule(text) => text.len(),
            Self::Typed(prompt, text) => prompt.len() + text.len(),
        }
    }
}

impl LastShown {
    pub(super) fn push(&mut self, shown: Shown) {
        let len = shown.len();
        self.bytes += len;
        self.lines.push_back((shown, len));
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some((_, len)) = self.lines.pop_front() else { return };
            self.bytes -= len;
        }
    }

    /// The last `count` rows, if there are as many. `write` gives the rows of a line, each ended.
    pub(super) fn rows(&self, count: usize, write: impl Fn(&Shown) -> String) -> Option<String> {
        let mut rows = VecDeque::new();
        for (shown, _) in self.lines.iter().rev() {
            if rows.len() >= count {
                break;
            }
            let text = write(shown);
            text.split_inclusive('\n').rev().for_each(|row| rows.push_front(row.to_owned()));
        }
        let more = rows.len().checked_sub(count)?;
        Some(rows.drain(more..).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(shown: &Shown) -> String {
        match shown {
            Shown::Line(Line::Notice(text), _) => format!("{}\n", text.replace(' ', "\n")),
            _ => String::new(),
        }
    }

    #[test]
    fn the_last_rows_are_given_if_there_are_as_many() {
        let mut last = LastShown::default();
        assert_eq!(last.rows(0, write).as_deref(), Some(""));
        assert_eq!(last.rows(1, write), None);
        for text in ["a", "b c", "d"] {
            last.push(Shown::Line(Line::Notice(text.to_owned()), Timestamp::UNIX_EPOCH));
        }
        assert_eq!(last.rows(2, write).as_deref(), Some("c\nd\n"));
        assert_eq!(last.rows(4, write).as_deref(), Some("a\nb\nc\nd\n"));
        assert_eq!(last.rows(5, write), None);
    }

    #[test]
    fn no_more_is_kept_than_windows_need() {
        let mut last = LastShown::default();
        for i in 0..10_000 {
            last.push(Shown::Line(Line::Notice(format!("{i} {}", "x".repeat(i % 5_000))), Timestamp::UNIX_EPOCH));
        }
        assert!(last.lines.len() <= LINES && last.bytes <= BYTES);
        assert_eq!(last.bytes, last.lines.iter().map(|(shown, _)| shown.len()).sum::<usize>());
        last.push(Shown::Line(Line::Notice("x".repeat(BYTES + 1)), Timestamp::UNIX_EPOCH));
        assert_eq!((last.lines.len(), last.bytes), (0, 0));
    }
}

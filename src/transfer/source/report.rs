//! What a person is told of a source that is not offered as it is.

use std::{ffi::OsStr, fmt};

/// Most lines of a report; the numbers count on.
pub const MAX_LINES: usize = 50;

/// What of a source is left out or has another name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that are left out.
    pub skipped: u64,
    /// Names that travel as others.
    pub renamed: u64,
    /// What happened, one line each, at most [`MAX_LINES`].
    pub lines: Vec<String>,
}

impl Report {
    /// Something is left out.
    pub(super) fn skipped(&mut self, path: &str, reason: impl fmt::Display) {
        self.skipped += 1;
        self.line(|| format!("{path}: skipped, {reason}"));
    }

    /// Something travels under another name; `path` is where, with that name.
    pub(super) fn renamed(&mut self, real: &OsStr, path: &str) {
        self.renamed += 1;
        self.line(|| format!("{path}: the name is really {real:?}"));
    }

    /// Something else is worth a line.
    pub(super) fn note(&mut self, path: &str, what: &str) {
        self.line(|| format!("{path}: {what}"));
    }

    fn line(&mut self, text: impl FnOnce() -> String) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(text());
        }
    }
}

//! What is on the terminal now, as far as rustyline shows it to us, and what we add to it while a line is typed.

use std::ops::Range;

use rustyline::GraphemeClusterMode;

use super::{Assist, layout, menu::Menu};
use crate::registry::{Hint, Mark};

/// A longer line gets no colours and no hint: it is a paste, and each key would read all of it.
const HELPED_BYTES: usize = 4_096;

/// The line being typed, and what stands around it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) prompt: String,
    pub(super) line: String,
    /// Whether the line is nobody's to see once it is entered.
    pub(super) secret: bool,
    /// Whether the prompt is our own, and not that of a search.
    pub(super) own_prompt: bool,
    /// Whether a search has begun, and its prompt may be there.
    pub(super) searching: bool,
    /// The line before a paste that comes as keys.
    pub(super) pasting: Option<String>,
    /// Whether a paste has begun that comes as a whole.
    pub(super) paste: bool,
    /// Whether the line was entered: what is drawn now stays until it is erased.
    pub(super) entered: bool,
    pub(super) menu: Option<Menu>,
    /// How many rows of the menu are on the terminal.
    pub(super) menu_rows: usize,
    /// Whether no menu opens by itself until the line is empty again.
    pub(super) dismissed: bool,
    /// What Tab does next, if not a step forward.
    pub(super) turn: Turn,
    /// The rest of the word at the cursor, when the hint on the terminal shows it.
    pub(super) offered: Option<String>,
    read: Read,
}

/// The way that a menu is walked.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Turn {
    #[default]
    Forward,
    Back,
    /// To what was typed, and the menu closes.
    Leave,
}

/// What the line is, as it was read last.
#[derive(Default)]
struct Read {
    line: String,
    marks: Vec<(Range<usize>, Mark)>,
    hint: Option<Hint>,
}

impl Seen {
    /// What is on the terminal before a line is read.
    pub(super) fn before(secret: bool) -> Self {
        Self { secret, own_prompt: true, ..Self::default() }
    }

    /// How many rows of the window prompt and line leave; none if they do not fit themselves.
    pub(super) fn room(&self) -> Option<usize> {
        layout::room(&self.prompt, &self.line, GraphemeClusterMode::from_env())
    }

    /// The line or the cursor has changed: a menu closes, or the list of commands opens.
    pub(super) fn change(&mut self, line: &str, pos: usize, assist: &dyn Assist) {
        if self.menu.as_ref().is_some_and(|menu| self.searching || !menu.is_at(line, pos)) {
            self.menu = None;
        }
        if line.is_empty() {
            self.dismissed = false;
        }
        let name = line.starts_with('/') && pos == line.len() && !line.contains(char::is_whitespace);
        if !name || self.secret || self.dismissed || self.searching || self.menu.is_some() {
            return;
        }
        let (start, found) = assist.complete(line, pos);
        let whole = found.iter().all(|found| found.word == line);
        if start == 0 && !whole {
            self.menu = Some(Menu::by_itself((line, pos), found));
        }
    }

    /// The line is entered: nothing of ours stays around it.
    pub(super) fn enter(&mut self) {
        self.entered = true;
        self.menu = None;
        self.offered = None;
    }

    /// What the parts of `line` are, and what may follow it.
    pub(super) fn read(&mut self, line: &str, assist: &dyn Assist) -> (&[(Range<usize>, Mark)], Option<&Hint>) {
        if self.secret || line.len() > HELPED_BYTES {
            return (&[], None);
        }
        if self.read.line != line {
            self.read = Read { line: line.to_owned(), marks: assist.marks(line), hint: assist.hint(line) };
        }
        (&self.read.marks, self.read.hint.as_ref())
    }
}

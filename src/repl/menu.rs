//! What Tab offers, in rows above the prompt. It stands there for as long as the line is as it left it.

use crate::{
    registry::Candidate,
    view::{filter, wrap},
};

/// How many rows a menu has at most.
const ROWS: usize = 8;

/// The narrowest window that has room for what candidates are.
const ABOUT_COLUMNS: usize = 30;

/// Candidates for the word at the cursor.
pub(super) struct Menu {
    /// Where the word begins.
    pub(super) start: usize,
    /// Whether it opened by itself. Then Tab has not yet completed what all candidates have in common.
    pub(super) by_itself: bool,
    typed: String,
    candidates: Vec<Candidate>,
    chosen: Option<usize>,
    line: String,
    pos: usize,
}

impl Menu {
    /// A menu for the word from `start` to `pos` of `line`.
    pub(super) fn new(start: usize, (line, pos): (&str, usize), candidates: Vec<Candidate>) -> Self {
        let typed = line.get(start..pos).unwrap_or_default().to_owned();
        Self { start, by_itself: false, typed, candidates, chosen: None, line: line.to_owned(), pos }
    }

    /// A menu that nobody asked for, for all of the line before `pos`.
    pub(super) fn by_itself(at: (&str, usize), candidates: Vec<Candidate>) -> Self {
        Self { by_itself: true, ..Self::new(0, at, candidates) }
    }

    /// Whether the line is as the menu left it.
    pub(super) fn is_at(&self, line: &str, pos: usize) -> bool {
        self.pos == pos && self.line == line
    }

    pub(super) fn has_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// The next candidate, or the one before; beyond the last one what was typed.
    pub(super) fn step(&mut self, back: bool) -> String {
        let last = self.candidates.len().saturating_sub(1);
        self.chosen = match (self.chosen, back) {
            (None, false) => Some(0),
            (None, true) => Some(last),
            (Some(at), false) => Some(at + 1).filter(|at| *at <= last),
            (Some(at), true) => at.checked_sub(1),
        };
        self.put(self.chosen.map_or_else(|| self.typed.clone(), |at| self.candidates[at].word.clone()))
    }

    /// What was typed.
    pub(super) fn unchoose(&mut self) -> String {
        self.chosen = None;
        self.put(self.typed.clone())
    }

    fn put(&mut self, word: String) -> String {
        let after = self.line.get(self.pos..).unwrap_or_default();
        self.line = format!("{}{word}{after}", &self.line[..self.start]);
        self.pos = self.start + word.len();
        word
    }

    /// The rows for a window of `columns` that has room for `room` of them.
    pub(super) fn rows(&self, columns: usize, room: usize, colour: bool) -> Vec<String> {
        let most = room.min(ROWS);
        if most < 2 {
            return Vec::new();
        }
        let all = self.candidates.len();
        let shown = if all > most { most - 1 } else { all };
        // The chosen one stays in sight.
        let from = self.chosen.map_or(0, |at| (at + 1).saturating_sub(shown));
        // Of paths the folder stands in the line.
        let folder = common(&self.candidates).rfind('/').filter(|at| *at > 0).map_or(0, |at| at + 1);
        let words = self.candidates[from..from + shown].iter().map(|one| filter::clean(&one.word[folder..]));
        let words: Vec<_> = words.collect();
        let width = columns.saturating_sub(1);
        let widest = words.iter().map(|word| wrap::columns(word)).max().unwrap_or(0).min(width / 2);
        let mut rows: Vec<String> = Vec::with_capacity(most);
        for (at, (word, one)) in words.iter().zip(&self.candidates[from..]).enumerate() {
            let chosen = self.chosen == Some(from + at);
            let mark = if chosen { "> " } else { "  " };
            let row = if one.about.is_empty() || columns < ABOUT_COLUMNS {
                format!("{mark}{}", filter::isolate(&wrap::cut(word, width.saturating_sub(2))))
            } else {
                let word = wrap::cut(word, widest);
                let space = " ".repeat(widest - wrap::columns(&word).min(widest));
                let about = filter::clean(&one.about);
                let about = wrap::cut(&about, width.saturating_sub(widest + 4));
                format!("{mark}{}{space}  {}", filter::isolate(&word), filter::isolate(&about))
            };
            rows.push(match (colour, chosen) {
                (true, true) => format!("\x1b[7m{row}\x1b[0m"),
                (true, false) => format!("\x1b[2m{row}\x1b[0m"),
                (false, _) => row,
            });
        }
        if all > shown {
            let more = wrap::cut(&format!("  and {} more", all - shown), width);
            rows.push(if colour { format!("\x1b[2m{more}\x1b[0m") } else { more });
        }
        rows
    }
}

/// What all words begin with.
pub(super) fn common(candidates: &[Candidate]) -> &str {
    let Some((first, rest)) = candidates.split_first() else { return "" };
    let same = |one: &str| first.word.char_indices().zip(one.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    let len = rest.iter().map(|one| same(&one.word).unwrap_or_else(|| one.word.len().min(first.word.len()))).min();
    &first.word[..first.word.floor_char_boundary(len.unwrap_or(first.word.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize) -> Vec<Candidate> {
        (1..=count).map(|n| Candidate { word: format!("w{n}"), about: format!("number {n}") }).collect()
    }

    #[test]
    fn stepping_goes_round_and_passes_what_was_typed() {
        let mut menu = Menu::new(2, ("a w b", 3), some(2));
        assert_eq!([menu.step(false), menu.step(false), menu.step(false)], ["w1", "w2", "w"]);
        assert!(menu.is_at("a w b", 3));
        assert_eq!(menu.step(true), "w2");
        assert!(menu.is_at("a w2 b", 4) && !menu.is_at("a w2 b", 3));
        assert_eq!(menu.unchoose(), "w");
    }

    #[test]
    fn long_lists_are_cut_around_the_chosen_one() {
        let mut menu = Menu::new(0, ("w", 1), some(20));
        let rows = menu.rows(80, 100, false);
        assert_eq!(rows.len(), ROWS);
        assert_eq!((rows[0].as_str(), rows[7].as_str()), ("  w1  number 1", "  and 13 more"));
        for _ in 0..9 {
            menu.step(false);
        }
        assert_eq!(menu.rows(80, 100, false)[6], "> w9  number 9");
        assert_eq!(menu.rows(80, 100, true)[6], "\x1b[7m> w9  number 9\x1b[0m");
        assert!(menu.rows(80, 1, false).is_empty(), "a low window has no room");
        assert_eq!(menu.rows(20, 3, false), ["  w8", "> w9", "  and 18 more"]);
    }

    #[test]
    fn of_paths_the_names_are_shown_and_of_commands_the_slash() {
        let shown = |words: &[&str]| {
            let menu = Menu::new(0, ("", 0), words.iter().map(|word| Candidate::plain(*word)).collect());
            menu.rows(80, 8, false)
        };
        assert_eq!(shown(&["~/a/one", "~/a/one more/"]), ["  one", "  one more/"]);
        assert_eq!(shown(&["/kick", "/lock"]), ["  /kick", "  /lock"]);
    }

    #[test]
    fn rows_fit_the_window_and_hold_nothing_harmful() {
        let wide = Candidate { word: "日本".repeat(40), about: "x\x1b[2J".repeat(40) };
        let menu = Menu::new(0, ("", 0), vec![wide, Candidate::plain("a\nb")]);
        for columns in [1, 2, 10, 31, 80] {
            for row in menu.rows(columns, 8, false) {
                assert!(wrap::columns(&row) < columns.max(4), "{columns}: {row:?}");
                assert!(!row.contains(|c: char| c.is_control()), "{row:?}");
            }
        }
    }

    #[test]
    fn the_common_beginning_is_whole_letters() {
        let words = |words: &[&str]| words.iter().map(|word| Candidate::plain(*word)).collect::<Vec<_>>();
        assert_eq!(common(&words(&["sendfile", "set"])), "se");
        assert_eq!(common(&words(&["\u{e4}a", "\u{e4}b"])), "\u{e4}");
        assert_eq!(common(&words(&["\u{e4}", "\u{e5}"])), "");
        assert_eq!(common(&words(&["ab", "a"])), "a");
        assert_eq!(common(&[]), "");
    }
}

//! Whether a text names somebody.

use std::cell::OnceCell;

use unicode_segmentation::UnicodeSegmentation;

use super::filter::attaches;

/// Whether `text` contains `name` as a word of its own, in capitals or not.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    if name.is_empty() || text.len() > MAX_TEXT {
        return false;
    }
    let wanted: String = name.chars().flat_map(char::to_lowercase).collect();
    let bounds = Bounds { text, found: OnceCell::new() };
    text.char_indices().any(|(at, _)| {
        let Some(end) = end_of(&text[at..], &wanted) else { return false };
        bounds.stands_alone(at, at + end)
    })
}

/// A message has 4,096 bytes at most; what is longer is no message, and comparing takes the product of both lengths.
const MAX_TEXT: usize = 16 * 1024;

/// Where a text ends in itself that begins with `wanted`, which is in small letters.
fn end_of(text: &str, wanted: &str) -> Option<usize> {
    let mut rest = wanted.chars().peekable();
    for (at, c) in text.char_indices() {
        if rest.peek().is_none() {
            return Some(at);
        }
        for small in c.to_lowercase() {
            if rest.next() != Some(small) {
                return None;
            }
        }
    }
    rest.peek().is_none().then_some(text.len())
}

/// A text and the boundaries of its words, which are looked for once, if at all.
struct Bounds<'a> {
    text: &'a str,
    found: OnceCell<Vec<usize>>,
}

impl Bounds<'_> {
    fn are_at(&self, at: usize) -> bool {
        let found = self.found.get_or_init(|| self.text.split_word_bound_indices().map(|(at, _)| at).collect());
        found.binary_search(&at).is_ok()
    }

    fn stands_alone(&self, from: usize, to: usize) -> bool {
        let (before, after) = (&self.text[..from], &self.text[to..]);
        let (last, first) = (before.chars().next_back(), after.chars().next());
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        // Scripts without spaces have boundaries between letters.
        if (joined(last) && !self.are_at(from)) || (joined(first) && !self.are_at(to)) || first.is_some_and(attaches) {
            return false;
        }
        // Names may have these inside: `ann-2` is somebody else.
        let inner = |c: Option<char>| matches!(c, Some('-' | '.'));
        let beyond = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !(inner(first) && beyond(after.chars().nth(1)) || inner(last) && beyond(before.chars().nth_back(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_of_its_own_only() {
        for text in [
            "ann",
            "ANN!",
            "hi @ann",
            "ann: hi",
            "see ann.",
            "(ann)",
            "ann's turn",
            "a,ann,b",
            "annann ann",
            "ann - hi",
        ] {
            assert!(mentions(text, "Ann"), "{text}");
        }
        for text in ["", "anna", "joann", "ann_b", "ann2", "ann-2", "ann.lee", "mary-ann", "an n", "ann\u{301}"] {
            assert!(!mentions(text, "Ann"), "{text}");
        }
        assert!(!mentions("anything", ""));
    }

    #[test]
    fn names_of_any_script_are_found() {
        assert!(mentions("Привет, ДИМА!", "Дима"));
        assert!(!mentions("Димасик", "Дима"));
        assert!(mentions("李雷你好", "李雷"), "no spaces between words there");
        assert!(mentions("hallo STRASSE", "strasse"));
        assert!(mentions("שלום שרה", "שרה"));
    }
}

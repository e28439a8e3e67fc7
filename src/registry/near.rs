//! Which name a misspelt word may have meant.

use crate::{edits::edits, wire::MAX_COMMAND_LEN};

/// Names shorter than this have too many ordinary words one slip away.
const MIN_SLIP_LEN: usize = 3;

/// The name nearest to `word`: at most two edits away and fewer than it has letters, or one that it begins.
pub(super) fn nearest(names: impl Iterator<Item = &'static str>, word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    if word.is_empty() || word.len() > 2 * MAX_COMMAND_LEN {
        return None;
    }
    let near = |name: &'static str| {
        let away = edits(name, &word);
        let begins = word.len() > 1 && name.starts_with(&word);
        ((away <= 2 && away < name.len().min(word.chars().count())) || begins).then_some((away, name))
    };
    names.filter_map(near).min().map(|(_, name)| name)
}

/// Whether `word` is one of `names` or one edit away from it, whatever its case.
pub(super) fn slips(mut names: impl Iterator<Item = &'static str>, word: &str) -> bool {
    if word.len() > 2 * MAX_COMMAND_LEN {
        return false;
    }
    let word = word.to_lowercase();
    names.any(|name| name == word || (name.len() >= MIN_SLIP_LEN && edits(name, &word) <= 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let names = || ["kick", "nick", "port", "q"].into_iter();
        assert_eq!(nearest(names(), "kik"), Some("kick"));
        assert_eq!(nearest(names(), "PROT"), Some("port"));
        assert_eq!(nearest(names(), "po"), Some("port"));
        assert_eq!(nearest(names(), "usr/bin/env"), None);
        assert_eq!(nearest(names(), "x"), None, "a name of one letter is not near every letter");
        assert_eq!(nearest(names(), &"k".repeat(1 << 20)), None);
    }
}

//! Which name a misspelt word may have meant.

use crate::wire::MAX_COMMAND_LEN;

/// Names shorter than this have too many ordinary words one slip away.
const MIN_SLIP_LEN: usize = 3;

/// The name nearest to `word`: at most two edits away and fewer than it has letters, or one that it begins.
pub(crate) fn nearest<'a>(names: impl Iterator<Item = &'a str>, word: &str) -> Option<&'a str> {
    let word = word.to_lowercase();
    if word.is_empty() || word.len() > 2 * MAX_COMMAND_LEN {
        return None;
    }
    let near = |name: &'a str| {
        let edits = distance(name, &word);
        let begins = word.len() > 1 && name.starts_with(&word);
        ((edits <= 2 && edits < name.len().min(word.chars().count())) || begins).then_some((edits, name))
    };
    names.filter_map(near).min().map(|(_, name)| name)
}

/// Whether `word` is one of `names` or one edit away from it, whatever its case.
pub(crate) fn slips(mut names: impl Iterator<Item = &'static str>, word: &str) -> bool {
    if word.len() > 2 * MAX_COMMAND_LEN {
        return false;
    }
    let word = word.to_lowercase();
    names.any(|name| name == word || (name.len() >= MIN_SLIP_LEN && distance(name, &word) <= 1))
}

/// Edits between two words: a letter inserted, deleted, replaced, or swapped with its neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_with_swaps_as_one() {
        for (a, b, edits) in [
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("abc", "abxc", 1),
            ("abc", "", 3),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

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

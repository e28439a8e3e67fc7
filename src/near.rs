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

/// A slip of the fingers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    /// Two letters swapped, one typed twice, or one of a longer name left out. Hardly a word is that near to a name.
    Order,
    /// A key beside the right one.
    Key,
}

/// Shorter names have words too near to them when a letter is left out.
const MIN_LEFT_OUT_LEN: usize = 5;

/// And still more words when a letter is another one.
const MIN_KEY_LEN: usize = 6;

/// The letters of a keyboard, as they lie.
const KEYS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// By which slip `name` becomes `word`, which is in lower case as typed.
pub(super) fn slip(name: &str, word: &str) -> Option<Slip> {
    if word.len() < MIN_SLIP_LEN || !word.bytes().all(|byte| byte.is_ascii_lowercase()) || name == word {
        return None;
    }
    let (name, word) = (name.as_bytes(), word.as_bytes());
    let at = name.iter().zip(word).take_while(|(one, other)| one == other).count();
    let without =
        |longer: &[u8], at: usize, shorter: &[u8]| longer[..at] == shorter[..at] && longer[at + 1..] == shorter[at..];
    if name.len() == word.len() {
        let (name, word) = (&name[at..], &word[at..]);
        let swapped = word.len() > 1 && (name[0], name[1]) == (word[1], word[0]) && name[2..] == word[2..];
        let beside = at + name.len() >= MIN_KEY_LEN && beside(name[0], word[0]) && name[1..] == word[1..];
        return swapped.then_some(Slip::Order).or(beside.then_some(Slip::Key));
    }
    // Of two like letters the second one differs first.
    let twice = word.len() == name.len() + 1 && at > 0 && word[at] == word[at - 1] && without(word, at, name);
    // A plural without its end is another word.
    let left_out = name.len() == word.len() + 1
        && name.len() >= MIN_LEFT_OUT_LEN
        && without(name, at, word)
        && !(at == word.len() && name[at] == b's');
    (twice || left_out).then_some(Slip::Order)
}

fn beside(one: u8, other: u8) -> bool {
    let place = |key: u8| {
        KEYS.iter()
            .zip(0_i32..)
            .find_map(|(row, y)| row.bytes().zip(0_i32..).find(|(k, _)| *k == key).map(|(_, x)| (x, y)))
    };
    // Each row lies half a key further to the right than the one above.
    place(one).zip(place(other)).is_some_and(|((x, y), (u, v))| match v - y {
        0 => (x - u).abs() == 1,
        1 => u == x || u == x - 1,
        -1 => u == x || u == x + 1,
        _ => false,
    })
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
    fn slips_of_the_fingers_are_told_from_other_words() {
        for (name, word, kind) in [
            ("accept", "acecpt", Some(Slip::Order)),
            ("accept", "acccept", Some(Slip::Order)),
            ("accept", "acceptt", Some(Slip::Order)),
            ("accept", "accpt", Some(Slip::Order)),
            ("accept", "accrpt", Some(Slip::Key)),
            ("accept", "accwpt", Some(Slip::Key)),
            ("accept", "except", None),
            ("accept", "accept", None),
            ("accept", "accepts", None),
            ("accept", "accepxt", None),
            ("accepts", "accept", None),
            ("port", "pot", None),
            ("port", "pprt", None),
            ("accept", "ac", None),
            ("accept", "Acecpt", None),
            ("accept", "", None),
            ("accept", "ac\u{e9}pt", None),
        ] {
            assert_eq!(slip(name, word), kind, "{name} {word}");
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

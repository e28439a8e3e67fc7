//! A list of 2,048 words that people can say, type and tell apart.
//!
//! It is the English list of [BIP-39]: common words of three to eight small letters, no two of which begin with the same
//! four, in alphabetical order.
//!
//! [BIP-39]: https://github.com/bitcoin/bips/blob/master/bip-0039/english.txt

use std::sync::LazyLock;

/// How many words there are: each says 11 bits.
pub const COUNT: usize = 2048;

/// No word has more letters.
pub(super) const MAX_LEN: usize = 8;

// From the Bitcoin improvement proposals, under the MIT licence.
static WORDS: LazyLock<[&'static str; COUNT]> = LazyLock::new(|| {
    let mut lines = include_str!("english.txt").lines();
    std::array::from_fn(|_| lines.next().expect("the list has that many words"))
});

/// The word with this number.
///
/// # Panics
///
/// If `index` is not below [`COUNT`].
pub fn word(index: usize) -> &'static str {
    WORDS[index]
}

/// The number of a word, which has to be written as it is in the list.
pub fn index(word: &str) -> Option<usize> {
    WORDS.binary_search(&word).ok()
}

/// The words that begin with `prefix`, in alphabetical order.
pub fn starting_with(prefix: &str) -> impl Iterator<Item = &'static str> {
    let from = WORDS.partition_point(|word| *word < prefix);
    WORDS[from..].iter().copied().take_while(move |word| word.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_is_whole_in_order_and_known_by_four_letters() {
        assert_eq!(include_str!("english.txt").lines().count(), COUNT);
        assert!(include_str!("english.txt").ends_with('\n'));
        assert!(WORDS.is_sorted_by(|a, b| a < b));
        let plain =
            |word: &&str| word.len() >= 3 && word.len() <= MAX_LEN && word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(WORDS.iter().all(plain));
        let beginnings: HashSet<&str> = WORDS.iter().map(|word| word.get(..4).unwrap_or(word)).collect();
        assert_eq!(beginnings.len(), COUNT);
    }

    #[test]
    fn the_list_is_that_of_the_proposal() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, include_bytes!("english.txt"));
        let published = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda";
        assert_eq!(data_encoding::HEXLOWER.encode(digest.as_ref()), published);
    }

    #[test]
    fn words_and_numbers_belong_together() {
        assert_eq!((word(0), word(COUNT - 1)), ("abandon", "zoo"));
        for number in 0..COUNT {
            assert_eq!(index(word(number)), Some(number));
        }
        for unknown in ["", "Abandon", "abando", "abandons", "zzz", " zoo"] {
            assert_eq!(index(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_beginning_leads_to_its_words() {
        assert_eq!(starting_with("zo").collect::<Vec<_>>(), ["zone", "zoo"]);
        assert_eq!(starting_with("abandon").collect::<Vec<_>>(), ["abandon"]);
        assert_eq!(starting_with("").count(), COUNT);
        assert_eq!(starting_with("abandons").count() + starting_with("zz").count() + starting_with("Z").count(), 0);
    }
}

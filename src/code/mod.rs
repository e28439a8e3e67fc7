//! The code of a room: a few words that a host tells those whom it invites, and the proof that one knows them.
//!
//! A word of the list is 11 bits, three are 33. That is plenty where a guess takes a connection and guessing is slowed
//! down, and nothing at all where guesses are free; so a code never travels, in whatever form, but by [`pake`]. Nothing
//! here does I/O, and a code has no `Debug`.

pub mod pake;
pub mod words;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// How many words a code has.
pub const WORDS: usize = 3;

/// Longest text that is looked at as a code, in bytes: three words of eight letters, and much between them.
const MAX_TYPED: usize = 256;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not make a code: the system gives no random numbers")]
pub struct NoRandom;

/// What is wrong with a typed code, such that no room can have it. None of these texts repeats what was typed, or says what
/// may have been meant: they stay on the screen, and what people mean is mostly right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Slip {
    /// It has another number of words.
    #[error("a code has {WORDS} words, such as those that the host reads to you")]
    Count,
    /// A word of it is none of the list.
    #[error("word {0} is no word that a code is made of")]
    Word(usize),
}

/// A code. Its memory is wiped when it is dropped.
pub struct Code(Zeroizing<String>);

impl Code {
    /// A new code of random words.
    ///
    /// # Errors
    ///
    /// [`NoRandom`] if the system gives no random numbers.
    pub fn generate() -> Result<Self, NoRandom> {
        let mut random = Zeroizing::new([0; 2 * WORDS]);
        aws_lc_rs::rand::fill(&mut *random).map_err(|_| NoRandom)?;
        // Both numbers are powers of two, so that all words are equally likely.
        let drawn = random.chunks_exact(2).map(|pair| usize::from(u16::from_ne_bytes([pair[0], pair[1]])));
        Ok(Self::of(drawn.map(|number| words::word(number % words::COUNT))))
    }

    fn of(drawn: impl Iterator<Item = &'static str>) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(MAX_TYPED));
        for word in drawn {
            if !text.is_empty() {
                text.push('-');
            }
            text.push_str(word);
        }
        Self(text)
    }

    /// The code that a person typed. Case, width of the letters and all that stands between them do not matter.
    ///
    /// # Errors
    ///
    /// [`Slip`] if no room can have this code.
    pub fn typed(text: &str) -> Result<Self, Slip> {
        if text.len() > MAX_TYPED {
            return Err(Slip::Count);
        }
        if let Some(parts) = split(&normal_form(text)) {
            return Ok(Self::of(parts.into_iter()));
        }
        let small = Zeroizing::new(text.nfkc().flat_map(char::to_lowercase).collect::<String>());
        let mut parts = small.split(|c: char| !c.is_alphabetic()).filter(|part| !part.is_empty()).enumerate();
        match parts.find(|(_, part)| words::index(part).is_none()) {
            Some((at, _)) => Err(Slip::Word(at + 1)),
            None => Err(Slip::Count),
        }
    }

    /// As the host reads it out.
    pub fn shown(&self) -> &str {
        &self.0
    }

    /// What both ends of a proof use.
    fn normal(&self) -> Zeroizing<String> {
        normal_form(&self.0)
    }
}

/// NFKC, lower case, letters alone.
fn normal_form(text: &str) -> Zeroizing<String> {
    let mut normal = Zeroizing::new(String::with_capacity(2 * MAX_TYPED));
    normal.extend(text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphabetic()));
    normal
}

/// The words of a normal form. If there are several ways to split it, they are the same code: what counts is the whole.
fn split(normal: &str) -> Option<[&'static str; WORDS]> {
    let [a, b, c] = parts(normal)?;
    Some([words::word(a), words::word(b), words::word(c)])
}

fn parts(normal: &str) -> Option<[usize; WORDS]> {
    if !normal.is_ascii() {
        return None;
    }
    let ends = |from: usize| (from + 3..=normal.len().min(from + words::MAX_LEN)).map(move |to| (from, to));
    let number = |(from, to): (usize, usize)| words::index(&normal[from..to]).map(|number| (number, to));
    for (a, second) in ends(0).filter_map(number) {
        for (b, third) in ends(second).filter_map(number) {
            if let Some(c) = words::index(&normal[third..]) {
                return Some([a, b, c]);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_code_is_three_words_and_what_people_make_of_it_is_the_same() {
        for _ in 0..200 {
            let code = Code::generate().unwrap();
            assert_eq!(code.shown().split('-').filter(|word| words::index(word).is_some()).count(), WORDS);
            for typed in [code.shown().to_owned(), code.shown().replace('-', ""), code.shown().to_uppercase()] {
                assert!(Code::typed(&typed).is_ok_and(|typed| typed.normal() == code.normal()), "{typed}");
            }
        }
    }

    #[test]
    fn codes_differ() {
        let codes: std::collections::HashSet<_> =
            (0..1000).map(|_| Code::generate().unwrap().shown().to_owned()).collect();
        assert!(codes.len() > 995);
    }

    #[test]
    fn case_28_case_spaces_dashes_and_wide_letters_do_not_matter_and_all_else_does() {
        let code = Code::typed("zoo abandon lens").unwrap();
        assert_eq!(code.shown(), "zoo-abandon-lens");
        for same in [
            "zoo-abandon-lens",
            "  Zoo   ABANDON\tlens ",
            "zooabandonlens",
            "zoo – abandon — lens.",
            "ｚｏｏ　ａｂａｎｄｏｎ　ＬＥＮＳ",
            "zoo_abandon_lens\r\n",
            "zoo1abandon2lens",
        ] {
            assert!(Code::typed(same).is_ok_and(|typed| typed.normal() == code.normal()), "{same}");
        }
        // The o of the first one is Cyrillic.
        for other in ["zоo abandon lens", "zöo abandon lens", "z00 abandon lens"] {
            assert!(Code::typed(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_slip_is_noticed_before_it_costs_a_try_and_is_not_repeated() {
        let slip = |typed: &str| Code::typed(typed).err().expect("a slip");
        assert_eq!(slip("zoo abandn lens"), Slip::Word(2));
        assert_eq!(slip("zoo abandon qqqqqq").to_string(), "word 3 is no word that a code is made of");
        for count in ["", " - ", "zoo", "zoo abandon", "zoo zoo zoo zoo", &"zoo ".repeat(100)] {
            assert_eq!(slip(count), Slip::Count, "{count}");
        }
        assert!(!slip("zoo abandon hunter2").to_string().contains("hunter"));
    }
}

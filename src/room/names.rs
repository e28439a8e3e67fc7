//! Which names people may have in a room.
//!
//! A name is a label; the key is who somebody is. So that the label does not deceive, a name belongs to the
//! key that had it here, names that look alike count as the same, and a name has one script.

use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_security::{MixedScript, skeleton};

use crate::wire::{MAX_NAME_LEN, PublicKey};

/// Most characters of a name: what a screen line can spare.
const MAX_NAME_CHARS: usize = 24;

/// Most combining marks after one letter.
const MAX_MARKS: usize = 2;

/// Words that the program itself speaks with.
const SYSTEM_WORDS: &[&str] =
    &["all", "everyone", "everybody", "host", "me", "pchat", "room", "system", "you", "error"];

/// How many names that nobody uses now are held for one key: a name tried on is not taken from everyone else.
const HELD_BY_ONE: usize = 4;

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of it.
    #[error("a name needs at least one character")]
    Empty,
    /// It is too long.
    #[error("a name has at most {MAX_NAME_CHARS} characters")]
    Long,
    /// A character does not belong into a name.
    #[error("a name is made of letters, digits, '_', '-' and '.'")]
    Character,
    /// It begins with something else than a letter.
    #[error("a name begins with a letter")]
    Beginning,
    /// It mixes scripts.
    #[error("a name is written in one script")]
    Scripts,
    /// It means something else here.
    #[error("the name {0} means something else here")]
    Reserved(String),
    /// Somebody else has it, or one that looks like it.
    #[error("the name {0} is taken, or looks like one that is")]
    Taken(String),
}

/// A name in its normal form (NFC, spaces around it removed), if a person may have it at all.
///
/// # Errors
///
/// See [`NameError`]; [`NameError::Taken`] and [`NameError::Reserved`] do not occur here.
pub fn normal_form(name: &str) -> Result<String, NameError> {
    if name.len() > 4 * MAX_NAME_LEN {
        return Err(NameError::Long);
    }
    let name: String = name.trim().nfc().collect();
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.chars().count() > MAX_NAME_CHARS || name.len() > MAX_NAME_LEN {
        return Err(NameError::Long);
    }
    if !first.is_alphabetic() {
        return Err(NameError::Beginning);
    }
    let mut marks = 0;
    for character in name.chars() {
        let mark = unicode_normalization::char::is_combining_mark(character);
        marks = if mark { marks + 1 } else { 0 };
        // Some letters by Unicode's count are blank: the Hangul fillers.
        let blank = matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
        let allowed = character.is_alphanumeric() || mark || matches!(character, '_' | '-' | '.');
        if !allowed || blank || marks > MAX_MARKS {
            return Err(NameError::Character);
        }
    }
    if !name.as_str().is_single_script() {
        return Err(NameError::Scripts);
    }
    Ok(name)
}

/// What a name looks like: two names with the same look are the same name.
/// By [UTS #39](https://www.unicode.org/reports/tr39/), on the lower-case form, since case misleads too.
fn look(name: &str) -> String {
    let lower: String = skeleton(&name.to_lowercase()).collect();
    // Once more: the skeleton of a small letter may be a capital (`l` and `I`), and the other way round.
    let again: String = skeleton(&lower.to_lowercase()).collect();
    // `I` is `i` in another case and looks like `l`: whoever minds both minds `i` and `l`, too.
    again.replace('i', "l")
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    key: PublicKey,
    present: bool,
    /// Counts up with each name, so that the oldest is known.
    age: u64,
}

/// The names of one room.
#[derive(Debug, Default)]
pub(super) struct Names {
    reserved: Vec<String>,
    by_look: FxHashMap<String, Holder>,
    unused: FxHashMap<PublicKey, Vec<String>>,
    /// The number last put behind a name that was taken, so that a crowd of one name does not count from 2.
    numbers: FxHashMap<String, u32>,
    limit: usize,
    age: u64,
}

impl Names {
    /// No names yet. Nobody may have one of the `reserved`. About `limit` names are held at once.
    pub(super) fn new(reserved: &[String], limit: usize) -> Self {
        let words = SYSTEM_WORDS.iter().copied().chain(reserved.iter().map(String::as_str));
        Self { reserved: words.map(look).collect(), limit, ..Self::default() }
    }

    fn judge(&self, name: &str, key: PublicKey) -> Result<String, NameError> {
        let look = look(name);
        if self.reserved.contains(&look) {
            return Err(NameError::Reserved(name.to_owned()));
        }
        match self.by_look.get(&look) {
            Some(holder) if holder.present || holder.key != key => Err(NameError::Taken(name.to_owned())),
            _ => Ok(look),
        }
    }

    /// Takes exactly this name for a key.
    pub(super) fn take(&mut self, wish: &str, key: PublicKey) -> Result<String, NameError> {
        let name = normal_form(wish)?;
        let look = self.judge(&name, key)?;
        self.hold(look, key);
        Ok(name)
    }

    /// Takes this name for a key, with a number behind it if somebody else has it. `avoid` is known to belong
    /// to somebody who is not here.
    pub(super) fn take_like(&mut self, wish: &str, key: PublicKey, avoid: bool) -> Result<String, NameError> {
        let name = normal_form(wish)?;
        if !avoid && let Ok(look) = self.judge(&name, key) {
            self.hold(look, key);
            return Ok(name);
        }
        let base = look(&name);
        let from = self.numbers.get(&base).copied().unwrap_or(1);
        // Every number fails only if that many names are held; the first free one is at most that far.
        for number in (from + 1..).take(self.by_look.len() + self.reserved.len() + 2) {
            let suffix = format!("-{number}");
            let kept: String = name.chars().take(MAX_NAME_CHARS - suffix.len()).collect();
            let candidate = format!("{kept}{suffix}");
            if candidate.len() <= MAX_NAME_LEN
                && let Ok(look) = self.judge(&candidate, key)
            {
                self.numbers.insert(base, number);
                self.hold(look, key);
                return Ok(candidate);
            }
        }
        Err(NameError::Taken(name))
    }

    fn hold(&mut self, look: String, key: PublicKey) {
        self.age += 1;
        if let Some(unused) = self.unused.get_mut(&key) {
            unused.retain(|held| *held != look);
        }
        self.by_look.insert(look, Holder { key, present: true, age: self.age });
    }

    /// Nobody uses the name now. It stays that key's own, within bounds.
    pub(super) fn release(&mut self, name: &str) {
        let look = look(name);
        let Some(holder) = self.by_look.get_mut(&look) else { return };
        holder.present = false;
        let key = holder.key;
        let unused = self.unused.entry(key).or_default();
        unused.push(look);
        if unused.len() > HELD_BY_ONE {
            let oldest = unused.remove(0);
            self.by_look.remove(&oldest);
        }
        if self.by_look.len() > self.limit {
            self.drop_oldest();
        }
    }

    /// The name was never used: it is free for everybody.
    pub(super) fn give_back(&mut self, name: &str) {
        self.by_look.remove(&look(name));
    }

    fn drop_oldest(&mut self) {
        let unused = self.by_look.iter().filter(|(_, holder)| !holder.present);
        let Some(oldest) = unused.min_by_key(|(_, holder)| holder.age).map(|(look, _)| look.clone()) else { return };
        if let Some(holder) = self.by_look.remove(&oldest)
            && let Some(unused) = self.unused.get_mut(&holder.key)
        {
            unused.retain(|held| *held != oldest);
            if unused.is_empty() {
                self.unused.remove(&holder.key);
            }
        }
        if self.numbers.len() > self.limit {
            self.numbers.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PublicKey = PublicKey([1; 32]);
    const BOB: PublicKey = PublicKey([2; 32]);

    fn names() -> Names {
        Names::new(&["quit".into(), "who".into()], 100)
    }

    #[test]
    fn case_64_names_that_mislead_or_break_lines_are_refused() {
        let long = "x".repeat(10_000);
        for bad in ["", "   ", &long, "-x", "/x", "@x", "#x", "123", "a b", "a:b", "a\nb", "a\u{1b}[2J", "(bob)", "*"] {
            assert!(normal_form(bad).is_err(), "{bad:?}");
        }
        for bad in ["host", "System", "you", "quit", "WHO"] {
            assert!(matches!(names().take(bad, ALICE), Err(NameError::Reserved(_))), "{bad}");
        }
        for good in ["bob", "Zoë", "anna-2", "李雷", "Дима", "j.r_r"] {
            assert_eq!(normal_form(good).as_deref(), Ok(good));
        }
        assert_eq!(normal_form(" bob "), Ok("bob".to_owned()));
    }

    #[test]
    fn case_60_blank_letters_and_stacked_marks_are_no_names() {
        for bad in ["a\u{3164}b", "a\u{200b}b", "a\u{202e}b", "a\u{301}\u{301}\u{301}\u{301}", "\u{115f}"] {
            assert!(normal_form(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn case_65_look_alikes_of_a_member_are_refused() {
        let mut names = names();
        names.take("modern", ALICE).unwrap();
        names.take("Il0", ALICE).unwrap();
        names.take("admin", ALICE).unwrap();
        for alike in ["rnodern", "MODERN", "ＭＯＤＥＲＮ", "lI0", "ilO", "аdmin", "ADMIN"] {
            assert!(names.take(alike, BOB).is_err(), "{alike}");
        }
    }

    #[test]
    fn case_66_a_name_stays_with_the_key_that_had_it() {
        let mut names = names();
        names.take("alice", ALICE).unwrap();
        names.release("alice");
        assert!(matches!(names.take("alice", BOB), Err(NameError::Taken(_))));
        assert_eq!(names.take("alice", ALICE).as_deref(), Ok("alice"));
    }

    #[test]
    fn a_taken_name_gets_a_number_even_for_its_own_key() {
        let mut names = names();
        let taken: Vec<_> = (0..3).map(|_| names.take_like("bob", BOB, false).unwrap()).collect();
        assert_eq!(taken, ["bob", "bob-2", "bob-3"]);
        assert_eq!(names.take_like("quit", BOB, false).as_deref(), Ok("quit-2"));
        let long = "x".repeat(24);
        names.take_like(&long, BOB, false).unwrap();
        assert_eq!(names.take_like(&long, BOB, false).unwrap().chars().count(), 24);
    }

    #[test]
    fn a_name_that_is_tried_on_is_not_lost_to_everybody() {
        let mut names = names();
        for i in 0..50 {
            let name = format!("name{i}x");
            names.take(&name, ALICE).unwrap();
            names.release(&name);
        }
        assert!(names.take("name1x", BOB).is_ok());
        assert!(names.take("name49x", BOB).is_err());
        assert!(names.by_look.len() < 10);
    }
}

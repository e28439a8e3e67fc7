//! Which names people may have in a room.
//!
//! A name is a label; the key is who somebody is. So that the label does not deceive, a name belongs to the
//! key that had it here, names that look alike count as the same, and a name has one script.

use std::{collections::BTreeMap, sync::LazyLock};

use rustc_hash::FxHashMap;
use tokio::time::Instant;
use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;
use unicode_width::UnicodeWidthChar;

use crate::limits::room::{HELD_BY_ONE, MAX_MARKS, MAX_NAME_CHARS, NAME_LIFE};
use crate::{
    looks::{Looks, looks},
    wire::{MAX_NAME_LEN, PublicKey},
};

/// Words that the program itself speaks with.
const SYSTEM_WORDS: &[&str] =
    &["all", "everyone", "everybody", "host", "me", "pchat", "room", "system", "you", "error"];

static SYSTEM_LOOKS: LazyLock<Vec<String>> =
    LazyLock::new(|| SYSTEM_WORDS.iter().flat_map(|word| looks(word)).collect());

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
/// See [`NameError`]; [`NameError::Taken`] does not occur here.
pub fn normal_form(name: &str) -> Result<String, NameError> {
    if name.len() > 4 * MAX_NAME_LEN {
        return Err(NameError::Long);
    }
    let name: String = name.trim().nfc().collect();
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.chars().count() > MAX_NAME_CHARS || name.len() > MAX_NAME_LEN {
        return Err(NameError::Long);
    }
    if !first.is_alphabetic() || is_mark(first) {
        return Err(NameError::Beginning);
    }
    let mut marks = 0;
    for character in name.chars() {
        let mark = is_mark(character);
        marks = if mark { marks + 1 } else { 0 };
        let allowed = character.is_alphanumeric() || mark || matches!(character, '_' | '-' | '.');
        if !allowed || is_blank(character) || marks > MAX_MARKS {
            return Err(NameError::Character);
        }
    }
    if !name.as_str().is_single_script() {
        return Err(NameError::Scripts);
    }
    if looks(&name).iter().any(|look| SYSTEM_LOOKS.contains(look)) {
        return Err(NameError::Reserved(name));
    }
    Ok(name)
}

/// Whether a character is drawn over the one before it. Some letters are too, such as the vowels of old Hangul.
fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
        || (character.is_alphabetic() && character.width() == Some(0))
}

/// Some letters and marks by Unicode's count cannot be seen: fillers, joiners and variation selectors.
fn is_blank(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

#[derive(Debug)]
struct Held {
    name: String,
    key: PublicKey,
    looks: Looks,
    /// Since when nobody uses it, if nobody does.
    unused: Option<Instant>,
}

impl Held {
    fn is_old(&self, now: Instant) -> bool {
        self.unused.is_some_and(|since| now.duration_since(since) >= NAME_LIFE)
    }
}

/// The names of one room.
#[derive(Debug, Default)]
pub(super) struct Names {
    reserved: Vec<String>,
    /// All names held, the oldest first.
    held: BTreeMap<u64, Held>,
    by_look: FxHashMap<String, u64>,
    /// The names of a key that nobody uses now, the oldest first.
    unused: FxHashMap<PublicKey, Vec<u64>>,
    /// The number last put behind a name that was taken, so that a crowd of one name does not count from 2.
    numbers: FxHashMap<String, u32>,
    limit: usize,
    last: u64,
    /// Whether something has changed since they were listed.
    changed: bool,
}

impl Names {
    /// No names yet. Nobody may have one of the `reserved`. Unused names are given up when more than `limit` are held.
    pub(super) fn new(reserved: &[String], limit: usize) -> Self {
        Self { reserved: reserved.iter().flat_map(|word| looks(word)).collect(), limit, ..Self::default() }
    }

    /// Holds names for those who had them in the room before this one. The first ones are given up last.
    pub(super) fn hold_for(&mut self, known: Vec<(PublicKey, String)>, now: Instant) {
        for (key, name) in known.into_iter().rev() {
            if self.take(&name, key).is_ok() {
                self.release(&name, now);
            }
        }
        self.changed = false;
    }

    /// Whether something has changed since this was asked last.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The names that nobody uses now and whose they are, the oldest first.
    pub(super) fn unused(&self) -> impl Iterator<Item = (PublicKey, String)> {
        self.held.values().filter(|held| held.unused.is_some()).map(|held| (held.key, held.name.clone()))
    }

    fn judge(&self, name: &str, key: PublicKey) -> Result<Looks, NameError> {
        let looks = looks(name);
        if looks.iter().any(|look| self.reserved.contains(look)) {
            return Err(NameError::Reserved(name.to_owned()));
        }
        let mut holders = looks.iter().filter_map(|look| self.held.get(self.by_look.get(look)?));
        match holders.any(|held| held.unused.is_none() || held.key != key) {
            true => Err(NameError::Taken(name.to_owned())),
            false => Ok(looks),
        }
    }

    /// Takes exactly this name for a key.
    pub(super) fn take(&mut self, wish: &str, key: PublicKey) -> Result<String, NameError> {
        let name = normal_form(wish)?;
        let looks = self.judge(&name, key)?;
        self.hold(&name, looks, key);
        Ok(name)
    }

    /// Takes this name for a key, with a number behind it if somebody else has it. `avoid` is known to belong
    /// to somebody who is not here.
    pub(super) fn take_like(&mut self, wish: &str, key: PublicKey, avoid: bool) -> Result<String, NameError> {
        let name = normal_form(wish)?;
        match self.judge(&name, key) {
            // A number makes it no better.
            Err(error @ NameError::Reserved(_)) => return Err(error),
            Ok(looks) if !avoid => {
                self.hold(&name, looks, key);
                return Ok(name);
            }
            _ => {}
        }
        let [base, _] = looks(&name);
        let from = self.numbers.get(&base).copied().unwrap_or(1);
        // Every number fails only if that many names are held; the first free one is at most that far.
        for number in (from + 1..).take(self.held.len() + self.reserved.len() + 2) {
            let suffix = format!("-{number}");
            let kept: String = name.chars().take(MAX_NAME_CHARS - suffix.len()).collect();
            let candidate = format!("{kept}{suffix}");
            if candidate.len() <= MAX_NAME_LEN
                && let Ok(looks) = self.judge(&candidate, key)
            {
                self.numbers.insert(base, number);
                self.hold(&candidate, looks, key);
                return Ok(candidate);
            }
        }
        Err(NameError::Taken(name))
    }

    /// Whose name it is, or was lately: this very one, not one that looks like it.
    pub(super) fn holder(&self, name: &str) -> Option<PublicKey> {
        let held = looks(name).iter().find_map(|look| self.held.get(self.by_look.get(look)?))?;
        (held.name.to_lowercase() == name.to_lowercase()).then_some(held.key)
    }

    fn hold(&mut self, name: &str, looks: Looks, key: PublicKey) {
        // What looks like it is the key's own unused name: it was judged.
        for look in &looks {
            if let Some(&old) = self.by_look.get(look) {
                self.give_up(old);
            }
        }
        self.changed = true;
        self.last += 1;
        self.by_look.extend(looks.iter().map(|look| (look.clone(), self.last)));
        self.held.insert(self.last, Held { name: name.to_owned(), key, looks, unused: None });
    }

    fn give_up(&mut self, id: u64) {
        let Some(held) = self.held.remove(&id) else { return };
        for look in &held.looks {
            self.by_look.remove(look);
        }
        if let Some(unused) = self.unused.get_mut(&held.key) {
            unused.retain(|other| *other != id);
            if unused.is_empty() {
                self.unused.remove(&held.key);
            }
        }
    }

    /// Nobody uses the name now. It stays that key's own, within bounds.
    pub(super) fn release(&mut self, name: &str, now: Instant) {
        let Some(&id) = self.by_look.get(&looks(name)[0]) else { return };
        let Some(held) = self.held.get_mut(&id) else { return };
        held.unused = Some(now);
        self.changed = true;
        let unused = self.unused.entry(held.key).or_default();
        unused.push(id);
        if unused.len() > HELD_BY_ONE {
            let oldest = unused[0];
            self.give_up(oldest);
        }
        if self.held.len() > self.limit
            && let Some(oldest) = self.held.iter().find(|(_, held)| held.unused.is_some()).map(|(id, _)| *id)
        {
            self.give_up(oldest);
        }
        if self.numbers.len() > self.limit {
            self.numbers.clear();
        }
    }

    /// How many names are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many entries each of its maps has.
    #[cfg(test)]
    pub(super) fn census(&self) -> (usize, usize, usize, usize) {
        (self.held.len(), self.by_look.len(), self.unused.len(), self.numbers.len())
    }

    /// Gives up names that nobody has used for long, and numbers behind those that nobody has.
    pub(super) fn forget_old(&mut self, now: Instant) {
        let old: Vec<u64> = self.held.iter().filter(|(_, held)| held.is_old(now)).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.give_up(id));
        self.numbers.retain(|base, _| self.by_look.contains_key(base));
    }

    /// The name was never used: it is free for everybody.
    pub(super) fn give_back(&mut self, name: &str) {
        if let Some(&id) = self.by_look.get(&looks(name)[0]) {
            self.give_up(id);
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
        for bad in [
            "a\u{34f}b",
            "a\u{fe0f}",
            "\u{1161}",
            "a\u{3164}b",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{301}\u{301}\u{301}\u{301}",
            "\u{115f}",
        ] {
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
        names.release("alice", Instant::now());
        assert!(matches!(names.take("alice", BOB), Err(NameError::Taken(_))));
        assert_eq!(names.take("alice", ALICE).as_deref(), Ok("alice"));
    }

    #[test]
    fn a_name_is_held_for_a_day_after_it_was_used_and_then_nothing_is_left_of_it() {
        let (mut names, now) = (names(), Instant::now());
        for _ in 0..3 {
            names.take_like("alice", ALICE, false).unwrap();
        }
        names.release("alice", now);
        names.release("alice-2", now);
        names.forget_old(now + NAME_LIFE - std::time::Duration::from_secs(1));
        assert!(names.take("alice", BOB).is_err());
        names.forget_old(now + NAME_LIFE);
        // The third is in use, however old it is.
        assert_eq!(names.len(), 1);
        assert_eq!(names.take("alice", BOB).as_deref(), Ok("alice"));
        for name in ["alice", "alice-3"] {
            names.release(name, now + NAME_LIFE);
        }
        names.forget_old(now + 2 * NAME_LIFE);
        assert_eq!(names.census(), (0, 0, 0, 0));
    }

    #[test]
    fn a_taken_name_gets_a_number_even_for_its_own_key() {
        let mut names = names();
        let taken: Vec<_> = (0..3).map(|_| names.take_like("bob", BOB, false).unwrap()).collect();
        assert_eq!(taken, ["bob", "bob-2", "bob-3"]);
        assert!(matches!(names.take_like("quit", BOB, false), Err(NameError::Reserved(_))));
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
            names.release(&name, Instant::now());
        }
        assert!(names.take("name1x", BOB).is_ok());
        assert!(names.take("name49x", BOB).is_err());
        assert!(names.held.len() < 10);
    }
}

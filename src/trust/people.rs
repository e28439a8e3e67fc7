//! What this person has said about others, each by their key: whose words were compared, whose files are wanted, who is
//! not to be seen.
//!
//! The file has a line for each key, `KEY MARKS NAME`, with the key in hexadecimal, the marks in this order, each with the
//! day on which it was made, and the name that the key had at the last of them:
//!
//! ```text
//! pchat people 1
//! 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925 verified:2026-11-23,trusted:2026-11-24 bob
//! end
//! ```
//!
//! A program reads it once when it starts and again with every change, so that asking costs nothing. A change counts only
//! when it is on the disk. What another program of the same person writes meanwhile is not lost, and counts here from the
//! next change or [`refresh`](People::refresh) on.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use data_encoding::HEXLOWER;
use rustc_hash::FxHashMap;

use super::Date;
use super::file::{Changed, Entry, FileError, LineFile};
use super::hosts::parse_key;
use super::members::is_name;
use crate::{
    looks::looks,
    wire::{MAX_NAME_LEN, PublicKey},
};

const HEAD: &str = "pchat people 1";

/// What may be said about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Words were compared: the key is that person's.
    Verified,
    /// Files come without asking, whatever their size.
    Trusted,
    /// Nothing of them is shown.
    Ignored,
}

/// All marks with their words in the file, in the order that they have there.
const WORDS: [(Mark, &str); 3] = [(Mark::Verified, "verified"), (Mark::Trusted, "trusted"), (Mark::Ignored, "ignored")];

impl Mark {
    /// The mark in one word.
    pub fn word(self) -> &'static str {
        WORDS[self as usize].1
    }
}

/// The marks of one key, with the days on which they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks([Option<Date>; WORDS.len()]);

impl Marks {
    /// The day on which this one was made, if it is among them.
    pub fn since(self, mark: Mark) -> Option<Date> {
        self.0[mark as usize]
    }

    /// Whether this one is among them.
    pub fn has(self, mark: Mark) -> bool {
        self.since(mark).is_some()
    }

    /// Their words.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WORDS.into_iter().filter(move |(mark, _)| self.has(*mark)).map(|(_, word)| word)
    }

    /// Whether the name of such a person is known: another key must not take it unseen.
    fn keep_name(self) -> bool {
        self.has(Mark::Verified) || self.has(Mark::Trusted)
    }

    fn are_none(self) -> bool {
        self == Self::default()
    }
}

/// Somebody about whom something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The key.
    pub key: PublicKey,
    /// What was said; at least one mark.
    pub marks: Marks,
    /// The name that the key had when something was said last. It does not follow the names taken later: whoever is known must not be able to
    /// put names of others here.
    pub name: String,
}

/// Why something about somebody is not remembered.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The name does not fit a line.
    #[error("`{}` cannot be the name of a member", name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// There is no file.
    #[error("nothing can be remembered here")]
    Nowhere,
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The people that this person has said something about. Cheap to clone; the default knows nobody and remembers nothing.
#[derive(Clone, Debug, Default)]
pub struct People(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    file: Option<LineFile>,
    /// Held while the file is changed, so that what is known is never older than the file.
    changing: Mutex<()>,
    known: RwLock<Known>,
}

/// What the file says.
#[derive(Debug, Default)]
struct Known {
    people: Vec<Person>,
    by_key: FxHashMap<PublicKey, usize>,
    /// What the names that are kept look like.
    by_look: FxHashMap<String, Vec<usize>>,
}

impl Known {
    fn of(people: Vec<Person>) -> Self {
        let by_key = people.iter().enumerate().map(|(at, person)| (person.key, at)).collect();
        let mut by_look: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (at, person) in people.iter().enumerate().filter(|(_, person)| person.marks.keep_name()) {
            for look in looks(&person.name) {
                by_look.entry(look).or_default().push(at);
            }
        }
        Self { people, by_key, by_look }
    }
}

impl People {
    /// The people in the file at `path`, which need not exist.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or understood: it might say whom to believe and whom not.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let file = LineFile::new(path.into(), HEAD);
        let known = RwLock::new(Known::of(file.read()?));
        Ok(Self(Arc::new(Shared { file: Some(file), changing: Mutex::default(), known })))
    }

    /// Whether this was said about a key.
    pub fn is(&self, key: &PublicKey, mark: Mark) -> bool {
        self.marks(key).has(mark)
    }

    /// All that was said about a key.
    pub fn marks(&self, key: &PublicKey) -> Marks {
        let known = self.known();
        known.by_key.get(key).map_or_else(Marks::default, |at| known.people[*at].marks)
    }

    /// What was said about a key, by what name, and when.
    pub fn get(&self, key: &PublicKey) -> Option<Person> {
        let known = self.known();
        known.by_key.get(key).map(|at| known.people[*at].clone())
    }

    /// Those about whom this was said, in the order in which they were first listed.
    pub fn all(&self, mark: Mark) -> Vec<Person> {
        self.known().people.iter().filter(|person| person.marks.has(mark)).cloned().collect()
    }

    /// Whether there are names that another key must not take unseen.
    pub fn keep_names(&self) -> bool {
        !self.known().by_look.is_empty()
    }

    /// Somebody verified or trusted who is known by such a name, if `key` is nobody who is. Names that a room would count
    /// as the same are the same.
    pub fn namesake(&self, key: &PublicKey, name: &str) -> Option<Person> {
        let known = self.known();
        if known.by_look.is_empty() || name.len() > 4 * MAX_NAME_LEN {
            return None;
        }
        let alike = looks(name);
        let alike = alike.iter().filter_map(|look| known.by_look.get(look)).flatten().map(|at| &known.people[*at]);
        let alike: Vec<_> = alike.collect();
        let own = alike.iter().any(|person| person.key == *key);
        alike.first().filter(|_| !own).map(|person| (*person).clone())
    }

    /// Says this about a key, which has this name now. Returns whether it is new.
    ///
    /// # Errors
    ///
    /// If it cannot be saved: then nothing has changed.
    pub fn mark(&self, key: &PublicKey, name: &str, mark: Mark) -> Result<bool, PeopleError> {
        if !is_name(name) {
            return Err(PeopleError::Name { name: name.to_owned() });
        }
        self.change(|people| {
            let at = people.iter().position(|person| person.key == *key).unwrap_or_else(|| {
                people.push(Person { key: *key, marks: Marks::default(), name: name.to_owned() });
                people.len() - 1
            });
            let person = &mut people[at];
            let new = !person.marks.has(mark);
            let changed = new || person.name != name;
            person.marks.0[mark as usize].get_or_insert_with(Date::today);
            name.clone_into(&mut person.name);
            (changed, new)
        })
    }

    /// Takes this back about a key. Returns whether it was said.
    ///
    /// # Errors
    ///
    /// If it cannot be saved: then nothing has changed.
    pub fn unmark(&self, key: &PublicKey, mark: Mark) -> Result<bool, PeopleError> {
        self.change(|people| {
            let person = people.iter_mut().find(|person| person.key == *key && person.marks.has(mark));
            let found = person.is_some();
            if let Some(person) = person {
                person.marks.0[mark as usize] = None;
            }
            people.retain(|person| !person.marks.are_none());
            (found, found)
        })
    }

    /// Reads again what another program of this person may have written.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or understood; what was known stays.
    pub fn refresh(&self) -> Result<(), PeopleError> {
        let file = self.0.file.as_ref().ok_or(PeopleError::Nowhere)?;
        let _only = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.know(file.read()?);
        Ok(())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Vec<Person>) -> (bool, R)) -> Result<R, PeopleError> {
        let file = self.0.file.as_ref().ok_or(PeopleError::Nowhere)?;
        let _only = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (result, people) = file.update(|people: &mut Vec<Person>| {
            let (changed, result) = change(people);
            Ok::<_, FileError>((Changed::from(changed), (result, people.clone())))
        })?;
        self.know(people);
        Ok(result)
    }

    fn know(&self, people: Vec<Person>) {
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = Known::of(people);
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry for Person {
    fn parse(line: &str) -> Result<Self, String> {
        let parts: Vec<&str> = line.splitn(3, ' ').collect();
        let [key, marks, name] = parts[..] else { return Err("this should be `KEY MARKS NAME`".to_owned()) };
        let (key, marks) = (parse_key(key)?, parse_marks(marks)?);
        if !is_name(name) {
            return Err("this cannot be the name of a member".to_owned());
        }
        Ok(Self { key, marks, name: name.to_owned() })
    }

    fn to_line(&self) -> String {
        let marks = WORDS.iter().filter_map(|(mark, word)| Some(format!("{word}:{}", self.marks.since(*mark)?)));
        let marks: Vec<_> = marks.collect();
        format!("{} {} {}", HEXLOWER.encode(&self.key.0), marks.join(","), self.name)
    }

    fn conflict(&self, earlier: &Self) -> Option<String> {
        (self != earlier).then(|| format!("a second line for the key of `{}`", earlier.name))
    }

    fn unique(&self) -> String {
        HEXLOWER.encode(&self.key.0)
    }
}

/// Marks as they are written: each once, in their order.
fn parse_marks(text: &str) -> Result<Marks, String> {
    let mut marks = Marks::default();
    for mark in text.split(',') {
        let (word, day) = mark.split_once(':').ok_or_else(|| format!("`{mark}` should be `MARK:DAY`"))?;
        let day = Date::parse(day).ok_or_else(|| format!("`{day}` is no date such as 2026-11-23"))?;
        let at = WORDS.iter().position(|(_, known)| *known == word);
        let Some(at) = at.filter(|at| marks.0[*at..].iter().all(Option::is_none)) else {
            return Err("the marks are verified, trusted and ignored, each once at the most, in this order".to_owned());
        };
        marks.0[at] = Some(day);
    }
    Ok(marks)
}

#[cfg(test)]
mod tests;

//! The keys that this person's room let in before, or put out for good, and their names.
//!
//! The file has a line for each key, `KEY SINCE NAME`, with the key in hexadecimal and the day it was first
//! let in:
//!
//! ```text
//! pchat members 1
//! 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925 2026-11-23 bob
//! end
//! ```

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use super::Date;
use super::file::{Entry, FileError, LineFile};
use super::hosts::parse_key;
use crate::wire::{MAX_NAME_LEN, PublicKey};

const HEAD: &str = "pchat members 1";

/// The first line of the list of those put out, whose form is the same.
const BANS_HEAD: &str = "pchat bans 1";

/// What is wrong with a change of the list.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// The name is empty, too long, or does not fit a line.
    #[error("`{}` cannot be the name of a member", name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A member on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name it had last.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The day it was first let in.
    pub since: Date,
}

/// The keys let in before, in a file.
#[derive(Clone, Debug)]
pub struct Members {
    file: LineFile,
}

impl Members {
    /// The list in the file at `path`, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: LineFile::new(path.into(), HEAD) }
    }

    /// The list of those put out for good, in the file at `path`, which need not exist.
    pub fn bans_at(path: impl Into<PathBuf>) -> Self {
        Self { file: LineFile::new(path.into(), BANS_HEAD) }
    }

    /// Whether the key was let in before.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or understood.
    pub fn contains(&self, key: &PublicKey) -> Result<bool, FileError> {
        Ok(self.name_of(key)?.is_some())
    }

    /// The name that the key had last.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn name_of(&self, key: &PublicKey) -> Result<Option<String>, FileError> {
        Ok(self.list()?.into_iter().find(|listed| listed.key == *key).map(|listed| listed.name))
    }

    /// A key that has this name in whatever case, the one listed first if there are several.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn key_of(&self, name: &str) -> Result<Option<PublicKey>, FileError> {
        Ok(self.list()?.into_iter().find(|listed| same_name(&listed.name, name)).map(|listed| listed.key))
    }

    /// All of them, in the order in which they were first let in.
    ///
    /// # Errors
    ///
    /// As [`contains`](Self::contains).
    pub fn list(&self) -> Result<Vec<Listed>, FileError> {
        self.file.read()
    }

    /// Puts a key on the list, or gives it another name.
    ///
    /// # Errors
    ///
    /// [`MembersError::Name`] if the name cannot stand in the list, [`MembersError::File`] if it could not be
    /// saved.
    pub fn insert(&self, key: &PublicKey, name: &str) -> Result<(), MembersError> {
        if !is_name(name) {
            return Err(MembersError::Name { name: name.to_owned() });
        }
        self.file.update(|list: &mut Vec<Listed>| {
            let changed = match list.iter_mut().find(|listed| listed.key == *key) {
                Some(listed) if listed.name == name => false,
                Some(listed) => {
                    name.clone_into(&mut listed.name);
                    true
                }
                None => {
                    list.push(Listed { name: name.to_owned(), key: *key, since: Date::today() });
                    true
                }
            };
            Ok((changed.into(), ()))
        })
    }

    /// Takes a key off the list; whether it was there.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
    pub fn remove_key(&self, key: &PublicKey) -> Result<bool, FileError> {
        Ok(self.remove(|listed| listed.key == *key)? > 0)
    }

    /// Takes all keys with this name in whatever case off the list; how many there were.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
    pub fn remove_name(&self, name: &str) -> Result<usize, FileError> {
        self.remove(|listed| same_name(&listed.name, name))
    }

    fn remove(&self, unwanted: impl Fn(&Listed) -> bool) -> Result<usize, FileError> {
        self.file.update(|list: &mut Vec<Listed>| {
            let before = list.len();
            list.retain(|listed| !unwanted(listed));
            let removed = before - list.len();
            Ok(((removed > 0).into(), removed))
        })
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether a name can stand at the end of a line.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_LEN && name.trim() == name && !name.contains(char::is_control)
}

impl Entry for Listed {
    fn parse(line: &str) -> Result<Self, String> {
        let mut parts = line.splitn(3, ' ');
        let (Some(key), Some(since), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("this should be `KEY SINCE NAME`".to_owned());
        };
        let key = parse_key(key)?;
        let since = Date::parse(since).ok_or_else(|| format!("`{since}` is no date such as 2026-11-23"))?;
        if !is_name(name) {
            return Err("this cannot be the name of a member".to_owned());
        }
        Ok(Self { name: name.to_owned(), key, since })
    }

    fn to_line(&self) -> String {
        format!("{} {} {}", HEXLOWER.encode(&self.key.0), self.since, self.name)
    }

    fn conflict(&self, earlier: &Self) -> Option<String> {
        (self.name != earlier.name)
            .then(|| format!("a second name, `{}`, for the key of `{}`", self.name, earlier.name))
    }

    fn unique(&self) -> String {
        HEXLOWER.encode(&self.key.0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::scratch::Scratch;
    use super::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey([byte; 32])
    }

    #[test]
    fn a_member_is_known_by_key_and_by_name() {
        let scratch = Scratch::new();
        let members = Members::at(scratch.join("members"));
        assert!(!members.contains(&key(1)).unwrap());
        members.insert(&key(1), "Jörg K").unwrap();
        members.insert(&key(2), "bob").unwrap();
        assert!(members.contains(&key(1)).unwrap());
        assert_eq!(members.name_of(&key(1)).unwrap().as_deref(), Some("Jörg K"));
        assert_eq!(members.key_of("JÖRG k").unwrap(), Some(key(1)));
        assert_eq!(members.key_of("carol").unwrap(), None);
        let listed = Members::at(scratch.join("members")).list().unwrap();
        assert_eq!(listed.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), ["Jörg K", "bob"]);
    }

    #[test]
    fn a_member_keeps_its_date_under_a_new_name() {
        let scratch = Scratch::new();
        let path = scratch.join("members");
        let members = Members::at(&path);
        members.insert(&key(1), "bob").unwrap();
        let older = fs::read_to_string(&path).unwrap().replace(&Date::today().to_string(), "2020-02-29");
        fs::write(&path, older).unwrap();
        members.insert(&key(1), "robert").unwrap();
        let expected = Listed { name: "robert".to_owned(), key: key(1), since: Date::parse("2020-02-29").unwrap() };
        assert_eq!(members.list().unwrap(), [expected]);
    }

    #[test]
    fn removing_takes_a_key_or_all_keys_of_a_name() {
        let scratch = Scratch::new();
        let members = Members::at(scratch.join("members"));
        for (byte, name) in [(1, "bob"), (2, "Bob"), (3, "carol"), (4, "dave")] {
            members.insert(&key(byte), name).unwrap();
        }
        assert_eq!(members.remove_name("BOB").unwrap(), 2);
        assert_eq!(members.remove_name("bob").unwrap(), 0);
        assert!(members.remove_key(&key(3)).unwrap());
        assert!(!members.remove_key(&key(3)).unwrap());
        assert!(members.contains(&key(4)).unwrap());
    }

    #[test]
    fn a_name_cannot_write_lines_of_its_own() {
        let scratch = Scratch::new();
        let path = scratch.join("members");
        let members = Members::at(&path);
        let forged = format!("bob\n{} 2026-11-23 mallory", "02".repeat(32));
        for name in [forged.as_str(), "", " bob", "bob ", "b\u{1b}[2Job", "b\u{85}ob", &"b".repeat(MAX_NAME_LEN + 1)] {
            assert!(matches!(members.insert(&key(1), name), Err(MembersError::Name { .. })), "{name:?}");
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_list_is_refused_with_the_line() {
        let scratch = Scratch::new();
        let path = scratch.join("members");
        let members = Members::at(&path);
        let key_text = "01".repeat(32);
        for (lines, line) in [
            (format!("{key_text} 2026-11-23"), 2),
            (format!("{key_text} yesterday bob"), 2),
            (format!("{} 2026-11-23 bob", &key_text[1..]), 2),
            (format!("{key_text} 2026-11-23 bob\n{key_text} 2026-11-23 carol"), 3),
        ] {
            fs::write(&path, format!("{HEAD}\n{lines}\nend\n")).unwrap();
            let error = members.contains(&key(1)).unwrap_err().to_string();
            assert!(error.contains(&format!("{}, line {line}: ", path.display())), "{error}");
        }
        fs::write(&path, "").unwrap();
        members.insert(&key(1), "bob").unwrap_err();
    }
}

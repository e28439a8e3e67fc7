//! Whose name is whose in this person's room, so that a room that was started again keeps them for those who had them.
//!
//! It is a convenience: a file that cannot be read counts as none. A room that was closed long ago is another room; its
//! names are free again.
//!
//! ```text
//! pchat names 1
//! 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925 bob
//! ```

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use data_encoding::HEXLOWER;

use super::{
    file::{FileError, replace},
    hosts::parse_key,
    members::is_name,
};
use crate::{limits::room::MAX_REMEMBERED_NAMES, wire::PublicKey};

const HEAD: &str = "pchat names 1";

/// How long after its last change a file still counts: longer than a machine takes to start again.
const LIFE: Duration = Duration::from_secs(3600);

/// Longest file that is read, in bytes: a key and the longest name on each line.
const MAX_LEN: u64 = MAX_REMEMBERED_NAMES as u64 * 256;

/// The names of the last room, in a file.
#[derive(Clone, Debug)]
pub struct RoomNames(PathBuf);

impl RoomNames {
    /// Those in this file, which need not be there.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The names and whose they are, if that was remembered lately.
    pub fn list(&self) -> Vec<(PublicKey, String)> {
        self.read().unwrap_or_else(|why| {
            tracing::info!(why, "no names of a room before this one");
            Vec::new()
        })
    }

    fn read(&self) -> Result<Vec<(PublicKey, String)>, String> {
        let file = File::open(&self.0).map_err(|error| error.to_string())?;
        let changed = file.metadata().and_then(|file| file.modified()).map_err(|error| error.to_string())?;
        // A clock that was set back makes nothing older.
        if SystemTime::now().duration_since(changed).is_ok_and(|age| age > LIFE) {
            return Err("they are old".to_owned());
        }
        let mut lines = BufReader::new(file.take(MAX_LEN)).lines().map_while(Result::ok);
        if lines.next().as_deref() != Some(HEAD) {
            return Err("the file is something else".to_owned());
        }
        let parse = |line: String| {
            let (key, name) = line.split_once(' ')?;
            Some((parse_key(key).ok()?, name.to_owned()))
        };
        Ok(lines.filter_map(parse).filter(|(_, name)| is_name(name)).take(MAX_REMEMBERED_NAMES).collect())
    }

    /// Remembers these instead of those before.
    ///
    /// # Errors
    ///
    /// If they cannot be written; those before stay.
    pub fn set(&self, names: &[(PublicKey, String)]) -> Result<(), FileError> {
        let lines = names.iter().filter(|(_, name)| is_name(name)).take(MAX_REMEMBERED_NAMES);
        let lines: String = lines.map(|(key, name)| format!("{} {name}\n", HEXLOWER.encode(&key.0))).collect();
        replace(&self.0, format!("{HEAD}\n{lines}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn names_are_remembered_for_a_while_and_a_spoilt_file_holds_none() {
        let scratch = Scratch::new();
        let path = scratch.join("names");
        let names = RoomNames::at(path.clone());
        assert_eq!(names.list(), []);
        let bob = |name: &str| (PublicKey([2; 32]), name.to_owned());
        names.set(&[bob("bob"), bob("bob-2"), bob("b\nob"), (PublicKey([3; 32]), "Zoë".to_owned())]).unwrap();
        let known = [bob("bob"), bob("bob-2"), (PublicKey([3; 32]), "Zoë".to_owned())];
        assert_eq!(names.list(), known);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}nonsense\n02 x\n")).unwrap();
        assert_eq!(names.list(), known, "lines that are none are passed over");
        let old = SystemTime::now() - LIFE - Duration::from_secs(1);
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(names.list(), []);
        fs::write(&path, "pchat members 1\n").unwrap();
        assert_eq!(names.list(), []);
        names.set(&known[..1]).unwrap();
        assert_eq!(names.list(), known[..1]);
    }

    #[test]
    fn no_more_are_read_or_written_than_a_room_may_have() {
        let scratch = Scratch::new();
        let names = RoomNames::at(scratch.join("names"));
        let many: Vec<_> = (0..MAX_REMEMBERED_NAMES + 10).map(|of| (PublicKey([1; 32]), format!("n{of}"))).collect();
        names.set(&many).unwrap();
        assert_eq!(names.list(), many[..MAX_REMEMBERED_NAMES]);
    }
}

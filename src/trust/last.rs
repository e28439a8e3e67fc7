//! Which room was entered last: one line in a file, replaced whole.

use std::path::PathBuf;

use super::{
    HostAddr,
    file::{FileError, io_error, open, replace},
};
use crate::disk;

/// More than the longest address takes, in bytes.
const MAX_LEN: usize = 1024;

/// The room that was entered last, in a file.
#[derive(Clone, Debug)]
pub struct LastRoom(PathBuf);

impl LastRoom {
    /// The one in this file, which need not be there.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The room, if one was entered.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or holds something else.
    pub fn get(&self) -> Result<Option<HostAddr>, FileError> {
        let Some(file) = open(&self.0)? else { return Ok(None) };
        let bytes = disk::read_all(file, MAX_LEN).map_err(io_error("read", &self.0))?;
        let malformed = |reason: String| FileError::Malformed { path: self.0.clone(), line: 1, reason };
        let text = String::from_utf8(bytes).map_err(|_| malformed("bytes that are no text".to_owned()))?;
        let addr = text.strip_suffix('\n').ok_or_else(|| malformed("it is not one whole line".to_owned()))?;
        addr.parse().map(Some).map_err(|error: super::AddressError| malformed(error.to_string()))
    }

    /// Remembers a room instead of the one before.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then the one before stays.
    pub fn set(&self, addr: &HostAddr) -> Result<(), FileError> {
        replace(&self.0, format!("{addr}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::scratch::Scratch, *};

    #[test]
    fn the_last_room_is_the_one_set_last_and_for_the_user_only() {
        let scratch = Scratch::new();
        let last = LastRoom::at(scratch.join("last"));
        assert_eq!(last.get().expect("no file is no error"), None);
        for text in ["example.org:5001", "[fd00::5]:5000"] {
            let addr = text.parse().expect("an address");
            last.set(&addr).expect("saved");
            assert_eq!(last.get().expect("read"), Some(addr));
        }
        let mode = std::fs::metadata(scratch.join("last")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let scratch = Scratch::new();
        for text in ["", "example.org:5000", "two words\n", "a:5000\nb:5000\n", "-x\n"] {
            std::fs::write(scratch.join("last"), text).expect("a file");
            let error = LastRoom::at(scratch.join("last")).get().expect_err(text).to_string();
            assert!(error.contains("last, line 1: "), "{error}");
        }
    }
}

//! Removing what is staged, and measuring it, by handles alone.

use std::{
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, FileType},
    io::{Errno, Result},
};

use super::calls::{self, file_len, file_type, look, names};
use crate::transfer::manifest::MAX_DEPTH;

/// Most folders within each other that are looked into; what we stage has fewer.
const DEEPEST: usize = MAX_DEPTH + 4;

/// Removes what has this name, with all that is in it. Nothing of that name is all right.
pub(super) fn remove(at: impl AsFd, name: impl AsRef<Path>) -> Result<()> {
    remove_within(at.as_fd(), name.as_ref(), DEEPEST)
}

fn remove_within(at: BorrowedFd<'_>, name: &Path, deepest: usize) -> Result<()> {
    match look(at, name) {
        Ok(found) if file_type(&found) == FileType::Directory => {}
        Ok(_) => return calls::remove(at, name, AtFlags::empty()),
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    let deepest = deepest.checked_sub(1).ok_or(Errno::LOOP)?;
    let folder = calls::folder(at, name)?;
    for inner in names(&folder)? {
        remove_within(folder.as_fd(), inner.as_ref(), deepest)?;
    }
    calls::remove(at, name, AtFlags::REMOVEDIR)
}

/// The lengths of all files under a name together. What cannot be looked at counts nothing.
pub(super) fn measure(at: impl AsFd, name: impl AsRef<Path>) -> u64 {
    measure_within(at.as_fd(), name.as_ref(), DEEPEST)
}

fn measure_within(at: BorrowedFd<'_>, name: &Path, deepest: usize) -> u64 {
    let Ok(found) = look(at, name) else { return 0 };
    if let Some(len) = file_len(&found) {
        return len;
    }
    let Some(deepest) = deepest.checked_sub(1) else { return 0 };
    let Ok(folder) = calls::folder(at, name) else { return 0 };
    let names = names(&folder).unwrap_or_default();
    names.iter().fold(0, |sum: u64, inner| sum.saturating_add(measure_within(folder.as_fd(), inner.as_ref(), deepest)))
}

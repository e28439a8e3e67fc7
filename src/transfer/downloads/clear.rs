//! Removing what is staged, and measuring it, by handles alone.

use std::{ffi::CStr, os::fd::AsFd};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags},
    io::{Errno, Result},
};

use super::calls::{Calls, file_len, file_type, names_in, stat};
use crate::transfer::manifest::MAX_DEPTH;

/// Most folders within each other that are looked into; what we stage has fewer.
const DEEPEST: usize = MAX_DEPTH + 4;

/// Removes what has this name, with all that is in it. Nothing of that name is all right.
pub(super) fn remove(calls: &Calls, at: impl AsFd, name: &CStr) -> Result<()> {
    remove_within(calls, at, name, DEEPEST)
}

fn remove_within(calls: &Calls, at: impl AsFd, name: &CStr, deepest: usize) -> Result<()> {
    match stat(&at, name) {
        Ok(found) if file_type(&found) == FileType::Directory => {}
        Ok(_) => return calls.remove(at, name, AtFlags::empty()),
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    let deepest = deepest.checked_sub(1).ok_or(Errno::LOOP)?;
    let folder = open(&at, name)?;
    for inner in names_in(&folder)? {
        remove_within(calls, &folder, &inner, deepest)?;
    }
    calls.remove(at, name, AtFlags::REMOVEDIR)
}

/// The lengths of all files under a name together. What cannot be looked at counts nothing.
pub(super) fn measure(at: impl AsFd, name: &CStr) -> u64 {
    measure_within(at, name, DEEPEST)
}

fn measure_within(at: impl AsFd, name: &CStr, deepest: usize) -> u64 {
    let Ok(found) = stat(&at, name) else { return 0 };
    if let Some(len) = file_len(&found) {
        return len;
    }
    let Some(deepest) = deepest.checked_sub(1) else { return 0 };
    let Ok(folder) = open(&at, name) else { return 0 };
    let names = names_in(&folder).unwrap_or_default();
    names.iter().fold(0, |sum: u64, inner| sum.saturating_add(measure_within(&folder, inner, deepest)))
}

fn open(at: impl AsFd, name: &CStr) -> Result<rustix::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

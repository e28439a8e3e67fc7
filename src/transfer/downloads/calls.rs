//! The calls of the [`disk`] that the download folder is changed and read by. Each takes the handle of a folder and a
//! single name, and follows no symbolic link, so that nobody who moves folders meanwhile leads it elsewhere.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::fs::FileType;

#[cfg(target_os = "linux")]
pub(super) use crate::disk::sync_everything;
use crate::disk::{self, Mode, OFlags, Result, Stat, Timespec};
pub(super) use crate::disk::{create, link, lock, look, look_at, mkdir, names, read, remove, rename, rename_new};
pub(super) use crate::disk::{sync, truncate, write};

/// Opens a folder.
pub(super) fn folder(at: impl AsFd, name: impl AsRef<Path>) -> Result<OwnedFd> {
    disk::open(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens a file for writing, and creates it for this user only if `create` says so.
pub(super) fn open(at: impl AsFd, name: &str, create: OFlags) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    disk::open(at, name, flags | create, Mode::RUSR | Mode::WUSR)
}

/// Opens a file for reading; a pipe does not make it wait.
pub(super) fn open_to_read(at: impl AsFd, name: &str) -> Result<OwnedFd> {
    disk::open(at, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK, Mode::empty())
}

/// What kind of thing it is.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The length of a regular file.
pub(super) fn file_len(stat: &Stat) -> Option<u64> {
    (file_type(stat) == FileType::RegularFile).then(|| u64::try_from(stat.st_size).unwrap_or(0))
}

/// Sets when a file was last changed. Some file systems keep no such times, and nothing depends on them.
pub(super) fn set_modified(file: impl AsFd, modified: Timespec) {
    if let Err(error) = disk::set_modified(file, modified) {
        tracing::debug!(%error, "could not set the time of a file");
    }
}

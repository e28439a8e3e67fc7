//! The one file layer: every call of the system that changes the download folder, and those that open something in it.
//! Each takes the handle of a folder and a single name, and follows no symbolic link, so that nobody who moves folders
//! meanwhile leads it elsewhere. Tests let any of them fail.

use std::{
    ffi::CString,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps},
    io::{Errno, Result},
};

#[cfg(test)]
pub(super) mod faults;

/// What a call does, for tests that let it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transfer) enum Call {
    Folder,
    Create,
    Open,
    Mkdir,
    Write,
    Truncate,
    Sync,
    RenameNew,
    Rename,
    Link,
    Remove,
}

/// The calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    #[cfg(test)]
    pub(super) faults: faults::Faults,
}

impl Calls {
    #[cfg(not(test))]
    fn may(&self, _: Call) -> Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn may(&self, call: Call) -> Result<()> {
        self.faults.next(call)
    }

    #[cfg(not(test))]
    fn portion<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes
    }

    #[cfg(test)]
    fn portion<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.faults.portion(bytes)
    }

    /// Opens a folder.
    pub(super) fn folder(&self, at: impl AsFd, name: &str) -> Result<OwnedFd> {
        self.may(Call::Folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(at, name, flags, Mode::empty())
    }

    /// Creates a file that is not there, for writing.
    pub(super) fn create(&self, at: impl AsFd, name: &str, mode: Mode) -> Result<OwnedFd> {
        self.may(Call::Create)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(at, name, flags, mode)
    }

    /// Opens a file for writing, and creates it for this user only if `create` says so.
    pub(super) fn open(&self, at: impl AsFd, name: &str, create: OFlags) -> Result<OwnedFd> {
        self.may(Call::Open)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(at, name, flags | create, Mode::RUSR | Mode::WUSR)
    }

    /// Creates a folder that is not there.
    pub(super) fn mkdir(&self, at: impl AsFd, name: &str, mode: Mode) -> Result<()> {
        self.may(Call::Mkdir)?;
        rustix::fs::mkdirat(at, name, mode)
    }

    /// Writes all of it.
    pub(super) fn write(&self, file: impl AsFd, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = self.may(Call::Write).and_then(|()| rustix::io::write(&file, self.portion(rest)));
            match written {
                // Some file systems say so instead of an error.
                Ok(0) => return Err(Errno::IO),
                Ok(len) => rest = &rest[len..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Cuts a file.
    pub(super) fn truncate(&self, file: impl AsFd, len: u64) -> Result<()> {
        self.may(Call::Truncate)?;
        rustix::fs::ftruncate(file, len)
    }

    /// Brings a file or a folder to the disk.
    pub(super) fn sync(&self, file: impl AsFd) -> Result<()> {
        self.may(Call::Sync)?;
        // The drive's own cache is not meant by fsync there.
        #[cfg(target_os = "macos")]
        match rustix::fs::fcntl_fullfsync(&file) {
            Err(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL) => {}
            done => return done,
        }
        rustix::fs::fsync(file)
    }

    /// Brings everything in the file system of a handle to the disk, and tells of errors since the handle was opened.
    #[cfg(target_os = "linux")]
    pub(super) fn sync_everything(&self, file: impl AsFd) -> Result<()> {
        self.may(Call::Sync)?;
        rustix::fs::syncfs(file)
    }

    /// Gives what is `from` the name `to` in another folder, if nothing has it.
    pub(super) fn rename_new(&self, old: impl AsFd, from: &str, new: impl AsFd, to: &str) -> Result<()> {
        self.may(Call::RenameNew)?;
        rustix::fs::renameat_with(old, from, new, to, RenameFlags::NOREPLACE)
    }

    /// Gives what is `from` the name `to` in another folder in place of a placeholder.
    pub(super) fn rename(&self, old: impl AsFd, from: &str, new: impl AsFd, to: &str) -> Result<()> {
        self.may(Call::Rename)?;
        rustix::fs::renameat(old, from, new, to)
    }

    /// Gives the file `from` a second name in another folder, if nothing has it.
    pub(super) fn link(&self, old: impl AsFd, from: &str, new: impl AsFd, to: &str) -> Result<()> {
        self.may(Call::Link)?;
        rustix::fs::linkat(old, from, new, to, AtFlags::empty())
    }

    /// Removes a file, or an empty folder.
    pub(super) fn remove(&self, at: impl AsFd, name: impl rustix::path::Arg, flags: AtFlags) -> Result<()> {
        self.may(Call::Remove)?;
        rustix::fs::unlinkat(at, name, flags)
    }
}

/// Opens a file for reading; a pipe does not make it wait.
pub(super) fn open_to_read(at: impl AsFd, name: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

/// Reads once, unless a signal comes between.
pub(super) fn read(file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match rustix::io::read(&file, &mut *buffer) {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

/// What has a name, the link itself if it is one.
pub(super) fn stat(at: impl AsFd, name: impl rustix::path::Arg) -> Result<Stat> {
    rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// What kind of thing it is.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The length of a regular file.
pub(super) fn file_len(stat: &Stat) -> Option<u64> {
    (file_type(stat) == FileType::RegularFile).then(|| u64::try_from(stat.st_size).unwrap_or(0))
}

/// The names in a folder.
pub(super) fn names_in(folder: impl AsFd) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Sets when a file was last changed. Some file systems keep no such times, and nothing depends on them.
pub(super) fn set_modified(file: impl AsFd, modified: Timespec) {
    let times = Timestamps { last_access: modified, last_modification: modified };
    if let Err(error) = rustix::fs::futimens(file, &times) {
        tracing::debug!(%error, "could not set the time of a file");
    }
}

//! The one layer under the files that must be whole whatever happens: what is received, who this person is, whom they
//! know, what they have set.
//!
//! Each function is one call of the system, on the handle of a folder and a name in it, or on [`CWD`] and a path. In test
//! builds a `trial` counts the calls below a folder, lets any of them fail, ends the program's doings at it, or records
//! all of them and says what a power failure may leave behind. So what has to hold then is shown by walking through all
//! calls, and not by thinking of some.
//!
//! What a signal interrupts is done again where doing it twice does no harm; making, moving and removing names is an
//! error then, since a network file system may have done it all the same.

use std::{
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::Path,
};

pub(crate) use rustix::{
    fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, Stat, Timespec},
    io::{Errno, Result},
};
use rustix::{
    fs::{Dir, Timestamps},
    io::retry_on_intr,
};

#[cfg(test)]
pub(crate) mod trial;

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    folder: BorrowedFd<'a>,
    name: &'a Path,
}

/// A call, for a trial.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a trial looks at it"))]
enum Act<'a> {
    Open(At<'a>, OFlags),
    Mkdir(At<'a>),
    Write(BorrowedFd<'a>, &'a [u8]),
    Truncate(BorrowedFd<'a>, u64),
    Sync(BorrowedFd<'a>),
    SyncAll(BorrowedFd<'a>),
    Rename(At<'a>, At<'a>),
    RenameNew(At<'a>, At<'a>),
    Link(At<'a>, At<'a>),
    Remove(At<'a>),
    Read(BorrowedFd<'a>),
    List(BorrowedFd<'a>),
    Look(At<'a>),
    LookAt(BorrowedFd<'a>),
    Lock(BorrowedFd<'a>),
    /// Times and rights.
    Mark(BorrowedFd<'a>),
}

/// Makes a call, which is told how many bytes it may move.
#[cfg(not(test))]
#[inline(always)]
fn made<T>(_: &Act<'_>, call: impl FnOnce(usize) -> Result<T>) -> Result<T> {
    call(usize::MAX)
}

#[cfg(test)]
use trial::made;

/// The same, again if a signal comes between.
fn made_again<T>(act: &Act<'_>, mut call: impl FnMut(usize) -> Result<T>) -> Result<T> {
    retry_on_intr(|| made(act, &mut call))
}

/// Opens a file or a folder as the flags say.
pub(crate) fn open(folder: impl AsFd, name: impl AsRef<Path>, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    let at = At { folder: folder.as_fd(), name: name.as_ref() };
    let act = Act::Open(at, flags);
    let call = |_| rustix::fs::openat(at.folder, at.name, flags | OFlags::CLOEXEC, mode);
    // The second try would find what the first one made.
    if flags.contains(OFlags::EXCL) { made(&act, call) } else { made_again(&act, call) }
}

/// Creates a file that is not there, for writing.
pub(crate) fn create(folder: impl AsFd, name: impl AsRef<Path>, mode: Mode) -> Result<OwnedFd> {
    open(folder, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, mode)
}

/// Creates a folder that is not there.
pub(crate) fn mkdir(folder: impl AsFd, name: impl AsRef<Path>, mode: Mode) -> Result<()> {
    let at = At { folder: folder.as_fd(), name: name.as_ref() };
    made(&Act::Mkdir(at), |_| rustix::fs::mkdirat(at.folder, at.name, mode))
}

/// Creates a folder and those above it that are not there, and brings their names to the disk: what is in a folder is
/// not safe before the folder is.
pub(crate) fn make_folders(path: &Path, mode: Mode) -> Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut made = mkdir(CWD, path, mode);
    if made == Err(Errno::NOENT) && above != path {
        make_folders(above, mode)?;
        made = mkdir(CWD, path, mode);
    }
    if let Err(errno) = made {
        // Through the link, if it is one.
        return match look(CWD, path.join(".")) {
            Ok(_) => Ok(()),
            Err(Errno::NOTDIR | Errno::NOENT) => Err(errno),
            Err(other) => Err(other),
        };
    }
    let synced = match open(CWD, above, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Ok(above) => sync(above),
        // A folder that this user may add to but not read: it cannot be asked for.
        Err(Errno::ACCESS) => Ok(()),
        Err(errno) => Err(errno),
    };
    if synced.is_err() {
        // So that the next attempt does not take it for safe.
        let _ = remove(CWD, path, AtFlags::REMOVEDIR);
    }
    synced
}

/// Writes all of it.
pub(crate) fn write(file: impl AsFd, bytes: &[u8]) -> Result<()> {
    let file = file.as_fd();
    let mut rest = bytes;
    while !rest.is_empty() {
        let call = |most: usize| rustix::io::write(file, &rest[..rest.len().min(most)]);
        match made_again(&Act::Write(file, rest), call)? {
            // Some file systems say so instead of an error.
            0 => return Err(Errno::IO),
            len => rest = &rest[len..],
        }
    }
    Ok(())
}

/// Reads once.
pub(crate) fn read(file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
    let file = file.as_fd();
    made_again(&Act::Read(file), |_| rustix::io::read(file, &mut *buffer))
}

/// Reads to the end, but `most` bytes at the most.
pub(crate) fn read_all(file: impl AsFd, most: usize) -> Result<Vec<u8>> {
    const PIECE: usize = 64 * 1024;
    let mut bytes = Vec::new();
    let mut len = 0;
    while len < most {
        bytes.resize(most.min(len + PIECE), 0);
        match read(&file, &mut bytes[len..])? {
            0 => break,
            found => len += found,
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Cuts or lengthens a file.
pub(crate) fn truncate(file: impl AsFd, len: u64) -> Result<()> {
    let file = file.as_fd();
    made_again(&Act::Truncate(file, len), |_| rustix::fs::ftruncate(file, len))
}

/// Brings a file, or the names in a folder, to the disk.
pub(crate) fn sync(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    made_again(&Act::Sync(file), |_| {
        // The drive's own cache is not meant by fsync there.
        #[cfg(target_os = "macos")]
        match rustix::fs::fcntl_fullfsync(file) {
            Err(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL) => {}
            done => return done,
        }
        rustix::fs::fsync(file)
    })
}

/// Brings everything in the file system of a handle to the disk, and tells of errors since the handle was opened.
#[cfg(target_os = "linux")]
pub(crate) fn sync_everything(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    made_again(&Act::SyncAll(file), |_| rustix::fs::syncfs(file))
}

/// Gives what has the name `from` the name `to`, in place of whatever has it.
pub(crate) fn rename(old: impl AsFd, from: impl AsRef<Path>, new: impl AsFd, to: impl AsRef<Path>) -> Result<()> {
    let from = At { folder: old.as_fd(), name: from.as_ref() };
    let to = At { folder: new.as_fd(), name: to.as_ref() };
    made(&Act::Rename(from, to), |_| rustix::fs::renameat(from.folder, from.name, to.folder, to.name))
}

/// Gives what has the name `from` the name `to`, if nothing has it. Not all file systems can.
pub(crate) fn rename_new(old: impl AsFd, from: impl AsRef<Path>, new: impl AsFd, to: impl AsRef<Path>) -> Result<()> {
    let from = At { folder: old.as_fd(), name: from.as_ref() };
    let to = At { folder: new.as_fd(), name: to.as_ref() };
    made(&Act::RenameNew(from, to), |_| {
        rustix::fs::renameat_with(from.folder, from.name, to.folder, to.name, RenameFlags::NOREPLACE)
    })
}

/// Gives the file `from` a second name, if nothing has it. Not all file systems can.
pub(crate) fn link(old: impl AsFd, from: impl AsRef<Path>, new: impl AsFd, to: impl AsRef<Path>) -> Result<()> {
    let from = At { folder: old.as_fd(), name: from.as_ref() };
    let to = At { folder: new.as_fd(), name: to.as_ref() };
    made(&Act::Link(from, to), |_| rustix::fs::linkat(from.folder, from.name, to.folder, to.name, AtFlags::empty()))
}

/// Removes a file, or an empty folder with [`AtFlags::REMOVEDIR`].
pub(crate) fn remove(folder: impl AsFd, name: impl AsRef<Path>, flags: AtFlags) -> Result<()> {
    let at = At { folder: folder.as_fd(), name: name.as_ref() };
    made(&Act::Remove(at), |_| rustix::fs::unlinkat(at.folder, at.name, flags))
}

/// What has a name, the link itself if it is one.
pub(crate) fn look(folder: impl AsFd, name: impl AsRef<Path>) -> Result<Stat> {
    let at = At { folder: folder.as_fd(), name: name.as_ref() };
    made_again(&Act::Look(at), |_| rustix::fs::statat(at.folder, at.name, AtFlags::SYMLINK_NOFOLLOW))
}

/// What is open.
pub(crate) fn look_at(file: impl AsFd) -> Result<Stat> {
    let file = file.as_fd();
    made_again(&Act::LookAt(file), |_| rustix::fs::fstat(file))
}

/// The names in a folder.
pub(crate) fn names(folder: impl AsFd) -> Result<Vec<std::ffi::OsString>> {
    let folder = folder.as_fd();
    made_again(&Act::List(folder), |_| {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(std::ffi::OsString::from_vec(entry.file_name().to_bytes().to_vec()));
            }
        }
        Ok(names)
    })
}

/// Takes an advisory lock, which ends with the handle.
pub(crate) fn lock(file: impl AsFd, how: FlockOperation) -> Result<()> {
    let file = file.as_fd();
    made_again(&Act::Lock(file), |_| rustix::fs::flock(file, how))
}

/// Sets when a file was last changed.
pub(crate) fn set_modified(file: impl AsFd, modified: Timespec) -> Result<()> {
    let file = file.as_fd();
    let times = Timestamps { last_access: modified, last_modification: modified };
    made_again(&Act::Mark(file), |_| rustix::fs::futimens(file, &times))
}

/// Sets the rights to a file.
pub(crate) fn set_mode(file: impl AsFd, mode: Mode) -> Result<()> {
    let file = file.as_fd();
    made_again(&Act::Mark(file), |_| rustix::fs::fchmod(file, mode))
}

//! What the system says of a file, in the one form in which it is compared.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{FileType, Stat},
    io::Errno,
};

use crate::transfer::manifest::Modified;

/// What a file was at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) kind: FileType,
    pub(super) len: u64,
    pub(super) modified: Modified,
    /// When anything of it changed, rights and number of names included; nobody can set that back.
    pub(super) changed: (i64, i64),
    pub(super) executable: bool,
}

impl Stamp {
    #[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            kind: FileType::from_raw_mode(stat.st_mode as _),
            len: u64::try_from(stat.st_size).unwrap_or(0),
            // Below a second on all systems; a file system that says otherwise has no say.
            modified: Modified { secs: stat.st_mtime as i64, nanos: (stat.st_mtime_nsec as u32).min(999_999_999) },
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            executable: stat.st_mode & 0o100 != 0,
        }
    }

    /// Whether both are of one file.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// What it is, unless it is a file or a folder.
pub(super) fn special(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile | FileType::Directory => None,
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a named pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        _ => Some("of an unknown kind"),
    }
}

/// Whether the system makes up what is read from an open file or folder, as it does below `/proc` and `/sys`: lengths
/// there mean nothing, and names have no end.
pub(super) fn is_made_up(file: &OwnedFd, stamp: &Stamp) -> Result<bool, Errno> {
    if on_kernel_system(file)? {
        return Ok(true);
    }
    // What such file systems have in common is files of no length that have content. It is opened so that it cannot
    // make us wait.
    let mut byte = [0];
    let empty = stamp.kind == FileType::RegularFile && stamp.len == 0;
    Ok(empty && matches!(rustix::io::pread(file, &mut byte, 0), Ok(1..)))
}

#[cfg(target_os = "linux")]
pub(super) fn on_kernel_system(file: impl AsFd) -> Result<bool, Errno> {
    const SYSFS: rustix::fs::FsWord = 0x6265_6572;
    let found = rustix::fs::fstatfs(file)?.f_type;
    Ok(found == rustix::fs::PROC_SUPER_MAGIC || found == SYSFS)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn on_kernel_system(_: impl AsFd) -> Result<bool, Errno> {
    Ok(false)
}

//! The download folder: what is received is staged in it, checked and given its name there, all by the one handle that
//! is opened at the beginning. It knows plans and bytes, not who sends them.
//!
//! Everything here blocks: callers have threads for it.

mod calls;
mod clear;
mod error;
mod keep;
mod partial;
mod plan;
mod read;
mod settle;
mod staging;

use std::{
    io,
    ops::ControlFlow,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{Access, AtFlags, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use calls::{file_type, open_to_read};
use error::folder_error;
pub use error::{DiskError, OpenError, PlanError};
pub use partial::Key;
pub use plan::{Kind, Plan};
pub use staging::Staging;

use super::name::SafeName;
use crate::disk::make_folders;

/// The download folder. Copies are cheap and mean the same folder.
#[derive(Clone, Debug)]
pub struct Downloads {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    folder: OwnedFd,
    /// What the folder was when it was opened.
    stat: Stat,
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its name in the download folder.
    pub name: String,
    /// Its whole path, for a person.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// The BLAKE3 of its content, once somebody has compared it.
    pub hash: Option<[u8; 32]>,
}

impl Downloads {
    /// Opens the folder, and creates it and those above it if there is none, as any folder of this user: 0755 less the
    /// umask. A symbolic link is followed if this user or the system made it.
    ///
    /// # Errors
    ///
    /// If it is the home folder or `/`, another user's, not writable, or not there and cannot be created.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_but(path, std::env::home_dir().as_deref())
    }

    fn open_but(path: &Path, home: Option<&Path>) -> Result<Self, OpenError> {
        let path = std::path::absolute(path).map_err(folder_error("find", path))?;
        let user = rustix::process::geteuid().as_raw();
        let target = match rustix::fs::lstat(&path) {
            Ok(found) if file_type(&found) == FileType::Symlink => {
                if ![user, 0].contains(&found.st_uid) {
                    return Err(OpenError::Link(path));
                }
                path.canonicalize().map_err(folder_error("open", &path))?
            }
            Ok(_) => path.clone(),
            Err(Errno::NOENT) => {
                // It is safe on the disk before anything in it is.
                make_folders(&path, Mode::from_raw_mode(0o755)).map_err(folder_error("create", &path))?;
                path.clone()
            }
            Err(errno) => return Err(folder_error("open", &path)(errno)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&target, flags, Mode::empty()).map_err(folder_error("open", &path))?;
        let stat = rustix::fs::fstat(&folder).map_err(folder_error("open", &path))?;
        let is = |other: &Path| rustix::fs::stat(other).is_ok_and(|other| same(&other, &stat));
        if is(Path::new("/")) {
            return Err(OpenError::Root);
        }
        if home.is_some_and(is) {
            return Err(OpenError::Home(path));
        }
        if stat.st_uid != user {
            return Err(OpenError::Owner(path));
        }
        let access = Access::WRITE_OK | Access::EXEC_OK;
        rustix::fs::accessat(&folder, ".", access, AtFlags::empty()).map_err(folder_error("write to", &path))?;
        Ok(Self { shared: Arc::new(Shared { path, folder, stat }) })
    }

    /// The folder, for a person.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// How many bytes this user can still write there.
    ///
    /// # Errors
    ///
    /// If the system refuses to say.
    pub fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.shared.folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// How many partials there are, and their bytes.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn partials(&self) -> io::Result<(usize, u64)> {
        partial::measure(&self.shared)
    }

    /// Removes the partials that nobody writes, or has written for `max_age`, and tells how many.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read. A partial that cannot be removed stays.
    pub fn sweep(&self, max_age: Duration) -> io::Result<usize> {
        partial::sweep(&self.shared, max_age)
    }

    /// A place to write what is planned, nobody else's while it lasts. What was left under this key and nobody uses is
    /// taken up again.
    ///
    /// # Errors
    ///
    /// If the system refuses, or the folder is no longer where it was.
    pub fn stage(&self, key: &Key, plan: Plan) -> Result<Staging, DiskError> {
        partial::stage(&self.shared, key, plan)
    }

    /// Whether something was left under this key, used by nobody or not.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn has_partial(&self, key: &Key) -> io::Result<bool> {
        partial::any(&self.shared, key)
    }

    /// Removes what was left under this key and nobody uses.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, or something of it cannot be removed.
    pub fn forget(&self, key: &Key) -> io::Result<()> {
        partial::forget(&self.shared, key)
    }

    /// Whether anything has this name.
    pub fn has(&self, name: &SafeName) -> bool {
        calls::look(&self.shared.folder, name.as_str()).is_ok()
    }

    /// What has the name that the plan asks for, if it is exactly of the planned shape: its names and lengths, and
    /// nothing else. Its content may still be another.
    pub fn existing(&self, plan: &Plan) -> Option<Existing> {
        let (shared, root) = (&self.shared, plan.top.as_str());
        let same = read::same_shape(&shared.folder, root, plan).ok()?;
        same.then(|| Existing { shared: shared.clone(), plan: plan.clone() })
    }

    /// The beginning of a file that was saved, at most `limit` bytes of it.
    ///
    /// # Errors
    ///
    /// If it is no file, or no longer there.
    pub fn read_small(&self, saved: &Saved, limit: usize) -> io::Result<Vec<u8>> {
        let file = open_to_read(&self.shared.folder, &saved.name)?;
        if file_type(&calls::look_at(&file)?) != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = vec![0; limit];
        let mut len = 0;
        while len < limit {
            match calls::read(&file, &mut bytes[len..])? {
                0 => break,
                found => len += found,
            }
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// Something in the download folder that may be what is offered.
#[derive(Debug)]
pub struct Existing {
    shared: Arc<Shared>,
    plan: Plan,
}

impl Existing {
    /// The path, for a person.
    pub fn path(&self) -> PathBuf {
        self.shared.path.join(self.plan.top.as_str())
    }

    /// What it would be, as [`Staging::save`] tells it.
    pub fn saved(&self) -> Saved {
        Saved { name: self.plan.top.as_str().to_owned(), path: self.path(), kind: self.plan.kind, hash: None }
    }

    /// The name it has.
    pub fn name(&self) -> &SafeName {
        &self.plan.top
    }

    /// Reads the first `len` bytes of its content, as [`Staging::hash`] does.
    ///
    /// # Errors
    ///
    /// If there are not so many, or the system refuses.
    pub fn hash(&self, len: u64, step: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
        let root = self.plan.top.as_str();
        read::feed((&self.shared.folder, root), &self.plan, len, step)
    }
}

impl Shared {
    /// Whether the path still leads to the folder that was opened: not if it was removed, moved or unmounted.
    fn still_there(&self) -> Result<(), DiskError> {
        let path = self.path.to_string_lossy();
        let gone = error::disk_error("find the download folder", &path);
        match rustix::fs::stat(&self.path) {
            Ok(found) if same(&found, &self.stat) => Ok(()),
            Ok(_) => Err(gone(Errno::NOENT)),
            Err(errno) => Err(gone(errno)),
        }
    }
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

#[cfg(test)]
mod tests;

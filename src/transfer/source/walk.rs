//! From a folder to its manifest.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::fd::OwnedFd,
    path::Path,
};

use rustix::{
    fs::{Access, AtFlags, Dir, FileType, Mode, OFlags, accessat, fstat, openat, statat},
    io::Errno,
};

use super::{
    OPEN, Report, SourceError, Stamp,
    names::{Found as FoundNames, Name, Names},
    special,
    stamp::on_kernel_system,
};
use crate::transfer::manifest::{Builder, FileEntry, Limit, MAX_ENTRIES, MAX_NAME, Manifest, ManifestError, Trail};

/// What a walk found.
pub(super) struct Found {
    pub(super) manifest: Manifest,
    pub(super) report: Report,
    /// See `Source::real`.
    pub(super) real: BTreeMap<u32, OsString>,
}

pub(super) struct Walk<'a> {
    stop: &'a dyn Fn() -> bool,
    builder: Builder,
    report: Report,
    real: BTreeMap<u32, OsString>,
    /// Files and folders so far.
    count: u32,
    trail: Trail,
    /// The folders that are being walked, each within the one before it.
    levels: Vec<Level>,
}

/// A folder that is being walked.
struct Level {
    handle: OwnedFd,
    stamp: Stamp,
    names: Names,
}

/// Why a folder is not listed.
enum NotListed {
    Refused(Errno),
    Failed(SourceError),
}

impl From<Errno> for NotListed {
    fn from(error: Errno) -> Self {
        Self::Refused(error)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(stop: &'a dyn Fn() -> bool, report: Report) -> Self {
        let (builder, real, trail) = (Builder::new(), BTreeMap::new(), Trail::default());
        Self { stop, builder, report, real, count: 0, trail, levels: Vec::new() }
    }

    /// Walks the folder that `root` is; `typed` is what the person calls it.
    pub(super) fn run(mut self, root: &OwnedFd, stamp: Stamp, typed: &Path) -> Result<Found, SourceError> {
        let refused = |error: Errno| SourceError::Io { path: typed.to_owned(), error: error.into() };
        let handle = rustix::io::fcntl_dupfd_cloexec(root, 0).map_err(refused)?;
        let names = self.list(&handle).map_err(|error| match error {
            NotListed::Refused(error) => refused(error),
            NotListed::Failed(error) => error,
        })?;
        self.levels.push(Level { handle, stamp, names });
        while let Some(level) = self.levels.last_mut() {
            if (self.stop)() {
                return Err(SourceError::Stopped);
            }
            match level.names.next() {
                Some(name) => self.entry(name)?,
                None => self.leave()?,
            }
        }
        let manifest = self.builder.finish().map_err(|error| over(".", error))?;
        Ok(Found { manifest, report: self.report, real: self.real })
    }

    fn entry(&mut self, name: Name) -> Result<(), SourceError> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let real = name.real.as_deref().unwrap_or(OsStr::new(&name.travels));
        let stamp = match statat(&level.handle, real, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Stamp::of(&stat),
            Err(error) => return self.skip(&name, reason(error)),
        };
        match stamp.kind {
            FileType::RegularFile => {
                // Without opening it, which takes longer than all the rest; what is opened later counts.
                if let Err(error) = accessat(&level.handle, real, Access::READ_OK, AtFlags::empty()) {
                    return self.skip(&name, reason(error));
                }
                let Stamp { len, modified, executable, .. } = stamp;
                let file = FileEntry { name: &name.travels, len, modified, executable };
                let done = self.builder.file(file);
                self.take(name, done)
            }
            FileType::Directory => self.enter(name),
            kind => self.skip(&name, special(kind).unwrap_or("of an unknown kind")),
        }
    }

    fn enter(&mut self, name: Name) -> Result<(), SourceError> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let real = name.real.as_deref().unwrap_or(OsStr::new(&name.travels));
        let opened = openat(&level.handle, real, OPEN | OFlags::NOFOLLOW | OFlags::DIRECTORY, Mode::empty());
        let opened = opened.and_then(|handle| Ok((Stamp::of(&fstat(&handle)?), on_kernel_system(&handle)?, handle)));
        let (stamp, made_up, handle) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.skip(&name, reason(error)),
        };
        if made_up {
            return self.skip(&name, "made up by the system as it is read");
        }
        // Mounts can do that, without any link.
        if self.levels.iter().any(|level| level.stamp.is(&stamp)) {
            return self.skip(&name, "it leads back to a folder that it is in");
        }
        // Before the folder counts: its depth can be over the limit, and then listing it is of no use.
        let travels = name.travels.clone();
        if self.levels.len() as u64 > Limit::Depth.most() {
            let done = self.builder.folder(&travels);
            return self.take(name, done);
        }
        self.trail.enter(&travels);
        let listed = self.list(&handle);
        self.trail.leave();
        let names = match listed {
            Ok(names) => names,
            Err(NotListed::Refused(error)) => return self.skip(&name, reason(error)),
            Err(NotListed::Failed(error)) => return Err(error),
        };
        let done = self.builder.folder(&travels);
        self.take(name, done)?;
        self.trail.enter(&travels);
        self.levels.push(Level { handle, stamp, names });
        Ok(())
    }

    /// Ends the folder whose names are all taken.
    fn leave(&mut self) -> Result<(), SourceError> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        let now = fstat(&level.handle).map(|stat| Stamp::of(&stat));
        if now.is_ok_and(|now| now.modified != level.stamp.modified) {
            let path = self.trail.folder();
            self.report.note(if path.is_empty() { "." } else { path }, "changed while it was listed");
        }
        self.trail.leave();
        if self.levels.is_empty() {
            return Ok(());
        }
        self.builder.up().map_err(|error| over(".", error))
    }

    /// The names in a folder, which is the one that the trail leads to.
    fn list(&mut self, folder: &OwnedFd) -> Result<Names, NotListed> {
        let mut found = FoundNames::default();
        for entry in Dir::new(rustix::io::fcntl_dupfd_cloexec(folder, 0)?)? {
            if (self.stop)() {
                return Err(NotListed::Failed(SourceError::Stopped));
            }
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if name.len() > MAX_NAME {
                let path = self.trail.path(&String::from_utf8_lossy(name)).to_owned();
                self.report.skipped(&path, format_args!("the name has {} bytes, {MAX_NAME} can travel", name.len()));
                continue;
            }
            found.push(name);
            if found.len() > MAX_ENTRIES as usize {
                let error = ManifestError::Limit { limit: Limit::Entries, found: found.len() as u64 };
                return Err(NotListed::Failed(over(self.trail.path(""), error)));
            }
        }
        Ok(found.finish())
    }

    /// Counts an entry that the builder took.
    fn take(&mut self, name: Name, done: Result<(), ManifestError>) -> Result<(), SourceError> {
        let path = self.trail.path(&name.travels);
        done.map_err(|error| over(path, error))?;
        if let Some(real) = name.real {
            self.report.renamed(&real, path);
            self.real.insert(self.count, real);
        }
        self.count += 1;
        Ok(())
    }

    fn skip(&mut self, name: &Name, reason: impl std::fmt::Display) -> Result<(), SourceError> {
        self.report.skipped(self.trail.path(&name.travels), reason);
        Ok(())
    }
}

fn over(path: &str, error: ManifestError) -> SourceError {
    let path = if path.is_empty() { "." } else { path };
    // A path can be 4 KiB: its end says less than its beginning.
    let cut = &path[..path.floor_char_boundary(200)];
    let dots = if cut.len() < path.len() { "…" } else { "" };
    SourceError::Limit { path: format!("{cut}{dots}"), error }
}

fn reason(error: Errno) -> String {
    match error {
        Errno::NOENT => "gone since the folder was listed".to_owned(),
        Errno::ACCESS | Errno::PERM => "not readable".to_owned(),
        error => std::io::Error::from(error).to_string(),
    }
}

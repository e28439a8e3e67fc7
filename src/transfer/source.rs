//! What somebody offers, at their own side: a file or a folder, its manifest, and its content from any place on.
//!
//! A source holds one descriptor, of the file or of the folder, for as long as it is offered. Everything in a folder is
//! opened from there, component by component, and no symbolic link is followed; only the path that the person typed may
//! be one. What is there must be what the manifest says: each file is compared when it is opened and again after its
//! last byte, and the path that was typed has to lead to the same file or folder whenever reading begins. A file
//! that takes the place of the offered one is therefore a change, even though the old one could still be read.
//!
//! A change that keeps length and time, within the same tick of the file system's clock, is not noticed; the hash over
//! the content, which the reader of the bytes computes, still says what was sent.
//!
//! All of it blocks: it is for threads that may.

mod names;
mod read;
mod report;
mod stamp;
mod tree;
mod walk;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    os::fd::OwnedFd,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::manifest::{FileEntry, Manifest, ManifestError};
pub use {
    read::{Difference, MAX_DIFFERENCES, ReadError, Reader},
    report::{MAX_LINES, Report},
};
use {
    stamp::{Stamp, is_made_up, special},
    walk::Walk,
};

/// How everything is opened: without waiting for the other end of a pipe, and without becoming a terminal's owner.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Why something cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refuses.
    #[error("could not open {}: {error}", path.display())]
    Io {
        /// What was asked for.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is no file and no folder.
    #[error("{} is {what}, and only files and folders can be offered", path.display())]
    Special {
        /// What was asked for.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It is the root of all folders.
    #[error("/ is the whole system: offer a folder in it")]
    Root,
    /// It is more than a manifest holds.
    #[error("{path}: {error}")]
    Limit {
        /// Where the walk was.
        path: String,
        /// What is too much.
        error: ManifestError,
    },
    /// The walk was stopped.
    #[error("stopped")]
    Stopped,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file.
    File,
    /// A folder and what is in it.
    Folder,
}

/// A file or folder that can be offered.
#[derive(Debug)]
pub struct Source {
    manifest: Arc<Manifest>,
    name: String,
    kind: Kind,
    report: Report,
    /// The path that was typed, made absolute.
    path: PathBuf,
    /// The file or folder itself.
    root: OwnedFd,
    /// What `root` was when the manifest was made.
    stamp: Stamp,
    /// The names that travel as something else, by their place among the manifest's files and folders.
    real: BTreeMap<u32, OsString>,
}

impl Source {
    /// The file or folder at `path`, as a person typed it; a symbolic link there, and only there, is followed.
    ///
    /// `stop` is asked before each entry of a folder and ends the walk by saying yes.
    ///
    /// # Errors
    ///
    /// If it is neither file nor folder, cannot be read, or holds more than a manifest can. What cannot be offered
    /// within a folder is no error but left out: see [`Self::report`].
    pub fn open(path: &Path, stop: &dyn Fn() -> bool) -> Result<Self, SourceError> {
        let typed = path;
        let refused = |error| SourceError::Io { path: typed.to_owned(), error };
        let path = std::path::absolute(typed).map_err(refused)?;
        // Opening a device can act on it, so its kind is asked for first; what was opened counts.
        let check = |stamp: &Stamp| match special(stamp.kind) {
            Some(what) => Err(SourceError::Special { path: typed.to_owned(), what }),
            None => Ok(()),
        };
        check(&Stamp::of(&rustix::fs::stat(&path).map_err(|error| refused(error.into()))?))?;
        let real = path.canonicalize().map_err(refused)?;
        let name = path.file_name().or(real.file_name()).filter(|_| real != Path::new("/"));
        let mut report = Report::default();
        let name = travelling(name.ok_or(SourceError::Root)?, &mut report);
        let root = rustix::fs::openat(CWD, &path, OPEN, Mode::empty()).map_err(|error| refused(error.into()))?;
        let stamp = Stamp::of(&rustix::fs::fstat(&root).map_err(|error| refused(error.into()))?);
        check(&stamp)?;
        if is_made_up(&root, &stamp).map_err(|error| refused(error.into()))? {
            return Err(SourceError::Special { path: typed.to_owned(), what: "made up by the system as it is read" });
        }
        if stamp.kind == FileType::RegularFile {
            let file =
                FileEntry { name: &name, len: stamp.len, modified: stamp.modified, executable: stamp.executable };
            let manifest = Manifest::single(file).map_err(|error| SourceError::Limit { path: name.clone(), error })?;
            let (manifest, real) = (Arc::new(manifest), BTreeMap::new());
            return Ok(Self { manifest, name, kind: Kind::File, report, path, root, stamp, real });
        }
        let found = Walk::new(stop, report).run(&root, stamp, typed)?;
        let (manifest, report, real) = (Arc::new(found.manifest), found.report, found.real);
        Ok(Self { manifest, name, kind: Kind::Folder, report, path, root, stamp, real })
    }

    /// What it holds.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Its own name, which can travel.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What of it is not offered, or not as it is.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The name that the entry really has: `index` counts files and folders.
    fn real<'a>(&'a self, index: u32, name: &'a str) -> &'a OsStr {
        self.real.get(&index).map_or(OsStr::new(name), OsString::as_os_str)
    }
}

fn travelling(name: &OsStr, report: &mut Report) -> String {
    let travels = names::travelling(name.as_bytes());
    if travels.as_bytes() != name.as_bytes() {
        report.renamed(name, &travels);
    }
    travels
}

#[cfg(test)]
mod tests;

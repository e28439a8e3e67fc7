//! The content of a source from any place on, and what has become of it.

use std::{
    ffi::OsStr,
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use super::{Kind, OPEN, Source, Stamp, tree::Tree};
use crate::transfer::manifest::{Entries, Entry, FileEntry, Picker, Selection, SelectionError, Trail};

/// Most lines of [`Source::differences`].
pub const MAX_DIFFERENCES: usize = 20;

/// From this length on the system is told that a file is read from its beginning to its end.
#[cfg(not(target_vendor = "apple"))]
const LONG: u64 = 1024 * 1024;

/// What has become of something that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Nothing has its name any more.
    Gone,
    /// Something else has its name: another file or folder, or what is neither.
    Replaced,
    /// It has another length.
    Length,
    /// It was changed at another time.
    Time,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "is gone",
            Self::Replaced => "is not what it was",
            Self::Length => "has another length",
            Self::Time => "was changed since it was offered",
        })
    }
}

/// Why the content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source is no longer what its manifest says.
    #[error("source changed: {path} {what}")]
    Changed {
        /// What of it, from the top of the offer.
        path: String,
        /// What has become of it.
        what: Difference,
    },
    /// The system refuses.
    #[error("{path}: {error}")]
    Io {
        /// What was read, from the top of the offer.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// It was asked for what is not in the manifest.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// It was asked for what is beyond the end.
    #[error("byte {offset} of {len}")]
    Offset {
        /// Where reading was to begin.
        offset: u64,
        /// How much there is.
        len: u64,
    },
    /// Reading failed before, and what follows would be in the wrong place.
    #[error("reading failed before")]
    Failed,
}

impl Source {
    /// Reads the content of the files that `selection` means, from `offset` on. Nothing before that is read, and files
    /// that end before it are not looked at.
    ///
    /// # Errors
    ///
    /// If the path of the source leads to something else than before, or there is no such place.
    pub fn reader<'a>(&'a self, selection: &'a Selection, offset: u64) -> Result<Reader<'a>, ReadError> {
        selection.check(&self.manifest)?;
        let len = self.manifest.len_of(selection);
        if offset > len {
            return Err(ReadError::Offset { offset, len });
        }
        self.check().map_err(|what| what.at(&self.name))?;
        Ok(Reader {
            source: self,
            entries: self.manifest.entries(),
            picker: Picker::new(selection),
            skip: offset,
            count: 0,
            trail: Trail::default(),
            tree: Tree::new(self.root.as_fd()),
            file: None,
            failed: false,
            #[cfg(test)]
            fails_at: None,
        })
    }

    /// What differs from the manifest, one line each, at most [`MAX_DIFFERENCES`]. It looks at every file; what came
    /// into a folder since is not told.
    pub fn differences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Err(what) = self.check() {
            lines.push(what.at(&self.name).line());
        }
        if self.kind == Kind::File {
            return lines;
        }
        let mut tree = Tree::new(self.root.as_fd());
        let (mut trail, mut count) = (Trail::default(), 0);
        // The depth of a folder that cannot be opened: one line is enough for all that was in it.
        let mut lost = None;
        for entry in self.manifest.entries() {
            if lines.len() >= MAX_DIFFERENCES {
                break;
            }
            match entry {
                Entry::Folder { name } => {
                    tree.enter(self.real(count, name));
                    trail.enter(name);
                    count += 1;
                    if lost.is_none()
                        && let Err(error) = tree.folder()
                    {
                        lines.push(What::from(error).at(trail.folder()).line());
                        lost = Some(tree.depth());
                    }
                }
                Entry::Up => {
                    lost = lost.filter(|depth| *depth < tree.depth());
                    tree.leave();
                    trail.leave();
                }
                Entry::File(file) => {
                    let real = self.real(count, file.name);
                    count += 1;
                    if lost.is_none()
                        && let Err(what) = look(&mut tree, real, &file)
                    {
                        lines.push(what.at(trail.path(file.name)).line());
                    }
                }
            }
        }
        lines
    }

    /// Whether the path still leads to what was opened, and a file is what it was.
    fn check(&self) -> Result<(), What> {
        let there = Stamp::of(&rustix::fs::stat(&self.path)?);
        if !there.is(&self.stamp) {
            return Err(Difference::Replaced.into());
        }
        if self.kind == Kind::File {
            unchanged(&self.stamp, &Stamp::of(&fstat(&self.root)?))?;
        }
        Ok(())
    }
}

/// The bytes of a source in the order of its manifest, see [`Source::reader`].
#[derive(Debug)]
pub struct Reader<'a> {
    source: &'a Source,
    entries: Entries<'a>,
    picker: Picker<'a>,
    /// How many bytes of the content are still to be passed over.
    skip: u64,
    /// Files and folders so far.
    count: u32,
    trail: Trail,
    tree: Tree<'a>,
    file: Option<Open<'a>>,
    failed: bool,
    /// Where in a file the disk fails.
    #[cfg(test)]
    pub(super) fails_at: Option<u64>,
}

/// The file that is being read.
#[derive(Debug)]
struct Open<'a> {
    name: &'a str,
    /// None if it is the source itself.
    handle: Option<OwnedFd>,
    stamp: Stamp,
    /// The place of the next byte.
    at: u64,
}

impl Reader<'_> {
    /// Fills all of `buf` from as many files as it takes, or less at the end of the content, where it is 0.
    ///
    /// # Errors
    ///
    /// If a file is not, or while it is read does not stay, what the manifest says, or cannot be read. What is in `buf`
    /// is then of no use, and so is the reader.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        if self.failed {
            return Err(ReadError::Failed);
        }
        let done = self.fill(buf);
        self.failed = done.is_err();
        done
    }

    fn fill(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < buf.len() {
            let Some(file) = &mut self.file else {
                if !self.next_file()? {
                    break;
                }
                continue;
            };
            let left = usize::try_from(file.stamp.len - file.at).unwrap_or(usize::MAX);
            let most = left.min(buf.len() - filled);
            if most > 0 {
                let handle = file.handle.as_ref().unwrap_or(&self.source.root);
                #[cfg(test)]
                let done = if self.fails_at == Some(file.at) { Err(Errno::IO) } else { Ok(()) };
                #[cfg(not(test))]
                let done = Ok(());
                match done.and_then(|()| rustix::io::pread(handle, &mut buf[filled..filled + most], file.at)) {
                    Ok(0) => return Err(What::from(Difference::Length).at(self.trail.path(file.name))),
                    Ok(some) => {
                        filled += some;
                        file.at += some as u64;
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(What::Refused(error).at(self.trail.path(file.name))),
                }
            }
            if file.at == file.stamp.len {
                let handle = file.handle.as_ref().unwrap_or(&self.source.root);
                let now = fstat(handle).map_err(What::Refused).map(|stat| Stamp::of(&stat));
                let same = now.and_then(|now| Ok(unchanged(&file.stamp, &now)?));
                same.map_err(|what| what.at(self.trail.path(file.name)))?;
                self.file = None;
            }
        }
        Ok(filled)
    }

    /// Opens the next file of the selection that does not lie before the offset; says whether there is one.
    fn next_file(&mut self) -> Result<bool, ReadError> {
        let source = self.source;
        loop {
            match self.entries.next() {
                None => return Ok(false),
                Some(Entry::Folder { name }) => {
                    self.tree.enter(source.real(self.count, name));
                    self.trail.enter(name);
                    self.count += 1;
                }
                Some(Entry::Up) => {
                    self.tree.leave();
                    self.trail.leave();
                }
                Some(Entry::File(file)) => {
                    let index = self.count;
                    self.count += 1;
                    if !self.picker.take_next() {
                        continue;
                    }
                    // An empty file at the offset itself does not lie before it.
                    if self.skip > 0 && self.skip >= file.len {
                        self.skip -= file.len;
                        continue;
                    }
                    let at = std::mem::take(&mut self.skip);
                    let opened = self.open(&file, index);
                    let (handle, stamp) = opened.map_err(|what| what.at(self.trail.path(file.name)))?;
                    advise(handle.as_ref().unwrap_or(&source.root).as_fd(), at, stamp.len);
                    self.file = Some(Open { name: file.name, handle, stamp, at });
                    return Ok(true);
                }
            }
        }
    }

    fn open(&mut self, file: &FileEntry<'_>, index: u32) -> Result<(Option<OwnedFd>, Stamp), What> {
        if self.source.kind == Kind::File {
            let stamp = Stamp::of(&fstat(&self.source.root)?);
            unchanged(&self.source.stamp, &stamp)?;
            return Ok((None, stamp));
        }
        let folder = self.tree.folder()?;
        let handle = openat(folder, self.source.real(index, file.name), OPEN | OFlags::NOFOLLOW, Mode::empty())?;
        let stamp = Stamp::of(&fstat(&handle).map_err(What::Refused)?);
        compare(&stamp, file)?;
        Ok((Some(handle), stamp))
    }
}

/// Whether what is there is what the manifest says, without opening it.
fn look<'a>(tree: &mut Tree<'a>, real: &'a OsStr, file: &FileEntry<'_>) -> Result<(), What> {
    let stat = statat(tree.folder()?, real, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(compare(&Stamp::of(&stat), file)?)
}

/// Whether the file is what the manifest says.
fn compare(now: &Stamp, file: &FileEntry<'_>) -> Result<(), Difference> {
    if now.kind != FileType::RegularFile {
        return Err(Difference::Replaced);
    }
    if now.len != file.len {
        return Err(Difference::Length);
    }
    if now.modified != file.modified { Err(Difference::Time) } else { Ok(()) }
}

/// Whether an open file is what it was, its rights and number of names included.
fn unchanged(before: &Stamp, now: &Stamp) -> Result<(), Difference> {
    if now.len != before.len {
        return Err(Difference::Length);
    }
    let same = (now.modified, now.changed) == (before.modified, before.changed);
    if same { Ok(()) } else { Err(Difference::Time) }
}

#[cfg(not(target_vendor = "apple"))]
fn advise(file: BorrowedFd<'_>, at: u64, len: u64) {
    if len >= LONG {
        // It only makes reading faster: nothing depends on it.
        let _ = rustix::fs::fadvise(file, at, None, rustix::fs::Advice::Sequential);
    }
}

#[cfg(target_vendor = "apple")]
fn advise(_: BorrowedFd<'_>, _: u64, _: u64) {}

/// What stands in the way of reading a file, before it is known which one.
enum What {
    Differs(Difference),
    Refused(Errno),
}

impl What {
    fn at(self, path: &str) -> ReadError {
        let path = path.to_owned();
        match self {
            Self::Differs(what) => ReadError::Changed { path, what },
            Self::Refused(error) => ReadError::Io { path, error: error.into() },
        }
    }
}

impl From<Difference> for What {
    fn from(what: Difference) -> Self {
        Self::Differs(what)
    }
}

/// Opening or looking failed: a name that leads to nothing, or to something that is never opened, is a difference.
impl From<Errno> for What {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => Self::Differs(Difference::Gone),
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Self::Differs(Difference::Replaced),
            error => Self::Refused(error),
        }
    }
}

impl ReadError {
    /// As a line of a list of differences, where it goes without saying that they are.
    fn line(self) -> String {
        match self {
            Self::Changed { path, what } => format!("{path} {what}"),
            other => other.to_string(),
        }
    }
}

//! Making a manifest: from a walk, or from what a peer sends. The one place where it is checked.

use std::{fmt, ops::Range};

use super::{Entry, FileEntry, Manifest, encoding};
pub use crate::limits::file::{MAX_DEPTH, MAX_ENCODED, MAX_ENTRIES, MAX_NAME, MAX_PATH};

/// From so many bytes on there is room for all.
const MUCH: usize = 1024 * 1024;

/// Greatest length of the whole content, in bytes: what fits a signed offset within a file.
pub const MAX_TOTAL: u64 = i64::MAX as u64;

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// What a manifest can have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// See [`MAX_ENTRIES`].
    Entries,
    /// See [`MAX_ENCODED`].
    Encoded,
    /// See [`MAX_DEPTH`].
    Depth,
    /// See [`MAX_NAME`].
    Name,
    /// See [`MAX_PATH`].
    Path,
    /// See [`MAX_TOTAL`].
    Total,
}

impl Limit {
    /// The most that is allowed.
    pub fn most(self) -> u64 {
        match self {
            Self::Entries => MAX_ENTRIES.into(),
            Self::Encoded => MAX_ENCODED as u64,
            Self::Depth => MAX_DEPTH as u64,
            Self::Name => MAX_NAME as u64,
            Self::Path => MAX_PATH as u64,
            Self::Total => MAX_TOTAL,
        }
    }

    /// Whether `found` is allowed.
    pub(super) fn check(self, found: u64) -> Result<(), ManifestError> {
        if found <= self.most() { Ok(()) } else { Err(ManifestError::Limit { limit: self, found }) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entries => "files and folders",
            Self::Encoded => "bytes of listing",
            Self::Depth => "folders within each other",
            Self::Name => "bytes of a name",
            Self::Path => "bytes of a path",
            Self::Total => "bytes of content",
        })
    }
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// There is too much of something.
    #[error("{found} {limit}, where {} are allowed", .limit.most())]
    Limit {
        /// Of what.
        limit: Limit,
        /// How many there are, at least.
        found: u64,
    },
    /// The bytes are not the one encoding of an entry.
    #[error("a listing that makes no sense")]
    Form,
    /// The bytes end within an entry.
    #[error("a listing that ends too early")]
    Cut,
    /// A name that is not one component of a path.
    #[error("the name {0:?}, which is no name of a file")]
    Name(String),
    /// A name that a folder holds twice.
    #[error("the name {0:?} twice in one folder")]
    Twice(String),
    /// A name that does not come after the one before it.
    #[error("the name {0:?} out of order")]
    Order(String),
    /// Nanoseconds that are a second or more.
    #[error("a time that makes no sense")]
    Time,
    /// The end of a folder where none is open.
    #[error("the end of a folder that has not begun")]
    Up,
    /// Folders without an end.
    #[error("{0} folders without an end")]
    Unclosed(usize),
}

/// Makes a manifest.
///
/// It takes the entries one by one ([`folder`](Self::folder), [`file`](Self::file), [`up`](Self::up)) or their encoding
/// in pieces that may be cut anywhere ([`extend`](Self::extend)), and checks each entry as it comes. After an error it
/// has given its memory back and gives that error again. Beside the encoding it needs some KiB, whatever comes.
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes are whole entries that were checked.
    checked: usize,
    state: State,
    failed: Option<ManifestError>,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A folder: what follows is in it, up to [`Self::up`].
    ///
    /// # Errors
    ///
    /// If it cannot be in a manifest here.
    pub fn folder(&mut self, name: &str) -> Result<(), ManifestError> {
        self.push(&Entry::Folder { name })
    }

    /// A file.
    ///
    /// # Errors
    ///
    /// If it cannot be in a manifest here.
    pub fn file(&mut self, file: FileEntry<'_>) -> Result<(), ManifestError> {
        self.push(&Entry::File(file))
    }

    /// The end of the folder that was entered last.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn up(&mut self) -> Result<(), ManifestError> {
        self.push(&Entry::Up)
    }

    /// More bytes of an encoding.
    ///
    /// # Errors
    ///
    /// As soon as the bytes so far cannot be the beginning of a manifest, or are too many.
    pub fn extend(&mut self, page: &[u8]) -> Result<(), ManifestError> {
        let done = self.try_extend(page);
        self.remember(done)
    }

    /// The manifest.
    ///
    /// # Errors
    ///
    /// If something was refused before, or an entry or a folder has no end.
    pub fn finish(mut self) -> Result<Manifest, ManifestError> {
        self.sound()?;
        if self.checked < self.bytes.len() {
            return Err(ManifestError::Cut);
        }
        let State { files, folders, total, levels, .. } = self.state;
        if !levels.is_empty() {
            return Err(ManifestError::Unclosed(levels.len()));
        }
        self.bytes.shrink_to_fit();
        Ok(Manifest { bytes: self.bytes, files, folders, total })
    }

    /// Any entry.
    ///
    /// # Errors
    ///
    /// If it cannot be in a manifest here.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), ManifestError> {
        let done = self.try_push(entry);
        self.remember(done)
    }

    fn try_push(&mut self, entry: &Entry<'_>) -> Result<(), ManifestError> {
        self.sound()?;
        if self.checked < self.bytes.len() {
            return Err(ManifestError::Cut);
        }
        self.state.step(entry, &self.bytes, self.checked)?;
        self.grow(encoding::MAX_ENTRY);
        encoding::put(entry, &mut self.bytes);
        Limit::Encoded.check(self.bytes.len() as u64)?;
        self.checked = self.bytes.len();
        Ok(())
    }

    fn try_extend(&mut self, page: &[u8]) -> Result<(), ManifestError> {
        self.sound()?;
        Limit::Encoded.check(self.bytes.len() as u64 + page.len() as u64)?;
        self.grow(page.len());
        self.bytes.extend_from_slice(page);
        while let Some((entry, len)) = encoding::take(&self.bytes[self.checked..])? {
            self.state.step(&entry, &self.bytes, self.checked)?;
            self.checked += len;
        }
        Ok(())
    }

    /// Makes room in larger and larger steps, and once it is much for all that a manifest may have: what is not used of it
    /// is no memory, while each further step could leave its own behind.
    fn grow(&mut self, more: usize) {
        let len = self.bytes.len();
        if self.bytes.capacity() - len < more {
            let wanted = if len < MUCH { len + len / 2 } else { MAX_ENCODED };
            let wanted = wanted.min(MAX_ENCODED).max(len + more);
            self.bytes.reserve_exact(wanted - len);
        }
    }

    fn sound(&self) -> Result<(), ManifestError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn remember(&mut self, done: Result<(), ManifestError>) -> Result<(), ManifestError> {
        if let Err(error) = &done {
            *self = Self { failed: Some(error.clone()), ..Self::new() };
        }
        done
    }
}

/// What the entries so far add up to.
#[derive(Debug, Default)]
struct State {
    files: u32,
    folders: u32,
    total: u64,
    /// Where the last name of the top stands among the bytes.
    top: Range<usize>,
    /// The folders that are open.
    levels: Vec<Level>,
}

/// An open folder.
#[derive(Debug)]
struct Level {
    /// Where its last name stands among the bytes.
    last: Range<usize>,
    /// Length of its path with a slash at the end.
    path: usize,
}

impl State {
    /// Takes an entry that stands, or is about to stand, `at` that place of `bytes`.
    fn step(&mut self, entry: &Entry<'_>, bytes: &[u8], at: usize) -> Result<(), ManifestError> {
        let name = match entry {
            Entry::Up => return self.levels.pop().map(|_| ()).ok_or(ManifestError::Up),
            Entry::Folder { name } => name,
            Entry::File(file) => file.name,
        };
        Limit::Entries.check(u64::from(self.files) + u64::from(self.folders) + 1)?;
        Limit::Name.check(name.len() as u64)?;
        if !is_component(name) {
            return Err(ManifestError::Name(name.to_owned()));
        }
        let (last, before) = match self.levels.last_mut() {
            Some(level) => (&mut level.last, level.path),
            None => (&mut self.top, 0),
        };
        Limit::Path.check((before + name.len()) as u64)?;
        // No name stands before the first one, and the empty one comes before all.
        match name.as_bytes().cmp(&bytes[last.clone()]) {
            std::cmp::Ordering::Greater => {}
            std::cmp::Ordering::Equal => return Err(ManifestError::Twice(name.to_owned())),
            std::cmp::Ordering::Less => return Err(ManifestError::Order(name.to_owned())),
        }
        let start = at + encoding::name_at(name.len());
        *last = start..start + name.len();
        match entry {
            Entry::File(file) => {
                if file.modified.nanos >= SECOND {
                    return Err(ManifestError::Time);
                }
                let total = self.total.saturating_add(file.len);
                Limit::Total.check(total)?;
                self.total = total;
                self.files += 1;
            }
            Entry::Folder { .. } | Entry::Up => {
                Limit::Depth.check(self.levels.len() as u64 + 1)?;
                self.levels.push(Level { last: 0..0, path: before + name.len() + 1 });
                self.folders += 1;
            }
        }
        Ok(())
    }
}

fn is_component(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.bytes().any(|byte| matches!(byte, b'/' | 0))
}

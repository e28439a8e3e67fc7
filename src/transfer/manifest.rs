//! What an offer holds, entry by entry, in the order in which its bytes travel.
//!
//! A manifest is kept as its own encoding, which is what travels: 100,000 files are a few MiB. Names are single
//! components; folders enclose what is in them, so that a path that leads elsewhere cannot be said.
//!
//! | entry | bytes |
//! |---|---|
//! | end of a folder | `0` |
//! | folder | `1`, name |
//! | file | `2`, name, length, seconds, nanoseconds |
//! | file that its owner may execute | `3`, and as a file |
//!
//! Numbers are LEB128 varints, seconds zigzag; a name is its length in bytes and UTF-8. There is one encoding of a
//! value: no varint is longer than needed, and **the names within a folder ascend by their bytes**. So two walks of one
//! tree give the same bytes, and no name can be there twice, which is checked by looking at the name before it: it
//! takes no memory, however many names a folder holds.
//!
//! The *content* of an offer is the bytes of its files one after the other, in this order.

mod build;
mod encoding;
mod paths;
mod pattern;
mod selection;

pub use build::{Builder, Limit, MAX_DEPTH, MAX_ENCODED, MAX_ENTRIES, MAX_NAME, MAX_PATH, MAX_TOTAL, ManifestError};
pub use paths::Paths;
pub use pattern::PatternError;
pub use selection::{MAX_RUNS, MAX_SELECTION_LEN, Selected, SelectionError};

pub(super) use selection::Picker;

/// When something was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified {
    /// Seconds since 1970, negative before.
    pub secs: i64,
    /// Nanoseconds after that, below 1,000,000,000.
    pub nanos: u32,
}

/// A file of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// Its name as the sender says it, a single component.
    pub name: &'a str,
    /// Its length in bytes.
    pub len: u64,
    /// When it was last changed.
    pub modified: Modified,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// One step of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A folder; what follows up to its [`Entry::Up`] is in it.
    Folder {
        /// Its name as the sender says it, a single component.
        name: &'a str,
    },
    /// A file.
    File(FileEntry<'a>),
    /// The end of the folder entered last.
    Up,
}

/// Which files of a manifest are meant, by their index among its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of them, and empty folders too.
    All,
    /// Runs of files in ascending order that do not touch: the index of the first one and how many. Folders without
    /// any of them are left out.
    Runs(Vec<(u32, u32)>),
}

/// What an offer holds: of a file exactly that file, of a folder what is in it, without the folder itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    files: u32,
    folders: u32,
    total: u64,
}

impl Manifest {
    /// The manifest of one file.
    ///
    /// # Errors
    ///
    /// If its name, time or length cannot be in a manifest.
    pub fn single(file: FileEntry<'_>) -> Result<Self, ManifestError> {
        let mut builder = Builder::new();
        builder.file(file)?;
        builder.finish()
    }

    /// The file, if there is exactly one and nothing else: what the offer of a file must hold.
    pub fn only_file(&self) -> Option<FileEntry<'_>> {
        match self.entries().next() {
            Some(Entry::File(file)) if self.files == 1 && self.folders == 0 => Some(file),
            _ => None,
        }
    }

    /// Number of files.
    pub fn files(&self) -> u32 {
        self.files
    }

    /// Number of folders.
    pub fn folders(&self) -> u32 {
        self.folders
    }

    /// Length of the whole content in bytes, at most [`MAX_TOTAL`].
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Its encoding, which is what travels: at most [`MAX_ENCODED`] bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The BLAKE3 hash of the encoding. It is computed anew: 16 MiB take some milliseconds.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.bytes).as_bytes()
    }

    /// All entries in their order.
    pub fn entries(&self) -> Entries<'_> {
        Entries { rest: &self.bytes }
    }

    /// The entry that begins at a byte of the encoding, 0 or what this gave, and where the next one begins: for walks
    /// that last, and so cannot hold on to a reference.
    pub(super) fn entry_at(&self, at: usize) -> Option<(Entry<'_>, usize)> {
        let (entry, len) = encoding::take(self.bytes.get(at..)?).ok().flatten()?;
        Some((entry, at + len))
    }

    /// The files with their index and their path from the top of the offer, components joined by `/`.
    pub fn paths(&self) -> Paths<'_> {
        Paths::new(self.entries())
    }

    /// The entries that `selection` means: its files, and the folders around them.
    pub fn selected<'a>(&'a self, selection: &'a Selection) -> Selected<'a> {
        Selected::new(self.entries(), selection)
    }

    /// Length of the content of the files that `selection` means.
    pub fn len_of(&self, selection: &Selection) -> u64 {
        let mut picker = match selection {
            Selection::All => return self.total,
            Selection::Runs(_) => Picker::new(selection),
        };
        let lens = self.entries().filter_map(|entry| match entry {
            Entry::File(file) => Some(file.len),
            Entry::Folder { .. } | Entry::Up => None,
        });
        lens.filter(|_| picker.take_next()).sum()
    }
}

/// The entries of a manifest, see [`Manifest::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // A manifest holds only what the builder read as entries or wrote itself.
        let (entry, len) = encoding::take(self.rest).ok().flatten()?;
        self.rest = &self.rest[len..];
        Some(entry)
    }
}

#[cfg(test)]
pub(super) mod tests;

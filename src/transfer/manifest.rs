//! What an offer holds, entry by entry, in the order in which its bytes travel.
//!
//! A manifest is kept as its own encoding, which is what travels: 100,000 files are a few MiB. Names are single
//! components; folders enclose what is in them, so that a path that leads elsewhere cannot be said.

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

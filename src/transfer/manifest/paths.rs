//! The files of a manifest as rows of a list.

use super::{Entries, Entry, FileEntry};

/// The files of a manifest: index, path, file. See [`Manifest::paths`](super::Manifest::paths).
#[derive(Clone, Debug)]
pub struct Paths<'a> {
    entries: Entries<'a>,
    index: u32,
    trail: Trail,
}

impl<'a> Paths<'a> {
    pub(super) fn new(entries: Entries<'a>) -> Self {
        Self { entries, index: 0, trail: Trail::default() }
    }
}

impl<'a> Iterator for Paths<'a> {
    type Item = (u32, String, FileEntry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.entries.next()? {
                Entry::Folder { name } => self.trail.enter(name),
                Entry::Up => self.trail.leave(),
                Entry::File(file) => {
                    let index = self.index;
                    self.index += 1;
                    return Some((index, self.trail.path(file.name).to_owned(), file));
                }
            }
        }
    }
}

/// Where in a tree one is.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// The names of the folders, each with a slash after it, and what was asked for last.
    text: String,
    /// The lengths of the text up to each of the folders around.
    ends: Vec<usize>,
    /// The length of the text up to this folder.
    end: usize,
}

impl Trail {
    pub(super) fn enter(&mut self, name: &str) {
        self.path(name);
        self.text.push('/');
        self.ends.push(self.end);
        self.end = self.text.len();
    }

    pub(super) fn leave(&mut self) {
        self.end = self.ends.pop().unwrap_or(0);
    }

    /// The path of what this folder holds under that name.
    pub(super) fn path(&mut self, name: &str) -> &str {
        self.text.truncate(self.end);
        self.text.push_str(name);
        &self.text
    }
}

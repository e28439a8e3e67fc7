//! Open folders on the way to what is being read, one descriptor each, opened when something in them is.

use std::{
    ffi::OsStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::Errno,
};

use super::OPEN;

#[derive(Debug)]
pub(super) struct Tree<'a> {
    root: BorrowedFd<'a>,
    /// The folders around, from the top.
    names: Vec<&'a OsStr>,
    /// Those of them that are open, from the top.
    handles: Vec<OwnedFd>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, names: Vec::new(), handles: Vec::new() }
    }

    pub(super) fn enter(&mut self, name: &'a OsStr) {
        self.names.push(name);
    }

    pub(super) fn leave(&mut self) {
        self.names.pop();
        self.handles.truncate(self.names.len());
    }

    /// How many folders are around.
    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    /// The folder that was entered last.
    ///
    /// # Errors
    ///
    /// If it, or one on the way to it, cannot be opened or is none.
    pub(super) fn folder(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        for name in &self.names[self.handles.len()..] {
            let above = self.handles.last().map_or(self.root, AsFd::as_fd);
            let handle = openat(above, *name, OPEN | OFlags::NOFOLLOW | OFlags::DIRECTORY, Mode::empty())?;
            self.handles.push(handle);
        }
        Ok(self.handles.last().map_or(self.root, AsFd::as_fd))
    }
}

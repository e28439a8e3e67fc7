//! What is to be on the disk: which names, in which order, how long. The same manifest and selection always give the
//! same names, so that what is there can be found again.

use std::{hash::BuildHasher, sync::Arc};

use rustc_hash::{FxBuildHasher, FxHashSet};

use super::error::PlanError;
use crate::transfer::{
    manifest::{Entry, Manifest, Modified, Selection},
    name::{NameError, Place, SafeName, received},
};

/// How many numbers are tried for a name that is taken in its folder. Nobody has more files that differ in nothing but
/// case, and a peer could make trying them take minutes.
const MAX_NUMBER: u32 = 32;

/// How many names of a folder are kept apart until they are put in order among the others.
const RECENT: usize = 4096;

/// What an offer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file.
    File,
    /// A folder with what is in it.
    Folder,
}

/// What is fetched and under which names it is kept. Copies are cheap but for their selection.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) manifest: Arc<Manifest>,
    pub(super) selection: Selection,
    pub(super) kind: Kind,
    pub(super) top: SafeName,
    pub(super) len: u64,
}

impl Plan {
    /// What `selection` means of `manifest`, to be kept as `top`. The selection has passed [`Selection::check`]; that of
    /// a file is all of it.
    ///
    /// # Errors
    ///
    /// If one of the names is refused, of the files that are not meant too, or a file is not one file.
    pub fn new(kind: Kind, top: SafeName, manifest: Arc<Manifest>, selection: Selection) -> Result<Self, PlanError> {
        if kind == Kind::File && (manifest.only_file().is_none() || selection != Selection::All) {
            return Err(PlanError::NotOneFile);
        }
        let len = manifest.len_of(&selection);
        let plan = Self { manifest, selection, kind, top, len };
        let mut walk = Walk::default();
        while walk.next(&plan, "")?.is_some() {}
        Ok(plan)
    }

    /// Length of the content in bytes.
    pub fn content_len(&self) -> u64 {
        self.len
    }

    /// What it is of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name it gets if nothing has it.
    pub fn top(&self) -> &SafeName {
        &self.top
    }
}

/// A file of a plan.
#[derive(Clone, Debug)]
pub(super) struct PlannedFile {
    pub(super) name: String,
    pub(super) len: u64,
    pub(super) modified: Modified,
    pub(super) executable: bool,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Folder(String),
    File(PlannedFile),
    Up,
}

/// A folder that a walk is in.
#[derive(Debug, Default)]
struct Level {
    name: String,
    /// What the names given so far fold to.
    taken: Taken,
}

/// Hashes of names. Two names that only hash to the same cost one of them a number, no more.
#[derive(Debug, Default)]
struct Taken {
    /// In order: a table would take three times the memory as it grows, and a folder can hold as many as an offer.
    older: Vec<u64>,
    recent: FxHashSet<u64>,
}

impl Taken {
    /// Says whether it was not there yet.
    fn insert(&mut self, hash: u64) -> bool {
        if self.older.binary_search(&hash).is_ok() || !self.recent.insert(hash) {
            return false;
        }
        if self.recent.len() >= RECENT {
            let mut recent: Vec<u64> = self.recent.drain().collect();
            recent.sort_unstable();
            self.merge(&recent);
        }
        true
    }

    /// Adds what is in order, from the back.
    fn merge(&mut self, mut recent: &[u64]) {
        let mut left = self.older.len();
        let mut end = left + recent.len();
        self.older.resize(end, 0);
        while let Some((last, rest)) = recent.split_last() {
            end -= 1;
            if left > 0 && self.older[left - 1] > *last {
                left -= 1;
                self.older[end] = self.older[left];
            } else {
                self.older[end] = *last;
                recent = rest;
            }
        }
    }
}

/// A walk through a plan. It holds no reference, so that a file that grows for hours can hold on to it.
#[derive(Debug, Default)]
pub(super) struct Walk {
    begun: bool,
    /// Where the next entry begins.
    at: usize,
    /// The index of the next file, and of the run of the selection that may mean it.
    index: u32,
    run: usize,
    levels: Vec<Level>,
    /// How many of the levels were given: of a choice, the others have to show first that they hold something meant.
    given: usize,
    /// The file that waits for the folders around it.
    file: Option<PlannedFile>,
}

impl Walk {
    /// The next step; the file or folder that the plan is of is called `root`.
    pub(super) fn next(&mut self, plan: &Plan, root: &str) -> Result<Option<Step>, PlanError> {
        if !self.begun {
            self.begun = true;
            self.levels.push(Level { name: root.to_owned(), ..Level::default() });
            if plan.kind == Kind::Folder {
                self.given = 1;
                return Ok(Some(Step::Folder(root.to_owned())));
            }
        }
        loop {
            if self.file.is_some() || plan.selection == Selection::All {
                if plan.kind == Kind::Folder
                    && let Some(level) = self.levels.get(self.given)
                {
                    self.given += 1;
                    return Ok(Some(Step::Folder(level.name.clone())));
                }
                if let Some(file) = self.file.take() {
                    return Ok(Some(Step::File(file)));
                }
            }
            let Some((entry, next)) = plan.manifest.entry_at(self.at) else { return Ok(self.leave(plan)) };
            self.at = next;
            match entry {
                Entry::Folder { name } => {
                    let name = self.name(name)?;
                    self.levels.push(Level { name, ..Level::default() });
                }
                Entry::Up => {
                    if let Some(step) = self.leave(plan) {
                        return Ok(Some(step));
                    }
                }
                Entry::File(file) => {
                    let name = if plan.kind == Kind::File { root.to_owned() } else { self.name(file.name)? };
                    let planned =
                        PlannedFile { name, len: file.len, modified: file.modified, executable: file.executable };
                    self.file = self.means_next(&plan.selection).then_some(planned);
                }
            }
        }
    }

    /// Leaves a folder, which is a step if it was entered by one.
    fn leave(&mut self, plan: &Plan) -> Option<Step> {
        self.levels.pop()?;
        if plan.kind == Kind::File || self.given <= self.levels.len() {
            return None;
        }
        self.given = self.levels.len();
        Some(Step::Up)
    }

    /// The name that something in the present folder gets.
    fn name(&mut self, said: &str) -> Result<String, PlanError> {
        let refused = |error| PlanError::name(said, error);
        let name = received(said, Place::Inside).map_err(refused)?;
        let Some(level) = self.levels.last_mut() else { return Ok(name.as_str().to_owned()) };
        let mut free = |name: &SafeName| level.taken.insert(FxBuildHasher.hash_one(&*name.folded()));
        if free(&name) {
            return Ok(name.as_str().to_owned());
        }
        let mut numbered = (1..=MAX_NUMBER).map(|number| name.numbered(number));
        let found = numbered.find(free).ok_or_else(|| refused(NameError::Alike))?;
        Ok(found.as_str().to_owned())
    }

    /// Whether the next file is meant.
    fn means_next(&mut self, selection: &Selection) -> bool {
        let index = self.index;
        self.index = index.saturating_add(1);
        let Selection::Runs(runs) = selection else { return true };
        while let Some((start, len)) = runs.get(self.run) {
            if index < start.saturating_add(*len) {
                return index >= *start;
            }
            self.run += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_taken_once_however_many_there_are() {
        let mut taken = Taken::default();
        let hashes = || (0..3 * RECENT as u64 + 5).map(|i| (i * 7919).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        assert!(hashes().all(|hash| taken.insert(hash)));
        assert_eq!((taken.older.len(), taken.recent.len()), (3 * RECENT, 5));
        assert!(taken.older.is_sorted());
        assert!(!hashes().any(|hash| taken.insert(hash)));
    }
}

//! What a power failure may leave of recorded changes.
//!
//! The model is of a file system with a journal, and harder than the usual ones. It assumes:
//!
//! * A name of a folder (created, moved, removed) is on the disk for sure once that folder was synced after it; a file or
//!   folder that moves between two folders does so as one step, which is on the disk when either was synced. Syncing a file
//!   brings its bytes to the disk and **not** its name.
//! * Changes of one folder's names come to the disk in their order, so that a later one there means that all before it
//!   are there. Between folders nothing is in order: of a new folder's name and a name in it, either may be missing.
//! * Bytes and lengths are on the disk for sure once the file was synced after them. Before that a file may have any part
//!   of them: the old content, the new one, a beginning of it, the new length with zeros for all that was not written, or
//!   each write done, left out (the old bytes or zeros) or half done. The order of writes means nothing.
//! * Syncing the file system brings everything to the disk. What a sync promised stays: the disk does not lie.
//! * Rights and times come with the file. Locks do not last.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{Act, At, is_here, path_of};
use crate::{
    dice::Dice,
    disk::{AtFlags, BorrowedFd, OFlags},
};

/// A file or folder, whatever its name is.
type Node = usize;

#[derive(Clone, Debug)]
struct Thing {
    is_folder: bool,
    mode: u32,
    /// What was on the disk when the record began.
    bytes: Vec<u8>,
    names: BTreeMap<PathBuf, Node>,
}

#[derive(Clone, Debug)]
enum Change {
    /// Names in folders: what gets one, what loses one.
    Names {
        gets: Option<(Node, PathBuf, Node)>,
        loses: Option<(Node, PathBuf)>,
    },
    Write {
        node: Node,
        at: u64,
        bytes: Vec<u8>,
    },
    Cut {
        node: Node,
        len: u64,
    },
    Sync(Node),
    SyncAll,
}

/// What was done to the files below a folder.
#[derive(Clone, Debug)]
pub(crate) struct Power {
    things: Vec<Thing>,
    /// By the numbers of the file system, as long as they mean the same.
    known: HashMap<u64, Node>,
    changes: Vec<Change>,
}

/// Which of all the states that are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing that was not synced is there.
    Least,
    /// All names are there, and the bytes that were synced.
    Names,
    /// All names and lengths are there, with zeros for all that was not synced.
    Zeros,
    /// Everything is there.
    Most,
    /// By lot.
    Lot(u64),
}

impl Way {
    /// The ones that are always tried, and these lots.
    pub(crate) fn all(lots: std::ops::Range<u64>) -> impl Iterator<Item = Self> {
        [Self::Least, Self::Names, Self::Zeros, Self::Most].into_iter().chain(lots.map(Self::Lot))
    }
}

/// What has to be known before a call to tell what it did.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The number of what a name means: what is moved, removed or linked.
    named: Option<u64>,
    /// Where writing begins.
    at: u64,
}

impl Before {
    pub(super) fn of(act: &Act<'_>) -> Self {
        match act {
            Act::Open(at, _) | Act::Rename(at, _) | Act::RenameNew(at, _) | Act::Link(at, _) | Act::Remove(at) => {
                Self { named: number(at), at: 0 }
            }
            Act::Write(file, _) => Self { named: None, at: place(*file) },
            _ => Self::default(),
        }
    }
}

/// Where the next byte goes.
fn place(file: BorrowedFd<'_>) -> u64 {
    let appends = rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::APPEND));
    if appends {
        rustix::fs::fstat(file).map_or(0, |stat| stat.st_size as u64)
    } else {
        rustix::fs::seek(file, rustix::fs::SeekFrom::Current(0)).unwrap_or(0)
    }
}

fn number(at: &At<'_>) -> Option<u64> {
    rustix::fs::statat(at.folder, at.name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| stat.st_ino)
}

impl Power {
    /// What is below a folder now, all of it on the disk.
    pub(super) fn on(root: &Path) -> Self {
        let mut power = Self { things: Vec::new(), known: HashMap::new(), changes: Vec::new() };
        power.learn(root);
        power
    }

    /// How many changes there were.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    fn learn(&mut self, path: &Path) -> Node {
        let about = fs::symlink_metadata(path).expect("it is there");
        if let Some(node) = self.known.get(&about.ino()) {
            return *node;
        }
        let node = self.add(about.ino(), about.is_dir(), about.mode());
        if about.is_dir() {
            for entry in fs::read_dir(path).expect("a folder") {
                let entry = entry.expect("an entry");
                let inner = self.learn(&entry.path());
                self.things[node].names.insert(entry.file_name().into(), inner);
            }
        } else if about.is_file() {
            self.things[node].bytes = fs::read(path).expect("a file");
        }
        node
    }

    fn add(&mut self, number: u64, is_folder: bool, mode: u32) -> Node {
        self.things.push(Thing { is_folder, mode: mode & 0o7777, bytes: Vec::new(), names: BTreeMap::new() });
        self.known.insert(number, self.things.len() - 1);
        self.things.len() - 1
    }

    /// The folder that a name is in, and the name there.
    fn spot(&self, at: &At<'_>) -> Option<(Node, PathBuf)> {
        let name = at.name.file_name()?.into();
        let folder = match at.name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => {
                let base = if is_here(at.folder) { PathBuf::new() } else { path_of(at.folder)? };
                fs::metadata(base.join(folder)).ok()?.ino()
            }
            _ if is_here(at.folder) => fs::metadata(".").ok()?.ino(),
            _ => rustix::fs::fstat(at.folder).ok()?.st_ino,
        };
        Some((*self.known.get(&folder)?, name))
    }

    fn node(&self, file: BorrowedFd<'_>) -> Option<Node> {
        self.known.get(&rustix::fs::fstat(file).ok()?.st_ino).copied()
    }

    /// What a name that is new stands for.
    fn made(&mut self, at: &At<'_>) -> Option<Change> {
        let (folder, name) = self.spot(at)?;
        let found = rustix::fs::statat(at.folder, at.name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_folder = rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory;
        let node = self.add(found.st_ino, is_folder, found.st_mode);
        Some(Change::Names { gets: Some((folder, name, node)), loses: None })
    }

    /// Notes what a call has done.
    pub(super) fn did(&mut self, act: &Act<'_>, before: &Before) {
        let named = |power: &Self| power.known.get(&before.named?).copied();
        let change = match act {
            Act::Open(at, flags) if flags.contains(OFlags::CREATE) && before.named.is_none() => self.made(at),
            Act::Open(at, flags) if flags.contains(OFlags::TRUNC) => {
                number(at).and_then(|found| self.known.get(&found)).map(|node| Change::Cut { node: *node, len: 0 })
            }
            Act::Mkdir(at) => self.made(at),
            Act::Write(file, bytes) => {
                let len = place(*file).saturating_sub(before.at) as usize;
                let bytes = bytes[..len.min(bytes.len())].to_vec();
                self.node(*file).map(|node| Change::Write { node, at: before.at, bytes })
            }
            Act::Truncate(file, len) => self.node(*file).map(|node| Change::Cut { node, len: *len }),
            Act::Sync(file) => self.node(*file).map(Change::Sync),
            Act::SyncAll(_) => Some(Change::SyncAll),
            Act::Rename(from, to) | Act::RenameNew(from, to) => {
                let moved = self.spot(from).zip(self.spot(to)).zip(named(self));
                moved.map(|((loses, (folder, name)), node)| Change::Names {
                    gets: Some((folder, name, node)),
                    loses: Some(loses),
                })
            }
            Act::Link(_, to) => self
                .spot(to)
                .zip(named(self))
                .map(|((folder, name), node)| Change::Names { gets: Some((folder, name, node)), loses: None }),
            Act::Remove(at) => self.spot(at).map(|loses| Change::Names { gets: None, loses: Some(loses) }),
            Act::Mark(file) => {
                if let Some((node, stat)) = self.node(*file).zip(rustix::fs::fstat(*file).ok()) {
                    self.things[node].mode = stat.st_mode & 0o7777;
                }
                None
            }
            _ => None,
        };
        self.changes.extend(change);
    }

    /// Builds below `root`, which is emptied, what is left when the power fails after the first `upto` changes.
    pub(crate) fn fail(&self, upto: usize, way: Way, root: &Path) {
        for entry in fs::read_dir(root).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_folder = path.symlink_metadata().expect("it is there").is_dir();
            if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
        }
        let changes = &self.changes[..upto];
        let mut dice = Dice::new(match way {
            Way::Lot(seed) => seed.wrapping_mul(1_000_003).wrapping_add(upto as u64 + 1),
            _ => 1,
        });
        // Seeds that differ little give sequences that differ much from here on.
        dice.below(2);
        let mut names: Vec<_> = self.things.iter().map(|thing| thing.names.clone()).collect();
        for (change, _) in changes.iter().zip(self.kept(changes, way, &mut dice)).filter(|(_, kept)| *kept) {
            if let Change::Names { gets, loses } = change {
                if let Some((folder, name)) = loses {
                    names[*folder].remove(name);
                }
                if let Some((folder, name, node)) = gets {
                    names[*folder].insert(name.clone(), *node);
                }
            }
        }
        let mut built = HashMap::new();
        self.build(0, root, &names, &mut |node, path: &Path| {
            if let Some(first) = built.get(&node) {
                return fs::hard_link(first, path).expect("linked");
            }
            fs::write(path, self.content(node, changes, way, &mut dice)).expect("written");
            fs::set_permissions(path, fs::Permissions::from_mode(self.things[node].mode)).expect("rights");
            built.insert(node, path.to_owned());
        });
    }

    fn build(&self, folder: Node, path: &Path, names: &[BTreeMap<PathBuf, Node>], file: &mut impl FnMut(Node, &Path)) {
        for (name, node) in &names[folder] {
            let path = path.join(name);
            if self.things[*node].is_folder {
                fs::create_dir(&path).expect("created");
                fs::set_permissions(&path, fs::Permissions::from_mode(self.things[*node].mode)).expect("rights");
                self.build(*node, &path, names, file);
            } else {
                file(*node, &path);
            }
        }
    }

    /// Which changes of names are there.
    fn kept(&self, changes: &[Change], way: Way, dice: &mut Dice) -> Vec<bool> {
        let mut kept: Vec<bool> = changes
            .iter()
            .enumerate()
            .map(|(at, change)| match way {
                _ if self.is_synced(changes, at) => true,
                Way::Least => false,
                Way::Names | Way::Zeros | Way::Most => true,
                Way::Lot(_) => matches!(change, Change::Names { .. }) && dice.below(3) == 0,
            })
            .collect();
        // What is there has all before it in its folders.
        for at in (0..changes.len()).rev().filter(|at| matches!(changes[*at], Change::Names { .. })) {
            kept[at] =
                kept[at] || (at + 1..changes.len()).any(|later| kept[later] && share(&changes[at], &changes[later]));
        }
        kept
    }

    fn is_synced(&self, changes: &[Change], at: usize) -> bool {
        let touched = |node: Node| match &changes[at] {
            Change::Names { gets, loses } => {
                gets.as_ref().is_some_and(|gets| gets.0 == node) || loses.as_ref().is_some_and(|loses| loses.0 == node)
            }
            Change::Write { node: of, .. } | Change::Cut { node: of, .. } => *of == node,
            Change::Sync(_) | Change::SyncAll => false,
        };
        changes[at + 1..].iter().any(|later| match later {
            Change::Sync(node) => touched(*node),
            Change::SyncAll => true,
            _ => false,
        })
    }

    /// The bytes of a file.
    fn content(&self, node: Node, changes: &[Change], way: Way, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.things[node].bytes.clone();
        let of_it = changes.iter().enumerate().filter(|(_, change)| match change {
            Change::Write { node: of, .. } | Change::Cut { node: of, .. } => *of == node,
            _ => false,
        });
        let (synced, open): (Vec<_>, Vec<_>) = of_it.partition(|(at, _)| self.is_synced(changes, *at));
        for (_, change) in synced {
            change.apply(&mut bytes, Part::Done);
        }
        // Of all that is open, one lot: up to where, and how what is not there looks.
        let (upto, style) = match way {
            Way::Least | Way::Names => (0, 0),
            Way::Zeros => (open.len(), 1),
            Way::Most => (open.len(), 2),
            Way::Lot(_) => (dice.below(open.len() as u64 + 1) as usize, 2 + dice.below(4)),
        };
        for (number, (_, change)) in open.into_iter().enumerate() {
            let part = match style {
                _ if number >= upto && style < 4 => Part::Not,
                1 => Part::Zeros,
                2 => Part::Done,
                // The last one half.
                3 if number + 1 == upto => Part::Half(dice.below(1 << 20)),
                3 => Part::Done,
                // Each as it likes.
                _ => [Part::Not, Part::Zeros, Part::Done, Part::Half(dice.below(1 << 20))][dice.below(4) as usize],
            };
            change.apply(&mut bytes, part);
        }
        bytes
    }
}

/// How much of a change of bytes is there.
#[derive(Clone, Copy, Debug)]
enum Part {
    Not,
    /// Its length, with zeros.
    Zeros,
    /// As many bytes as this of it, modulo its length.
    Half(u64),
    Done,
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>, part: Part) {
        match (self, part) {
            (_, Part::Not) => {}
            (Self::Cut { len, .. }, _) => to.resize(*len as usize, 0),
            (Self::Write { at, bytes, .. }, part) => {
                let len = match part {
                    Part::Half(len) => (len % (bytes.len() as u64 + 1)) as usize,
                    _ => bytes.len(),
                };
                let (from, upto) = (*at as usize, *at as usize + len);
                let old = to.len();
                to.resize(old.max(upto), 0);
                match part {
                    // What was there stays; what is new is empty.
                    Part::Zeros => {}
                    _ => to[from..upto].copy_from_slice(&bytes[..len]),
                }
            }
            _ => {}
        }
    }
}

/// Whether two changes are of names in one folder.
fn share(one: &Change, other: &Change) -> bool {
    let folders = |change: &Change| match change {
        Change::Names { gets, loses } => [gets.as_ref().map(|gets| gets.0), loses.as_ref().map(|loses| loses.0)],
        _ => [None, None],
    };
    folders(one).into_iter().flatten().any(|folder| folders(other).contains(&Some(folder)))
}

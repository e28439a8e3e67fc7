//! Reading back what is on the disk of a plan, staged or under its final name.

use std::{
    collections::HashSet,
    io,
    ops::ControlFlow,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::io::{Errno, Result};

use super::{
    calls::{self, file_len, look, names, open_to_read, read},
    plan::{Plan, Step, Walk},
};

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

/// The folders that a walk is in, each open.
#[derive(Debug, Default)]
pub(super) struct Trail(pub(super) Vec<OwnedFd>);

impl Trail {
    /// The folder that the walk is in; `base` if it is in none.
    pub(super) fn here<'a>(&'a self, base: &'a OwnedFd) -> BorrowedFd<'a> {
        self.0.last().unwrap_or(base).as_fd()
    }
}

/// How many bytes of the content are there, from its beginning: up to the first file that is missing, too short, too
/// long or no file.
pub(super) fn present(base: &OwnedFd, root: &str, plan: &Plan) -> io::Result<u64> {
    let mut walk = Walk::default();
    let mut trail = Trail::default();
    let mut sum = 0;
    while let Some(step) = walk.next(plan, root).map_err(io::Error::other)? {
        match step {
            Step::Folder(name) => match calls::folder(trail.here(base), &name) {
                Ok(folder) => trail.0.push(folder),
                Err(errno) => return absent(errno).map(|()| sum),
            },
            Step::Up => drop(trail.0.pop()),
            Step::File(file) => {
                let len = match look(trail.here(base), &*file.name) {
                    // What has a second name may be somebody's, and would be cut with it.
                    Ok(found) => file_len(&found).filter(|len| *len <= file.len && found.st_nlink == 1),
                    Err(errno) => return absent(errno).map(|()| sum),
                };
                sum += len.unwrap_or(0);
                if len != Some(file.len) {
                    break;
                }
            }
        }
    }
    Ok(sum)
}

/// Whether the error says that something is not there, or is something else.
fn absent(errno: Errno) -> io::Result<()> {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Ok(()),
        errno => Err(errno.into()),
    }
}

/// Reads the first `len` bytes of the content that is really there.
pub(super) fn feed(
    (base, root): (&OwnedFd, &str),
    plan: &Plan,
    len: u64,
    step: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut walk = Walk::default();
    let mut trail = Trail::default();
    let mut buffer = vec![0; PIECE];
    let mut rest = len;
    while rest > 0 {
        match walk.next(plan, root).map_err(io::Error::other)? {
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(Step::Folder(name)) => {
                let folder = calls::folder(trail.here(base), &name)?;
                trail.0.push(folder);
            }
            Some(Step::Up) => drop(trail.0.pop()),
            Some(Step::File(file)) if file.len == 0 => {}
            Some(Step::File(file)) => {
                let opened = open_to_read(trail.here(base), &file.name)?;
                let mut missing = file.len.min(rest);
                rest -= missing;
                while missing > 0 {
                    let most = missing.min(PIECE as u64) as usize;
                    let found = read(&opened, &mut buffer[..most])?;
                    if found == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    missing -= found as u64;
                    if step(&buffer[..found]).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Whether exactly what is planned is there: all its names and lengths, and nothing else in its folders.
pub(super) fn same_shape(base: &OwnedFd, root: &str, plan: &Plan) -> Result<bool> {
    let mut walk = Walk::default();
    let mut trail = Trail::default();
    // The names that should be in each of the folders around.
    let mut counts: Vec<usize> = vec![0];
    loop {
        let Ok(step) = walk.next(plan, root) else { return Ok(false) };
        match step {
            None => return Ok(true),
            Some(Step::Folder(name)) => {
                let folder = calls::folder(trail.here(base), &name)?;
                trail.0.push(folder);
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                }
                counts.push(0);
            }
            Some(Step::Up) => {
                // No name comes twice, so that the same number means the same names.
                if trail.0.pop().map(names).transpose()?.map(|names| names.len()) != counts.pop() {
                    return Ok(false);
                }
            }
            Some(Step::File(file)) => {
                if file_len(&look(trail.here(base), &*file.name)?) != Some(file.len) {
                    return Ok(false);
                }
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                }
            }
        }
    }
}

/// Hands each file and folder to the disk, for systems that cannot be asked to bring everything there.
#[cfg(not(target_os = "linux"))]
pub(super) fn sync_each(base: &OwnedFd, root: &str, plan: &Plan) -> Result<()> {
    let mut walk = Walk::default();
    let mut trail = Trail::default();
    loop {
        let Ok(step) = walk.next(plan, root) else { return Err(Errno::INVAL) };
        match step {
            None => return Ok(()),
            Some(Step::Folder(name)) => {
                let folder = calls::folder(trail.here(base), &name)?;
                trail.0.push(folder);
            }
            Some(Step::Up) => {
                if let Some(folder) = trail.0.pop() {
                    calls::sync(folder)?;
                }
            }
            Some(Step::File(file)) => calls::sync(open_to_read(trail.here(base), &file.name)?)?,
        }
    }
}

/// Names to be kept in a folder, as hashes with a key that no peer knows.
#[derive(Debug, Default)]
pub(super) struct Kept {
    names: HashSet<u64>,
    hasher: std::hash::RandomState,
}

impl Kept {
    pub(super) fn insert(&mut self, name: &str) {
        let hash = std::hash::BuildHasher::hash_one(&self.hasher, name.as_bytes());
        self.names.insert(hash);
    }

    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.names.contains(&std::hash::BuildHasher::hash_one(&self.hasher, name))
    }
}

//! Content on its way to the disk, in a place that nobody takes for the real thing.
//!
//! A *partial* is a folder of this user alone in the download folder, `.pchat-<key>-<random>.part`. It holds the file
//! or folder under the name `content`, with the rights and times that it will have, and the file `lock`, which whoever
//! writes holds a lock on and whose time says when somebody last did. To save is to move `content` out by one rename.

use std::{io, ops::ControlFlow, os::fd::OwnedFd, sync::Arc, time::SystemTime};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec};
use rustix::io::Errno;

use super::{
    Saved, Shared,
    calls::{self, file_len, file_type, look, set_modified},
    clear,
    error::{DiskError, disk_error},
    plan::{Kind, Plan, PlannedFile, Step, Walk},
    read::{self, Trail},
    settle::settle,
};
use crate::{transfer::manifest::Modified, view::filter::clean};

pub(super) const CONTENT: &str = "content";
pub(super) const LOCK: &str = "lock";

/// Content that is being written. Dropping it keeps what there is, for another attempt under the same key.
///
/// After [`Self::begin`], all bytes from that offset are given to [`Self::write`] in their order, and [`Self::save`]
/// makes them a file or folder. After an error, [`Self::present`] and [`Self::begin`] start over.
#[derive(Debug)]
pub struct Staging {
    pub(super) shared: Arc<Shared>,
    /// The name of the partial.
    pub(super) name: String,
    pub(super) container: OwnedFd,
    pub(super) lock: OwnedFd,
    pub(super) plan: Plan,
    pub(super) position: Option<Position>,
}

/// How far the writing is.
#[derive(Debug, Default)]
pub(super) struct Position {
    walk: Walk,
    pub(super) trail: Trail,
    /// The file that bytes go to.
    pub(super) file: Option<Growing>,
    /// The file that the next bytes are for, not created yet.
    pub(super) next: Option<PlannedFile>,
    /// The whole file, where there is only one: errors of writing it are told to this handle.
    whole: Option<OwnedFd>,
    /// Whether something of an earlier attempt is used.
    pub(super) resumed: bool,
}

/// A file that is not whole yet.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) handle: OwnedFd,
    pub(super) name: String,
    pub(super) left: u64,
    pub(super) modified: Modified,
}

impl Staging {
    /// What is being written.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many bytes of the content are there, from its beginning. What they are is another question: [`Self::hash`].
    ///
    /// # Errors
    ///
    /// If the system refuses to say.
    pub fn present(&self) -> io::Result<u64> {
        read::present(&self.container, CONTENT, &self.plan)
    }

    /// Reads the first `len` bytes of what is really there and gives them to `step`, until it says to stop.
    ///
    /// # Errors
    ///
    /// If there are not so many, or the system refuses.
    pub fn hash(&self, len: u64, step: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<ControlFlow<()>> {
        read::feed((&self.container, CONTENT), &self.plan, len, step)
    }

    /// Keeps the first `offset` bytes, at most as many as are present, removes everything else that is staged, and
    /// makes ready for the byte after them.
    ///
    /// # Errors
    ///
    /// If the system refuses, or there is not what was said to be present.
    pub fn begin(&mut self, offset: u64) -> Result<(), DiskError> {
        self.position = None;
        set_modified(&self.lock, now());
        let mut position = Position { resumed: offset > 0, ..Position::default() };
        self.keep(&mut position, offset)?;
        self.position = Some(position);
        Ok(())
    }

    /// Writes the next bytes of the content. Folders and files are created as they come; a file that is whole has its
    /// time and is closed.
    ///
    /// # Errors
    ///
    /// [`DiskError::Full`] if there is no room, [`DiskError::NotWhole`] if these are more bytes than planned, or nothing
    /// was begun since an error.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let mut position = self.position.take().ok_or_else(|| self.not_whole())?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let file = match &mut position.file {
                Some(file) => file,
                None => {
                    let Some(next) = self.advance(&mut position)? else { return Err(self.not_whole()) };
                    let handle = self.create(&position, &next)?;
                    position.file.insert(Growing { handle, name: next.name, left: next.len, modified: next.modified })
                }
            };
            let len = usize::try_from(file.left).map_or(rest.len(), |left| left.min(rest.len()));
            let (now, later) = rest.split_at(len);
            calls::write(&file.handle, now).map_err(self.error("write", &file.name))?;
            file.left -= len as u64;
            rest = later;
            if file.left == 0
                && let Some(file) = position.file.take()
            {
                self.finish(&mut position, file);
            }
        }
        self.position = Some(position);
        Ok(())
    }

    /// Makes what was written a file or folder of the download folder, under the name that it should have or with a
    /// number in it, once it has reached the disk. Nothing is replaced.
    ///
    /// # Errors
    ///
    /// If bytes are missing or the system refuses. What is staged is kept, unless it may not be what was written: if it
    /// could not be brought to the disk, or is not what it should be. If only the folder's own list of names could not
    /// be brought to the disk, it has its name, and may lose it should the system fail.
    pub fn save(mut self) -> Result<Saved, DiskError> {
        let mut position = self.position.take().ok_or_else(|| self.not_whole())?;
        if position.file.is_some() || self.advance(&mut position)?.is_some() {
            return Err(self.not_whole());
        }
        self.shared.still_there()?;
        let whole = self.is_whole(&position).map_err(self.error("look at", CONTENT))?;
        let done = if whole { self.sync(&position) } else { Err(self.not_whole()) };
        if let Err(error) = done {
            // The system may have dropped what it could not write and say nothing about it the next time.
            self.clear();
            return Err(error);
        }
        let name = settle(&self.shared, &self.container, &self.plan)?;
        let synced = calls::sync(&self.shared.folder).map_err(disk_error("save", &name));
        self.clear();
        synced?;
        Ok(Saved { path: self.shared.path.join(&name), name, kind: self.plan.kind, hash: None })
    }

    /// Removes what is staged.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn discard(self) -> io::Result<()> {
        self.remove().map_err(io::Error::from)
    }

    fn clear(&self) {
        if let Err(error) = self.remove() {
            tracing::debug!(name = self.name, %error, "could not remove a partial");
        }
    }

    fn remove(&self) -> rustix::io::Result<()> {
        clear::remove(&self.container, CONTENT)?;
        // The lock goes last: until then nobody else takes the partial for free.
        clear::remove(&self.container, LOCK)?;
        match calls::remove(&self.shared.folder, &*self.name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    /// Creates what comes next up to a file that takes bytes, which is the result. It is not created.
    fn advance(&self, position: &mut Position) -> Result<Option<PlannedFile>, DiskError> {
        if let Some(file) = position.next.take() {
            return Ok(Some(file));
        }
        while let Some(step) = self.step(position)? {
            match step {
                Step::Folder(name) => {
                    let here = position.trail.here(&self.container);
                    let mode = Mode::from_raw_mode(0o777);
                    calls::mkdir(here, &name, mode).map_err(self.error("create the folder", &name))?;
                    let folder = calls::folder(here, &name);
                    position.trail.0.push(folder.map_err(self.error("open the folder", &name))?);
                }
                Step::Up => drop(position.trail.0.pop()),
                Step::File(file) if file.len == 0 => self.create_empty(position, file)?,
                Step::File(file) => return Ok(Some(file)),
            }
        }
        Ok(None)
    }

    pub(super) fn create_empty(&self, position: &mut Position, file: PlannedFile) -> Result<(), DiskError> {
        let handle = self.create(position, &file)?;
        self.finish(position, Growing { handle, name: file.name, left: 0, modified: file.modified });
        Ok(())
    }

    pub(super) fn step(&self, position: &mut Position) -> Result<Option<Step>, DiskError> {
        // The names were checked when the plan was made.
        let failed = |error| DiskError::Failed { doing: "keep", name: self.shown(), source: io::Error::other(error) };
        position.walk.next(&self.plan, CONTENT).map_err(failed)
    }

    fn create(&self, position: &Position, file: &PlannedFile) -> Result<OwnedFd, DiskError> {
        let mode = if file.executable { 0o777 } else { 0o666 };
        let here = position.trail.here(&self.container);
        calls::create(here, &file.name, Mode::from_raw_mode(mode)).map_err(self.error("create", &file.name))
    }

    pub(super) fn finish(&self, position: &mut Position, file: Growing) {
        set_modified(&file.handle, believable(file.modified));
        if self.plan.kind == Kind::File {
            position.whole = Some(file.handle);
        }
    }

    /// Whether `content` is what was written there.
    fn is_whole(&self, position: &Position) -> rustix::io::Result<bool> {
        let found = match look(&self.container, CONTENT) {
            Err(Errno::NOENT) => return Ok(false),
            found => found?,
        };
        let same = match (&position.whole, self.plan.kind) {
            (Some(file), _) => calls::look_at(file)?.st_ino == found.st_ino && file_len(&found) == Some(self.plan.len),
            (None, Kind::File) => file_len(&found) == Some(self.plan.len),
            (None, Kind::Folder) => file_type(&found) == FileType::Directory,
        };
        // What an earlier attempt left was made from another list of names, perhaps.
        let shape = || read::same_shape(&self.container, CONTENT, &self.plan);
        Ok(same && (!position.resumed || shape()?))
    }

    fn sync(&self, position: &Position) -> Result<(), DiskError> {
        let failed = || self.error("save", CONTENT);
        match (&position.whole, self.plan.kind) {
            (Some(file), _) => calls::sync(file).map_err(failed()),
            (None, Kind::File) => {
                let file = calls::open(&self.container, CONTENT, OFlags::empty()).map_err(failed())?;
                calls::sync(file).map_err(failed())
            }
            #[cfg(target_os = "linux")]
            (None, Kind::Folder) => calls::sync_everything(&self.lock).map_err(failed()),
            #[cfg(not(target_os = "linux"))]
            (None, Kind::Folder) => read::sync_each(&self.container, CONTENT, &self.plan)
                .and_then(|()| calls::sync(&self.lock))
                .map_err(failed()),
        }
    }

    /// For `map_err`, with the name that a person knows.
    pub(super) fn error<'a>(&'a self, doing: &'static str, name: &'a str) -> impl FnOnce(Errno) -> DiskError + 'a {
        disk_error(doing, if name == CONTENT { self.plan.top.as_str() } else { name })
    }

    pub(super) fn not_whole(&self) -> DiskError {
        DiskError::NotWhole { name: self.shown() }
    }

    fn shown(&self) -> String {
        clean(self.plan.top.as_str()).into_owned()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        set_modified(&self.lock, now());
    }
}

/// The present time.
pub(super) fn now() -> Timespec {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timespec { tv_sec: i64::try_from(now.as_secs()).unwrap_or(i64::MAX), tv_nsec: now.subsec_nanos().into() }
}

/// A time from 1970 to now: others mislead programs that sort, and some file systems.
pub(super) fn believable(modified: Modified) -> Timespec {
    let now = now();
    let said = Timespec { tv_sec: modified.secs, tv_nsec: modified.nanos.min(999_999_999).into() };
    if (said.tv_sec, said.tv_nsec) > (now.tv_sec, now.tv_nsec) {
        now
    } else if said.tv_sec < 0 {
        Timespec { tv_sec: 0, tv_nsec: 0 }
    } else {
        said
    }
}

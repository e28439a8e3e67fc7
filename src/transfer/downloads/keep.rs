//! Taking up what an earlier attempt staged.

use std::os::{fd::AsFd, unix::ffi::OsStrExt};

use rustix::fs::{FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;

use super::{
    calls::{self, file_len, file_type, look, names},
    clear,
    error::DiskError,
    plan::{PlannedFile, Step},
    read::Kept,
    staging::{Growing, LOCK, Position, Staging, believable},
};

impl Staging {
    /// Walks over the first `offset` bytes of the content and removes what is not among them.
    pub(super) fn keep(&self, position: &mut Position, offset: u64) -> Result<(), DiskError> {
        let mut kept = vec![Kept::default()];
        let mut rest = offset;
        while let Some(step) = self.step(position)? {
            let here = kept.last_mut();
            match step {
                Step::Folder(name) => {
                    here.into_iter().for_each(|kept| kept.insert(&name));
                    self.keep_folder(position, &name)?;
                    kept.push(Kept::default());
                }
                Step::Up => {
                    if let (Some(folder), Some(kept)) = (position.trail.0.pop(), kept.pop()) {
                        self.purge(folder, &kept)?;
                    }
                }
                Step::File(file) if file.len > 0 && rest == 0 => {
                    position.next = Some(file);
                    break;
                }
                Step::File(file) => {
                    here.into_iter().for_each(|kept| kept.insert(&file.name));
                    let len = file.len.min(rest);
                    rest -= len;
                    let whole = len == file.len;
                    self.keep_file(position, file, len)?;
                    if !whole {
                        break;
                    }
                }
            }
        }
        if rest > 0 {
            return Err(self.not_whole());
        }
        for (folder, kept) in position.trail.0.iter().rev().zip(kept.iter().skip(1).rev()) {
            self.purge(folder, kept)?;
        }
        if let Some(kept) = kept.first_mut() {
            kept.insert(LOCK);
            self.purge(&self.container, kept)?;
        }
        Ok(())
    }

    /// Enters a folder, which is made if it is not there.
    fn keep_folder(&self, position: &mut Position, name: &str) -> Result<(), DiskError> {
        let here = position.trail.here(&self.container);
        let make = || match calls::mkdir(here, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => Ok(()),
            done => done.map_err(self.error("create the folder", name)),
        };
        make()?;
        let folder = match calls::folder(here, name) {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                calls::remove(here, name, rustix::fs::AtFlags::empty()).map_err(self.error("remove", name))?;
                make()?;
                calls::folder(here, name)
            }
            opened => opened,
        };
        position.trail.0.push(folder.map_err(self.error("open the folder", name))?);
        Ok(())
    }

    /// Keeps the first `len` bytes of a file.
    fn keep_file(&self, position: &mut Position, file: PlannedFile, len: u64) -> Result<(), DiskError> {
        let here = position.trail.here(&self.container);
        let found = match look(here, &*file.name) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(self.error("look at", &file.name)(errno)),
        };
        let there = found.as_ref().and_then(file_len);
        if file.len == 0 && there != Some(0) {
            self.purge_one(here, &file.name)?;
            return self.create_empty(position, file);
        }
        // Nobody but this program writes here: it is not what was said to be present.
        let usable = |found: &Stat| found.st_nlink == 1 && there.is_some_and(|there| len <= there);
        let found = found.filter(usable).ok_or_else(|| self.not_whole())?;
        let whole = len == file.len && there == Some(len);
        if whole && as_planned(&found, &file) {
            return Ok(());
        }
        let failed = |doing| self.error(doing, &file.name);
        let handle = calls::open(here, &file.name, OFlags::empty()).map_err(failed("open"))?;
        let opened = calls::look_at(&handle).map_err(failed("look at"))?;
        if file_type(&opened) != FileType::RegularFile {
            return Err(self.not_whole());
        }
        if !whole {
            calls::truncate(&handle, len).map_err(failed("cut"))?;
            rustix::fs::seek(&handle, SeekFrom::Start(len)).map_err(failed("cut"))?;
        }
        if executable(&found) != file.executable {
            let mode = found.st_mode & 0o777;
            let mode = if file.executable { mode | (mode & 0o444) >> 2 } else { mode & !0o111 };
            if let Err(error) = crate::disk::set_mode(&handle, Mode::from_raw_mode(mode)) {
                tracing::debug!(%error, "could not set the rights of a file");
            }
        }
        let growing = Growing { handle, left: file.len - len, name: file.name, modified: file.modified };
        match growing.left {
            0 => self.finish(position, growing),
            _ => position.file = Some(growing),
        }
        Ok(())
    }

    /// Removes what is in a folder except what is kept.
    fn purge(&self, folder: impl AsFd, kept: &Kept) -> Result<(), DiskError> {
        let names = names(&folder).map_err(self.error("read", super::staging::CONTENT))?;
        for name in names.iter().filter(|name| !kept.contains(name.as_bytes())) {
            let shown = name.to_string_lossy();
            clear::remove(&folder, name).map_err(self.error("remove", &shown))?;
        }
        Ok(())
    }

    fn purge_one(&self, folder: impl AsFd, name: &str) -> Result<(), DiskError> {
        clear::remove(folder, name).map_err(self.error("remove", name))
    }
}

fn executable(found: &Stat) -> bool {
    found.st_mode & 0o100 != 0
}

fn as_planned(found: &Stat, file: &PlannedFile) -> bool {
    found.st_mtime == believable(file.modified).tv_sec && executable(found) == file.executable
}

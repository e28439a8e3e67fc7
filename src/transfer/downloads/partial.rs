//! Which partials there are, and whose they are.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{
    Shared,
    calls::{self, file_type, look},
    clear,
    error::{DiskError, disk_error},
    plan::Plan,
    staging::{CONTENT, LOCK, Staging, now},
};

/// How often another place is made when somebody else was quicker; each time somebody else got one.
const MAX_TRIES: u32 = 64;

const BEGINNING: &str = ".pchat-";
const END: &str = ".part";

/// What is being fetched: partials are found again by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub [u8; 16]);

impl Key {
    pub(super) fn text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

/// See [`super::Downloads::stage`].
pub(super) fn stage(shared: &Arc<Shared>, key: &Key, plan: Plan) -> Result<Staging, DiskError> {
    shared.still_there()?;
    let beginning = format!("{BEGINNING}{}-", key.text());
    let failed = |doing| disk_error(doing, plan.top.as_str());
    let mut tries = MAX_TRIES;
    let ((container, lock), name) = loop {
        let names = names(shared).map_err(failed("look for a partial of"))?;
        let left = names.into_iter().filter(|name| name.starts_with(&beginning));
        if let Some(taken) = left.into_iter().find_map(|name| Some((take_up(shared, &name)?, name))) {
            break taken;
        }
        let name = format!("{beginning}{:016x}{END}", random().map_err(failed("create"))?);
        calls::mkdir(&shared.folder, &name, Mode::RWXU).map_err(failed("create"))?;
        match open_new(shared, &name) {
            Ok(made) => break (made, name),
            // Somebody else took it up before it was locked, and may have removed it since.
            Err(Errno::NOENT | Errno::WOULDBLOCK) if tries > 0 => tries -= 1,
            Err(errno) => {
                // Empty as it is, it helps nobody.
                let _ = clear::remove(&shared.folder, &name);
                return Err(failed("create")(errno));
            }
        }
    };
    Ok(Staging { shared: shared.clone(), name, container, lock, plan, position: None })
}

fn random() -> rustix::io::Result<u64> {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Errno::IO)?;
    Ok(u64::from_ne_bytes(random))
}

fn open_new(shared: &Shared, name: &str) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let container = calls::folder(&shared.folder, name)?;
    let lock = calls::open(&container, LOCK, OFlags::CREATE)?;
    match calls::lock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(Errno::WOULDBLOCK),
        // Where there are no locks, nobody takes it up, see below.
        Err(error) => tracing::debug!(%error, "could not lock a partial"),
    }
    // Whoever held it before us may have saved and removed it meanwhile.
    if calls::look_at(&lock)?.st_nlink == 0 { Err(Errno::NOENT) } else { Ok((container, lock)) }
}

/// Opens a partial that is this user's and that nobody uses, and locks it.
fn take_up(shared: &Shared, name: &str) -> Option<(OwnedFd, OwnedFd)> {
    let container = calls::folder(&shared.folder, name).ok()?;
    if !ours(&calls::look_at(&container).ok()?) {
        return None;
    }
    let lock = calls::open(&container, LOCK, OFlags::CREATE).ok()?;
    calls::lock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Whoever held it may have saved and removed it meanwhile.
    let locked = calls::look_at(&lock).ok()?;
    (locked.st_nlink > 0 && file_type(&locked) == FileType::RegularFile).then_some((container, lock))
}

/// Whether it is a folder that only this user can have filled.
fn ours(found: &Stat) -> bool {
    file_type(found) == FileType::Directory
        && found.st_uid == rustix::process::geteuid().as_raw()
        && found.st_mode & 0o077 == 0
}

/// The names of all partials, in an order of their own.
fn names(shared: &Shared) -> rustix::io::Result<Vec<String>> {
    let names = calls::names(&shared.folder)?.into_iter().filter_map(|name| name.into_string().ok());
    let mut names: Vec<_> = names.filter(|name| is_partial(name)).collect();
    names.sort_unstable();
    Ok(names)
}

fn is_partial(name: &str) -> bool {
    let Some((key, random)) =
        name.strip_prefix(BEGINNING).and_then(|rest| rest.strip_suffix(END)).and_then(|middle| middle.split_once('-'))
    else {
        return false;
    };
    let hex = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex(key, 32) && hex(random, 16)
}

/// Names of partials with this key.
fn named(shared: &Shared, key: &Key) -> rustix::io::Result<impl Iterator<Item = String> + use<>> {
    let beginning = format!("{BEGINNING}{}-", key.text());
    Ok(names(shared)?.into_iter().filter(move |name| name.starts_with(&beginning)))
}

/// See [`super::Downloads::has_partial`].
pub(super) fn any(shared: &Shared, key: &Key) -> io::Result<bool> {
    Ok(named(shared, key)?.next().is_some())
}

/// See [`super::Downloads::forget`].
pub(super) fn forget(shared: &Shared, key: &Key) -> io::Result<()> {
    for name in named(shared, key)? {
        sweep_one(shared, &name, i64::MAX)?;
    }
    Ok(())
}

/// See [`super::Downloads::partials`].
pub(super) fn measure(shared: &Shared) -> io::Result<(usize, u64)> {
    let mut sum = (0, 0_u64);
    for name in names(shared)? {
        let Ok(found) = look(&shared.folder, &name) else { continue };
        if ours(&found) {
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(clear::measure(&shared.folder, &name));
        }
    }
    Ok(sum)
}

/// See [`super::Downloads::sweep`].
pub(super) fn sweep(shared: &Shared, max_age: Duration) -> io::Result<usize> {
    let youngest = now().tv_sec.saturating_sub(i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX));
    let mut swept = 0;
    for name in names(shared)? {
        match sweep_one(shared, &name, youngest) {
            Ok(done) => swept += usize::from(done),
            Err(error) => tracing::debug!(name, %error, "could not remove an old partial"),
        }
    }
    Ok(swept)
}

fn sweep_one(shared: &Shared, name: &str, youngest: i64) -> rustix::io::Result<bool> {
    let container = calls::folder(&shared.folder, name)?;
    let container = calls::look_at(&container).map(|found| (container, found))?;
    let (container, found) = container;
    // One that has no lock yet is being made, or what is left of one.
    let used = look(&container, LOCK).map_or(found.st_mtime, |lock| lock.st_mtime);
    if used >= youngest || !ours(&found) {
        return Ok(false);
    }
    let Some((container, _lock)) = take_up(shared, name) else { return Ok(false) };
    clear::remove(&container, CONTENT)?;
    clear::remove(&shared.folder, name)?;
    Ok(true)
}

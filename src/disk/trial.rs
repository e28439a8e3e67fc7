//! Trials: what becomes of files if a call of the system fails, if the program ends at it, if the power fails after it.
//!
//! A trial is about everything below one folder, whichever thread does it. Tests have folders of their own, so that
//! several trials go on at once.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::*;

mod power;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub(crate) use power::{Power, Way};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Folder,
    Create,
    Open,
    OpenToRead,
    Mkdir,
    Write,
    Truncate,
    Sync,
    Rename,
    RenameNew,
    Link,
    Remove,
    Read,
    List,
    Look,
    Lock,
    Mark,
}

impl Call {
    fn of(act: &Act<'_>) -> Self {
        match act {
            Act::Open(_, flags) if flags.contains(OFlags::EXCL) => Self::Create,
            Act::Open(_, flags) if flags.contains(OFlags::DIRECTORY) => Self::Folder,
            Act::Open(_, flags) if !flags.intersects(OFlags::WRONLY | OFlags::RDWR) => Self::OpenToRead,
            Act::Open(..) => Self::Open,
            Act::Mkdir(_) => Self::Mkdir,
            Act::Write(..) => Self::Write,
            Act::Truncate(..) => Self::Truncate,
            Act::Sync(_) | Act::SyncAll(_) => Self::Sync,
            Act::Rename(..) => Self::Rename,
            Act::RenameNew(..) => Self::RenameNew,
            Act::Link(..) => Self::Link,
            Act::Remove(_) => Self::Remove,
            Act::Read(_) => Self::Read,
            Act::List(_) => Self::List,
            Act::Look(_) | Act::LookAt(_) => Self::Look,
            Act::Lock(_) => Self::Lock,
            Act::Mark(_) => Self::Mark,
        }
    }

    /// Whether it changes what is on the disk, or brings it there.
    pub(crate) fn changes(self) -> bool {
        !matches!(
            self,
            Self::Folder | Self::Open | Self::OpenToRead | Self::Read | Self::List | Self::Look | Self::Lock
        )
    }

    /// What the system may say instead of doing it.
    pub(crate) fn errnos(self) -> &'static [Errno] {
        use Errno as E;
        match self {
            Self::Create | Self::Mkdir | Self::Link => &[E::NOSPC, E::DQUOT, E::IO, E::ROFS, E::ACCESS, E::INTR],
            Self::Rename | Self::RenameNew => &[E::NOSPC, E::DQUOT, E::IO, E::ROFS, E::ACCESS, E::INTR],
            Self::Write => &[E::NOSPC, E::DQUOT, E::IO, E::ROFS, E::INTR],
            Self::Truncate => &[E::NOSPC, E::DQUOT, E::IO, E::ROFS, E::INTR],
            Self::Sync => &[E::NOSPC, E::DQUOT, E::IO, E::ROFS, E::INTR],
            Self::Open => &[E::NOSPC, E::IO, E::ROFS, E::ACCESS, E::INTR],
            Self::Remove | Self::Mark => &[E::IO, E::ROFS, E::ACCESS],
            Self::Folder | Self::OpenToRead | Self::Look => &[E::IO, E::ACCESS, E::INTR],
            Self::Read | Self::List => &[E::IO, E::INTR],
            Self::Lock => &[E::IO, E::NOLCK, E::INTR],
        }
    }
}

/// What happens instead of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Fails(Errno),
    /// A write takes only half of what it is given; other calls are as ever.
    Short,
    /// The program ends before it: nothing of it is done, and nothing after it.
    Ends,
    /// The program ends after it; a write has taken half of what it was given.
    EndsAfter,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    at: Option<(usize, Fault)>,
    always: Vec<(Call, Errno)>,
    ended: bool,
    power: Option<Power>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    state: Mutex<State>,
}

/// What is done to the calls below a folder, as long as this lives.
#[derive(Debug)]
pub(crate) struct Trial(Arc<Shared>);

static COUNT: AtomicUsize = AtomicUsize::new(0);
static TRIALS: RwLock<Vec<Arc<Shared>>> = RwLock::new(Vec::new());

impl Trial {
    /// One of everything below this folder, which is there.
    pub(crate) fn below(root: &Path) -> Self {
        let root = root.canonicalize().expect("it is there");
        let shared = Arc::new(Shared { root, state: Mutex::default() });
        TRIALS.write().unwrap_or_else(PoisonError::into_inner).push(shared.clone());
        COUNT.fetch_add(1, Relaxed);
        Self(shared)
    }

    /// Lets the call of that number from now, and only that one, go wrong.
    pub(crate) fn at(&self, number: usize, fault: Fault) {
        let mut state = self.0.state();
        state.calls.clear();
        state.at = Some((number, fault));
        state.ended = false;
    }

    /// Lets these calls fail for good.
    pub(crate) fn always(&self, always: &[(Call, Errno)]) {
        self.0.state().always = always.to_vec();
    }

    /// Lets nothing more go wrong but what always does, and tells what was called since the last of these.
    pub(crate) fn none(&self) -> Vec<Call> {
        let mut state = self.0.state();
        state.at = None;
        state.ended = false;
        std::mem::take(&mut state.calls)
    }

    /// Records from now on what is done. What is there already is on the disk.
    pub(crate) fn record(&self) {
        self.0.state().power = Some(Power::on(&self.0.root));
    }

    /// How many changes were recorded so far.
    pub(crate) fn recorded(&self) -> usize {
        self.0.state().power.as_ref().map_or(0, Power::len)
    }

    /// What was recorded.
    pub(crate) fn power(&self) -> Power {
        self.0.state().power.take().expect("it was recorded")
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        TRIALS.write().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &self.0));
        COUNT.fetch_sub(1, Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trial that a call belongs to.
    fn of(act: &Act<'_>) -> Option<Arc<Self>> {
        if COUNT.load(Relaxed) == 0 {
            return None;
        }
        let path = match act {
            Act::Open(at, _) | Act::Mkdir(at) | Act::Remove(at) | Act::Look(at) => at.path(),
            Act::Rename(_, to) | Act::RenameNew(_, to) | Act::Link(_, to) => to.path(),
            Act::Write(file, _) | Act::Truncate(file, _) => path_of(*file),
            Act::Sync(file) | Act::SyncAll(file) | Act::Read(file) | Act::List(file) => path_of(*file),
            Act::LookAt(file) | Act::Lock(file) | Act::Mark(file) => path_of(*file),
        }?;
        let trials = TRIALS.read().unwrap_or_else(PoisonError::into_inner);
        trials.iter().find(|trial| path.starts_with(&trial.root)).cloned()
    }
}

impl State {
    /// Whether a call may be made, and how much it may move.
    fn admit(&mut self, act: &Act<'_>) -> Result<usize> {
        if self.ended {
            return Err(Errno::IO);
        }
        let call = Call::of(act);
        let number = self.calls.len();
        self.calls.push(call);
        if let Some((_, errno)) = self.always.iter().find(|(failing, _)| *failing == call) {
            return Err(*errno);
        }
        let half = match act {
            Act::Write(_, bytes) => bytes.len().div_ceil(2),
            _ => usize::MAX,
        };
        match self.at.filter(|(at, _)| *at == number) {
            None => Ok(usize::MAX),
            Some((_, Fault::Fails(errno))) => Err(errno),
            Some((_, Fault::Short)) => Ok(half),
            Some((_, Fault::Ends)) => {
                self.ended = true;
                Err(Errno::IO)
            }
            Some((_, Fault::EndsAfter)) => {
                self.ended = true;
                Ok(half)
            }
        }
    }
}

/// Makes a call, unless a trial has it otherwise.
pub(super) fn made<T>(act: &Act<'_>, call: impl FnOnce(usize) -> Result<T>) -> Result<T> {
    let Some(trial) = Shared::of(act) else { return call(usize::MAX) };
    let mut state = trial.state();
    let most = state.admit(act)?;
    if let Act::Lock(_) = act {
        // It waits, perhaps for somebody whose calls are tried, too.
        drop(state);
        return call(most);
    }
    let before = state.power.as_ref().map(|_| power::Before::of(act));
    let done = call(most);
    if done.is_ok()
        && let (Some(power), Some(before)) = (&mut state.power, before)
    {
        power.did(act, &before);
    }
    if state.ended { Err(Errno::IO) } else { done }
}

impl At<'_> {
    /// Where it is, as far as that can be told.
    fn path(&self) -> Option<PathBuf> {
        if self.name.is_absolute() {
            return match (self.name.parent(), self.name.file_name()) {
                (Some(folder), Some(name)) => {
                    Some(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(name))
                }
                _ => Some(self.name.to_owned()),
            };
        }
        let folder = if is_here(self.folder) { std::env::current_dir().ok() } else { path_of(self.folder) };
        Some(folder?.join(self.name))
    }
}

fn is_here(folder: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd;
    folder.as_raw_fd() == CWD.as_raw_fd()
}

#[cfg(target_os = "linux")]
fn path_of(file: BorrowedFd<'_>) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

#[cfg(not(target_os = "linux"))]
fn path_of(file: BorrowedFd<'_>) -> Option<PathBuf> {
    let path = rustix::fs::getpath(file).ok()?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())))
}

/// How many states of each moment are tried beyond those that are always: `PCHAT_SEEDS=a..b` says which.
pub(crate) fn seeds(ordinary: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("PCHAT_SEEDS") else { return ordinary };
    let (from, to) = asked.split_once("..").expect("PCHAT_SEEDS is a..b");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// What a walk has tried.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: usize,
    pub(crate) kinds: HashSet<Call>,
    pub(crate) tries: usize,
}

impl Tally {
    /// Counts the calls of an attempt.
    pub(crate) fn walked(&mut self, calls: &[Call]) {
        self.calls += calls.len();
        self.kinds.extend(calls);
    }

    /// Says it, for whoever runs the test with its output.
    pub(crate) fn tell(&self, what: &str) {
        println!("{what}: {} calls of {} kinds, {} tries", self.calls, self.kinds.len(), self.tries);
    }
}

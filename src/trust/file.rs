//! Files that hold lists of lines: read whole, replaced whole, one writer at a time.
//!
//! The first line names kind and version of the file, the last one is `end`, so that a file that was cut
//! short is noticed even at the end of a line. Writers hold an advisory lock on a file beside it, write a
//! temporary file in the same folder and rename it over the old one: readers need no lock and never see half
//! a file.

use std::{
    collections::{HashMap, hash_map},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::disk::{self, AtFlags, CWD, Errno, FlockOperation, Mode, OFlags};

/// Longest file that is read, in bytes; some 100,000 entries.
const MAX_FILE_LEN: usize = 16 * 1024 * 1024;

/// How old a temporary file is that nobody can be writing any more.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// The last line of a whole file.
const END: &str = "end";

/// What is wrong with a file of ours.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A line makes no sense, or the file is not whole.
    #[error("{}, line {line}: {reason}; correct the file, or move it away if you can do without it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The system refuses.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// What did not work, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// For `map_err`: the error of doing something with a file.
pub(super) fn io_error<E: Into<io::Error>>(doing: &'static str, path: &Path) -> impl FnOnce(E) -> FileError {
    move |source| FileError::Io { doing, path: path.to_owned(), source: source.into() }
}

/// Creates a folder and those above it, for this user only.
pub(crate) fn create_private_dir(path: &Path) -> Result<(), FileError> {
    disk::make_folders(path, Mode::RWXU).map_err(io_error("create", path))
}

/// The folder a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens a file for reading; nothing if there is none.
pub(super) fn open(path: &Path) -> Result<Option<OwnedFd>, FileError> {
    match disk::open(CWD, path, OFlags::RDONLY, Mode::empty()) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(io_error("open", path)(errno)),
    }
}

/// Writes a new file of mode 0600 in the folder of `path` and returns its path; the data has reached the disk.
pub(super) fn write_temporary(path: &Path, data: &[u8]) -> Result<PathBuf, FileError> {
    clear_abandoned(folder_of(path));
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| io_error("create", path)(io::Error::other("no random numbers")))?;
    let name = format!("{BEGINNING}{:016x}{ENDING}", u64::from_ne_bytes(random));
    let temporary = folder_of(path).join(name);
    let rights = Mode::RUSR | Mode::WUSR;
    let file = disk::create(CWD, &temporary, rights).map_err(io_error("create", &temporary))?;
    // The mode above is cut by the umask, which may even take away the owner's rights.
    let written =
        disk::set_mode(&file, rights).and_then(|()| disk::write(&file, data)).and_then(|()| disk::sync(&file));
    written.map_err(|error| {
        discard(&temporary);
        io_error("write", path)(error)
    })?;
    Ok(temporary)
}

const BEGINNING: &str = ".pchat-";
const ENDING: &str = ".tmp";

/// Removes the temporary files that a program left in a folder because it was stopped.
fn clear_abandoned(folder: &Path) {
    let is_temporary = |name: &std::ffi::OsStr| {
        let random = name.to_str().and_then(|name| name.strip_prefix(BEGINNING)?.strip_suffix(ENDING));
        random.is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let names = disk::open(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).and_then(disk::names);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    for name in names.unwrap_or_default().iter().filter(|name| is_temporary(name)) {
        let path = folder.join(name);
        let changed = disk::look(CWD, &path).map(|found| u64::try_from(found.st_mtime).unwrap_or(0));
        if changed.is_ok_and(|changed| changed.saturating_add(ABANDONED.as_secs()) < now.as_secs()) {
            discard(&path);
        }
    }
}

/// Removes a temporary file.
pub(super) fn discard(temporary: &Path) {
    match disk::remove(CWD, temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => tracing::debug!(path = %temporary.display(), %error, "could not remove a temporary file"),
    }
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_names(folder: &Path) -> disk::Result<()> {
    disk::open(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).and_then(disk::sync)
}

/// Brings a rename in a folder to the disk.
pub(super) fn sync_folder(path: &Path) -> Result<(), FileError> {
    sync_names(folder_of(path)).map_err(io_error("save", path))
}

/// Replaces the file at `path` as a whole, for this user only: who reads it meanwhile sees the old one or the new one.
///
/// # Errors
///
/// If the system refuses: then the old one is there still, unless the last step, bringing the folder's names to the
/// disk, is what failed. Then it is the new one, and may be the old one again should the system fail.
pub(crate) fn replace(path: &Path, data: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(path, data)?;
    disk::rename(CWD, &temporary, CWD, path).map_err(|error| {
        discard(&temporary);
        io_error("replace", path)(error)
    })?;
    sync_folder(path)
}

/// A file of lines.
#[derive(Clone, Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    /// The first line.
    head: &'static str,
}

/// One entry of a line file.
pub(super) trait Entry: Sized {
    /// The entry that a line holds, or what is wrong with the line.
    fn parse(line: &str) -> Result<Self, String>;

    /// The line for the entry, without the line end.
    fn to_line(&self) -> String;

    /// Why this entry cannot stand in the same file as an earlier one.
    fn conflict(&self, earlier: &Self) -> Option<String>;

    /// What no two entries share; conflicts are between entries of one such text.
    fn unique(&self) -> String;
}

impl LineFile {
    pub(super) fn new(path: PathBuf, head: &'static str) -> Self {
        Self { path, head }
    }

    /// The entries of the file, none if there is no file.
    pub(super) fn read<T: Entry>(&self) -> Result<Vec<T>, FileError> {
        let Some(file) = open(&self.path)? else { return Ok(Vec::new()) };
        let data = disk::read_all(file, MAX_FILE_LEN + 1).map_err(io_error("read", &self.path))?;
        self.parse(&data).map_err(|(line, reason)| FileError::Malformed { path: self.path.clone(), line, reason })
    }

    fn parse<T: Entry>(&self, data: &[u8]) -> Result<Vec<T>, (usize, String)> {
        let wrong = |line, reason: &str| (line, reason.to_owned());
        if data.len() > MAX_FILE_LEN {
            return Err(wrong(1, "the file is far too long"));
        }
        let text = str::from_utf8(data).map_err(|error| {
            let before = &data[..error.valid_up_to()];
            (before.iter().filter(|byte| **byte == b'\n').count() + 1, "bytes that are no text".to_owned())
        })?;
        let count = text.lines().count();
        let cut = || wrong(count.max(1), "the file is cut short, its last line is not `end`");
        let lines = text.strip_suffix('\n').ok_or_else(cut)?;
        let mut lines = lines.split('\n').enumerate().map(|(at, line)| (at + 1, line));
        if lines.next().is_none_or(|(_, line)| line != self.head) {
            return Err((1, format!("this should be `{}`", self.head)));
        }
        let mut entries: Vec<T> = Vec::new();
        let mut seen = HashMap::new();
        let mut ended = false;
        for (number, line) in lines {
            if ended {
                return Err(wrong(number, "something follows after `end`"));
            }
            if line == END {
                ended = true;
                continue;
            }
            let entry = T::parse(line).map_err(|reason| (number, reason))?;
            match seen.entry(entry.unique()) {
                hash_map::Entry::Vacant(free) => {
                    free.insert(entries.len());
                    entries.push(entry);
                }
                hash_map::Entry::Occupied(earlier) => {
                    if let Some(reason) = entry.conflict(&entries[*earlier.get()]) {
                        return Err((number, reason));
                    }
                }
            }
        }
        if ended { Ok(entries) } else { Err(cut()) }
    }

    /// Reads the entries, lets `change` alter them and replaces the file if `change` says that it did.
    pub(super) fn update<T: Entry, R, E: From<FileError>>(
        &self,
        change: impl FnOnce(&mut Vec<T>) -> Result<(Changed, R), E>,
    ) -> Result<R, E> {
        create_private_dir(folder_of(&self.path))?;
        let _lock = self.lock()?;
        let mut entries = self.read()?;
        let (changed, result) = change(&mut entries)?;
        if changed == Changed::Yes {
            self.replace(&entries)?;
        }
        Ok(result)
    }

    /// Waits until no other process changes the file. The lock ends with the returned file.
    fn lock(&self) -> Result<OwnedFd, FileError> {
        // The file itself is replaced, so that a lock on it would be a lock on the old one.
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = disk::open(CWD, &path, OFlags::WRONLY | OFlags::CREATE, Mode::RUSR | Mode::WUSR)
            .map_err(io_error("open", &path))?;
        disk::lock(&file, FlockOperation::LockExclusive).map_err(io_error("lock", &path))?;
        Ok(file)
    }

    fn replace<T: Entry>(&self, entries: &[T]) -> Result<(), FileError> {
        let mut text = format!("{}\n", self.head);
        for entry in entries {
            text.push_str(&entry.to_line());
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
        replace(&self.path, text.as_bytes())
    }
}

/// Whether a change of the entries has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    No,
}

impl From<bool> for Changed {
    fn from(changed: bool) -> Self {
        if changed { Self::Yes } else { Self::No }
    }
}

//! The file of a journal.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::{
    JournalError, MAGIC, Saved,
    image::{Cut, Image, Restored},
};
use crate::{room::log::LogLimits, wire::Epoch};

/// Bytes of a batch before its records.
pub(super) const HEAD: usize = 16;

/// Where batches go.
pub(super) trait Disk: Send {
    /// Writes these records as one batch, and syncs it.
    fn commit(&mut self, records: &[u8]) -> io::Result<()>;

    /// Begins the file anew with a checkpoint, which may take place beside what is committed meanwhile.
    fn replace(&mut self, pieces: Vec<Vec<u8>>) -> io::Result<()>;

    /// Whether a checkpoint has been begun and is not in its place.
    fn is_replacing(&self) -> bool;

    /// Goes on with a checkpoint that has been begun. An error means that nothing is certain any more.
    fn advance(&mut self) -> io::Result<()>;

    /// How long each write takes, for tests that have a clock of their own instead of a thread.
    #[cfg(test)]
    fn pace(&self) -> Option<std::time::Duration> {
        None
    }

    /// Whether each chance is taken to begin the file anew.
    #[cfg(test)]
    fn is_eager(&self) -> bool {
        false
    }

    /// Nothing more is written: what is there is not to be taken for the room's present state.
    fn retire(&mut self) -> io::Result<PathBuf>;
}

/// A call of the system, for tests that let it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Write,
    Sync,
    Read,
    Rename,
    SyncFolder,
}

/// What lets a call of the system fail.
pub(super) type Gate = Arc<dyn Fn(Call) -> io::Result<()> + Send + Sync>;

/// A journal in a file.
pub(super) struct FileDisk {
    path: PathBuf,
    file: File,
    len: u64,
    /// A checkpoint on its way, and where the batches begin that it does not have.
    next: Option<(mpsc::Receiver<io::Result<File>>, u64)>,
    gate: Gate,
    /// Nobody else writes the file as long as this is open.
    _lock: File,
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { doing, path: path.to_owned(), source }
}

/// A name beside the file.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    // What is no file is not waited for.
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32);
    options
}

pub(super) fn head(records: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&(records.len() as u32).to_be_bytes());
    head[4..12].copy_from_slice(&blake3::hash(records).as_bytes()[..8]);
    let check = blake3::hash(&head[..12]);
    head[12..].copy_from_slice(&check.as_bytes()[..4]);
    head
}

/// The length and the hash of the records behind a head, if it is one.
pub(super) fn read_head(head: &[u8; HEAD]) -> Option<(u64, [u8; 8])> {
    let ([a, b, c, d, hash @ .., _, _, _, _], check) = (*head, &head[12..]);
    let good = blake3::hash(&head[..12]).as_bytes()[..4] == *check;
    good.then(|| (u64::from(u32::from_be_bytes([a, b, c, d])), hash))
}

impl Saved {
    /// Opens the journal at `path`, or begins one there, whose room is called `epoch` if there is none to go on.
    ///
    /// # Errors
    ///
    /// See [`JournalError`]. A journal that is damaged is none: it is read as far as it can be.
    pub fn open(path: &Path, epoch: Epoch, limits: LogLimits, backlog: usize) -> Result<Self, JournalError> {
        Self::open_by(Arc::new(|_| Ok(())), path, epoch, (limits, backlog))
    }

    pub(super) fn open_by(
        gate: Gate,
        path: &Path,
        epoch: Epoch,
        (limits, backlog): (LogLimits, usize),
    ) -> Result<Self, JournalError> {
        let lock_path = beside(path, ".lock");
        let lock = private().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(io_error("create", &lock_path))?;
        if let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error.kind() {
                io::ErrorKind::WouldBlock => JournalError::InUse(path.to_owned()),
                _ => io_error("claim", &lock_path)(error.into()),
            });
        }
        let mut image = Image::empty(epoch, limits, backlog);
        let mut restored = Restored::default();
        match private().read(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("open", path)(error)),
            Ok(file) => {
                gate(Call::Read).map_err(io_error("read", path))?;
                restored = read(file, path, &mut image)?;
            }
        }
        if let Some((_, left)) = &restored.damaged {
            // Until there is another one, the file has its name, too: the next line may fail.
            gate(Call::Rename).and_then(|()| keep_as(path, left)).map_err(io_error("rename", path))?;
            image.begin_again(epoch);
        }
        (restored.events, restored.members) = (image.ring.len(), image.guests());
        let pieces = image.checkpoint();
        let disk = FileDisk::begin(gate, path, lock, pieces).map_err(io_error("write", path))?;
        Ok(Self { image, disk: Box::new(disk), restored })
    }
}

/// Gives a file another name beside its own, or instead where a file has but one.
fn keep_as(path: &Path, other: &Path) -> io::Result<()> {
    match std::fs::remove_file(other) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::hard_link(path, other).or_else(|_| std::fs::rename(path, other))
}

/// Reads a journal.
fn read(file: File, path: &Path, image: &mut Image) -> Result<Restored, JournalError> {
    let about = file.metadata().map_err(io_error("read", path))?;
    if !about.is_file() {
        return Err(JournalError::Foreign(path.to_owned()));
    }
    let mut restored = Restored::default();
    if about.len() == 0 {
        return Ok(restored);
    }
    let mut file = io::BufReader::with_capacity(1 << 16, file);
    let mut magic = [0; MAGIC.len()];
    let whole = about.len() >= MAGIC.len() as u64;
    if whole {
        file.read_exact(&mut magic).map_err(io_error("read", path))?;
    }
    // All but the number at the end.
    let name = MAGIC.len() - 2;
    match magic == *MAGIC {
        true => {}
        false if magic[..name] == MAGIC[..name] => return Err(JournalError::Version(path.to_owned())),
        false => return Err(JournalError::Foreign(path.to_owned())),
    }
    match image.read(file, about.len() - MAGIC.len() as u64).map_err(io_error("read", path))? {
        None => {}
        Some(Cut::Unfinished(bytes)) => restored.unfinished = bytes,
        Some(Cut::Damaged(bytes)) => restored.damaged = Some((bytes, beside(path, ".damaged"))),
    }
    restored.found = true;
    Ok(restored)
}

impl FileDisk {
    /// There is no checkpoint. The file that is there is as good as before.
    fn stays_long(&self, error: &io::Error) {
        tracing::warn!(%error, "the journal stays long: no checkpoint was written");
        // Half of one is of no use, and the disk may be full of it.
        let _ = std::fs::remove_file(beside(&self.path, ".new"));
    }

    /// Puts a checkpoint in the place of whatever is at `path`.
    fn begin(gate: Gate, path: &Path, lock: File, pieces: Vec<Vec<u8>>) -> io::Result<Self> {
        let mut file = write_new(&gate, path, pieces)?;
        let len = io::Seek::stream_position(&mut file)?;
        put_in_place(&gate, path)?;
        Ok(Self { path: path.to_owned(), file, len, next: None, gate, _lock: lock })
    }

    /// Adds to a checkpoint what was committed since it was begun.
    fn catch_up(&self, file: &mut File, mut from: u64) -> io::Result<()> {
        let mut piece = vec![0; 1 << 16];
        while from < self.len {
            let count = (self.len - from).min(piece.len() as u64) as usize;
            (self.gate)(Call::Read)?;
            self.file.read_exact_at(&mut piece[..count], from)?;
            (self.gate)(Call::Write)?;
            file.write_all(&piece[..count])?;
            from += count as u64;
        }
        (self.gate)(Call::Sync)?;
        file.sync_data()
    }
}

/// Writes a checkpoint under another name.
fn write_new(gate: &Gate, path: &Path, pieces: Vec<Vec<u8>>) -> io::Result<File> {
    let new = beside(path, ".new");
    // What is there is from a program that died at it.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    gate(Call::Create)?;
    let mut file = private().create_new(true).read(true).write(true).open(&new)?;
    match write_all(gate, &mut file, pieces) {
        Ok(()) => Ok(file),
        Err(error) => {
            // Half a checkpoint is of no use, and the disk may be full of it.
            let _ = std::fs::remove_file(&new);
            Err(error)
        }
    }
}

fn write_all(gate: &Gate, file: &mut File, pieces: Vec<Vec<u8>>) -> io::Result<()> {
    gate(Call::Write)?;
    file.write_all(MAGIC)?;
    for piece in pieces {
        gate(Call::Write)?;
        file.write_all(&head(&piece))?;
        file.write_all(&piece)?;
    }
    gate(Call::Sync)?;
    file.sync_all()
}

/// Gives a file that was written and synced under another name its own.
fn put_in_place(gate: &Gate, path: &Path) -> io::Result<()> {
    gate(Call::Rename)?;
    std::fs::rename(beside(path, ".new"), path)?;
    gate(Call::SyncFolder)?;
    File::open(folder_of(path))?.sync_all()
}

impl Disk for FileDisk {
    fn commit(&mut self, records: &[u8]) -> io::Result<()> {
        (self.gate)(Call::Write)?;
        let mut batch = Vec::with_capacity(HEAD + records.len());
        batch.extend_from_slice(&head(records));
        batch.extend_from_slice(records);
        self.file.write_all(&batch)?;
        (self.gate)(Call::Sync)?;
        self.file.sync_data()?;
        self.len += batch.len() as u64;
        Ok(())
    }

    fn replace(&mut self, pieces: Vec<Vec<u8>>) -> io::Result<()> {
        let (done, next) = mpsc::sync_channel(1);
        let (gate, path) = (self.gate.clone(), self.path.clone());
        let write = move || {
            // An error means that nobody waits for it any more.
            let _ = done.send(write_new(&gate, &path, pieces));
        };
        match thread::Builder::new().name("checkpoint".to_owned()).spawn(write) {
            Ok(_) => self.next = Some((next, self.len)),
            Err(error) => self.stays_long(&error),
        }
        Ok(())
    }

    fn is_replacing(&self) -> bool {
        self.next.is_some()
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some((next, from)) = &self.next else { return Ok(()) };
        let from = *from;
        let file = match next.try_recv() {
            Err(mpsc::TryRecvError::Empty) => return Ok(()),
            Err(mpsc::TryRecvError::Disconnected) => Err(io::Error::other("its writer panicked")),
            Ok(result) => result,
        };
        self.next = None;
        let ready = file.and_then(|mut file| {
            self.catch_up(&mut file, from)?;
            let len = io::Seek::stream_position(&mut file)?;
            Ok((file, len))
        });
        match ready {
            Ok((file, len)) => {
                (self.file, self.len) = (file, len);
                put_in_place(&self.gate, &self.path)
            }
            Err(error) => {
                self.stays_long(&error);
                Ok(())
            }
        }
    }

    fn retire(&mut self) -> io::Result<PathBuf> {
        let stopped = beside(&self.path, ".stopped");
        (self.gate)(Call::Rename)?;
        std::fs::rename(&self.path, &stopped)?;
        File::open(folder_of(&self.path))?.sync_all()?;
        Ok(stopped)
    }
}

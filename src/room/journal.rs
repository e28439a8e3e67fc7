//! The room's journal: its log and its seats on disk, so that a room whose program or machine died goes on where it was.
//!
//! What changes a room is noted here as [`Record`]s, in the order in which it happens. Nobody hears of a change before its
//! record is on the disk: events become visible to the links, and answers and Welcomes leave the actor, when the writer says
//! that all that was noted before them is synced. The writer takes all that waits at once (group commit), so that the price
//! of a sync is shared by all the lines that came during the one before.
//!
//! # The file
//!
//! 16 bytes [`MAGIC`], then *batches*. A batch is what one sync covers:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the records, big-endian |
//! | 8 | the first bytes of the BLAKE3 hash of the records |
//! | 4 | the first bytes of the BLAKE3 hash of the 12 bytes before |
//! | length | the records, one after the other in [postcard's encoding](https://postcard.jamesmunns.com/wire-format) |
//!
//! A file begins with a *checkpoint*: [`Record::Begin`], the events that the log holds, the seats, what else the room
//! knew, and [`Record::Whole`]. It is written under another name, synced and renamed, at every start and whenever what
//! follows it has become several times as long, so a file is never half a checkpoint. What cannot be read ends it: a batch
//! that reaches beyond the end of the file, or is the last one, or is a beginning of one with zeros behind it, was never
//! synced, and nobody has heard of it. Anything else that is damaged may have been heard, so the room that goes on from there
//! has an epoch of its own, an empty log and no seats, as one without a journal has.

mod checkpoint;
mod disk;
pub(in crate::room) mod image;
#[cfg(test)]
pub(crate) mod memory;
mod restore;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, Serializer};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

pub use self::image::{JournalError, Restored, Saved};
use super::{
    log::{Audience, Needs},
    seat::{Public, Seat},
};
use crate::wire::{Epoch, Introduction, Past, PublicKey, Resume};

/// How a journal begins. The number is that of the format.
pub(super) const MAGIC: &[u8; 16] = b"pchat journal 1\n";

/// So much may follow a checkpoint before there is another one, in bytes, unless that is less than four times its size.
const CHECKPOINT_AFTER: u64 = 32 * 1024 * 1024;

/// So much may wait for the disk: many times what comes while it takes its time, and no burden for the memory when it takes
/// none for a minute.
const MAX_UNSYNCED: u64 = 16 * 1024 * 1024;

/// Seconds since 1970 by the clock of the machine, which only ages are made of.
fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// One change of a room, or a part of a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// A checkpoint begins: nothing before it counts. Times of events are seconds after this.
    Begin(Begin),
    /// An event that the log holds and whose effects are in the rest of the checkpoint.
    #[serde(borrow)]
    Held(Entry<'a>),
    /// Somebody has a seat.
    Seat(SavedSeat),
    /// The frame of an event that the room keeps, and whom it is for.
    Kept(Audience, #[serde(borrow)] Raw<'a>),
    /// What newcomers are told: the number of the event, and when it was.
    Told { seq: u64, secs: u64, past: Past },
    /// An event, and when it was in seconds since 1970, if newcomers are to be told.
    Event(#[serde(borrow)] Entry<'a>, Option<u64>),
    /// Somebody has no seat any more.
    Gone(u32),
    /// How the numbers of a member's messages to everyone go on, where its events do not tell.
    Public(u32, Public),
    /// Nothing that this key has said is told to newcomers.
    Forget(PublicKey),
    /// A key may say nothing to everyone, or may again.
    Muted(PublicKey, bool),
    /// Nobody new is let in, or somebody is again.
    Locked(bool),
    /// A key with that name is out until then, in seconds since 1970.
    Out(PublicKey, String, u64),
    /// It is out no longer.
    In(PublicKey),
    /// The checkpoint is at its end.
    Whole,
}

/// How a checkpoint begins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    epoch: Epoch,
    /// The number of the first event that is held.
    first: u64,
    /// Public events before it.
    public_dropped: u64,
    last_number: u32,
    last_kept: u32,
}

/// An event of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    /// By a clock that nobody sets, since what is held is dropped by age.
    at: i64,
    audience: Audience,
    #[serde(borrow)]
    needs: SavedNeeds<'a>,
    #[serde(borrow)]
    frame: Raw<'a>,
}

/// [`Needs`] with bytes from elsewhere.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum SavedNeeds<'a> {
    Nobody,
    Introduced(u32, #[serde(borrow)] Raw<'a>),
    ForgottenAfter(u32, #[serde(borrow)] Raw<'a>),
    Introduces(u32),
}

impl<'a> SavedNeeds<'a> {
    fn of(needs: &'a Needs) -> Self {
        match needs {
            Needs::Nobody => Self::Nobody,
            Needs::Introduced(member, frame) => Self::Introduced(*member, Raw(frame)),
            Needs::ForgottenAfter(member, frame) => Self::ForgottenAfter(*member, Raw(frame)),
            Needs::Introduces(member) => Self::Introduces(*member),
        }
    }
}

/// Bytes that are written in one go, which serde does for no slice by itself.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Raw<'a>(#[serde(borrow)] &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// A seat as far as it outlives its room's program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedSeat {
    who: Introduction,
    since: u64,
    host: bool,
    away: bool,
    accepted: u64,
    public: Public,
    base: u64,
    entered: u64,
    came_with: Option<Resume>,
    /// Events that only it, or it and one other, was entitled to, as far as the log does not hold them.
    private: u64,
}

impl Record<'_> {
    /// Somebody has taken a seat.
    pub(super) fn seat(seat: &Seat) -> Self {
        Self::Seat(SavedSeat::of(seat, 0))
    }

    /// A key is out for so many seconds from now on.
    pub(super) fn out(key: PublicKey, name: &str, secs: u64) -> Self {
        Self::Out(key, name.to_owned(), unix_secs() + secs)
    }
}

impl SavedSeat {
    fn of(seat: &Seat, private: u64) -> Self {
        Self {
            who: seat.who.clone(),
            since: unix_secs().saturating_sub(seat.since.elapsed().as_secs()),
            host: seat.host,
            away: seat.away,
            accepted: seat.accepted,
            public: seat.public,
            base: seat.base,
            entered: seat.entered,
            came_with: seat.came_with,
            private,
        }
    }
}

/// How far the writer is.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// All that was noted up to there is on the disk.
    synced: u64,
    /// Why nothing more is written, if that is so.
    failed: Option<Arc<str>>,
}

/// What waits for the writer.
#[derive(Debug, Default)]
struct Pending {
    records: Vec<u8>,
    /// The last event among these.
    seq: u64,
    /// Where these end, counted in bytes of records from the beginning of the room.
    end: u64,
    /// The pieces of a checkpoint of the room as it is after so many bytes of these.
    checkpoint: Option<(usize, Vec<Vec<u8>>)>,
}

/// The room's side of its journal.
#[derive(Debug)]
pub(super) struct Journal {
    pending: Arc<Mutex<Pending>>,
    /// Wakes the writer; dropped, it ends it.
    wake: mpsc::Sender<()>,
    progress: watch::Receiver<Progress>,
    /// What was noted in this turn of the actor.
    records: Vec<u8>,
    noted: u64,
    /// Bytes noted since the last checkpoint, and how long that was.
    since: u64,
    checkpoint: u64,
    /// When that was.
    begun: Instant,
    /// For tests: each chance is taken to begin the file anew.
    #[cfg(test)]
    eager: bool,
}

impl Journal {
    /// Notes a change.
    pub(super) fn note(&mut self, record: &Record<'_>) {
        let before = self.records.len();
        append(record, &mut self.records);
        self.noted += (self.records.len() - before) as u64;
    }

    pub(super) fn event(&mut self, frame: &[u8], audience: Audience, needs: &Needs, remembered: bool) {
        let at = self.begun.elapsed().as_secs() as i64;
        let entry = Entry { at, audience, needs: SavedNeeds::of(needs), frame: Raw(frame) };
        self.note(&Record::Event(entry, remembered.then(unix_secs)));
    }

    /// Gives the writer what was noted, the last of which is event `seq`.
    pub(super) fn commit(&mut self, seq: u64) {
        if self.records.is_empty() {
            return;
        }
        self.since += self.records.len() as u64;
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            match pending.records.is_empty() {
                true => std::mem::swap(&mut pending.records, &mut self.records),
                false => pending.records.append(&mut self.records),
            }
            (pending.seq, pending.end) = (seq, self.noted);
        }
        self.records.clear();
        // Full means that the writer has been woken already.
        let _ = self.wake.try_send(());
    }

    /// Whether so much has been noted that it is time for a checkpoint.
    fn is_long(&self) -> bool {
        #[cfg(test)]
        if self.eager {
            return self.since + self.records.len() as u64 > 0;
        }
        self.since > CHECKPOINT_AFTER.max(4 * self.checkpoint)
    }

    /// Gives the writer a checkpoint of the room as it is after all that was committed.
    fn replace(&mut self, pieces: Vec<Vec<u8>>) {
        self.checkpoint = pieces.iter().map(|piece| piece.len() as u64).sum();
        (self.since, self.begun) = (0, Instant::now());
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.checkpoint = Some((pending.records.len(), pieces));
        }
        let _ = self.wake.try_send(());
    }

    /// Whether so much waits for the disk that nothing more is to be said until less does.
    pub(super) fn is_behind(&self) -> bool {
        self.noted.saturating_sub(self.progress().upto()) > MAX_UNSYNCED
    }

    /// Up to where all was noted.
    pub(super) fn noted(&self) -> u64 {
        self.noted
    }

    pub(super) fn progress(&self) -> Synced {
        Synced(self.progress.clone())
    }
}

/// Tells how far the journal is on the disk.
#[derive(Clone, Debug)]
pub(super) struct Synced(watch::Receiver<Progress>);

impl Synced {
    /// Up to where all that was noted is on the disk, or never will be and is waited for no longer.
    pub(super) fn upto(&self) -> u64 {
        let progress = self.0.borrow();
        if progress.failed.is_some() { u64::MAX } else { progress.synced }
    }

    /// Waits for the writer to get on.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until all up to there is on the disk.
    pub(super) async fn reach(&mut self, position: u64) {
        let _ = self.0.wait_for(|progress| progress.failed.is_some() || progress.synced >= position).await;
    }

    /// Waits for the moment from which nothing more is written, and says why.
    pub(super) async fn lost(&mut self) -> String {
        let why = match self.0.wait_for(|progress| progress.failed.is_some()).await {
            Ok(progress) => progress.failed.clone(),
            Err(_) => None,
        };
        match why {
            Some(why) => why.to_string(),
            None => std::future::pending().await,
        }
    }
}

/// Appends a record.
fn append(record: &Record<'_>, out: &mut Vec<u8>) {
    *out = postcard::to_extend(record, std::mem::take(out)).expect("flat types have an encoding, and memory takes it");
}

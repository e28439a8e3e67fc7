//! What a journal says of its room.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use super::{Begin, Entry, Record, SavedNeeds, SavedSeat, disk::Disk, unix_secs};
use crate::{
    room::{
        log::{Audience, KeptFrame, LogLimits, Needs, Ring},
        seat::Seat,
    },
    wire::{Epoch, Event, FromRoom, Kept, Past, PublicKey, decode},
};

/// Why a journal is not used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It is something else, which is not to be written over.
    #[error("{} is no journal of pchat; give another name", .0.display())]
    Foreign(PathBuf),
    /// Another version of pchat wrote it.
    #[error("{} was written by another version of pchat; move it away to begin a new one", .0.display())]
    Version(PathBuf),
    /// Another room writes it.
    #[error("another pchat uses the journal {} now", .0.display())]
    InUse(PathBuf),
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

/// A room as its journal has it, ready to go on.
pub struct Saved {
    pub(in crate::room) image: Image,
    pub(super) disk: Box<dyn Disk>,
    /// What was found.
    pub restored: Restored,
}

/// What was found in a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Whether there was a room in it.
    pub found: bool,
    /// The events that its log holds.
    pub events: u64,
    /// The members who may come back to their seats.
    pub members: u32,
    /// Bytes at its end that were never synced: nobody has heard of what they say.
    pub unfinished: u64,
    /// Bytes that could not be read though they had been synced, and what is left of the file.
    pub damaged: Option<(u64, PathBuf)>,
}

/// The room that the records make.
#[derive(Debug)]
pub(in crate::room) struct Image {
    pub(in crate::room) epoch: Epoch,
    pub(in crate::room) ring: Ring,
    pub(super) seats: BTreeMap<u32, SavedSeat>,
    /// Whose mark is behind what the room keeps: room's number by the owner and its mark.
    pub(super) kept: BTreeMap<u32, BTreeMap<u32, u32>>,
    pub(super) muted: FxHashSet<PublicKey>,
    pub(super) locked: bool,
    /// Who is out, with their name and until when.
    pub(super) out: BTreeMap<PublicKey, (String, u64)>,
    pub(super) last_number: u32,
    pub(super) last_kept: u32,
    limits: (LogLimits, usize),
    now: Instant,
    /// When the first and the last event was.
    times: Option<(u64, u64)>,
    /// The frames that introduce members, each of which is held once.
    frames: FxHashMap<u32, Arc<[u8]>>,
}

/// What ended the reading of a journal before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// So many bytes of a batch that was never synced.
    Unfinished(u64),
    /// So many bytes that had been synced.
    Damaged(u64),
}

/// The records contradict each other, which no room writes.
#[derive(Debug)]
pub(super) struct Contradiction;

impl Image {
    /// A room without anything in it.
    pub(super) fn empty(epoch: Epoch, limits: LogLimits, backlog: usize) -> Self {
        Self {
            epoch,
            ring: Ring::new(limits, backlog),
            seats: BTreeMap::new(),
            kept: BTreeMap::new(),
            muted: FxHashSet::default(),
            locked: false,
            out: BTreeMap::new(),
            last_number: 0,
            last_kept: 0,
            limits: (limits, backlog),
            now: Instant::now(),
            times: None,
            frames: FxHashMap::default(),
        }
    }

    /// Applies all batches of a journal of `len` bytes behind its [`MAGIC`](super::MAGIC), as far as they can be read.
    pub(super) fn read(&mut self, mut from: impl Read, len: u64) -> io::Result<Option<Cut>> {
        let mut left = len;
        let mut records = Vec::new();
        let cut = loop {
            if left == 0 {
                break None;
            }
            let mut head = [0; 12];
            if left < head.len() as u64 {
                break Some(Cut::Unfinished(left));
            }
            from.read_exact(&mut head)?;
            let (size, hash) = head.split_at(4);
            let size = u64::from(u32::from_be_bytes([size[0], size[1], size[2], size[3]]));
            let behind = left - head.len() as u64;
            if size > behind {
                break Some(Cut::Unfinished(left));
            }
            records.resize(size as usize, 0);
            from.read_exact(&mut records)?;
            let good = size > 0 && blake3::hash(&records).as_bytes()[..8] == *hash && self.apply(&records).is_ok();
            if !good {
                // The last batch may have reached the disk in part, in any order.
                break Some(if size == behind { Cut::Unfinished(left) } else { Cut::Damaged(left) });
            }
            left = behind - size;
        };
        self.settle();
        Ok(cut)
    }

    /// Applies the records of one batch.
    pub(super) fn apply(&mut self, mut records: &[u8]) -> Result<(), Contradiction> {
        while !records.is_empty() {
            let (record, rest) = postcard::take_from_bytes::<Record<'_>>(records).map_err(|_| Contradiction)?;
            self.one(record)?;
            records = rest;
        }
        Ok(())
    }

    fn one(&mut self, record: Record<'_>) -> Result<(), Contradiction> {
        match record {
            Record::Begin(Begin { epoch, first, public_dropped, last_number, last_kept }) => {
                let (limits, backlog) = self.limits;
                *self = Self { last_number, last_kept, ..Self::empty(epoch, limits, backlog) };
                self.ring = Ring::beginning(limits, backlog, first.max(1), public_dropped);
            }
            Record::Held(entry) => drop(self.hold(&entry)?),
            Record::Event(entry, remembered) => {
                let (seq, event) = self.hold(&entry)?;
                if remembered {
                    self.remember(seq, &event, entry.secs)?;
                }
                self.effect(seq, &event, &entry);
            }
            Record::Seat(seat) => {
                self.last_number = self.last_number.max(seat.who.number);
                self.ring.count_private(seat.who.number, seat.private);
                self.seats.insert(seat.who.number, seat);
            }
            Record::Kept(audience, frame) => {
                let (seq, event) = event_of(frame.0)?;
                self.keep(seq, &event, audience, frame.0);
            }
            Record::Told { seq, secs, past } => {
                let when = self.when(secs);
                self.ring.remember(seq, past, when);
            }
            Record::Gone(number) => {
                self.seats.remove(&number);
                self.frames.remove(&number);
                self.ring.forget(number);
                for kept in self.kept.remove(&number).into_iter().flat_map(BTreeMap::into_values) {
                    self.ring.withdraw(kept);
                }
            }
            Record::Public(number, public) => {
                if let Some(seat) = self.seats.get_mut(&number) {
                    seat.public = public;
                }
            }
            Record::Forget(key) => self.ring.forget_words(&key),
            Record::Muted(key, true) => drop(self.muted.insert(key)),
            Record::Muted(key, false) => drop(self.muted.remove(&key)),
            Record::Locked(locked) => self.locked = locked,
            Record::Out(key, name, until) => drop(self.out.insert(key, (name, until))),
            Record::In(key) => drop(self.out.remove(&key)),
        }
        Ok(())
    }

    /// Puts an event into the log.
    fn hold(&mut self, entry: &Entry<'_>) -> Result<(u64, Event), Contradiction> {
        let (seq, event) = event_of(entry.frame.0)?;
        if seq != self.ring.head() + 1 {
            return Err(Contradiction);
        }
        let (first, last) = *self.times.get_or_insert((entry.secs, entry.secs));
        // Times that go backwards are those of a clock that was set.
        let last = last.max(entry.secs);
        self.times = Some((first, last));
        let needs = self.needs(&entry.needs);
        self.ring.append(entry.frame.0, entry.audience, needs, self.now + Duration::from_secs(last - first));
        Ok((seq, event))
    }

    fn remember(&mut self, seq: u64, event: &Event, secs: u64) -> Result<(), Contradiction> {
        let Event::Said { from, n, said, .. } = event else { return Err(Contradiction) };
        let who = self.seats.get(from).map(|seat| seat.who.clone()).ok_or(Contradiction)?;
        let (key, instance, name, said) = (who.key, who.instance, who.name, said.clone());
        let when = self.when(secs);
        self.ring.remember(seq, Past { key, instance, name, n: *n, age_secs: 0, said }, when);
        Ok(())
    }

    fn needs(&mut self, needs: &SavedNeeds<'_>) -> Needs {
        let mut one = |member, frame: &[u8]| match self.frames.get(&member) {
            Some(known) if **known == *frame => known.clone(),
            _ => {
                let frame: Arc<[u8]> = Arc::from(frame);
                self.frames.insert(member, frame.clone());
                frame
            }
        };
        match needs {
            SavedNeeds::Nobody => Needs::Nobody,
            SavedNeeds::Introduced(member, frame) => Needs::Introduced(*member, one(*member, frame.0)),
            SavedNeeds::ForgottenAfter(member, frame) => Needs::ForgottenAfter(*member, one(*member, frame.0)),
            SavedNeeds::Introduces(member) => Needs::Introduces(*member),
        }
    }

    /// What an event changes beside the log.
    fn effect(&mut self, seq: u64, event: &Event, entry: &Entry<'_>) {
        match event {
            Event::Said { from, n, prev, to, kept, .. } => {
                self.numbers(*from, *n, to.is_none().then_some(*prev));
                if kept.is_some() {
                    self.keep(seq, event, entry.audience, entry.frame.0);
                }
            }
            Event::Withdrawn { from, n, prev, to, kept } => {
                self.numbers(*from, *n, to.is_none().then_some(*prev));
                self.kept.get_mut(from).map(|kept_of| kept_of.remove(&kept.tag));
                self.ring.withdraw(kept.number);
            }
            Event::Refused { n, .. } => {
                for from in entry.audience.few() {
                    self.numbers(from, *n, None);
                }
            }
            Event::Renamed { member, name } => {
                if let Some(seat) = self.seats.get_mut(member) {
                    seat.who.name.clone_from(name);
                }
            }
            Event::Away { member } | Event::Back { member } => {
                if let Some(seat) = self.seats.get_mut(member) {
                    seat.away = matches!(event, Event::Away { .. });
                }
            }
            _ => {}
        }
    }

    /// A member's number was accepted, of something that everyone got after the number `prev`, if everyone did.
    fn numbers(&mut self, from: u32, n: u64, prev: Option<u64>) {
        let Some(seat) = self.seats.get_mut(&from) else { return };
        seat.accepted = seat.accepted.max(n);
        if let Some(prev) = prev {
            seat.public.follow(n, prev);
        }
    }

    fn keep(&mut self, seq: u64, event: &Event, audience: Audience, frame: &[u8]) {
        let Event::Said { from, kept: Some(Kept { number, tag }), .. } = event else { return };
        if !self.seats.contains_key(from) {
            return;
        }
        self.last_kept = self.last_kept.max(*number);
        self.kept.entry(*from).or_default().insert(*tag, *number);
        // Under which name its owner is known shows at the end.
        self.ring.keep(*number, KeptFrame { seq, audience, needs: Needs::Nobody, frame: Arc::from(frame) });
    }

    /// The moment of a time of the machine's clock.
    fn when(&self, secs: u64) -> Instant {
        let age = Duration::from_secs(unix_secs().saturating_sub(secs));
        self.now.checked_sub(age).unwrap_or(self.now)
    }

    /// All is read. The time in which there was no room does not count: nobody could come back in it.
    fn settle(&mut self) {
        let (first, last) = self.times.unwrap_or_default();
        self.ring.age(Duration::from_secs(last - first));
        let seats = &self.seats;
        for (owner, kept) in &self.kept {
            if let Some(seat) = seats.get(owner) {
                let needs = Needs::Introduced(*owner, Seat::introduce(&seat.who));
                kept.values().for_each(|number| self.ring.reintroduce(*number, needs.clone()));
            }
        }
        self.ring.forget_others(|member| seats.contains_key(&member));
        self.ring.conceal();
    }
}

/// The event in a frame of the log, and its number.
fn event_of(frame: &[u8]) -> Result<(u64, Event), Contradiction> {
    match decode(frame.get(4..).ok_or(Contradiction)?) {
        Ok(FromRoom::Event { seq, event }) => Ok((seq, event)),
        _ => Err(Contradiction),
    }
}

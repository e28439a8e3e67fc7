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

use super::{
    Begin, Entry, Record, SavedNeeds, SavedSeat,
    disk::{Disk, HEAD, read_head},
    unix_secs,
};
use crate::{
    room::{
        log::{Audience, KeptFrame, LogLimits, Needs, Ring},
        seat::Seat,
    },
    wire::{
        Epoch, Event, FromRoom, Kept, MAX_FRAME_LEN, MAX_KEPT_IN_ROOM, MAX_NAME_LEN, MAX_PAYLOAD_LEN, Past, PublicKey,
        decode,
    },
};

/// Bytes of a batch at the most: several times what waits for the disk.
const MAX_BATCH: u64 = 128 * 1024 * 1024;

/// More events than any room has, and yet far from where numbers end.
const FAR: u64 = 1 << 62;

/// The same for members and what is kept.
const MANY: u32 = 1 << 31;

/// More seconds than any room is open.
const LONG: u64 = 1 << 40;

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
    /// When the last event was, in seconds after the checkpoint.
    last: i64,
    /// Whether its checkpoint has an end.
    whole: bool,
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
    pub(in crate::room) fn empty(epoch: Epoch, limits: LogLimits, backlog: usize) -> Self {
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
            last: 0,
            whole: true,
            frames: FxHashMap::default(),
        }
    }

    /// Applies all batches of a journal of `len` bytes behind its [`MAGIC`](super::MAGIC), as far as they can be read.
    pub(super) fn read(&mut self, mut from: impl Read, len: u64) -> io::Result<Option<Cut>> {
        let mut left = len;
        self.whole = len == 0;
        let mut records = Vec::new();
        let cut = loop {
            if left == 0 {
                break None;
            }
            let mut head = [0; HEAD];
            if left < HEAD as u64 {
                break Some(Cut::Unfinished(left));
            }
            from.read_exact(&mut head)?;
            let behind = left - HEAD as u64;
            let Some((size, hash)) = read_head(&head) else {
                // Of what was not synced, the system may know how long it was to be.
                let never_written = is_blank(&mut from)?;
                break Some(if never_written { Cut::Unfinished(left) } else { Cut::Damaged(left) });
            };
            if size > behind {
                break Some(Cut::Unfinished(left));
            }
            if size > MAX_BATCH {
                break Some(Cut::Damaged(left));
            }
            records.resize(size as usize, 0);
            from.read_exact(&mut records)?;
            if blake3::hash(&records).as_bytes()[..8] != hash {
                // The last batch may have reached the disk in part, in any order.
                break Some(if size == behind { Cut::Unfinished(left) } else { Cut::Damaged(left) });
            }
            if self.apply(&records).is_err() {
                break Some(Cut::Damaged(left));
            }
            left = behind - size;
        };
        self.settle();
        // A checkpoint was synced before it had its name, so one that lacks its end did have it.
        Ok(if self.is_sound() { cut } else { Some(Cut::Damaged(left)) })
    }

    /// Whether the seats are those of a room.
    fn is_sound(&self) -> bool {
        let (head, public) = (self.ring.head(), self.ring.public_total());
        let mut ids = FxHashSet::default();
        let sound = |seat: &SavedSeat| seat.entered <= head && seat.base <= public && seat.private <= head;
        self.whole && self.seats.values().all(|seat| sound(seat) && ids.insert((seat.who.key, seat.who.instance)))
    }

    /// The room is another one, with what can be told of this one: that its members, who may have heard of more, read nothing
    /// twice and wait for nothing.
    pub(super) fn begin_again(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.seats.clear();
        self.kept.clear();
        self.ring.begin_again();
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
                let sane = first <= FAR && public_dropped < first.max(1) && last_number <= MANY && last_kept <= MANY;
                sane.then_some(()).ok_or(Contradiction)?;
                *self = Self { last_number, last_kept, whole: false, ..Self::empty(epoch, limits, backlog) };
                self.ring = Ring::beginning(limits, backlog, first.max(1), public_dropped);
            }
            Record::Held(entry) => drop(self.hold(&entry)?),
            Record::Event(entry, remembered) => {
                let (seq, event) = self.hold(&entry)?;
                if let Some(secs) = remembered {
                    self.remember(seq, &event, secs)?;
                }
                self.effect(seq, &event, &entry)?;
            }
            Record::Seat(seat) => {
                let counts = [seat.private, seat.accepted, seat.base, seat.entered];
                let sane = named(&seat.who.name) && seat.who.number <= MANY && counts.iter().all(|count| *count <= FAR);
                sane.then_some(()).ok_or(Contradiction)?;
                self.last_number = self.last_number.max(seat.who.number);
                self.ring.count_private(seat.who.number, seat.private);
                self.seats.insert(seat.who.number, seat);
            }
            Record::Kept(audience, frame) => {
                let (seq, event) = event_of(frame.0)?;
                self.keep(seq, &event, audience, frame.0)?;
            }
            Record::Told { seq, secs, past } => {
                let sane = named(&past.name) && past.said.payload.len() <= MAX_PAYLOAD_LEN;
                sane.then_some(()).ok_or(Contradiction)?;
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
            Record::Out(_, name, _) if !named(&name) => return Err(Contradiction),
            Record::Out(key, name, until) => drop(self.out.insert(key, (name, until))),
            Record::In(key) => drop(self.out.remove(&key)),
            Record::Whole => self.whole = true,
        }
        Ok(())
    }

    /// Puts an event into the log.
    fn hold(&mut self, entry: &Entry<'_>) -> Result<(u64, Event), Contradiction> {
        let (seq, event) = event_of(entry.frame.0)?;
        if seq != self.ring.head() + 1 || seq > FAR || entry.at.unsigned_abs() > LONG {
            return Err(Contradiction);
        }
        let age = Duration::from_secs(entry.at.unsigned_abs());
        let when = if entry.at < 0 { self.now.checked_sub(age) } else { self.now.checked_add(age) };
        self.last = self.last.max(entry.at);
        let needs = self.needs(&entry.needs)?;
        self.ring.append(entry.frame.0, entry.audience, needs, when.ok_or(Contradiction)?);
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

    fn needs(&mut self, needs: &SavedNeeds<'_>) -> Result<Needs, Contradiction> {
        let mut one = |member, frame: &[u8]| match self.frames.get(&member) {
            Some(known) if **known == *frame => Ok(known.clone()),
            _ => {
                let FromRoom::Member(who) = frame_of(frame)? else { return Err(Contradiction) };
                (who.number == member).then_some(()).ok_or(Contradiction)?;
                let frame: Arc<[u8]> = Arc::from(frame);
                self.frames.insert(member, frame.clone());
                Ok(frame)
            }
        };
        Ok(match needs {
            SavedNeeds::Nobody => Needs::Nobody,
            SavedNeeds::Introduced(member, frame) => Needs::Introduced(*member, one(*member, frame.0)?),
            SavedNeeds::ForgottenAfter(member, frame) => Needs::ForgottenAfter(*member, one(*member, frame.0)?),
            SavedNeeds::Introduces(member) => Needs::Introduces(*member),
        })
    }

    /// What an event changes beside the log.
    fn effect(&mut self, seq: u64, event: &Event, entry: &Entry<'_>) -> Result<(), Contradiction> {
        match event {
            Event::Said { from, n, prev, to, kept, .. } => {
                self.numbers(*from, *n, to.is_none().then_some(*prev))?;
                if kept.is_some() {
                    self.keep(seq, event, entry.audience, entry.frame.0)?;
                }
            }
            Event::Withdrawn { from, n, prev, to, kept } => {
                self.numbers(*from, *n, to.is_none().then_some(*prev))?;
                self.kept.get_mut(from).map(|kept_of| kept_of.remove(&kept.tag));
                self.ring.withdraw(kept.number);
            }
            Event::Refused { n, .. } => {
                for from in entry.audience.few() {
                    self.numbers(from, *n, None)?;
                }
            }
            Event::Renamed { name, .. } if !named(name) => return Err(Contradiction),
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
        Ok(())
    }

    /// A member's number was accepted, of something that everyone got after the number `prev`, if everyone did.
    fn numbers(&mut self, from: u32, n: u64, prev: Option<u64>) -> Result<(), Contradiction> {
        let Some(seat) = self.seats.get_mut(&from) else { return Ok(()) };
        (n <= FAR).then_some(()).ok_or(Contradiction)?;
        seat.accepted = seat.accepted.max(n);
        if let Some(prev) = prev {
            seat.public.follow(n, prev);
        }
        Ok(())
    }

    fn keep(&mut self, seq: u64, event: &Event, audience: Audience, frame: &[u8]) -> Result<(), Contradiction> {
        let Event::Said { from, kept: Some(Kept { number, tag }), .. } = event else { return Err(Contradiction) };
        let in_room: usize = self.kept.values().map(BTreeMap::len).sum();
        let sane = self.seats.contains_key(from) && *number <= MANY && in_room < MAX_KEPT_IN_ROOM;
        sane.then_some(()).ok_or(Contradiction)?;
        self.last_kept = self.last_kept.max(*number);
        if self.kept.entry(*from).or_default().insert(*tag, *number).is_some() {
            return Err(Contradiction);
        }
        // Under which name its owner is known shows at the end.
        self.ring.keep(*number, KeptFrame { seq, audience, needs: Needs::Nobody, frame: Arc::from(frame) });
        Ok(())
    }

    /// The moment of a time of the machine's clock.
    fn when(&self, secs: u64) -> Instant {
        let age = Duration::from_secs(unix_secs().saturating_sub(secs));
        self.now.checked_sub(age).unwrap_or(self.now)
    }

    /// All is read. The time in which there was no room does not count: nobody could come back in it.
    fn settle(&mut self) {
        self.ring.age(Duration::from_secs(self.last.unsigned_abs()));
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

/// Whether a name is short enough to be one.
fn named(name: &str) -> bool {
    name.len() <= MAX_NAME_LEN
}

/// Whether all that comes is zeros.
fn is_blank(mut from: impl Read) -> io::Result<bool> {
    let mut bytes = [0; 1 << 12];
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok(true),
            count if bytes[..count].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// A frame with its length in front of it.
fn frame_of(frame: &[u8]) -> Result<FromRoom, Contradiction> {
    let (length, body) = frame.split_first_chunk().ok_or(Contradiction)?;
    let whole = body.len() <= MAX_FRAME_LEN && u32::from_be_bytes(*length) as usize == body.len();
    whole.then(|| decode(body).ok()).flatten().ok_or(Contradiction)
}

/// The event in a frame of the log, and its number.
fn event_of(frame: &[u8]) -> Result<(u64, Event), Contradiction> {
    match frame_of(frame)? {
        FromRoom::Event { seq, event } => Ok((seq, event)),
        _ => Err(Contradiction),
    }
}

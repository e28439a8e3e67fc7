//! The room's log: one ring of events that every link reads with a cursor of its own.
//!
//! Events are stored as the bytes that go on the wire, encoded once. A link that reads copies the run of
//! events it is entitled to in one go; nothing is queued for a member.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::limits::log as limits;
use crate::wire::{Gap, MAX_INTRODUCTIONS, Past, PublicKey};

mod fill;
mod gap;
mod past;
mod saved;
mod shared;

use past::Backlog;
pub(super) use shared::Log;

/// Most events between two looks for slow readers.
const CHECK_EVERY: u64 = 1024;

/// How much the log holds.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    /// Most events.
    pub events: usize,
    /// Most bytes of events.
    pub bytes: usize,
    /// How long an event is held.
    pub life: Duration,
}

impl Default for LogLimits {
    /// Enough for a link that breaks to come back without a gap.
    fn default() -> Self {
        Self { events: limits::EVENTS, bytes: limits::BYTES, life: limits::LIFE }
    }
}

/// Who is entitled to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Audience {
    All,
    One(u32),
    Two(u32, u32),
}

impl Audience {
    pub(super) fn includes(self, member: u32) -> bool {
        match self {
            Self::All => true,
            Self::One(a) => a == member,
            Self::Two(a, b) => a == member || b == member,
        }
    }

    pub(super) fn few(self) -> impl Iterator<Item = u32> {
        let (a, b) = match self {
            Self::All => (None, None),
            Self::One(a) => (Some(a), None),
            Self::Two(a, b) => (Some(a), (a != b).then_some(b)),
        };
        a.into_iter().chain(b)
    }
}

/// What an event does to the introduction of the member it is about.
#[derive(Clone, Debug)]
pub(super) enum Needs {
    /// It is about nobody.
    Nobody,
    /// The reader must know the member: if it does not, this frame comes first.
    Introduced(u32, Arc<[u8]>),
    /// As before, and the reader forgets the member afterwards.
    ForgottenAfter(u32, Arc<[u8]>),
    /// The event itself introduces the member.
    Introduces(u32),
}

#[derive(Debug)]
struct Entry {
    /// Position of its first byte, counted from the beginning of the log.
    at: u64,
    when: Instant,
    audience: Audience,
    needs: Needs,
}

/// An envelope that the room keeps.
#[derive(Clone, Debug)]
pub(super) struct KeptFrame {
    pub(super) seq: u64,
    pub(super) audience: Audience,
    pub(super) needs: Needs,
    pub(super) frame: Arc<[u8]>,
}

/// Where a link reads, and what it has told the member at its other end.
#[derive(Debug)]
pub(super) struct Cursor {
    member: u32,
    /// The next event to read.
    next: u64,
    /// Public events before the member entered.
    base: u64,
    /// Events that the member has got since it entered.
    count: u64,
    introduced: FxHashSet<u32>,
    /// Whether what the room keeps is still to be sent.
    greet: bool,
    /// The number above which what was said before is still to be told, if it is.
    past: Option<u64>,
    /// Whether the numbers of what the room keeps are, to one that knows some from before.
    restate: bool,
    /// The event before which what the room keeps was sent last, for the seat to remember.
    greeted: Arc<AtomicU64>,
}

impl Cursor {
    /// The cursor of a member that enters now.
    pub(super) fn enter(ring: &Ring, member: u32) -> Self {
        Self::resume(ring, member, Place { base: ring.public_total(), next: ring.head() + 1, count: 0 }, true)
    }

    /// The cursor of a member that comes back.
    pub(super) fn resume(ring: &Ring, member: u32, place: Place, greet: bool) -> Self {
        let mut introduced = FxHashSet::default();
        introduced.insert(member);
        Self {
            member,
            next: place.next.min(ring.head() + 1),
            base: place.base,
            count: place.count,
            introduced,
            greet,
            past: None,
            restate: false,
            greeted: Arc::default(),
        }
    }

    /// The same, which is told what was said before, but for what is not above this number.
    pub(super) fn with_past(self, after: Option<u64>) -> Self {
        Self { past: after, ..self }
    }

    /// The same, on a seat that knows when what the room keeps was sent last: a member that has got nothing since then may
    /// not have got that either.
    pub(super) fn greeted(self, greeted: &Arc<AtomicU64>) -> Self {
        let again = self.next <= greeted.load(Relaxed) + 1;
        Self { greet: self.greet || again, restate: again, greeted: greeted.clone(), ..self }
    }

    /// Before which event what the room keeps was sent last.
    pub(super) fn greeting(&self) -> Arc<AtomicU64> {
        self.greeted.clone()
    }

    /// The same, of one that was here before and is not to go on believing in what was taken back meanwhile.
    pub(super) fn restating(self, restate: bool) -> Self {
        Self { restate, ..self }
    }

    /// Public events before the member entered.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// The next event to read.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    fn introduce(&mut self, needs: &Needs, out: &mut BytesMut) {
        match needs {
            Needs::Nobody => {}
            Needs::Introduced(member, frame) => self.tell(*member, frame, out),
            Needs::ForgottenAfter(member, frame) => {
                self.tell(*member, frame, out);
                self.introduced.remove(member);
            }
            Needs::Introduces(member) => {
                self.introduced.insert(*member);
            }
        }
    }

    fn tell(&mut self, member: u32, frame: &[u8], out: &mut BytesMut) {
        if self.introduced.len() >= MAX_INTRODUCTIONS {
            self.introduced.clear();
        }
        if self.introduced.insert(member) {
            out.extend_from_slice(frame);
        }
    }

    fn knows(&self, needs: &Needs) -> bool {
        match needs {
            Needs::Nobody => true,
            Needs::Introduced(member, _) => self.introduced.contains(member),
            Needs::ForgottenAfter(..) | Needs::Introduces(_) => false,
        }
    }
}

/// Where a member stands in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Public events before it entered.
    pub(super) base: u64,
    /// The next event to read.
    pub(super) next: u64,
    /// Events it has got since it entered.
    pub(super) count: u64,
}

/// What [`Ring::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There is more.
    More,
    /// The reader has all there is.
    All,
}

/// The events of the room, oldest first out.
#[derive(Debug)]
pub(super) struct Ring {
    limits: LogLimits,
    entries: VecDeque<Entry>,
    bytes: VecDeque<u8>,
    /// Number of the event in front.
    first: u64,
    /// Position of the byte in front.
    base: u64,
    /// Public events that were dropped in front.
    public_dropped: u64,
    /// Public events so far.
    public: u64,
    /// Events so far that only this member, or it and one other, was entitled to.
    private: FxHashMap<u32, u64>,
    kept: BTreeMap<u32, KeptFrame>,
    past: Backlog,
    /// The last event that may be read: where there is a journal, what is not in it is nobody's yet.
    visible: u64,
}

impl Ring {
    pub(super) fn new(limits: LogLimits, backlog: usize) -> Self {
        Self {
            past: Backlog::of(backlog),
            visible: u64::MAX,
            limits,
            entries: VecDeque::new(),
            bytes: VecDeque::new(),
            first: 1,
            base: 0,
            public_dropped: 0,
            public: 0,
            private: FxHashMap::default(),
            kept: BTreeMap::new(),
        }
    }

    /// Number of the newest event, 0 before the first.
    pub(super) fn head(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// How many events it holds.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Public events so far.
    pub(super) fn public_total(&self) -> u64 {
        self.public
    }

    /// Appends an event, whose frame must carry the number [`head`](Self::head) + 1.
    pub(super) fn append(&mut self, frame: &[u8], audience: Audience, needs: Needs, now: Instant) {
        while self.entries.len() >= self.limits.events || self.bytes.len() + frame.len() > self.limits.bytes {
            if !self.drop_first() {
                break;
            }
        }
        if audience == Audience::All {
            self.public += 1;
        }
        for member in audience.few() {
            *self.private.entry(member).or_default() += 1;
        }
        let at = self.base + self.bytes.len() as u64;
        self.bytes.extend(frame);
        self.entries.push_back(Entry { at, when: now, audience, needs });
    }

    fn drop_first(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        let end = self.entries.front().map_or(self.base + self.bytes.len() as u64, |next| next.at);
        self.bytes.drain(..(end - entry.at) as usize);
        self.base = end;
        self.first += 1;
        if entry.audience == Audience::All {
            self.public_dropped += 1;
        }
        true
    }

    /// Drops what is older than the log holds, and gives memory back after a rush.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.entries.front().is_some_and(|entry| now.duration_since(entry.when) > self.limits.life) {
            self.drop_first();
        }
        if self.bytes.capacity() > 64 * 1024 && self.bytes.len() < self.bytes.capacity() / 4 {
            self.bytes.shrink_to(self.bytes.len() * 2);
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    /// When each event was recorded.
    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.entries.iter_mut().map(|entry| &mut entry.when)
    }

    /// A member went for good: nothing more is counted for it.
    pub(super) fn forget(&mut self, member: u32) {
        self.private.remove(&member);
    }

    /// Remembers what was said, as event `seq`, for newcomers.
    pub(super) fn remember(&mut self, seq: u64, past: Past, now: Instant) {
        self.past.push(seq, past, now);
    }

    /// Remembers no longer what a key has said.
    pub(super) fn forget_words(&mut self, key: &PublicKey) {
        self.past.forget(key);
    }

    /// Keeps an envelope for those who come later, under a number of the room's.
    pub(super) fn keep(&mut self, number: u32, kept: KeptFrame) {
        self.kept.insert(number, kept);
    }

    /// Whoever it is from has another name, under which newcomers are to know them.
    pub(super) fn reintroduce(&mut self, number: u32, needs: Needs) {
        if let Some(kept) = self.kept.get_mut(&number) {
            kept.needs = needs;
        }
    }

    /// Keeps it no longer, and says who was entitled to it.
    pub(super) fn withdraw(&mut self, number: u32) -> Option<Audience> {
        self.kept.remove(&number).map(|kept| kept.audience)
    }

    /// Whether so much has come since the mark that slow readers are to be looked for again, which moves it.
    /// An eighth of the log is little against the half that they may be behind.
    pub(super) fn moved_on(&self, mark: &mut (u64, u64)) -> bool {
        let now = (self.head(), self.base + self.bytes.len() as u64);
        let far = now.0 - mark.0 >= CHECK_EVERY.min(self.limits.events as u64 / 8)
            || now.1 - mark.1 >= self.limits.bytes as u64 / 8;
        if far {
            *mark = now;
        }
        far
    }

    /// Whether a reader whose next event is `next` holds up more than half of the log.
    pub(super) fn holds_up(&self, next: u64) -> bool {
        if next > self.head() {
            return false;
        }
        let behind = self.head() + 1 - next;
        let bytes = match next.checked_sub(self.first) {
            Some(index) => self.base + self.bytes.len() as u64 - self.entries[index as usize].at,
            None => u64::MAX,
        };
        behind > self.limits.events as u64 / 2 || bytes > self.limits.bytes as u64 / 2
    }

    /// Copies what the cursor's member is entitled to, up to about `budget` bytes, and moves the cursor.
    /// `accepted` is the highest number accepted from the member, for the acknowledgement in a gap.
    pub(super) fn read(&self, cursor: &mut Cursor, accepted: u64, out: &mut BytesMut, budget: usize) -> Read {
        if self.first > self.visible.saturating_add(1) {
            // What is to be read first will be in the journal in a moment.
            return Read::All;
        }
        // First of all, as the member expects it: not even a gap comes before.
        if let Some(after) = cursor.past {
            // A later one comes with the events.
            self.past.tell(after, cursor.next, Instant::now(), out);
        }
        if std::mem::take(&mut cursor.restate) && cursor.next >= self.first {
            self.tell_gap(cursor, Gap { missed: 0, accepted, seq: cursor.next - 1, kept: Vec::new() }, out);
        }
        if cursor.next < self.first {
            self.state_gap(cursor, accepted, out);
        } else if cursor.greet {
            self.send_kept(cursor, out);
        }
        (cursor.greet, cursor.past) = (false, None);
        let mut run: Option<(u64, u64)> = None;
        let mut copied = 0;
        let end = self.base + self.bytes.len() as u64;
        let readable =
            self.visible.saturating_add(1).saturating_sub(self.first).min(self.entries.len() as u64) as usize;
        let start = ((cursor.next - self.first) as usize).min(readable);
        for (index, entry) in self.entries.range(start..readable).enumerate() {
            let next = self.entries.get(start + index + 1).map_or(end, |next| next.at);
            cursor.next += 1;
            if !entry.audience.includes(cursor.member) {
                self.flush(&mut run, out);
                continue;
            }
            cursor.count = cursor.count.saturating_add(1);
            if !cursor.knows(&entry.needs) {
                self.flush(&mut run, out);
                cursor.introduce(&entry.needs, out);
            }
            run = Some((run.map_or(entry.at, |(from, _)| from), next));
            copied += (next - entry.at) as usize;
            if copied >= budget {
                self.flush(&mut run, out);
                return Read::More;
            }
        }
        self.flush(&mut run, out);
        Read::All
    }

    /// Copies a run of events.
    fn flush(&self, run: &mut Option<(u64, u64)>, out: &mut BytesMut) {
        let Some((from, to)) = run.take() else { return };
        let (from, to) = ((from - self.base) as usize, (to - self.base) as usize);
        let (front, back) = self.bytes.as_slices();
        if from < front.len() {
            out.extend_from_slice(&front[from..to.min(front.len())]);
        }
        if to > front.len() {
            out.extend_from_slice(&back[from.saturating_sub(front.len())..to - front.len()]);
        }
    }
}

#[cfg(test)]
mod tests;

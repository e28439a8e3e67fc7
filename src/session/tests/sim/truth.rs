//! What each room recorded, put together from what it wrote to all its members: the measure of what they heard.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::wire::Tap;
use crate::wire::{Event, FromRoom, Gap, Instance, MAX_FRAME_LEN, Past, PublicKey, Resume, ToRoom, decode};

/// What comes within that time of one another is a burst.
const BURST: Duration = Duration::from_secs(5);

/// As many pings may wait for one that takes nothing before its link is given up, and beside them the first one of a link
/// and one in doubt.
const MOST_PINGS: usize = 5;

/// An event as its room told it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) event: Event,
    /// The only member who is told, if it is for one alone.
    pub(super) only: Option<u32>,
    /// When it was told first.
    pub(super) at: Instant,
}

impl Known {
    /// Whether that member is entitled to it.
    pub(super) fn is_for(&self, member: u32) -> bool {
        match &self.event {
            Event::Said { from, to: Some(to), .. } | Event::Withdrawn { from, to: Some(to), .. } => {
                member == *from || member == *to
            }
            _ => self.only.is_none_or(|only| only == member),
        }
    }
}

/// A gap as a room stated it.
#[derive(Clone, Debug)]
pub(super) struct Stated {
    pub(super) room: usize,
    pub(super) member: u32,
    /// The last event before it.
    pub(super) from: u64,
    pub(super) gap: Gap,
}

/// One seat that a run of a member had, or came back to.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) room: usize,
    pub(super) number: u32,
    pub(super) seq: u64,
    pub(super) resumed: bool,
    /// Where it said that it stood.
    pub(super) resume: Option<Resume>,
    /// Whether that was in this room.
    pub(super) same_epoch: bool,
    /// What came with this link and is nothing of the log, as far as its bytes were read.
    pub(super) gaps: Vec<Stated>,
    pub(super) past: Vec<Past>,
}

enum Arrival {
    In(Box<Stay>),
    Gap(Stated),
    Past(Past),
}

/// All that the rooms told.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) events: BTreeMap<(usize, u64), Known>,
    pub(super) gaps: Vec<Stated>,
    /// The Welcomes that each run of a member has read.
    pub(super) stays: Vec<Vec<Stay>>,
    /// Who has which number in which room.
    pub(super) who: BTreeMap<(usize, u32), (PublicKey, Instance)>,
    /// The last event that each member was told.
    pub(super) told: BTreeMap<(usize, u32), u64>,
    pub(super) wrong: Vec<String>,
}

impl Truth {
    fn note(&mut self, room: usize, seq: u64, member: u32, event: Event) {
        let alone = matches!(
            event,
            Event::Refused { .. }
                | Event::Stream { .. }
                | Event::Knock { .. }
                | Event::KnockOver { .. }
                | Event::Invited { .. }
                | Event::Guesses { .. }
                | Event::CodeOver { .. }
        );
        if let Event::Joined(who) = &event {
            self.meet(room, who.number, (who.key, who.instance));
        }
        let known = Known { event, only: alone.then_some(member), at: Instant::now() };
        if !known.is_for(member) {
            self.wrong.push(format!("room {room} tells {member} what is not for it: {seq} {:?}", known.event));
        }
        let told = self.told.entry((room, member)).or_default();
        *told = (*told).max(seq);
        let before = self.events.entry((room, seq)).or_insert_with(|| known.clone());
        if before.event != known.event {
            let two = (&before.event, &known.event);
            self.wrong.push(format!("room {room} tells two things as {seq}: {two:?}"));
        }
    }

    /// For how long no room has told anything new.
    pub(super) fn quiet(&self) -> Duration {
        self.events.values().map(|known| known.at.elapsed()).min().unwrap_or(Duration::MAX)
    }

    fn meet(&mut self, room: usize, number: u32, who: (PublicKey, Instance)) {
        if *self.who.entry((room, number)).or_insert(who) != who {
            self.wrong.push(format!("room {room} gives the number {number} twice"));
        }
    }

    /// Whether an event of that room up to this one is known by nobody's link.
    pub(super) fn has_holes(&self, room: usize, upto: u64) -> bool {
        (self.events.range((room, 1)..=(room, upto.max(1))).count() as u64) < upto
    }
}

/// Cuts a stream of bytes into the bodies of frames.
#[derive(Default)]
struct Bodies {
    bytes: Vec<u8>,
    /// How many bytes were before these.
    before: u64,
}

impl Bodies {
    /// Gives each whole body to `take`, and where its frame ends.
    fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8], u64)) {
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(head) = self.bytes.get(at..at + 4) {
            let len = u32::from_be_bytes(head.try_into().unwrap()) as usize;
            assert!(len <= MAX_FRAME_LEN, "nobody writes such a frame");
            let Some(body) = self.bytes.get(at + 4..at + 4 + len) else { break };
            at += 4 + len;
            take(body, self.before + at as u64);
        }
        self.bytes.drain(..at);
        self.before += at as u64;
    }
}

/// Hears one link for the truth.
pub(super) struct Ear {
    truth: Arc<Mutex<Truth>>,
    run: usize,
    room: usize,
    who: (PublicKey, Instance),
    from_room: Bodies,
    to_room: Bodies,
    resume: Option<Resume>,
    number: Option<u32>,
    /// What has not been read yet, and where it ends.
    coming: VecDeque<(u64, Arrival)>,
    seq: u64,
    /// Whether something of the present was told.
    live: bool,
    /// When each end asked for a sign of life lately.
    pinged: [VecDeque<Instant>; 2],
}

impl Ear {
    pub(super) fn new(truth: &Arc<Mutex<Truth>>, run: usize, room: usize, who: (PublicKey, Instance)) -> Self {
        let (from_room, to_room) = (Bodies::default(), Bodies::default());
        let (truth, coming) = (truth.clone(), VecDeque::new());
        let (resume, number, seq, live, pinged) = (None, None, 0, false, Default::default());
        Self { truth, run, room, who, from_room, to_room, resume, number, coming, seq, live, pinged }
    }

    fn ping(&mut self, of: usize) {
        let (now, run) = (Instant::now(), self.run);
        let pinged = &mut self.pinged[of];
        pinged.push_back(now);
        pinged.retain(|at| now - *at < BURST);
        if pinged.len() > MOST_PINGS {
            let count = pinged.len();
            self.truth.lock().unwrap().wrong.push(format!("run {run}: end {of} pings {count} times in one burst"));
        }
    }

    fn frame(&mut self, frame: FromRoom, end: u64) {
        let room = self.room;
        if matches!(frame, FromRoom::Ping(_)) {
            return self.ping(1);
        }
        let truth = self.truth.clone();
        let mut truth = truth.lock().unwrap();
        if matches!(frame, FromRoom::Event { .. } | FromRoom::Gap(_) | FromRoom::Member(_)) {
            self.live = true;
        }
        match (frame, self.number) {
            (FromRoom::Welcome(welcome), _) => {
                let (number, seq, resumed) = (welcome.number, welcome.seq, welcome.resumed);
                (self.seq, self.number) = (seq, Some(number));
                truth.meet(room, number, self.who);
                let same_epoch = self.resume.is_some_and(|resume| resume.epoch == welcome.epoch);
                let (resume, gaps, past) = (self.resume, Vec::new(), Vec::new());
                let stay = Stay { room, number, seq, resumed, resume, same_epoch, gaps, past };
                self.coming.push_back((end, Arrival::In(Box::new(stay))));
            }
            (FromRoom::Event { seq, event }, Some(number)) => {
                self.seq = self.seq.max(seq);
                truth.note(room, seq, number, event);
            }
            (FromRoom::Gap(gap), Some(member)) => {
                let from = std::mem::replace(&mut self.seq, gap.seq);
                let stated = Stated { room, member, from, gap };
                truth.gaps.push(stated.clone());
                self.coming.push_back((end, Arrival::Gap(stated)));
            }
            (FromRoom::Past(past), Some(_)) => {
                if self.live {
                    truth.wrong.push(format!("run {} is told of the past after the present: {past:?}", self.run));
                }
                self.coming.push_back((end, Arrival::Past(past)));
            }
            _ => {}
        }
    }
}

impl Tap for Ear {
    fn wrote(&mut self, bytes: &[u8]) {
        let mut frames = Vec::new();
        self.from_room.feed(bytes, |body, end| frames.push((decode(body).expect("a room writes good frames"), end)));
        frames.into_iter().for_each(|(frame, end)| self.frame(frame, end));
    }

    fn said(&mut self, bytes: &[u8]) {
        let mut frames = Vec::new();
        // Only these two kinds, by the number of their variant, are of interest here.
        self.to_room.feed(bytes, |body, _| {
            if matches!(body, [0 | 4, ..]) {
                frames.push(decode(body).expect("a session writes good frames"));
            }
        });
        for frame in frames {
            match frame {
                ToRoom::Hello(hello) => self.resume = hello.resume,
                ToRoom::Ping(_) => self.ping(0),
                _ => {}
            }
        }
    }

    fn read(&mut self, total: u64) {
        if self.coming.front().is_none_or(|(end, _)| *end > total) {
            return;
        }
        let mut truth = self.truth.lock().unwrap();
        let stays = &mut truth.stays[self.run];
        while let Some((_, arrival)) = self.coming.pop_front_if(|(end, _)| *end <= total) {
            match (arrival, stays.last_mut()) {
                (Arrival::In(stay), _) => stays.push(*stay),
                (Arrival::Gap(gap), Some(stay)) => stay.gaps.push(gap),
                (Arrival::Past(past), Some(stay)) => stay.past.push(past),
                (_, None) => {}
            }
        }
    }
}

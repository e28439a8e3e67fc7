//! What everybody heard, held against what the rooms recorded and what everybody said.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    truth::{Stay, Truth},
    world::{Fate, HOST, Inner, Run, Sent, World, slot_key},
};
use crate::{
    session::{Ending, Incoming, SessionEvent},
    wire::{Event, Instance, PublicKey},
};

/// What came to pass, so that it shows whether anything did.
#[derive(Debug, Default)]
pub(super) struct Seen {
    runs: u64,
    rooms: u64,
    said: u64,
    heard: u64,
    cuts: u64,
    gaps: u64,
    missed: u64,
    lost: u64,
    undelivered: u64,
    kicked: u64,
    /// Lines that only their room had when it crashed: their readers were told that it did.
    crashed_with: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        let Self { runs, rooms, said, heard, cuts, gaps, missed, lost, undelivered, kicked, crashed_with } = other;
        self.runs += runs;
        self.rooms += rooms;
        self.said += said;
        self.heard += heard;
        self.cuts += cuts;
        self.gaps += gaps;
        self.missed += missed;
        self.lost += lost;
        self.undelivered += undelivered;
        self.kicked += kicked;
        self.crashed_with += crashed_with;
    }

    pub(super) fn is_eventful(&self) -> bool {
        let Self { runs, rooms, said, heard, cuts, gaps, missed, lost, undelivered, kicked, crashed_with } = self;
        let all = [runs, rooms, said, heard, cuts, gaps, missed, lost, undelivered, kicked, crashed_with];
        all.into_iter().all(|count| *count > 0)
    }
}

/// What is wrong, if anything is.
pub(super) fn judge(world: &World) -> Result<Seen, Vec<String>> {
    let mut truth = world.truth.lock().unwrap();
    let inner = world.inner();
    let wrong = std::mem::take(&mut truth.wrong);
    let mut judge = Judge { truth: &truth, inner: &inner, seen: Seen::default(), wrong };
    judge.seen.rooms = inner.room as u64;
    judge.rooms();
    judge.gaps();
    for at in 0..inner.runs.len() {
        Reader::new(&mut judge, at).read();
        judge.sender(at);
    }
    judge.kept();
    judge.rosters();
    let Judge { seen, wrong, .. } = judge;
    if std::env::var("PCHAT_TRACE").is_ok() {
        tell(&truth, &inner);
    }
    if wrong.is_empty() { Ok(seen) } else { Err(wrong) }
}

type Sender = (PublicKey, Instance);

struct Judge<'a> {
    truth: &'a Truth,
    inner: &'a Inner,
    seen: Seen,
    wrong: Vec<String>,
}

impl Judge<'_> {
    fn run_of(&self, sender: Sender) -> Option<usize> {
        self.inner.runs.iter().position(|run| id(run) == sender)
    }

    /// The run behind a member number of a room.
    fn of_number(&self, room: usize, number: u32) -> Option<usize> {
        let has = |stays: &Vec<Stay>| stays.iter().any(|stay| stay.room == room && stay.number == number);
        self.truth.stays.iter().position(has)
    }

    /// Nobody says anything after having gone.
    fn rooms(&mut self) {
        let mut gone = BTreeSet::new();
        for ((room, seq), known) in &self.truth.events {
            match &known.event {
                Event::Left { member, .. } => drop(gone.insert((*room, *member))),
                Event::Said { from, .. } | Event::Withdrawn { from, .. } if gone.contains(&(*room, *from)) => {
                    self.wrong.push(format!("room {room}: {seq} is of {from}, who had gone"));
                }
                _ => {}
            }
        }
    }

    /// Every gap counts what is missing.
    fn gaps(&mut self) {
        for stated in &self.truth.gaps {
            let (from, to) = (stated.from + 1, stated.gap.seq);
            let range = (stated.room, from)..=(stated.room, to.max(from - 1));
            let known = if to < from { 0 } else { self.truth.events.range(range.clone()).count() as u64 };
            let entitled = match to < from {
                true => 0,
                false => self.truth.events.range(range).filter(|(_, event)| event.is_for(stated.member)).count() as u64,
            };
            let unknown = (to + 1).saturating_sub(from) - known;
            self.seen.gaps += 1;
            if !(entitled..=entitled + unknown).contains(&stated.gap.missed) {
                self.wrong.push(format!("{stated:?}: {entitled} to {} are missing", entitled + unknown));
            }
        }
    }

    /// Every line comes back, or its sender hears why not, or can count it.
    fn sender(&mut self, at: usize) {
        let run = &self.inner.runs[at];
        let mut told = BTreeSet::new();
        let mut acknowledged = 0;
        let mut gaps = 0;
        for (_, event) in &run.heard {
            match event {
                SessionEvent::Message(message) if message.own => drop(told.insert(message.n)),
                SessionEvent::Undelivered { n, .. } => {
                    self.seen.undelivered += 1;
                    told.insert(*n);
                }
                SessionEvent::Acknowledged { n } => acknowledged = *n,
                SessionEvent::Missed { count } => gaps += count,
                _ => {}
            }
        }
        if run.fate != Fate::Here {
            return;
        }
        let mut covered = 0;
        for sent in run.sent.iter().filter(|sent| !sent.withdraws && !told.contains(&sent.n)) {
            if sent.n > acknowledged {
                self.wrong.push(format!("run {at} never hears of its line {}", sent.n));
            }
            covered += 1;
        }
        if covered > gaps {
            self.wrong.push(format!("run {at}: {covered} of its lines did not come back, and gaps say {gaps}"));
        }
    }

    /// All agree on what is kept, which is what its owners want kept.
    fn kept(&mut self) {
        let room = self.inner.room;
        let mut kept: BTreeMap<u32, (u32, u32, Option<u32>)> = BTreeMap::new();
        let mut said = BTreeMap::new();
        for ((_, seq), known) in self.truth.events.range((room, 0)..) {
            match &known.event {
                Event::Said { from, to, kept: Some(number), .. } => {
                    kept.insert(number.number, (*from, number.tag, *to));
                    said.insert(number.number, *seq);
                }
                Event::Withdrawn { kept: number, .. } => drop(kept.remove(&number.number)),
                Event::Left { member, .. } => kept.retain(|_, (from, ..)| from != member),
                _ => {}
            }
        }
        // That something was taken back may be in everybody's gap.
        for stated in self.truth.gaps.iter().filter(|stated| stated.room == room) {
            let (gap, reader) = (&stated.gap, stated.member);
            kept.retain(|number, (from, _, to)| {
                let for_reader = to.is_none_or(|to| to == reader || *from == reader);
                said[number] > gap.seq || !for_reader || gap.kept.contains(number)
            });
        }
        for (at, run) in self.inner.runs.iter().enumerate().filter(|(_, run)| run.fate == Fate::Here) {
            let Some(stay) = self.truth.stays[at].last().filter(|stay| stay.room == room) else { continue };
            let number = stay.number;
            let mine = |(from, _, to): &(u32, u32, Option<u32>)| to.is_none_or(|to| to == number || *from == number);
            let expected: Vec<u32> = kept.iter().filter(|(_, kept)| mine(kept)).map(|(number, _)| *number).collect();
            if run.handle.kept() != expected {
                self.wrong.push(format!("run {at} knows {:?} as kept, and it is {expected:?}", run.handle.kept()));
            }
            let mut wanted = run.tags.clone();
            for (_, event) in &run.heard {
                if let SessionEvent::Undelivered { n, .. } = event {
                    // A refusal after a restart comes for what was set again, under another number.
                    let tag = run.sent.iter().find(|sent| sent.n == *n && !sent.withdraws).and_then(|sent| sent.tag);
                    if let Some(tag) = tag {
                        wanted.remove(&tag);
                    }
                }
            }
            let kept: BTreeSet<u32> =
                kept.values().filter(|(from, ..)| *from == number).map(|(_, tag, _)| *tag).collect();
            if !kept.is_subset(&run.tags) {
                self.wrong.push(format!("run {at} wants {:?} kept, and {kept:?} are", run.tags));
            }
            let public: BTreeSet<u32> = run.sent.iter().filter(|s| s.to.is_none()).filter_map(|s| s.tag).collect();
            let lacking: Vec<_> = wanted.intersection(&public).filter(|tag| !kept.contains(tag)).collect();
            if !lacking.is_empty() {
                self.wrong.push(format!("run {at} wants {lacking:?} kept, which are not"));
            }
        }
    }

    /// All who know everybody know the same.
    fn rosters(&mut self) {
        let here: BTreeSet<Sender> = self.inner.runs.iter().filter(|run| run.fate == Fate::Here).map(id).collect();
        let host = self.inner.slots[HOST].run.map(|run| members(&self.inner.runs[run]));
        for (at, run) in self.inner.runs.iter().enumerate().filter(|(_, run)| run.fate == Fate::Here) {
            let members = members(run);
            if !run.handle.knows_all() || Some(&members) != host.as_ref() || !members.is_superset(&here) {
                let empty = BTreeSet::new();
                let odd: Vec<_> = members.symmetric_difference(host.as_ref().unwrap_or(&empty)).collect();
                let odd: Vec<_> = odd.iter().map(|id| self.run_of(**id)).collect();
                let all = run.handle.knows_all();
                self.wrong.push(format!("run {at} knows {} (all: {all}), other than the host: {odd:?}", members.len()));
            }
        }
    }
}

fn members(run: &Run) -> BTreeSet<Sender> {
    run.handle.members().into_iter().map(|member| (member.key, member.instance)).collect()
}

fn id(run: &Run) -> Sender {
    (PublicKey([slot_key(run.slot); 32]), run.instance)
}

/// What was heard last of one sender: to everyone and to this reader alone.
#[derive(Default)]
struct Track {
    highest: u64,
    last: [Option<u64>; 2],
    /// What was missed or lost since then is stated.
    stated: [bool; 2],
}

/// Reads what one run heard.
struct Reader<'j, 'a> {
    judge: &'j mut Judge<'a>,
    at: usize,
    stays: std::slice::Iter<'a, Stay>,
    stay: Option<Stay>,
    /// The last event that was heard of.
    seq: u64,
    /// Events that are stated as missing since then.
    missed: u64,
    tracks: BTreeMap<Sender, Track>,
    heard: BTreeSet<(Sender, u64)>,
    lost: Vec<Sender>,
}

impl<'j, 'a> Reader<'j, 'a> {
    fn new(judge: &'j mut Judge<'a>, at: usize) -> Self {
        let stays = judge.truth.stays[at].iter();
        let (tracks, heard) = (BTreeMap::new(), BTreeSet::new());
        Self { judge, at, stays, stay: None, seq: 0, missed: 0, tracks, heard, lost: Vec::new() }
    }

    fn wrong(&mut self, what: impl std::fmt::Display) {
        self.judge.wrong.push(format!("run {}: {what}", self.at));
    }

    fn read(mut self) {
        let run = &self.judge.inner.runs[self.at];
        self.judge.seen.runs += 1;
        self.judge.seen.said += run.sent.len() as u64;
        self.judge.seen.kicked += u64::from(run.kicked);
        for (_, event) in &run.heard {
            match event {
                SessionEvent::Entered { .. } => self.begin(false, false),
                SessionEvent::Restored { restarted, missed } => self.begin(!restarted && !missed, *restarted),
                SessionEvent::Message(message) => self.message(message),
                SessionEvent::Missed { count } => {
                    self.missed += count;
                    self.judge.seen.missed += count;
                    self.tracks.values_mut().for_each(|track| track.stated = [true; 2]);
                }
                SessionEvent::Lost { from } => {
                    self.judge.seen.lost += 1;
                    let sender = (from.key, from.instance);
                    self.lost.push(sender);
                    self.tracks.entry(sender).or_default().stated = [true; 2];
                }
                SessionEvent::Cut { .. } => self.judge.seen.cuts += 1,
                SessionEvent::Ended(ending) => self.ended(run, ending),
                _ => {}
            }
        }
        self.end(run);
    }

    fn begin(&mut self, resumed: bool, restarted: bool) {
        let Some(stay) = self.stays.next() else { return self.wrong("in without a Welcome") };
        let before = self.stay.replace(stay.clone());
        let other_room = before.as_ref().is_some_and(|before| before.room != stay.room);
        if resumed != (stay.resumed && before.is_some() && !other_room) || restarted != other_room {
            self.wrong(format!("it takes {stay:?} for resumed: {resumed}, restarted: {restarted}"));
        }
        if resumed {
            return;
        }
        if let Some(before) = before {
            self.judge.seen.crashed_with += self.unheard(&before, u64::MAX).len() as u64;
        }
        if !restarted {
            // That something may be missing is said; what was missed in a restart shows by the next line.
            self.tracks.values_mut().for_each(|track| track.stated = [true; 2]);
        }
        (self.seq, self.missed) = (stay.seq, 0);
    }

    /// The lines between what was heard last and `to` that this reader is entitled to and has never heard.
    fn unheard(&self, stay: &Stay, to: u64) -> Vec<u64> {
        let Stay { room, number, .. } = *stay;
        let mut unheard = Vec::new();
        for ((_, seq), known) in self.judge.truth.events.range((room, self.seq + 1)..(room, to.max(self.seq + 1))) {
            if !known.is_for(number) {
                continue;
            }
            match &known.event {
                // What is said after one has gone is for those who stay.
                Event::Left { member, .. } if *member == number => break,
                Event::Said { from, n, .. } => {
                    let from = self.judge.of_number(room, *from).map(|run| id(&self.judge.inner.runs[run]));
                    if from.is_none_or(|from| self.tracks.get(&from).is_none_or(|track| track.highest < *n)) {
                        unheard.push(*seq);
                    }
                }
                _ => {}
            }
        }
        unheard
    }

    fn message(&mut self, message: &Incoming) {
        self.judge.seen.heard += 1;
        let Some(stay) = self.stay.clone() else { return self.wrong("a message before it is in") };
        let sender = (message.from.key, message.from.instance);
        let truth = self.judge.truth.events.get(&(stay.room, message.seq));
        let known = truth.map(|known| known.event.clone());
        let same = matches!(&known, Some(Event::Said { from, n, to, said, .. })
            if (*from, *n, to.is_some(), &said.payload)
                == (message.from.number, message.n, message.private.is_some(), &message.payload));
        if !same {
            self.wrong(format!("it hears {message:?}, and the room recorded {known:?}"));
        }
        // What the room keeps is told after a gap, out of its time.
        let out_of_time = message.kept.is_some() && self.missed > 0;
        if out_of_time {
        } else if message.seq > self.seq {
            let unheard = self.unheard(&stay, message.seq);
            if unheard.len() as u64 > self.missed {
                self.wrong(format!(
                    "{unheard:?} are missing before {}, and it is told of {}",
                    message.seq, self.missed
                ));
            }
            (self.seq, self.missed) = (message.seq, 0);
        } else if message.kept.is_none() {
            self.wrong(format!("{} comes after {}", message.seq, self.seq));
        }
        self.of_sender(sender, message, out_of_time || message.seq <= stay.seq);
    }

    /// Each sender's lines come once and in order, and what is missing among them is stated.
    fn of_sender(&mut self, sender: Sender, message: &Incoming, replay: bool) {
        let Some(run) = self.judge.run_of(sender) else { return self.wrong("a message of nobody") };
        let from = &self.judge.inner.runs[run];
        let (at, kind) = (self.at, usize::from(message.private.is_some()));
        let for_us = |to: Option<usize>| match kind {
            0 => to.is_none(),
            _ => to.is_some_and(|to| to == at || run == at),
        };
        // What was refused is no loss: its sender knows.
        let refused = |n: u64| {
            from.heard.iter().any(|(_, event)| matches!(event, SessionEvent::Undelivered { n: m, .. } if *m == n))
        };
        let line = |sent: &&Sent| sent.n < message.n && for_us(sent.to) && !sent.withdraws && !refused(sent.n);
        let before = from.sent.iter().rev().find(line);
        let before = before.map(|sent| sent.n);
        let text = from.sent.iter().find(|sent| sent.n == message.n).map(|sent| sent.text.clone());
        let track = self.tracks.entry(sender).or_default();
        let late = message.n <= track.highest;
        let silent = !replay
            && track.last[kind].zip(before).is_some_and(|(last, before)| last < before)
            && !std::mem::take(&mut track.stated[kind]);
        let (highest, last) = (track.highest, track.last[kind]);
        track.highest = message.n;
        track.last[kind] = (!replay).then_some(message.n);
        track.stated[kind] = false;
        self.heard.insert((sender, message.n));
        if late {
            self.wrong(format!("{} of run {run} comes after {highest}", message.n));
        }
        if silent && run != at {
            self.wrong(format!("{before:?} of run {run} is missing after {last:?}, and nothing says so"));
        }
        // What is set again after a restart has a number that the sender's program gave it by itself.
        if text.is_some_and(|text| text.as_bytes() != &message.payload[..]) {
            self.wrong(format!("{} of run {run} is not what it said", message.n));
        }
    }

    fn ended(&mut self, run: &Run, ending: &Ending) {
        let entered = self.stay.is_some();
        // It is the key that is put out.
        let kicked = self.judge.inner.runs.iter().any(|other| other.slot == run.slot && other.kicked);
        let fair = match ending {
            Ending::Left => run.fate == Fate::Left,
            Ending::Kicked { .. } => kicked,
            // Somebody with that key was put out a moment ago.
            Ending::Refused(_) => kicked || !entered,
            Ending::Failed(reason) => !entered && !reason.contains("protocol"),
            Ending::Closed { .. } => false,
        };
        if !fair {
            self.wrong(format!("it ends: {ending:?} ({:?}, kicked: {kicked})", run.fate));
        }
    }

    fn end(&mut self, run: &Run) {
        // A loss that is stated is one.
        for sender in std::mem::take(&mut self.lost) {
            let Some(from) = self.judge.run_of(sender) else { continue };
            let missing = self.judge.inner.runs[from].sent.iter().any(|sent| {
                sent.to.is_none_or(|to| to == self.at) && (sent.withdraws || !self.heard.contains(&(sender, sent.n)))
            });
            // After a restart its program says by itself again what is to be kept.
            let real = missing || self.judge.truth.stays[from].len() > 1;
            if !real {
                self.wrong(format!("it is told that lines of run {from} are missing, and it has them all"));
            }
        }
        if run.fate != Fate::Here {
            return;
        }
        if self.stays.next().is_some() {
            self.wrong("it does not say that it is in again");
        }
        let Some(stay) = self.stay.clone() else { return self.wrong("it never came in") };
        let unheard = self.unheard(&stay, u64::MAX);
        if stay.room != self.judge.inner.room || !unheard.is_empty() {
            self.wrong(format!("at the end it is in room {} and has not heard {unheard:?}", stay.room));
        }
    }
}

/// All that happened, for whoever looks for the cause.
fn tell(truth: &Truth, inner: &Inner) {
    for ((room, seq), known) in &truth.events {
        eprintln!("room {room}: {seq} {:.120}", format!("{:?}", known.event));
    }
    for (at, run) in inner.runs.iter().enumerate() {
        eprintln!("run {at}: key {} {:?} kicked {}, {:?}", run.key(), run.fate, run.kicked, truth.stays[at]);
        for (millis, event) in &run.heard {
            match event {
                SessionEvent::Message(m) => {
                    let (from, text) = (m.from.number, String::from_utf8_lossy(&m.payload));
                    eprintln!("  {millis} #{} of {from} n {} kept {:?} own {} {text:.30}", m.seq, m.n, m.kept, m.own);
                }
                event => eprintln!("  {millis} {:.150}", format!("{event:?}")),
            }
        }
    }
}

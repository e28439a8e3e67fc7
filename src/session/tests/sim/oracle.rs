//! What everybody heard, held against what the rooms recorded and what everybody said.

mod reader;

use std::collections::{BTreeMap, BTreeSet};

use self::reader::Reader;
use super::{
    truth::{Stay, Truth},
    world::{Fate, HOST, Inner, Run, World, slot_key},
};
use crate::{
    session::SessionEvent,
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

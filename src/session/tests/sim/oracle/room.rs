//! Whether the rooms did what rooms do: nobody speaks who has gone or may not, gaps count, and the past is what was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Fate, Judge, Sender};
use crate::{
    session::tests::sim::truth::Stay,
    wire::{Departure, Event, MAX_PAST_BYTES, PublicKey},
};

/// A line that newcomers are told.
struct Line {
    seq: u64,
    sender: Sender,
    n: u64,
    name: String,
    cost: usize,
}

/// One room as its events make it.
struct Replay<'j, 'a> {
    judge: &'j mut Judge<'a>,
    room: usize,
    gone: BTreeSet<u32>,
    away: BTreeSet<u32>,
    /// When each key was put out last.
    out: BTreeMap<PublicKey, tokio::time::Instant>,
    muted: BTreeSet<PublicKey>,
    locked: bool,
    names: BTreeMap<u32, String>,
    said: BTreeSet<(u32, u64)>,
    backlog: VecDeque<Line>,
    bytes: usize,
}

impl Judge<'_> {
    pub(super) fn rooms(&mut self) {
        self.gaps();
        for room in 1..=self.inner.room {
            let (gone, away, out, muted) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
            let (names, said, backlog) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
            let replay =
                Replay { judge: self, room, gone, away, out, muted, locked: false, names, said, backlog, bytes: 0 };
            replay.run();
        }
    }

    /// Whether a run is there at the end, on that link.
    fn is_here(&self, run: usize, stay: &Stay) -> bool {
        let last = self.truth.stays[run].last().is_some_and(|last| std::ptr::eq(last, stay));
        last && self.inner.runs[run].fate == Fate::Here
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
            self.seen.count("gaps", 1);
            if !(entitled..=entitled + unknown).contains(&stated.gap.missed) {
                self.wrong.push(format!("{stated:?}: {entitled} to {} are missing", entitled + unknown));
            }
        }
    }
}

impl Replay<'_, '_> {
    fn wrong(&mut self, what: impl std::fmt::Display) {
        self.judge.wrong.push(format!("room {}: {what}", self.room));
    }

    fn run(mut self) {
        let (truth, room) = (self.judge.truth, self.room);
        let last = self.judge.last(room);
        let mut stays: Vec<(usize, &Stay)> = Vec::new();
        for (run, all) in truth.stays.iter().enumerate() {
            let here = all.iter().filter(|stay| stay.room == room && !truth.has_holes(room, stay.seq));
            stays.extend(here.map(|stay| (run, stay)));
        }
        self.compare(&mut stays, 0);
        for seq in 1..=last {
            if truth.events.contains_key(&(room, seq)) {
                self.event(seq);
            }
            self.compare(&mut stays, seq);
        }
        for (run, stay) in stays {
            let told: Vec<_> = stay.past.iter().map(|past| past.n).collect();
            let due: Vec<_> = self.due(stay).map(|line| line.n).collect();
            self.wrong(format!("run {run}, who came at {}, is told {told:?} of the past, and not {due:?}", stay.seq));
        }
        for ((_, member), told) in truth.told.range((room, 0)..(room + 1, 0)) {
            let left = |(&(_, seq), known): (&(usize, u64), &super::super::truth::Known)| {
                matches!(known.event, Event::Left { member: gone, .. } if gone == *member).then_some(seq)
            };
            let left = truth.events.range((room, 0)..(room + 1, 0)).find_map(left);
            if left.is_some_and(|left| left < *told) {
                self.wrong(format!("{member} is told {told}, and had gone as of {left:?}"));
            }
        }
    }

    /// Whoever is told of the past is told what the room remembers after some event since they came.
    fn compare(&mut self, stays: &mut Vec<(usize, &Stay)>, seq: u64) {
        let Self { judge, backlog, .. } = self;
        stays.retain(|(run, stay)| {
            let curious = judge.inner.runs[*run].curious;
            let told = stay.past.iter().map(|past| ((past.key, past.instance), past.n, past.name.as_str()));
            let due = due(backlog, stay, curious).map(|line| (line.sender, line.n, line.name.as_str()));
            // A link that broke may have brought only the first ones.
            let (told, due) = (told.collect::<Vec<_>>(), due.collect::<Vec<_>>());
            let whole = if judge.is_here(*run, stay) { told == due } else { due.starts_with(&told) };
            stay.seq > seq || !whole
        });
    }

    fn due<'s>(&'s self, stay: &'s Stay) -> impl Iterator<Item = &'s Line> + 's {
        due(&self.backlog, stay, true)
    }

    fn event(&mut self, seq: u64) {
        let truth = self.judge.truth;
        let known = &truth.events[&(self.room, seq)];
        match &known.event {
            Event::Said { from, n, to, said, .. } => {
                self.said(seq, (*from, *n), to.is_none(), said.command.len() + said.payload.len());
            }
            Event::Withdrawn { from, .. } if self.gone.contains(from) => {
                self.wrong(format!("{seq} is of {from}, who had gone"));
            }
            Event::Refused { n, reason } => self.refused(seq, *n, reason),
            Event::Joined(who) => {
                let key = who.key;
                let early = |out: &tokio::time::Instant| known.at - *out < self.judge.ban / 2;
                if self.out.get(&key).is_some_and(early) {
                    self.wrong(format!("{seq}: {} is in again, and was put out just now", who.number));
                }
                if self.out.contains_key(&key) {
                    self.judge.seen.count("back after a ban", 1);
                }
                let seats = |(number, (of, _)): (&(usize, u32), &Sender)| number.1 < who.number && *of == key;
                let mut others = truth.who.range((self.room, 0)..(self.room + 1, 0));
                let owner = key == PublicKey([1; 32]);
                if self.locked && !owner && !others.any(seats) && !truth.has_holes(self.room, seq) {
                    self.wrong(format!("{seq}: {} comes in through a locked door", who.number));
                }
                if self.names.values().any(|name| *name == who.name) && !truth.has_holes(self.room, seq) {
                    self.wrong(format!("{seq}: two are called {}", who.name));
                }
                self.names.insert(who.number, who.name.clone());
            }
            Event::Renamed { member, name } => {
                self.judge.seen.count("renamed", 1);
                if self.names.iter().any(|(number, other)| number != member && other == name)
                    && !truth.has_holes(self.room, seq)
                {
                    self.wrong(format!("{seq}: two are called {name}"));
                }
                self.names.insert(*member, name.clone());
            }
            Event::Left { member, how } => {
                if !self.gone.insert(*member) {
                    self.wrong(format!("{seq}: {member} goes twice"));
                }
                self.names.remove(member);
                if let (Departure::Kicked { .. }, Some(key)) = (how, self.key(*member)) {
                    // Nobody is told while the room's program stands still.
                    let before = truth.events.range((self.room, 0)..(self.room, seq)).next_back();
                    let still = before.map(|(_, before)| before.at).filter(|at| known.at - *at > self.judge.ban);
                    self.out.insert(key, still.unwrap_or(known.at));
                    self.backlog.retain(|line| line.sender.0 != key);
                    self.bytes = self.backlog.iter().map(|line| line.cost).sum();
                }
            }
            Event::Away { member } if !self.away.insert(*member) && !truth.has_holes(self.room, seq) => {
                self.wrong(format!("{seq}: {member} is away twice"))
            }
            Event::Back { member } if !self.away.remove(member) && !truth.has_holes(self.room, seq) => {
                self.wrong(format!("{seq}: {member} is back, and was not away"));
            }
            Event::Muted { member, muted, .. } => {
                if let Some(key) = self.key(*member) {
                    if *muted {
                        self.muted.insert(key)
                    } else {
                        self.muted.remove(&key)
                    };
                }
            }
            Event::Locked { locked, .. } => {
                self.judge.seen.count("locked", u64::from(*locked));
                self.locked = *locked;
            }
            _ => {}
        }
    }

    fn key(&self, number: u32) -> Option<PublicKey> {
        self.judge.truth.who.get(&(self.room, number)).map(|who| who.0)
    }

    fn said(&mut self, seq: u64, (from, n): (u32, u64), public: bool, len: usize) {
        self.said.insert((from, n));
        if self.gone.contains(&from) {
            self.wrong(format!("{seq} is of {from}, who had gone"));
        }
        let Some(sender) = self.judge.truth.who.get(&(self.room, from)).copied() else { return };
        if public && self.muted.contains(&sender.0) && !self.judge.truth.has_holes(self.room, seq) {
            self.wrong(format!("{seq} is to everyone, and {from} is muted"));
        }
        let run = self.judge.run_of(sender);
        let remembered = run.and_then(|run| self.judge.sent(run, n)).is_some_and(|sent| sent.remember);
        let name = self.names.get(&from).cloned().unwrap_or_default();
        if remembered && public {
            let cost = name.len() + len + 64;
            self.bytes += cost;
            self.backlog.push_back(Line { seq, sender, n, name, cost });
        }
        while self.backlog.len() > self.judge.backlog || self.bytes > MAX_PAST_BYTES {
            self.bytes -= self.backlog.pop_front().map_or(0, |line| line.cost);
        }
    }

    fn refused(&mut self, seq: u64, n: u64, reason: &str) {
        let truth = self.judge.truth;
        let known = &truth.events[&(self.room, seq)];
        let Some(member) = known.only else { return };
        if self.said.contains(&(member, n)) {
            self.wrong(format!("{seq}: {n} of {member} was said, and is refused"));
        }
        if !reason.contains("muted") {
            return;
        }
        self.judge.seen.count("muted", 1);
        if self.key(member).is_some_and(|key| !self.muted.contains(&key)) && !truth.has_holes(self.room, seq) {
            self.wrong(format!("{seq}: {member} is refused as muted, and is not"));
        }
    }
}

/// What of that one who came is to be told.
fn due<'s>(backlog: &'s VecDeque<Line>, stay: &'s Stay, curious: bool) -> impl Iterator<Item = &'s Line> + 's {
    let first = !stay.resumed || stay.resume.is_none();
    // Of another log, all that there are, unless it begins with this one.
    let after = if stay.same_epoch { stay.resume.map_or(0, |resume| resume.seq) } else { 0 };
    backlog.iter().filter(move |line| curious && first && line.seq > after && line.seq <= stay.seq)
}

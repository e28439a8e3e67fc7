//! What one run heard, from its first event to its last.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Sender, id};
use crate::{
    session::{
        Ending, Incoming, SessionEvent,
        tests::sim::{
            truth::Stay,
            world::{Fate, Run, Sent},
        },
    },
    wire::Event,
};

/// What was heard last of one sender: to everyone and to this reader alone.
#[derive(Default)]
struct Track {
    highest: u64,
    last: [Option<u64>; 2],
    /// What was missed or lost since then is stated.
    stated: [bool; 2],
}

/// Reads what one run heard.
pub(super) struct Reader<'j, 'a> {
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
    pub(super) fn new(judge: &'j mut Judge<'a>, at: usize) -> Self {
        let stays = judge.truth.stays[at].iter();
        let (tracks, heard) = (BTreeMap::new(), BTreeSet::new());
        Self { judge, at, stays, stay: None, seq: 0, missed: 0, tracks, heard, lost: Vec::new() }
    }

    fn wrong(&mut self, what: impl std::fmt::Display) {
        self.judge.wrong.push(format!("run {}: {what}", self.at));
    }

    pub(super) fn read(mut self) {
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
                    let run = self.judge.of_number(room, *from);
                    let from = run.map(|run| id(&self.judge.inner.runs[run]));
                    let new = from.is_none_or(|from| self.tracks.get(&from).is_none_or(|track| track.highest < *n));
                    if new && !self.was_said(stay, run, *n, *seq) {
                        unheard.push(*seq);
                    }
                }
                _ => {}
            }
        }
        unheard
    }

    /// Whether the same line was in the log before, since its sender had another seat then: it was heard there, or missed.
    fn was_said(&self, stay: &Stay, run: Option<usize>, line: u64, before: u64) -> bool {
        let room = stay.room;
        let mut earlier = self.judge.truth.events.range((room, 1)..(room, before));
        let same = |event: &Event| match event {
            Event::Said { from, n, .. } => *n == line && run.is_some() && self.judge.of_number(room, *from) == run,
            _ => false,
        };
        earlier.any(|(_, known)| known.is_for(stay.number) && same(&known.event))
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

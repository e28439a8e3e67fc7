//! What each room recorded, put together from what it wrote to all its members: the measure of what they heard.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::wire::Tap;
use crate::wire::{Event, FromRoom, Gap, MAX_FRAME_LEN, decode};

/// An event as its room told it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) event: Event,
    /// The only member who is told, if it is for one alone.
    only: Option<u32>,
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
}

/// All that the rooms told.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) events: BTreeMap<(usize, u64), Known>,
    pub(super) gaps: Vec<Stated>,
    /// The Welcomes that each run of a member has read.
    pub(super) stays: Vec<Vec<Stay>>,
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
        let known = Known { event, only: alone.then_some(member) };
        if !known.is_for(member) {
            self.wrong.push(format!("room {room} tells {member} what is not for it: {seq} {:?}", known.event));
        }
        let before = self.events.entry((room, seq)).or_insert_with(|| known.clone());
        if before.event != known.event {
            let two = (&before.event, &known.event);
            self.wrong.push(format!("room {room} tells two things as {seq}: {two:?}"));
        }
    }
}

/// Hears one link for the truth.
pub(super) struct Ear {
    truth: Arc<Mutex<Truth>>,
    run: usize,
    room: usize,
    bytes: Vec<u8>,
    /// How many bytes were written before these.
    before: u64,
    stay: Option<Stay>,
    /// Where the Welcome ends, until it has been read.
    welcome: Option<u64>,
    seq: u64,
}

impl Ear {
    pub(super) fn new(truth: &Arc<Mutex<Truth>>, run: usize, room: usize) -> Self {
        let truth = truth.clone();
        Self { truth, run, room, bytes: Vec::new(), before: 0, stay: None, welcome: None, seq: 0 }
    }

    fn frame(&mut self, frame: FromRoom, end: u64) {
        let mut truth = self.truth.lock().unwrap();
        match (frame, &self.stay) {
            (FromRoom::Welcome(welcome), _) => {
                let (number, seq, resumed) = (welcome.number, welcome.seq, welcome.resumed);
                self.seq = seq;
                self.stay = Some(Stay { room: self.room, number, seq, resumed });
                self.welcome = Some(end);
            }
            (FromRoom::Event { seq, event }, Some(stay)) => {
                self.seq = self.seq.max(seq);
                truth.note(self.room, seq, stay.number, event);
            }
            (FromRoom::Gap(gap), Some(stay)) => {
                let from = std::mem::replace(&mut self.seq, gap.seq);
                truth.gaps.push(Stated { room: self.room, member: stay.number, from, gap });
            }
            _ => {}
        }
    }
}

impl Tap for Ear {
    fn wrote(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(head) = self.bytes.get(at..at + 4) {
            let len = u32::from_be_bytes(head.try_into().unwrap()) as usize;
            assert!(len <= MAX_FRAME_LEN, "a room writes no such frame");
            let Some(body) = self.bytes.get(at + 4..at + 4 + len) else { break };
            let frame = decode(body).expect("a room writes good frames");
            at += 4 + len;
            self.frame(frame, self.before + at as u64);
        }
        self.bytes.drain(..at);
        self.before += at as u64;
    }

    fn read(&mut self, total: u64) {
        if self.welcome.is_some_and(|end| end <= total) {
            self.welcome = None;
            let stay = self.stay.clone().expect("it came with the Welcome");
            self.truth.lock().unwrap().stays[self.run].push(stay);
        }
    }
}

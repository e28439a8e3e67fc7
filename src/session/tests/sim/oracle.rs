//! What everybody heard, held against what the rooms recorded and what everybody said.

mod past;
mod reader;
mod room;
mod shown;
mod tell;
mod track;

use std::collections::{BTreeMap, BTreeSet};

use self::{reader::Reader, tell::tell};
use super::{
    truth::{Stay, Truth},
    world::{Fate, HOST, Inner, Run, Sent, World, slot_key},
};
use crate::{
    session::SessionEvent,
    wire::{Event, Instance, PublicKey},
};

/// What came to pass, so that it shows whether anything did: how often each of these.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<&'static str, u64>);

/// All that is to come to pass. `crashed with` are lines that only their room had when it crashed: their readers were told
/// that it did.
const ALL: &[&str] = &[
    "runs",
    "rooms",
    "said",
    "heard",
    "past",
    "cuts",
    "gaps",
    "missed",
    "lost",
    "undelivered",
    "muted",
    "locked",
    "locked out",
    "renamed",
    "kicked",
    "back after a ban",
    "suspended",
    "crashed with",
    "went on",
];

impl Seen {
    pub(super) fn count(&mut self, what: &'static str, count: u64) {
        debug_assert!(ALL.contains(&what), "{what}");
        *self.0.entry(what).or_default() += count;
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.count(what, *count));
    }

    pub(super) fn is_eventful(&self) -> bool {
        ALL.iter().all(|what| self.0.get(what).is_some_and(|count| *count > 0))
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ALL.iter().try_for_each(|what| write!(f, "{what} {}, ", self.0.get(what).unwrap_or(&0)))
    }
}

/// What is wrong, if anything is.
pub(super) fn judge(world: &World) -> Result<Seen, Vec<String>> {
    let mut truth = world.truth.lock().unwrap();
    let inner = world.inner();
    let wrong = std::mem::take(&mut truth.wrong);
    let runs = inner.runs.iter().enumerate().map(|(at, run)| (id(run), at)).collect();
    let undelivered = inner.runs.iter().map(undelivered).collect();
    let (mut said, mut refused) = (BTreeMap::new(), BTreeSet::new());
    for ((room, seq), known) in &truth.events {
        let who = |number: u32| truth.who.get(&(*room, number)).copied();
        match &known.event {
            Event::Said { from, n, .. } => {
                let sender = who(*from);
                sender.map(|sender| said.entry((sender, *n)).or_insert((*room, *seq)));
            }
            Event::Refused { n, .. } => refused.extend(known.only.and_then(who).map(|sender| (sender, *n))),
            _ => {}
        }
    }
    let (backlog, ban) = (world.troubles.config.backlog, world.troubles.config.timing.ban);
    let mut judge = Judge {
        truth: &truth,
        inner: &inner,
        runs,
        undelivered,
        backlog,
        ban,
        said,
        refused,
        shown: Vec::new(),
        seen: Seen::default(),
        wrong,
    };
    judge.seen.count("rooms", inner.room as u64);
    judge.seen.count("went on", inner.went_on);
    judge.seen.count("suspended", inner.suspended);
    judge.rooms();
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
    runs: BTreeMap<Sender, usize>,
    /// What each run was told of as not delivered.
    undelivered: Vec<BTreeSet<u64>>,
    /// How many lines the rooms remember, and how long they put out.
    backlog: usize,
    ban: std::time::Duration,
    /// What the rooms took of whom, as far as anybody was told.
    said: BTreeMap<(Sender, u64), (usize, u64)>,
    /// What a room refused to whom.
    refused: BTreeSet<(Sender, u64)>,
    /// What each run was shown as kept.
    shown: Vec<BTreeSet<u32>>,
    seen: Seen,
    wrong: Vec<String>,
}

impl Judge<'_> {
    fn run_of(&self, sender: Sender) -> Option<usize> {
        self.runs.get(&sender).copied()
    }

    /// Whether a room had said that before this one came to this event.
    fn said_before(&self, line: (Sender, u64), now: (usize, u64)) -> bool {
        self.said.get(&line).is_some_and(|first| *first < now)
    }

    /// Whether a room refused that line of a run, as far as anybody knows: that may be in the gap of the only one who was told.
    fn was_refused(&self, run: usize, line: u64) -> bool {
        let seats = self.truth.stays[run].iter().map(|stay| (stay.room, stay.number)).collect::<BTreeSet<_>>();
        self.refused.contains(&(id(&self.inner.runs[run]), line)) || seats.len() > 1 && self.is_in_a_gap(run, line)
    }

    /// What a run sent under that number.
    fn sent(&self, run: usize, n: u64) -> Option<&Sent> {
        let sent = &self.inner.runs[run].sent;
        sent.binary_search_by_key(&n, |sent| sent.n).ok().map(|at| &sent[at])
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
                    self.seen.count("undelivered", 1);
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
            } else if !self.is_in_a_gap(at, sent.n) {
                self.wrong.push(format!("run {at}: line {} is acknowledged, and came nowhere", sent.n));
            }
            covered += 1;
        }
        if covered > gaps {
            self.wrong.push(format!("run {at}: {covered} of its lines did not come back, and gaps say {gaps}"));
        }
    }

    /// Whether the room had that line of a run, or told it why not, in a gap that it has read of.
    fn is_in_a_gap(&self, run: usize, line: u64) -> bool {
        self.truth.stays[run].iter().any(|stay| {
            stay.gaps.iter().any(|stated| {
                let range = (stay.room, stated.from + 1)..=(stay.room, stated.gap.seq.max(stated.from + 1));
                let unknown = (self.truth.events.range(range.clone()).count() as u64) < stated.gap.seq - stated.from;
                let mut events = self.truth.events.range(range);
                unknown
                    || events.any(|(_, known)| match &known.event {
                        Event::Said { from, n, .. } => *from == stay.number && *n == line,
                        Event::Refused { n, .. } => known.is_for(stay.number) && *n == line,
                        _ => false,
                    })
            })
        })
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
        if let Some(host) = self.inner.slots[HOST].run
            && self.truth.has_holes(room, self.last(room))
        {
            // Perhaps nobody who is left has heard that they went.
            let members = self.inner.runs[host].handle.members();
            kept.retain(|_, (from, ..)| members.iter().any(|member| member.number == *from));
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
            let shown: Vec<u32> = self.shown[at].iter().copied().collect();
            if shown != expected {
                self.wrong.push(format!("run {at} was shown {shown:?} as kept, and it is {expected:?}"));
            }
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
            // A refusal may be in a gap.
            let taken = |sent: &&Sent| sent.to.is_none() && self.said.contains_key(&(id(run), sent.n));
            let public: BTreeSet<u32> = run.sent.iter().filter(taken).filter_map(|s| s.tag).collect();
            let lacking: Vec<_> = wanted.intersection(&public).filter(|tag| !kept.contains(tag)).collect();
            // What its program set again by itself was refused.
            let again = self.undelivered[at].iter().any(|n| self.sent(at, *n).is_none());
            let stays = &self.truth.stays[at];
            let again =
                again || stays.iter().any(|other| other.number != number || other.room != room) && missed_any(stays);
            if !lacking.is_empty() && !again {
                self.wrong.push(format!("run {at} wants {lacking:?} kept, which are not"));
            }
        }
    }

    /// The last event that is known of a room.
    fn last(&self, room: usize) -> u64 {
        self.truth.events.range((room, 0)..(room + 1, 0)).next_back().map_or(0, |((_, seq), _)| *seq)
    }

    /// All who know everybody know the same.
    fn rosters(&mut self) {
        let here: BTreeSet<Sender> = self.inner.runs.iter().filter(|run| run.fate == Fate::Here).map(id).collect();
        let host = self.inner.slots[HOST].run.map(|run| members(&self.inner.runs[run]));
        for (at, run) in self.inner.runs.iter().enumerate().filter(|(_, run)| run.fate == Fate::Here) {
            let members = members(run);
            let ids: BTreeSet<Sender> = members.iter().map(|(id, ..)| *id).collect();
            let own = run.handle.me();
            let own = members.contains(&((own.key, own.instance), own.name, own.number));
            if !run.handle.knows_all() || Some(&members) != host.as_ref() || !ids.is_superset(&here) || !own {
                let empty = BTreeSet::new();
                let odd: Vec<_> = members.symmetric_difference(host.as_ref().unwrap_or(&empty)).collect();
                let odd: Vec<_> = odd.iter().map(|(id, name, number)| (self.run_of(*id), name, number)).collect();
                let all = run.handle.knows_all();
                self.wrong.push(format!("run {at} knows {} (all: {all}), other than the host: {odd:?}", members.len()));
            }
        }
    }
}

fn members(run: &Run) -> BTreeSet<(Sender, String, u32)> {
    run.handle.members().into_iter().map(|member| ((member.key, member.instance), member.name, member.number)).collect()
}

/// Whether something was missed of these stays.
fn missed_any(stays: &[Stay]) -> bool {
    stays.iter().flat_map(|stay| &stay.gaps).any(|stated| stated.gap.missed > 0)
}

fn undelivered(run: &Run) -> BTreeSet<u64> {
    let n = |event: &SessionEvent| if let SessionEvent::Undelivered { n, .. } = event { Some(*n) } else { None };
    run.heard.iter().filter_map(|(_, event)| n(event)).collect()
}

fn id(run: &Run) -> Sender {
    (PublicKey([slot_key(run.slot); 32]), run.instance)
}

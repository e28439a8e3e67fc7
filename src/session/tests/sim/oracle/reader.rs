//! What one run heard, from its first event to its last, against what its rooms recorded: nothing else, nothing twice,
//! nothing out of order, and nothing missing but what is stated.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Sender, shown::Shown, track::Track};
use crate::{
    session::{
        Ending, Incoming, MemberEvent, SessionEvent,
        tests::sim::{
            truth::{Known, Stay},
            world::{Fate, Run, Sent},
        },
    },
    wire::{Event, Refusal},
};

/// Reads what one run heard.
pub(super) struct Reader<'j, 'a> {
    pub(super) judge: &'j mut Judge<'a>,
    pub(super) at: usize,
    stays: std::slice::Iter<'a, Stay>,
    pub(super) stay: Option<&'a Stay>,
    /// The last event that was heard of.
    seq: u64,
    /// Up to where the room may tell again what it keeps: where this one came in, or the end of a gap.
    floor: u64,
    /// How many gaps of this stay were heard of.
    gaps: usize,
    /// Whether anything that was missed was ever stated as a whole.
    gapped: bool,
    /// Who and what was told of the past in this stay, until something else was heard.
    pub(super) past: Option<Vec<(Sender, u64)>>,
    /// Whether it lost a seat, after which those whom it knows are not announced again.
    pub(super) again: bool,
    pub(super) tracks: BTreeMap<Sender, Track>,
    pub(super) heard: BTreeSet<(Sender, u64)>,
    lost: Vec<Sender>,
    /// What was shown as kept, and not as taken back.
    pub(super) kept: BTreeSet<u32>,
}

/// Whether the last that was heard is that one is in again.
fn is_in_again(heard: &[(u64, SessionEvent)]) -> bool {
    matches!(heard.last(), Some((_, SessionEvent::Restored { .. })))
}

impl<'j, 'a> Reader<'j, 'a> {
    pub(super) fn new(judge: &'j mut Judge<'a>, at: usize) -> Self {
        let stays = judge.truth.stays[at].iter();
        let (tracks, heard, lost) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        let (seq, floor, gaps, gapped, past, again, kept) = (0, 0, 0, false, None, false, BTreeSet::new());
        Self { judge, at, stays, stay: None, seq, floor, gaps, gapped, past, again, tracks, heard, lost, kept }
    }

    pub(super) fn wrong(&mut self, what: impl std::fmt::Display) {
        self.judge.wrong.push(format!("run {}: {what}", self.at));
    }

    pub(super) fn read(mut self) {
        let run: &'a Run = &self.judge.inner.runs[self.at];
        self.judge.seen.count("runs", 1);
        self.judge.seen.count("said", run.sent.len() as u64);
        self.judge.seen.count("kicked", u64::from(run.kicked));
        for (at, (_, event)) in run.heard.iter().enumerate() {
            match event {
                SessionEvent::Entered { .. } => self.begin(false, false),
                SessionEvent::Restored { restarted, missed } => self.begin(!restarted && !missed, *restarted),
                SessionEvent::Message(message) if message.past.is_some() => self.told(message),
                SessionEvent::Message(message) => self.message(message),
                SessionEvent::Member(event) => match Shown::of(event) {
                    // It was in before under another name: the Welcome says so, and no event.
                    Some(shown) if is_in_again(&run.heard[..at]) && self.is_own_name(event, &shown) => {}
                    Some(shown) => self.show(&shown),
                    None => self.wrong(format!("nobody is to hear of {event:?}")),
                },
                SessionEvent::Acknowledged { n } => self.acknowledged(*n),
                SessionEvent::Undelivered { n, .. } => self.show(&Shown::Undelivered(*n)),
                SessionEvent::Missed { count } => self.missed(*count),
                SessionEvent::Lost { from } => {
                    self.judge.seen.count("lost", 1);
                    self.lost((from.key, from.instance));
                }
                SessionEvent::Withdrawn { withdrawal, .. } => self.withdrawn(withdrawal.number, withdrawal.restart),
                SessionEvent::Cut { .. } => self.judge.seen.count("cuts", 1),
                SessionEvent::Ended(ending) => self.ended(run, ending),
                _ => {}
            }
        }
        self.end(run);
    }

    fn begin(&mut self, resumed: bool, restarted: bool) {
        self.past_is_over(false);
        let Some(stay) = self.stays.next() else { return self.wrong("in without a Welcome") };
        let before = self.stay.replace(stay);
        let other_room = before.is_some_and(|before| before.room != stay.room);
        if resumed != (stay.resumed && before.is_some() && !other_room) || restarted != other_room {
            self.wrong(format!("it takes {stay:?} for resumed: {resumed}, restarted: {restarted}"));
        }
        self.gaps = 0;
        if resumed {
            self.nothing_before(stay, stay.seq);
            if self.seq > stay.seq {
                self.wrong(format!("it has heard {}, and goes on after {}", self.seq, stay.seq));
            }
            return;
        }
        if let Some(before) = before {
            self.again = true;
            let unheard = self.pending(before, u64::MAX);
            let lines = unheard.iter().filter(|(_, shown)| matches!(shown, Shown::Said(_))).count();
            self.judge.seen.count("crashed with", lines as u64);
        }
        if !restarted {
            // That something may be missing is said; what was missed in a restart shows by the next line.
            self.tracks.values_mut().for_each(Track::state);
            self.gapped = self.again;
        }
        (self.seq, self.floor) = (stay.seq, stay.seq);
        self.past = Some(Vec::new());
    }

    /// The events after the last one that was heard of.
    fn to_come(&self, stay: &Stay) -> impl Iterator<Item = (u64, &'a Known)> + use<'a> {
        let events = &self.judge.truth.events;
        events.range((stay.room, self.seq + 1)..(stay.room + 1, 0)).map(|((_, seq), known)| (*seq, known))
    }

    /// What this reader is still to be shown before event `to`, in order.
    fn pending(&self, stay: &Stay, to: u64) -> Vec<(u64, Shown)> {
        let range = (stay.room, self.seq + 1)..(stay.room, to.max(self.seq + 1));
        let mut pending = Vec::new();
        for ((_, seq), known) in self.judge.truth.events.range(range) {
            if matches!(&known.event, Event::Left { member, .. } if *member == stay.number) {
                // What comes after one has gone is for those who stay.
                break;
            }
            pending.extend(self.shown(stay, *seq, known).filter(|(_, must)| *must).map(|(shown, _)| (*seq, shown)));
        }
        pending
    }

    /// Nothing up to this event is still to be shown.
    fn nothing_before(&mut self, stay: &'a Stay, seq: u64) {
        let pending = self.pending(stay, seq.saturating_add(1));
        if !pending.is_empty() {
            self.wrong(format!("it does not hear {pending:?} before {seq}"));
        }
        self.pass(stay, seq);
    }

    /// All up to this event was heard of: what shows nothing leaves its traces.
    fn pass(&mut self, stay: &Stay, to: u64) {
        let range = (stay.room, self.seq + 1)..(stay.room, to.saturating_add(1).max(self.seq + 1));
        for (_, known) in self.judge.truth.events.range(range) {
            if let Event::Withdrawn { from, n, to, .. } = &known.event
                && known.is_for(stay.number)
                && let Some(sender) = self.judge.truth.who.get(&(stay.room, *from))
            {
                let track = self.tracks.entry(*sender).or_default();
                track.reach(*n, track.sure, true);
                let kind = usize::from(to.is_some());
                (track.last[kind], track.stated[kind]) = (track.last[kind].max(Some(*n)), false);
                self.heard.insert((*sender, *n));
            }
        }
        self.seq = self.seq.max(to);
    }

    /// The next thing of the present.
    fn show(&mut self, shown: &Shown) {
        self.past_is_over(true);
        let Some(stay) = self.stay else { return self.wrong(format!("{shown:?} before it is in")) };
        let mut at = None;
        for (seq, known) in self.to_come(stay) {
            match self.shown(stay, seq, known) {
                Some((next, _)) if next == *shown => at = Some(Ok(seq)),
                Some((next, true)) => at = Some(Err((seq, next))),
                _ => continue,
            }
            break;
        }
        match at {
            Some(Ok(seq)) => self.pass(stay, seq),
            next => {
                self.wrong(format!("it is shown {shown:?} after {}, where {next:?} comes", self.seq));
                if let Shown::Said(seq) = shown {
                    self.seq = self.seq.max(*seq);
                }
            }
        }
    }

    /// Something is no longer kept: it was taken back, or went with its owner, a room or a gap. If it was taken back, the
    /// number of that was heard, too.
    fn withdrawn(&mut self, number: u32, restart: bool) {
        self.kept.remove(&number);
        let Some(stay) = self.stay.filter(|_| !restart) else { return };
        for (_, known) in self.to_come(stay) {
            if let Event::Withdrawn { from, n, kept, .. } = &known.event
                && kept.number == number
                && let Some(sender) = self.judge.truth.who.get(&(stay.room, *from))
            {
                self.tracks.entry(*sender).or_default().perhaps = *n;
            }
        }
    }

    /// Whether it is the name of this reader, which no event of the room gives it next.
    fn is_own_name(&self, event: &MemberEvent, shown: &Shown) -> bool {
        let next = self.stay.and_then(|stay| self.pending(stay, u64::MAX).into_iter().next());
        matches!(event, MemberEvent::Renamed { own: true, .. }) && next.is_none_or(|(_, next)| next != *shown)
    }

    fn missed(&mut self, count: u64) {
        self.past_is_over(true);
        self.judge.seen.count("missed", count);
        let Some(stay) = self.stay else { return self.wrong("a gap before it is in") };
        // One that was read with the last bytes of a link may not have been heard of.
        let told = stay.gaps[self.gaps..].iter().position(|stated| stated.gap.missed == count);
        let Some(told) = told else { return self.wrong(format!("a gap of {count}, of which no room told it")) };
        self.gaps += told + 1;
        let stated = &stay.gaps[self.gaps - 1];
        self.nothing_before(stay, stated.from);
        (self.seq, self.floor) = (stated.gap.seq.max(self.seq), stated.gap.seq);
        self.tracks.values_mut().for_each(Track::state);
        self.gapped |= count > 0;
    }

    /// Something of that sender is missing.
    fn lost(&mut self, sender: Sender) {
        self.lost.push(sender);
        let track = self.tracks.entry(sender).or_default();
        let stated = track.stated;
        // What was told of the past is heard again without a word, and counts.
        let silent = track.perhaps > track.highest || track.past > track.highest;
        track.state();
        if stated == [true; 2] && !silent {
            self.wrong(format!("what is missing of {:?} is stated twice", self.judge.run_of(sender)));
        }
    }

    /// What is acknowledged has come back, or is in a gap: what is still to come must be said again to a room that crashes.
    fn acknowledged(&mut self, line: u64) {
        let Some(stay) = self.stay else { return self.wrong("an acknowledgement before it is in") };
        let early = self.to_come(stay).find_map(|(seq, known)| match known.event {
            Event::Said { from, n, .. } if from == stay.number => self.shown(stay, seq, known).map(|_| n),
            Event::Refused { n, .. } => self.shown(stay, seq, known).map(|_| n),
            _ => None,
        });
        // The one that this goes with comes next.
        if let Some(early) = early.filter(|early| *early < line) {
            self.wrong(format!("{line} is acknowledged, and {early} is still to come"));
        }
    }

    fn message(&mut self, message: &Incoming) {
        self.judge.seen.count("heard", 1);
        let Some(stay) = self.stay else { return self.wrong("a message before it is in") };
        let sender = (message.from.key, message.from.instance);
        let known = self.judge.truth.events.get(&(stay.room, message.seq)).map(|known| &known.event);
        let same = matches!(known, Some(Event::Said { from, n, to, said, .. })
            if (*from, *n, to.is_some(), &said.payload)
                == (message.from.number, message.n, message.private.is_some(), &message.payload));
        if !same {
            self.wrong(format!("it hears {message:?}, and the room recorded {known:?}"));
        }
        // What the room keeps is told to newcomers and after a gap, out of its time.
        let replay = message.seq <= self.floor && message.kept.is_some();
        if replay {
            self.past_is_over(true);
        } else {
            self.show(&Shown::Said(message.seq));
        }
        let up = message.kept.is_some_and(|number| self.kept.insert(number));
        self.of_sender(sender, message, replay, up);
    }

    /// Each sender's lines come once and in order, and what is missing among them is stated.
    fn of_sender(&mut self, sender: Sender, message: &Incoming, replay: bool, up: bool) {
        let Some(run) = self.judge.run_of(sender) else { return self.wrong("a message of nobody") };
        let from = &self.judge.inner.runs[run];
        let (at, kind) = (self.at, usize::from(message.private.is_some()));
        let for_us = |to: Option<usize>| match kind {
            0 => to.is_none(),
            _ => to.is_some_and(|to| to == at || run == at),
        };
        // What a room refused is no loss, though one before it may have said it: its sender knows. Nor is what only a later
        // room took.
        let now = (self.stay.map_or(0, |stay| stay.room), message.seq);
        let said = |n: u64| self.judge.said_before((sender, n), now) && !self.judge.was_refused(run, n);
        let prev = match self.judge.truth.events.get(&now).map(|known| &known.event) {
            Some(Event::Said { prev, .. }) => Some(*prev),
            _ => None,
        };
        // So is what was told of the past, or was said before that.
        let past = self.tracks.get(&sender).map_or(0, |track| if kind == 0 { track.past } else { 0 });
        let between = past + 1..message.n;
        let due = |sent: &Sent| for_us(sent.to) && !sent.withdraws && said(sent.n);
        let line = |sent: &&Sent| between.contains(&sent.n) && due(sent) && !self.heard.contains(&(sender, sent.n));
        let before = from.sent.iter().rev().find(line).map(|sent| sent.n);
        let text = self.judge.sent(run, message.n).map(|sent| sent.text.as_str());
        let other = text.is_some_and(|text| text.as_bytes() != &message.payload[..]);
        let twice = !self.heard.insert((sender, message.n));
        let track = self.tracks.entry(sender).or_default();
        // No room had said it when a later one was heard.
        let first = track.highest > message.n && !twice && !self.judge.said_before((sender, message.n), now);
        let late = message.n <= track.highest || twice;
        if first || late && up {
            // Or it was taken back since it was heard, and is there again.
            track.open.remove(&message.n);
            return;
        }
        let silent = !replay
            && track.last[kind].zip(before).is_some_and(|(last, before)| last < before)
            && !std::mem::take(&mut track.stated[kind]);
        let (highest, last) = (track.highest, track.last[kind]);
        let from_the_first = highest == 0 && kind == 0 && prev == Some(0) && !self.gapped;
        track.reach(message.n, !silent && !replay && (track.sure || from_the_first), !replay);
        track.last[kind] = (!replay).then_some(message.n);
        track.stated[kind] = false;
        if late {
            self.wrong(format!("{} of run {run} comes after {highest}, or twice", message.n));
        }
        if silent && run != at {
            self.wrong(format!("{before:?} of run {run} is missing after {last:?}, and nothing says so"));
        }
        // What is set again after a restart has a number that the sender's program gave it by itself.
        if other {
            self.wrong(format!("{} of run {run} is not what it said", message.n));
        }
    }

    fn ended(&mut self, run: &Run, ending: &Ending) {
        let entered = self.stay.is_some();
        // It is the key that is put out.
        let kicked = self.judge.inner.runs.iter().any(|other| other.slot == run.slot && other.kicked);
        let locked = self.judge.truth.events.values().any(|known| matches!(known.event, Event::Locked { .. }));
        let fair = match ending {
            Ending::Left => run.fate == Fate::Left,
            Ending::Kicked { .. } => kicked,
            Ending::Refused(Refusal::Locked) => locked,
            // Somebody with that key was put out a moment ago.
            Ending::Refused(Refusal::Banned { .. }) => kicked,
            Ending::Refused(_) => kicked || !entered,
            Ending::Failed(reason) => !entered && !reason.contains("protocol"),
            Ending::Closed { .. } => false,
        };
        self.judge.seen.count("locked out", u64::from(*ending == Ending::Refused(Refusal::Locked)));
        if !fair {
            self.wrong(format!("it ends: {ending:?} ({:?}, kicked: {kicked})", run.fate));
        }
    }

    fn end(&mut self, run: &Run) {
        self.judge.shown.push(std::mem::take(&mut self.kept));
        // A loss that is stated is one.
        for sender in std::mem::take(&mut self.lost) {
            let Some(from) = self.judge.run_of(sender) else { continue };
            let refused = |sent: &Sent| sent.to.is_none() && self.judge.undelivered[from].contains(&sent.n);
            let missing = self.judge.inner.runs[from].sent.iter().any(|sent| {
                let for_us = sent.to.is_none_or(|to| to == self.at);
                for_us && !refused(sent) && !self.heard.contains(&(sender, sent.n))
            });
            // After a restart its program says by itself again what is to be kept.
            let rooms: BTreeSet<usize> = self.judge.truth.stays[from].iter().map(|stay| stay.room).collect();
            if !missing && rooms.len() < 2 {
                self.wrong(format!("it is told that lines of run {from} are missing, and it has them all"));
            }
        }
        if run.fate != Fate::Here {
            return;
        }
        if self.stays.next().is_some() {
            self.wrong("it does not say that it is in again");
        }
        let Some(stay) = self.stay else { return self.wrong("it never came in") };
        self.past_is_over(true);
        if stay.room != self.judge.inner.room {
            self.wrong(format!("at the end it is in room {}", stay.room));
        }
        self.nothing_before(stay, u64::MAX - 1);
    }
}

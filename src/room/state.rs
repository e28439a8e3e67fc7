//! The room's state and the events that change it. No I/O; time comes in from outside.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::BytesMut;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::{sync::oneshot, time::Instant};

use super::{
    RoomConfig,
    admission::Knock,
    bucket::Bucket,
    carry::Carrier,
    codes::Codes,
    comings::Comings,
    figures,
    journal::{Journal, Record},
    log::{Audience, Cursor, KeptFrame, Log, Needs, Place},
    names::Names,
    power::Ban,
    seat::{LinkControl, LinkEnd, LinkShared, Public, Seat},
};
use crate::limits::room::{RENAME_EVERY, RENAMES_AT_ONCE};
use crate::{
    gauge::Gauge,
    wire::{
        Answer, Departure, Element, End, Epoch, Event, FEATURE_ASKABLE, FEATURE_BACKLOG, FEATURE_OPEN, FEATURE_STREAMS,
        FromRoom, Hello, Instance, Introduction, Past, PublicKey, Refusal, Welcome, encode_into,
    },
};

/// Who is at the other end of a link, as far as the network and the handshake tell.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) key: PublicKey,
    pub(super) address: Option<std::net::IpAddr>,
    pub(super) gauge: Arc<Gauge>,
    /// Whether the link is in the room's own process.
    pub(super) inside: bool,
    /// Whether it has proved that it knows the code.
    pub(super) invited: bool,
}

/// What a link gets when its member has a seat.
#[derive(Debug)]
pub(super) struct Seated {
    pub(super) welcome: Welcome,
    pub(super) cursor: Cursor,
    pub(super) shared: Arc<LinkShared>,
    pub(super) end: oneshot::Receiver<LinkEnd>,
}

/// What becomes of a Hello.
#[derive(Debug)]
pub(super) enum Verdict {
    Seated(Box<Seated>),
    /// Somebody is being asked; the verdict follows.
    Waiting {
        name: String,
        ticket: u64,
        verdict: oneshot::Receiver<Verdict>,
    },
    Refused(Refusal),
    /// It is to prove that it knows the code.
    Prove(Element),
    /// The Hello contradicts itself or the room.
    Violation,
}

/// What the room says to somebody beside the log.
#[derive(Debug)]
pub(super) enum Reply {
    /// To a caller. If it is not there any more, its link to this seat broke.
    Verdict(oneshot::Sender<Verdict>, Verdict, Option<(u32, u64)>),
    /// To who asked.
    Answer(oneshot::Sender<Answer>, Answer),
    /// To one whose link ends.
    End(oneshot::Sender<LinkEnd>, End),
}

impl Reply {
    /// Says it. The seat and the link of whoever is not there any more.
    pub(super) fn say(self) -> Option<(u32, u64)> {
        match self {
            Self::Verdict(caller, verdict, seat) => caller.send(verdict).err().and(seat),
            Self::Answer(asker, answer) => {
                let _ = asker.send(answer);
                None
            }
            Self::End(link, end) => {
                let _ = link.send(LinkEnd::Told(end));
                None
            }
        }
    }
}

/// The room's state.
pub(super) struct State {
    pub(super) config: RoomConfig,
    pub(super) epoch: Epoch,
    pub(super) opened: Instant,
    /// The last event before it opened, and how many public ones there were: not nothing if it goes on.
    pub(super) begun: (u64, u64),
    /// Whether it goes on from a journal.
    pub(super) restored: bool,
    pub(super) journal: Option<Journal>,
    /// What leaves the room once all that was noted is in the journal.
    pub(super) replies: Vec<Reply>,
    pub(super) log: Arc<Log>,
    /// By number, which is the order of entering.
    pub(super) seats: BTreeMap<u32, Seat>,
    pub(super) by_id: FxHashMap<(PublicKey, Instance), u32>,
    pub(super) names: Names,
    pub(super) knocks: Vec<Knock>,
    pub(super) bans: BTreeMap<PublicKey, Ban>,
    pub(super) muted: FxHashSet<PublicKey>,
    /// Whether only those are let in who are in.
    pub(super) locked: bool,
    pub(super) codes: Codes,
    pub(super) comings: Comings,
    pub(super) kept_in_room: usize,
    pub(super) streams: Carrier,
    /// What was said to everyone.
    pub(super) said: figures::Said,
    pub(super) door: figures::Door,
    pub(super) last_number: u32,
    pub(super) last_kept: u32,
    pub(super) last_link: u64,
    pub(super) last_ticket: u64,
    pub(super) knock_noticed: Option<Instant>,
    crowd: (u32, u32),
    crowd_told: Option<Instant>,
    scratch: BytesMut,
}

impl State {
    pub(super) fn new(config: RoomConfig, epoch: Epoch, streams: Carrier, codes: Codes) -> Self {
        // Names of those who left are held too, for a while: as many again as there can be members.
        let held = 2 * config.max_members as usize + 1024;
        // Whatever a list says, nobody is kept out of their own room.
        let owner = config.owner;
        let not_owner = |(key, _): &(PublicKey, Ban)| *key != owner;
        Self {
            log: Log::new(config.log, config.backlog),
            names: Names::new(&config.reserved, held),
            epoch,
            opened: Instant::now(),
            begun: (0, 0),
            restored: false,
            journal: None,
            replies: Vec::new(),
            seats: BTreeMap::new(),
            by_id: FxHashMap::default(),
            knocks: Vec::new(),
            bans: config.bans.iter().map(|(key, name)| (*key, Ban::for_good(name))).filter(not_owner).collect(),
            muted: FxHashSet::default(),
            locked: false,
            codes,
            comings: Comings::default(),
            kept_in_room: 0,
            streams,
            said: figures::Said::default(),
            door: figures::Door::default(),
            last_number: 0,
            last_kept: 0,
            last_link: 0,
            last_ticket: 0,
            knock_noticed: None,
            crowd: (0, 0),
            crowd_told: None,
            scratch: BytesMut::new(),
            config,
        }
    }

    /// Puts an event into the log and returns its number.
    pub(super) fn record(&mut self, event: Event, audience: Audience, needs: Needs, now: Instant) -> u64 {
        self.record_as(event, audience, needs, None, now)
    }

    /// As [`record`](Self::record), and remembers for newcomers what was said.
    pub(super) fn record_as(
        &mut self,
        event: Event,
        audience: Audience,
        needs: Needs,
        past: Option<Past>,
        now: Instant,
    ) -> u64 {
        let mut ring = self.log.write();
        let seq = ring.head() + 1;
        self.scratch.clear();
        if let Err(error) = encode_into(&FromRoom::Event { seq, event }, &mut self.scratch) {
            tracing::error!(%error, "an event does not fit a frame");
            return seq;
        }
        if let Some(journal) = &mut self.journal {
            journal.event(&self.scratch, audience, &needs, past.is_some());
        }
        ring.append(&self.scratch, audience, needs, now);
        if let Some(past) = past {
            ring.remember(seq, past, now);
        }
        seq
    }

    /// Notes a change in the journal, if there is one.
    pub(super) fn note<'a>(&mut self, change: impl FnOnce() -> Record<'a>) {
        if let Some(journal) = &mut self.journal {
            journal.note(&change());
        }
    }

    /// Lets the links read what was recorded, as soon as it is in the journal if there is one.
    pub(super) fn commit(&mut self) {
        match &mut self.journal {
            None => self.log.publish(),
            Some(journal) => journal.commit(self.log.read().head()),
        }
    }

    /// As [`record`](Self::record), and keeps the frame for those who come later.
    pub(super) fn record_kept(&mut self, number: u32, event: Event, audience: Audience, needs: Needs, now: Instant) {
        let seq = self.record(event, audience, needs.clone(), now);
        let frame = Arc::from(&self.scratch[..]);
        self.log.write().keep(number, KeptFrame { seq, audience, needs, frame });
    }

    /// The host's own member.
    pub(super) fn host(&self) -> Option<&Seat> {
        self.seats.values().find(|seat| seat.host)
    }

    /// All seats of a key.
    pub(super) fn seats_of(&self, key: PublicKey) -> impl Iterator<Item = &Seat> {
        self.seats.values().filter(move |seat| seat.who.key == key)
    }

    /// The seat that `link` is the present link of.
    pub(super) fn linked(&mut self, number: u32, link: u64) -> Option<&mut Seat> {
        let seat = self.seats.get_mut(&number)?;
        seat.link.as_ref().is_some_and(|control| control.shared.id == link).then_some(seat)
    }

    /// Gives a new member its seat. The name is taken already.
    pub(super) fn enter(&mut self, caller: &Caller, hello: &Hello, name: String, now: Instant) -> Seated {
        self.last_number += 1;
        let who = Introduction { number: self.last_number, key: caller.key, instance: hello.instance, name };
        let number = who.number;
        if !self.crowded() {
            self.record(Event::Joined(who.clone()), Audience::All, Needs::Introduces(number), now);
        } else {
            self.crowd.0 += 1;
        }
        let cursor = if self.reunites(hello, now) {
            let (seq, base) = self.begun;
            Cursor::resume(&self.log.read(), number, Place { base, next: seq + 1, count: 0 }, false)
        } else {
            Cursor::enter(&self.log.read(), number).with_past(self.past_for(hello)).restating(hello.resume.is_some())
        };
        let seat = Seat {
            frame: Seat::introduce(&who),
            address: caller.address,
            since: now,
            host: caller.inside,
            askable: hello.features & FEATURE_ASKABLE != 0,
            streams: hello.features & FEATURE_STREAMS != 0,
            accepted: hello.next - 1,
            public: Public::default(),
            base: cursor.base(),
            entered: cursor.next() - 1,
            greeted: cursor.greeting(),
            came_with: hello.resume,
            kept: BTreeMap::new(),
            renames: Bucket::every(RENAME_EVERY, RENAMES_AT_ONCE, now),
            link: None,
            broken: None,
            away: false,
            who,
        };
        self.by_id.insert((caller.key, hello.instance), number);
        self.note(|| Record::seat(&seat));
        self.seats.insert(number, seat);
        self.attach(number, caller, cursor, hello.resume.is_none())
    }

    /// Whether a newcomer was in this room before it restarted and is back so soon that it may have all that was said
    /// since: those who were back before it have said again what the old room had not passed on.
    fn reunites(&self, hello: &Hello, now: Instant) -> bool {
        let from_before = hello.resume.is_some_and(|resume| resume.epoch != self.epoch);
        from_before && now.duration_since(self.opened) <= self.config.timing.reunion
    }

    /// After which event a newcomer wants to be told what was said, if it does: one that was here before has heard the rest.
    fn past_for(&self, hello: &Hello) -> Option<u64> {
        let here = hello.resume.filter(|resume| resume.epoch == self.epoch);
        (hello.features & FEATURE_BACKLOG != 0).then(|| here.map_or(0, |resume| resume.seq))
    }

    /// Gives a member that comes back its seat again. `None` if it claims what cannot be.
    pub(super) fn return_to(&mut self, number: u32, caller: &Caller, hello: &Hello, now: Instant) -> Option<Seated> {
        let seat = self.seats.get_mut(&number)?;
        // One with which it entered is about a seat before this one.
        let known = hello.resume.filter(|resume| resume.epoch == self.epoch && seat.came_with != Some(*resume));
        let place = match known {
            // It is entitled to nothing from before it entered, and has got no more than there was since.
            Some(resume) if resume.count > resume.seq.checked_sub(seat.entered)? => return None,
            Some(resume) => Place { base: seat.base, next: resume.seq.checked_add(1)?, count: resume.count },
            // Its Welcome never arrived: all since it entered is new to it.
            None => Place { base: seat.base, next: seat.entered + 1, count: 0 },
        };
        if hello.next - 1 > seat.accepted || place.next > self.log.read().head() + 1 {
            return None;
        }
        if let Some(old) = seat.link.take() {
            old.end(LinkEnd::Told(End::Superseded));
        }
        seat.broken = None;
        seat.address = caller.address;
        seat.askable = hello.features & FEATURE_ASKABLE != 0;
        seat.streams = hello.features & FEATURE_STREAMS != 0;
        let (needs, greeted) = (seat.needs(), seat.greeted.clone());
        if std::mem::take(&mut seat.away) && !self.crowded() {
            self.record(Event::Back { member: number }, Audience::All, needs, now);
        }
        // If its Welcome never arrived, neither did what follows it.
        let past = if known.is_none() { self.past_for(hello) } else { None };
        let cursor = Cursor::resume(&self.log.read(), number, place, known.is_none()).with_past(past).greeted(&greeted);
        // As at its entering: the link before may not even have begun.
        let again = known.is_none() && hello.resume.is_some();
        let cursor = if again { cursor.restating(true) } else { cursor };
        Some(self.attach(number, caller, cursor, known.is_some() || hello.resume.is_none()))
    }

    fn attach(&mut self, number: u32, caller: &Caller, cursor: Cursor, resumed: bool) -> Seated {
        let pace = self.comings.pace(caller.key, self.config.rate, Instant::now());
        self.last_link += 1;
        let members = self.seats.len() as u32;
        let host = self.host().map(|host| host.who.name.clone()).unwrap_or_default();
        let seat = self.seats.get_mut(&number).expect("the caller has just put or found it there");
        let shared = Arc::new(LinkShared {
            id: self.last_link,
            gauge: caller.gauge.clone(),
            next: AtomicU64::new(cursor.next()),
            writing: false.into(),
            begun: Gauge::new(),
            over: false.into(),
            pace,
            rtt: AtomicU32::new(0),
            accepted: AtomicU64::new(seat.accepted),
        });
        let (end, ended) = oneshot::channel();
        seat.link = Some(LinkControl { shared: shared.clone(), end });
        let welcome = Welcome {
            features: FEATURE_STREAMS | figures::FEATURES | if self.config.open { FEATURE_OPEN } else { 0 },
            epoch: self.epoch,
            number,
            name: seat.who.name.clone(),
            accepted: seat.accepted,
            seq: cursor.next().saturating_sub(1),
            members,
            host,
            resumed,
        };
        Seated { welcome, cursor, shared, end: ended }
    }

    /// A link broke. Its seat waits for another one.
    pub(super) fn broke(&mut self, number: u32, link: u64, now: Instant) {
        if let Some(seat) = self.linked(number, link) {
            seat.link = None;
            seat.broken = Some(now);
        }
    }

    /// A member goes for good.
    pub(super) fn depart(&mut self, number: u32, how: Departure, now: Instant) {
        let Some(seat) = self.seats.remove(&number) else { return };
        self.by_id.remove(&(seat.who.key, seat.who.instance));
        self.note(|| Record::Gone(number));
        self.kept_in_room -= seat.kept.len();
        // Whoever is put out must not go on sending, and who has gone cannot be put out any more.
        self.streams.table().end_of(number);
        {
            let mut ring = self.log.write();
            for kept in seat.kept.values() {
                ring.withdraw(*kept);
            }
            ring.forget(number);
        }
        self.names.release(&seat.who.name, now);
        if let Some(link) = seat.link {
            match &how {
                Departure::Kicked { by, reason, term } => {
                    let told = End::Kicked { by: by.clone(), reason: reason.clone(), term: *term };
                    // It reads nothing more from here on, and why as soon as that is certain.
                    link.silence();
                    self.replies.push(Reply::End(link.end, told));
                }
                Departure::Quit | Departure::Lost => link.silence(),
            }
        }
        // A large room names those who leave something behind: their offers go with them.
        if !self.crowded() || !seat.kept.is_empty() || matches!(how, Departure::Kicked { .. }) {
            let needs = Needs::ForgottenAfter(number, seat.frame);
            self.record(Event::Left { member: number, how }, Audience::All, needs, now);
        } else {
            self.crowd.1 += 1;
        }
    }

    /// Nobody comes back to a room that is closed.
    pub(super) fn give_up_seats(&mut self) {
        let numbers: Vec<u32> = self.seats.keys().copied().collect();
        for number in numbers {
            self.note(|| Record::Gone(number));
        }
    }

    /// Tells every member that the room closes.
    pub(super) fn close(&mut self, by: &str) {
        self.streams.table().close();
        for knock in self.knocks.drain(..) {
            let _ = knock.verdict.send(Verdict::Refused(Refusal::Closing));
        }
        for seat in self.seats.values_mut() {
            if let Some(link) = seat.link.take() {
                let _ = link.end.send(LinkEnd::Told(End::Closed { by: by.to_owned() }));
            }
        }
    }

    /// What time brings: seats that wait too long, knocks that nobody answers, old events.
    pub(super) fn tick(&mut self, now: Instant) {
        let timing = self.config.timing;
        let over = |seat: &Seat, span| seat.broken.is_some_and(|since| now.duration_since(since) >= span);
        let lost: Vec<u32> =
            self.seats.values().filter(|seat| over(seat, timing.seat_life)).map(|seat| seat.who.number).collect();
        for number in lost {
            self.depart(number, Departure::Lost, now);
        }
        let away: Vec<u32> = self
            .seats
            .values()
            .filter(|seat| !seat.away && over(seat, timing.away))
            .map(|seat| seat.who.number)
            .collect();
        for number in away {
            let Some(seat) = self.seats.get_mut(&number) else { continue };
            seat.away = true;
            let needs = seat.needs();
            if !self.crowded() {
                self.record(Event::Away { member: number }, Audience::All, needs, now);
            }
        }
        self.bans.retain(|_, ban| ban.until.is_none_or(|until| until > now));
        self.comings.forget_old(now);
        self.codes.forget_old(now);
        self.names.forget_old(now);
        self.streams.table().expire(now);
        self.answer_old_knocks(now);
        self.tell_crowd(now);
        self.log.write().expire(now);
        self.shorten_journal();
    }

    fn tell_crowd(&mut self, now: Instant) {
        let due = self.crowd_told.is_none_or(|told| now.duration_since(told) >= self.config.timing.crowd);
        if self.crowd == (0, 0) || !due {
            return;
        }
        self.crowd_told = Some(now);
        let (joined, left) = std::mem::take(&mut self.crowd);
        let members = self.seats.len() as u32;
        self.record(Event::Crowd { joined, left, members }, Audience::All, Needs::Nobody, now);
    }

    /// Whether the journal, or a member that takes what it is given, is so far behind that senders must wait for it.
    pub(super) fn must_wait(&self) -> bool {
        if self.journal.as_ref().is_some_and(Journal::is_behind) {
            return true;
        }
        let healthy = self.config.timing.healthy;
        let links = self.seats.values().filter_map(|seat| seat.link.as_ref());
        let slowest =
            links.filter(|link| link.shared.healthy(healthy)).map(|link| link.shared.next.load(Relaxed)).min();
        slowest.is_some_and(|next| self.log.read().holds_up(next))
    }
}

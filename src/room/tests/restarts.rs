//! Rooms that die again and again, with members who hold all that they hear against what is on the disk: nothing that is
//! not there, nothing missing, nothing twice, nothing out of order, and no word of something missing that is not.

use std::{
    collections::{HashMap, VecDeque},
    ops::Bound,
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{keeping::keep, peer::*};
use crate::{
    dice::Dice,
    room::{LogLimits, RoomConfig, Timing, Via, journal::memory::Platter, log::Audience},
    wire::*,
};

/// Members who come back.
const SOULS: u8 = 4;

/// Who a member number is: a key and an instance.
type Numbers = HashMap<u32, (PublicKey, Instance)>;

/// What was heard of one sender, to everyone or to one.
#[derive(Clone, Copy, Default)]
struct Track {
    last: u64,
    gap: u64,
}

/// A member whose program does not die.
struct Soul {
    who: Who,
    link: Option<Member>,
    number: u32,
    /// Where it stands, once it has been in.
    place: Option<Resume>,
    /// Its last number, what it has to say again, and its last number to each recipient.
    n: u64,
    outbox: VecDeque<Envelope>,
    prev: HashMap<To, u64>,
    heard: HashMap<(PublicKey, Instance, bool), Track>,
    gaps: u64,
}

/// What all of them know.
struct World {
    disk: Platter,
    numbers: Numbers,
    seed: u64,
}

impl World {
    /// The events that a member is entitled to.
    fn due(&self, member: u32, after: u64, upto: u64) -> Vec<u64> {
        let plate = self.disk.plate();
        let range = (Bound::Excluded(after), Bound::Included(upto.max(after)));
        plate.events.range(range).filter(|(_, (audience, _))| audience.includes(member)).map(|(seq, _)| *seq).collect()
    }
}

impl Soul {
    fn new(of: u8, instance: u8) -> Self {
        Self {
            who: who(of, &format!("m{of}")).instance(instance),
            link: None,
            number: 0,
            place: None,
            n: 0,
            outbox: VecDeque::new(),
            prev: HashMap::new(),
            heard: HashMap::new(),
            gaps: 0,
        }
    }

    fn host(run: u8) -> Self {
        let mut host = Self::new(1, 100 + run);
        (host.who.via, host.who.address, host.who.hello.features) = (Via::Inside, None, FEATURE_ASKABLE);
        host
    }

    /// Comes, for the first time or again.
    async fn come(&mut self, house: &House, world: &mut World) {
        let mut caller = self.who.clone();
        caller.hello.resume = self.place;
        caller.hello.next = self.outbox.front().map_or(self.n + 1, |envelope| envelope.n);
        let (mut link, answer) = house.call(caller).await;
        let FromRoom::Welcome(welcome) = answer else { panic!("seed {}: {answer:?}", world.seed) };
        if let Some(place) = self.place {
            assert!(welcome.resumed && welcome.number == self.number, "seed {}: {welcome:?}", world.seed);
            assert_eq!((welcome.epoch, welcome.seq), (place.epoch, place.seq), "seed {}", world.seed);
        } else {
            self.place = Some(Resume { epoch: welcome.epoch, seq: welcome.seq, count: 0 });
            self.number = welcome.number;
            world.numbers.insert(welcome.number, (self.who.key, self.who.hello.instance));
        }
        self.acknowledged(welcome.accepted, world);
        for envelope in &self.outbox {
            link.say(ToRoom::Envelope(envelope.clone())).await;
        }
        self.link = Some(link);
    }

    async fn say(&mut self, to: To, body: Body) {
        self.n += 1;
        let prev = self.prev.insert(to, self.n).unwrap_or(0);
        let envelope = Envelope { n: self.n, prev, to, body };
        self.outbox.push_back(envelope.clone());
        if let Some(link) = &mut self.link {
            link.say(ToRoom::Envelope(envelope)).await;
        }
    }

    /// The room says that it has all up to there, so the disk has.
    fn acknowledged(&mut self, n: u64, world: &World) {
        if self.outbox.front().is_none_or(|envelope| envelope.n > n) {
            return;
        }
        let on_disk = world.disk.plate().accepted.get(&self.number).copied().unwrap_or(0);
        assert!(n <= on_disk, "seed {}: member {} is told {n}, the disk has {on_disk}", world.seed, self.number);
        self.outbox.retain(|envelope| envelope.n > n);
    }

    /// Reads for a while.
    async fn read(&mut self, span: Duration, world: &World) {
        let end = Instant::now() + span;
        while let Some(link) = &mut self.link
            && let Ok(frame) = timeout_at(end, link.hear()).await
        {
            match frame {
                Some(frame) => self.take(frame, world),
                None => self.link = None,
            }
        }
    }

    fn take(&mut self, frame: FromRoom, world: &World) {
        let (seed, number) = (world.seed, self.number);
        let Some(place) = &mut self.place else { panic!("it is not in") };
        match frame {
            FromRoom::Event { seq, event } => {
                let (audience, stored) = world.disk.plate().events.get(&seq).cloned().expect("it is on the disk");
                assert!(
                    stored == event && audience.includes(number),
                    "seed {seed}: {seq} was {stored:?}, is {event:?}"
                );
                if seq <= place.seq {
                    assert!(matches!(event, Event::Said { kept: Some(_), .. }), "seed {seed}: {seq} comes again");
                    return;
                }
                let due = world.due(number, place.seq, seq);
                assert_eq!(due, [seq], "seed {seed}: member {number} after {}", place.seq);
                (place.seq, place.count) = (seq, place.count + 1);
                self.judge(&event, world);
            }
            FromRoom::Gap(gap) => {
                assert!(gap.seq >= place.seq, "seed {seed}");
                let due = world.due(number, place.seq, gap.seq);
                assert_eq!(gap.missed, due.len() as u64, "seed {seed}: member {number} lacks {due:?}");
                (place.seq, place.count) = (gap.seq, place.count + gap.missed);
                self.gaps += u64::from(gap.missed > 0);
                self.acknowledged(gap.accepted, world);
            }
            FromRoom::Ended(_) => self.link = None,
            _ => {}
        }
    }

    /// Acknowledgements, doubles, and whether something of a sender is missing.
    fn judge(&mut self, event: &Event, world: &World) {
        let (from, n, prev, private) = match event {
            Event::Said { from, n, prev, to, .. } | Event::Withdrawn { from, n, prev, to, .. } => {
                (*from, *n, *prev, to.is_some())
            }
            Event::Refused { n, .. } => return self.acknowledged(*n, world),
            _ => return,
        };
        if from == self.number {
            // A Welcome may have acknowledged it before.
            assert!(self.outbox.front().is_none_or(|envelope| n <= envelope.n), "seed {}: {n}", world.seed);
            return self.acknowledged(n, world);
        }
        let Some((key, instance)) = world.numbers.get(&from).copied() else { return };
        let highest = [false, true].map(|private| self.heard.get(&(key, instance, private)).map_or(0, |t| t.last));
        assert!(highest.iter().all(|last| n > *last), "seed {}: {n} of {from} twice", world.seed);
        let track = self.heard.entry((key, instance, private)).or_default();
        let lost = track.gap == self.gaps && track.last != 0 && track.last < prev;
        assert!(!lost, "seed {}: member {} takes something of {from} for missing at {n}", world.seed, self.number);
        *track = Track { last: n, gap: self.gaps };
    }
}

/// What somebody does by chance.
async fn act(soul: &mut Soul, other: &Who, dice: &mut Dice, step: u32) {
    let to_other = To::Member { key: other.key, instance: other.hello.instance };
    let tag = dice.below(3) as u32;
    match dice.below(12) {
        0 => soul.say(To::Everyone, keep(tag, "kept")).await,
        1 => soul.say(To::Everyone, Body::Withdraw { tag }).await,
        2 => soul.say(To::Everyone, Body::Remember(text_of("well said"))).await,
        3 | 4 => soul.say(to_other, Body::Say(text_of("psst"))).await,
        5 => {
            if let Some(link) = &mut soul.link {
                let name = format!("n{}{step}", char::from(b'a' + dice.below(26) as u8));
                link.say(ToRoom::Ask(Request::Nick { name })).await;
            }
        }
        _ => soul.say(To::Everyone, Body::Say(text_of(&"x".repeat(dice.below(200) as usize)))).await,
    }
}

/// Somebody who looks in: comes, leaves something behind, goes or is put out.
async fn visit(house: &House, host: &mut Soul, dice: &mut Dice) {
    let of = 50 + dice.below(100) as u8;
    let (mut visitor, answer) = house.call(who(of, &format!("v{of}"))).await;
    if !matches!(answer, FromRoom::Welcome(_)) {
        return;
    }
    visitor.welcomed(answer);
    visitor.send(To::Everyone, keep(1, "of a visitor")).await;
    let member = visitor.welcome.number;
    match (dice.below(3), &mut host.link) {
        (0, Some(link)) => {
            link.say(ToRoom::Ask(Request::Kick { member, reason: String::new() })).await;
        }
        (1, _) => visitor.say(ToRoom::Leave).await,
        _ => {}
    }
}

async fn life(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let pace = [0, 3, 40][dice.below(3) as usize];
    let mut disk = if dice.below(2) == 0 { Platter::eager() } else { Platter::default() };
    disk.pace = Duration::from_millis(pace);
    let timing = Timing { seat_life: Duration::from_secs(3_600), away: Duration::from_secs(2), ..Timing::default() };
    let (events, bytes) = if dice.below(2) == 0 { (40, 8 * 1024) } else { (10_000, 1 << 20) };
    let log = LogLimits { events, bytes, life: Duration::from_secs(3_600) };
    let config = RoomConfig { log, timing, backlog: 5, ..config() };
    let mut world = World { disk: disk.clone(), numbers: Numbers::new(), seed };
    let mut souls: Vec<Soul> = (2..2 + SOULS).map(|of| Soul::new(of, of)).collect();
    for run in 0..6 {
        let (_, found) = disk.look(Epoch([9; 16]), log, 5);
        assert_eq!(found.damaged, None, "seed {seed}");
        let house = House::restored(config.clone(), &disk, 7);
        let mut host = Soul::host(run);
        host.come(&house, &mut world).await;
        let last = run == 5;
        for step in 0..if last { 1 } else { 10 + dice.below(60) as u32 } {
            let at = dice.below(u64::from(SOULS)) as usize;
            let other = souls[dice.below(u64::from(SOULS)) as usize].who.clone();
            let span = Duration::from_millis(dice.below(60));
            let soul = &mut souls[at];
            match dice.below(16) {
                0 => soul.link = None,
                1 => visit(&house, &mut host, &mut dice).await,
                2 => act(&mut host, &other, &mut dice, step).await,
                3 => {
                    let muted = Request::Mute { whom: Whom::Member(soul.number), muted: dice.below(2) == 0 };
                    if let Some(link) = &mut host.link {
                        link.say(ToRoom::Ask(muted)).await;
                    }
                }
                4 => host.read(span, &world).await,
                5 => tokio::time::sleep(Duration::from_millis(dice.below(3_000))).await,
                6..=9 => soul.read(span, &world).await,
                10 if soul.link.is_none() => soul.come(&house, &mut world).await,
                _ => act(soul, &other, &mut dice, step).await,
            }
        }
        if last {
            end(&house, &mut host, &mut souls, &mut world).await;
            break;
        }
        match dice.below(3) {
            0 => disk.lose_power(),
            1 => disk.lose_power_midway(dice.below(60) as usize),
            _ => {
                for soul in &mut souls {
                    soul.read(Duration::from_millis(300), &world).await;
                }
                disk.lose_power();
            }
        }
        souls.iter_mut().for_each(|soul| soul.link = None);
    }
}

/// All come, say a last word and read to the end.
async fn end(house: &House, host: &mut Soul, souls: &mut [Soul], world: &mut World) {
    let seed = world.seed;
    for soul in souls.iter_mut() {
        if soul.link.is_none() {
            soul.come(house, world).await;
        }
        soul.say(To::Everyone, Body::Say(text_of("the last word"))).await;
    }
    for _ in 0..4 {
        host.read(Duration::from_secs(1), world).await;
        for soul in souls.iter_mut() {
            soul.read(Duration::from_secs(1), world).await;
        }
    }
    assert_eq!(world.disk.plate().clashes, [0; 0], "seed {seed}: two events have one number");
    assert!(!world.disk.plate().retired, "seed {seed}");
    for soul in souls {
        assert!(soul.outbox.is_empty() && soul.link.is_some(), "seed {seed}: {:?}", soul.outbox);
        let place = soul.place.expect("it is in");
        assert_eq!(world.due(soul.number, place.seq, u64::MAX), [0; 0], "seed {seed}: member {}", soul.number);
        // What it said is in the log once each, in its order.
        let plate = world.disk.plate();
        let numbers = plate.events.values().filter_map(|(audience, event)| said_by(soul.number, *audience, event));
        assert!(numbers.eq(1..=soul.n), "seed {seed}: member {}", soul.number);
    }
}

fn said_by(member: u32, audience: Audience, event: &Event) -> Option<u64> {
    match event {
        Event::Said { from, n, .. } | Event::Withdrawn { from, n, .. } if *from == member => Some(*n),
        Event::Refused { n, .. } if audience == Audience::One(member) => Some(*n),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn members_of_a_room_that_dies_again_and_again_lack_nothing_and_read_nothing_twice() {
    for seed in 1..=40 {
        life(seed).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn members_of_thousands_of_rooms_that_die_lack_nothing_and_read_nothing_twice() {
    for seed in 41..=5_000 {
        life(seed).await;
    }
}

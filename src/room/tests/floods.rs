use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{keeping::keep, peer::*};
use crate::{
    room::{RoomConfig, Timing},
    wire::*,
};

/// What one member may send without end.
#[derive(Clone, Copy, Debug)]
enum Flood {
    Lines,
    Bytes,
    Keeps,
    Asks,
    Pings,
}

impl Flood {
    async fn one(self, member: &mut Member, count: u32) {
        match self {
            Self::Lines => drop(member.text("x").await),
            Self::Bytes => drop(member.text(&"x".repeat(MAX_PAYLOAD_LEN)).await),
            Self::Keeps if count.is_multiple_of(2) => drop(member.send(To::Everyone, keep(1, "x")).await),
            Self::Keeps => drop(member.send(To::Everyone, Body::Withdraw { tag: 1 }).await),
            Self::Asks => member.say(ToRoom::Ask(Request::Who { after: 0 })).await,
            Self::Pings => member.say(ToRoom::Ping(u64::from(count) + 1)).await,
        }
    }

    fn answers(self, frame: &FromRoom, me: u32) -> bool {
        match (self, frame) {
            (Self::Lines | Self::Bytes, FromRoom::Event { event: Event::Said { from, .. }, .. }) => *from == me,
            (Self::Keeps, FromRoom::Event { event: Event::Said { from, .. } | Event::Withdrawn { from, .. }, .. }) => {
                *from == me
            }
            (Self::Asks, FromRoom::Answer(_)) | (Self::Pings, FromRoom::Pong(_)) => true,
            _ => false,
        }
    }
}

/// Sends `count` of it at once. How long the room takes for all of them, and how often it says that it is slow.
async fn floods(mut bob: Member, flood: Flood, count: u32) -> (Duration, usize) {
    let (start, me) = (Instant::now(), bob.welcome.number);
    for number in 0..count {
        flood.one(&mut bob, number).await;
    }
    let (mut answered, mut told) = (0, 0);
    while answered < count {
        let frame = bob.hear().await.expect("still in");
        answered += u32::from(flood.answers(&frame, me));
        told += usize::from(matches!(frame, FromRoom::Slowed { rate: Some(50) }));
    }
    (start.elapsed(), told)
}

#[tokio::test(start_paused = true)]
async fn cases_118_and_119_each_flood_slows_its_sender_alone_who_is_told_so_once() {
    // So many of each as take about half a minute, by the rates of `pace`.
    for (flood, count, secs) in [
        (Flood::Lines, 200 + 50 * 30, 29..=31),
        (Flood::Bytes, 200 / 12 + 4 * 30, 27..=31),
        (Flood::Keeps, 2 * (16 + 3), 29..=31),
        (Flood::Asks, 60 + 20 * 30, 29..=31),
        (Flood::Pings, 10 + 2 * 30, 29..=31),
    ] {
        let (house, mut host) = House::public(RoomConfig { rate: Some(50), ..config() }).await;
        let bob = house.enter(who(2, "bob")).await;
        let mut carol = house.enter(who(3, "carol")).await;
        let flooding = tokio::spawn(floods(bob, flood, count));
        // Another member is heard at once, in the middle of it.
        for _ in 0..10 {
            advance(Duration::from_secs(2)).await;
            let start = Instant::now();
            carol.text("calm").await;
            host.until(|event| matches!(event, Event::Said { from: 3, .. })).await;
            assert!(matches!(carol.ask(Request::Place).await, Answer::Place { .. }));
            assert!(start.elapsed() < Duration::from_millis(50), "{flood:?}: carol waited {:?}", start.elapsed());
        }
        let (took, told) = flooding.await.unwrap();
        assert!(secs.contains(&took.as_secs()), "{flood:?}: {took:?}");
        assert_eq!(told, 1, "{flood:?}");
        assert!(!carol.catch_up().await.iter().any(|frame| matches!(frame, FromRoom::Slowed { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_says_what_people_say_is_never_told_that_it_is_slow() {
    let (house, mut host) = House::public(RoomConfig { rate: Some(50), ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for _ in 0..100 {
        // A paste of many lines, now and then.
        for _ in 0..150 {
            bob.text("x").await;
        }
        let frames = bob.catch_up().await;
        assert!(!frames.iter().any(|frame| matches!(frame, FromRoom::Slowed { .. })));
        host.catch_up().await;
        advance(Duration::from_secs(4)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn case_119_a_key_that_comes_a_thousand_times_in_a_second_is_refused_and_others_are_not() {
    let (house, _host) = House::public(config()).await;
    let (mut came, mut refused) = (0, 0);
    for round in 0..1000 {
        // Now a member that comes back, now another terminal.
        let (member, answer) = house.call(who(2, "bob").instance(2 + (round % 3) as u8)).await;
        match answer {
            FromRoom::Welcome(_) => came += 1,
            FromRoom::Refused(Refusal::TooOften { secs }) => {
                assert!((1..=2).contains(&secs));
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
        drop(member);
        if round % 100 == 0 {
            house.enter(who(10 + (round / 100) as u8, "guest")).await;
        }
    }
    assert_eq!((came, refused), (60, 940));
    advance(Duration::from_secs(2)).await;
    house.enter(who(2, "bob")).await;
}

#[tokio::test(start_paused = true)]
async fn case_119_coming_back_from_the_very_beginning_again_and_again_is_limited_too() {
    let (house, mut host) = House::public(config()).await;
    for _ in 0..1000 {
        host.text("a line of the log").await;
    }
    host.catch_up().await;
    let bob = house.enter(who(2, "bob")).await;
    let mut stood = who(2, "bob").back(&bob);
    stood.hello.resume = Some(Resume { epoch: bob.welcome.epoch, seq: bob.welcome.seq, count: 0 });
    let mut refused = 0;
    for _ in 0..200 {
        let (_, answer) = house.call(stood.clone()).await;
        refused += usize::from(matches!(answer, FromRoom::Refused(Refusal::TooOften { .. })));
    }
    assert_eq!(refused, 200 - 59);
    // The seat is still there for whoever waits a while.
    advance(Duration::from_secs(2)).await;
    assert!(house.enter(stood).await.welcome.resumed);
}

#[tokio::test(start_paused = true)]
async fn a_key_has_one_pace_however_many_members_it_is() {
    let (house, mut host) = House::public(RoomConfig { rate: Some(50), ..config() }).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let mut bobs = Vec::new();
    for instance in 20..25 {
        bobs.push(house.enter(who(2, "bob").instance(instance)).await);
    }
    let start = Instant::now();
    for bob in &mut bobs {
        for _ in 0..200 {
            bob.text("x").await;
        }
    }
    carol.text("calm").await;
    let mut heard = 0;
    while heard < 1000 {
        match host.event().await {
            Event::Said { from: 2, .. } => assert!(start.elapsed().is_zero(), "carol waits for nobody"),
            Event::Said { .. } => heard += 1,
            _ => {}
        }
    }
    assert!((15..=17).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_key_takes_sixteen_places_and_one_that_is_broken_gives_way() {
    // Nobody answers a ping here, however often the host has to ask.
    let day = Duration::from_secs(86_400);
    let timing = Timing { ping: day, dead: day, away: day, seat_life: day, ..Timing::default() };
    let (house, mut host) = House::public(RoomConfig { timing, ..config() }).await;
    let mut bobs = Vec::new();
    for instance in 20..36 {
        bobs.push(house.enter(who(2, "bob").instance(instance)).await);
    }
    assert_eq!(house.refused(who(2, "bob").instance(50)).await, Refusal::Enough { limit: 16 });
    house.enter(who(3, "carol")).await;
    // The first one's program is gone.
    let first = bobs.remove(0).welcome.number;
    while !matches!(host.ask(Request::Who { after: 0 }).await, Answer::Who { rows, .. } if rows[1].away) {}
    bobs.push(house.enter(who(2, "bob").instance(50)).await);
    host.until(|event| *event == Event::Left { member: first, how: Departure::Lost }).await;
    assert_eq!(house.refused(who(2, "bob").instance(51)).await, Refusal::Enough { limit: 16 });
}

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::peer::*;
use crate::{
    room::{LogLimits, RoomConfig},
    wire::*,
};

#[tokio::test(start_paused = true)]
async fn a_silent_member_is_pinged_after_fifteen_seconds_and_dead_after_forty_five() {
    let (house, _host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let start = Instant::now();
    let mut pings = Vec::new();
    while let Some(frame) = bob.raw().await {
        if matches!(frame, FromRoom::Ping(_)) {
            pings.push(start.elapsed().as_secs());
        }
    }
    assert_eq!((pings, start.elapsed().as_secs()), (vec![0, 15, 30], 45));
}

/// Answers pings and hears of nobody who is cut off.
async fn stays(member: &mut Member) {
    loop {
        let event = member.event().await;
        assert!(matches!(event, Event::Joined(_)), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_answers_pings_stays() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let calm = async { tokio::join!(stays(&mut bob), stays(&mut host)) };
    assert!(timeout(Duration::from_secs(3000), calm).await.is_err());
    let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!() };
    assert_eq!(rows.iter().map(|row| row.away).collect::<Vec<_>>(), [false, false]);
    assert!(rows[1].rtt_micros.is_some());
}

#[tokio::test(start_paused = true)]
async fn case_118_a_flooder_is_slowed_to_the_rate_and_loses_nothing() {
    let (house, mut host) = House::public(RoomConfig { rate: Some(10), ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let start = Instant::now();
    for n in 0..240 {
        bob.text(&n.to_string()).await;
    }
    let mut heard = 0;
    while heard < 240 {
        if let Event::Said { n, .. } = host.event().await {
            heard += 1;
            assert_eq!(n, heard);
        }
    }
    let took = start.elapsed().as_secs();
    assert!((19..=21).contains(&took), "{took} s, where 40 go at once and the rest at 10 a second");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_questions_is_slowed_too() {
    let (house, _host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let start = Instant::now();
    for _ in 0..260 {
        bob.ask(Request::Place).await;
    }
    assert!((9..=11).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

fn small_log() -> RoomConfig {
    RoomConfig { log: LogLimits { events: 1024, ..LogLimits::default() }, ..config() }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_member_falls_off_and_is_told_what_it_missed_and_what_was_accepted() {
    let (house, mut host) = House::public(small_log()).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 256;
    let mut bob = house.enter(narrow).await;
    bob.text("mine").await;
    for _ in 0..1500 {
        host.text("a line of some length that fills the pipe").await;
        host.catch_up().await;
    }
    let mut got = 0;
    let gap = loop {
        match bob.hear().await.unwrap() {
            FromRoom::Event { .. } => got += 1,
            FromRoom::Gap(gap) => break gap,
            _ => {}
        }
    };
    assert_eq!(gap.accepted, 1);
    let mut after = 0;
    while got as u64 + gap.missed + after < 3001 {
        if matches!(bob.hear().await.unwrap(), FromRoom::Event { .. }) {
            after += 1;
        }
    }
    assert!(gap.missed > 1800 && bob.catch_up().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_member_that_reads_slows_the_senders_and_misses_nothing() {
    let (house, mut host) = House::public(small_log()).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 128;
    let mut bob = house.enter(narrow).await;
    let mut fast = house.enter(who(3, "carol")).await;
    let said = tokio::spawn(async move {
        for n in 0..2000 {
            fast.text(&format!("line {n}")).await;
        }
        fast
    });
    let mut n = 0;
    while n < 2000 {
        match bob.hear().await.unwrap() {
            FromRoom::Event { event: Event::Said { n: m, .. }, .. } => {
                n += 1;
                assert_eq!(m, n);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            FromRoom::Gap(gap) => panic!("{gap:?}"),
            _ => {}
        }
    }
    said.await.unwrap();
    host.catch_up().await;
}

#[tokio::test(start_paused = true)]
async fn large_lines_do_not_push_a_slow_member_off_either() {
    let log = LogLimits { bytes: 4 << 20, ..LogLimits::default() };
    let (house, _host) = House::public(RoomConfig { log, ..config() }).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 16 * 1024;
    let mut bob = house.enter(narrow).await;
    let mut fast = house.enter(who(3, "carol")).await;
    let said = tokio::spawn(async move {
        let large = "x".repeat(MAX_PAYLOAD_LEN);
        for _ in 0..600 {
            fast.text(&large).await;
        }
        fast
    });
    let mut n = 0;
    while n < 600 {
        match bob.hear().await.unwrap() {
            FromRoom::Event { event: Event::Said { .. }, .. } => {
                n += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            FromRoom::Gap(gap) => panic!("{gap:?}"),
            _ => {}
        }
    }
    said.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_member_whose_link_breaks_while_the_senders_wait_for_it_holds_nobody_up() {
    let (house, mut host) = House::public(small_log()).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 128;
    let bob = house.enter(narrow).await;
    let mut fast = house.enter(who(3, "carol")).await;
    for _ in 0..4000 {
        fast.text("a line of some length").await;
    }
    drop(bob);
    let heard = timeout(Duration::from_secs(60), async {
        loop {
            if matches!(host.event().await, Event::Said { n: 4000, .. }) {
                break;
            }
        }
    });
    assert!(heard.await.is_ok(), "the room stands still");
}

#[tokio::test(start_paused = true)]
async fn case_117_a_member_that_takes_a_byte_now_and_then_does_not_hold_the_room() {
    let (house, mut host) = House::public(small_log()).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 16;
    let mut bob = house.enter(narrow).await;
    let trickle = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(900)).await;
            if bob.byte().await.is_none() {
                break;
            }
        }
    });
    let mut fast = house.enter(who(3, "carol")).await;
    let said = tokio::spawn(async move {
        for _ in 0..3000 {
            fast.text("a line of some length").await;
        }
        fast
    });
    let kicked = timeout(Duration::from_secs(60), async {
        while !matches!(host.event().await, Event::Said { n: 3000, .. }) {}
        host.ask(Request::Kick { member: 2, reason: String::new() }).await
    });
    assert_eq!(kicked.await.ok(), Some(Answer::Done), "the room stands still");
    said.await.unwrap();
    trickle.abort();
}

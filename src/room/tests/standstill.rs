//! A room whose program stands still, because it is stopped or its machine sleeps.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::peer::*;
use crate::{room::RoomConfig, wire::*};

const SLEEP: Duration = Duration::from_secs(8 * 3600);

/// Lets the room's tasks come to rest.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn case_125_a_room_that_slept_drops_nobody_and_asks_nobody_before_it_is_time() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    host.live(Duration::from_secs(40)).await;
    host.catch_up().await;
    bob.catch_up().await;
    settle().await;
    advance(SLEEP).await;
    let woke = Instant::now();
    // Bob says nothing for a while, and has not heard anything either.
    let mut pings = Vec::new();

    while let Ok(frame) = tokio::time::timeout(Duration::from_secs(44), bob.raw()).await {
        match frame {
            Some(FromRoom::Ping(_)) => pings.push(woke.elapsed().as_secs()),
            other => panic!("{other:?} after {:?}", woke.elapsed()),
        }
        if pings.len() == 2 {
            break;
        }
    }
    assert_eq!(pings, [15, 30]);
    bob.text("good morning").await;
    host.until(|event| matches!(event, Event::Said { said, .. } if *said == text_of("good morning"))).await;
    let events = host.live(Duration::from_secs(5)).await;
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn case_125_seats_knocks_and_what_was_said_wait_for_those_who_could_not_come_back() {
    let (house, mut host) = House::private(RoomConfig::clone(&config())).await;
    let mut knocking = house.call(who(2, "bob")).await.0;
    host.until(|event| matches!(event, Event::Knock { .. })).await;
    assert_eq!(host.ask(Request::Admit { name: "bob".into() }).await, Answer::Done);
    let welcome = knocking.hear().await.expect("a verdict");
    knocking.welcomed(welcome);
    let mut bob = knocking;
    bob.catch_up().await;
    let (carol, waits) = house.call(who(3, "carol")).await;
    assert!(matches!(waits, FromRoom::Waiting { .. }));
    let back = who(2, "bob").back(&bob);
    drop(bob);
    host.live(Duration::from_secs(60)).await;
    host.text("while bob is away").await;
    host.catch_up().await;
    settle().await;
    advance(SLEEP).await;
    host.live(Duration::from_secs(30)).await;
    let mut bob = house.enter(back).await;
    assert!(bob.welcome.resumed);
    assert!(bob.texts().await.contains(&"while bob is away".to_owned()));
    assert_eq!(host.ask(Request::Admit { name: "carol".into() }).await, Answer::Done);
    drop(carol);
}

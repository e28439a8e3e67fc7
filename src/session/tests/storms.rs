//! Real rooms, real sessions, and links that break at random bytes.

use std::sync::{Arc, Mutex};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::net::*;
use crate::{
    dice::Dice,
    room::{self, RoomConfig, tests::peer},
    session::*,
    wire::{Epoch, Instance, To},
};

fn room_config() -> RoomConfig {
    RoomConfig { open: true, owner: peer::key(99), ..peer::config() }
}

fn to(of: u8) -> To {
    To::Member { key: peer::key(of), instance: Instance([of; 16]) }
}

fn place(epoch: u8, tasks: &TaskTracker) -> Place {
    Arc::new(Mutex::new((room::start(room_config(), Epoch([epoch; 16]), tasks), CancellationToken::new())))
}

async fn owners(count: u8, place: &Place, tasks: &TaskTracker, seed: u64, cuts: u32) -> Vec<Owner> {
    let mut owners = Vec::new();
    for of in 1..=count {
        let dice = Dice::new(seed * 31 + u64::from(of));
        let dial = Line { of: of + 1, place: place.clone(), tasks: tasks.clone(), dice, first: true, cuts };
        let mut owner = Owner::start(config(of + 1), dial, tasks);
        owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
        owners.push(owner);
    }
    owners
}

/// One storm: every member says lines to all and to one other while links break.
async fn storm(seed: u64) {
    let tasks = TaskTracker::new();
    let place = place(1, &tasks);
    let mut dice = Dice::new(seed);
    let count = 3 + dice.below(3) as u8;
    let mut owners = owners(count, &place, &tasks, seed, 6).await;
    const LINES: usize = 25;
    let mut expected = vec![Vec::new(); count as usize];
    let mut sending = Vec::new();
    for (from, owner) in owners.iter().enumerate() {
        let handle = owner.handle.clone();
        let mut drafts = Vec::new();
        for n in 0..LINES {
            let text = format!("{n} {}", "x".repeat(dice.below(80) as usize));
            let other = dice.below(u64::from(count)) as usize;
            let private = other != from && dice.below(3) == 0;
            for (at, expected) in expected.iter_mut().enumerate() {
                if !private || at == from || at == other {
                    expected.push((from as u8 + 2, private, text.clone()));
                }
            }
            drafts.push(line(if private { to(other as u8 + 2) } else { To::Everyone }, &text, None));
        }
        sending.push(tokio::spawn(async move {
            for draft in drafts {
                handle.send(draft, WhenFull::Wait).await.expect("sent");
            }
        }));
    }
    let listening = owners.drain(..).zip(&expected).map(|(mut owner, expected)| {
        let total = expected.len();
        tokio::spawn(async move {
            let mut heard = 0;
            owner
                .until(|event| {
                    heard += usize::from(matches!(event, SessionEvent::Message(_)));
                    heard == total
                })
                .await;
            owner.handle.drained().await;
            owner
        })
    });
    let listening: Vec<_> = listening.collect();
    let mut orders = Vec::new();
    for (at, (owner, expected)) in listening.into_iter().zip(expected).enumerate() {
        let owner = owner.await.unwrap_or_else(|_| panic!("seed {seed}, member {at}: lines are missing"));
        let heard = owner.texts();
        for from in 2..count + 2 {
            let of = |texts: &[(u8, bool, String)]| texts.iter().filter(|t| t.0 == from).cloned().collect::<Vec<_>>();
            assert_eq!(of(&heard), of(&expected), "seed {seed}, member {at}, words of {from}");
        }
        for bad in &owner.heard {
            let bad = matches!(bad, SessionEvent::Lost { .. } | SessionEvent::Missed { .. } | SessionEvent::Ended(_));
            assert!(!bad, "seed {seed}, member {at}");
        }
        orders.push(heard.into_iter().filter(|text| !text.1).collect::<Vec<_>>());
        owner.handle.leave();
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "seed {seed}: one order for all");
    for sending in sending {
        sending.await.expect("sent");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_every_line_is_once_and_in_order_at_those_it_is_for() {
    for seed in 1..=200 {
        eprintln!("seed {seed}");
        let calm = tokio::time::timeout(std::time::Duration::from_secs(600), storm(seed)).await;
        assert!(calm.is_ok(), "seed {seed}: it does not come to an end");
    }
}

#[tokio::test(start_paused = true)]
async fn case_128_a_room_that_comes_back_empty_doubles_nothing_and_gets_what_it_had_not_acknowledged() {
    let tasks = TaskTracker::new();
    let place = place(1, &tasks);
    let mut owners = owners(3, &place, &tasks, 1, 0).await;
    owners[0].handle.send(line(To::Everyone, "before", None), WhenFull::Fail).await.unwrap();
    owners[0].handle.send(line(To::Everyone, "offer", Some(5)), WhenFull::Fail).await.unwrap();
    owners[0].handle.send(line(to(3), "secret offer", Some(6)), WhenFull::Fail).await.unwrap();
    owners[0].handle.drained().await;
    let is =
        |text: &'static str| move |event: &SessionEvent| matches!(event, SessionEvent::Message(m) if m.payload == text);
    for owner in &mut owners[..2] {
        owner.until(is("secret offer")).await;
    }
    let new = room::start(room_config(), Epoch([2; 16]), &tasks);
    // The old room goes without a word: its links break.
    let (_old, crash) = std::mem::replace(&mut *place.lock().unwrap(), (new, CancellationToken::new()));
    crash.cancel();
    for owner in &mut owners {
        owner.until(|event| matches!(event, SessionEvent::Restored { restarted: true, .. })).await;
    }
    owners[0].handle.send(line(To::Everyone, "after", None), WhenFull::Fail).await.unwrap();
    for owner in &mut owners {
        owner.until(is("after")).await;
    }
    let count = |owner: &Owner, text: &str| owner.texts().iter().filter(|heard| heard.2 == text).count();
    for (at, owner) in owners.iter().enumerate() {
        assert_eq!(count(owner, "before"), 1, "member {at}");
        assert_eq!(count(owner, "offer"), 2, "member {at}: once from each room");
    }
    assert_eq!(count(&owners[2], "secret offer"), 0);
    assert!(owners[1].heard.iter().any(|event| matches!(event, SessionEvent::Withdrawn { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_one_member_while_the_room_restarts_waits_until_they_are_back() {
    let tasks = TaskTracker::new();
    let place = place(1, &tasks);
    let mut owners = owners(4, &place, &tasks, 1, 0).await;
    // They come back in another order each time.
    for round in 2..12 {
        let new = room::start(room_config(), Epoch([round; 16]), &tasks);
        let (_old, crash) = std::mem::replace(&mut *place.lock().unwrap(), (new, CancellationToken::new()));
        crash.cancel();
        for owner in &mut owners {
            owner.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
        }
        let text = format!("round {round}");
        for (from, owner) in owners.iter().enumerate() {
            for other in (0..4).filter(|other| *other != from) {
                owner.handle.send(line(to(other as u8 + 2), &text, None), WhenFull::Fail).await.unwrap();
            }
        }
        for (at, owner) in owners.iter_mut().enumerate() {
            // Three from the others, and the echoes of three own ones.
            let mut heard = 0;
            owner
                .until(|event| {
                    heard += usize::from(matches!(event, SessionEvent::Message(message) if message.payload == text));
                    heard == 6
                })
                .await;
            let lost = |event: &SessionEvent| {
                matches!(
                    event,
                    SessionEvent::Undelivered { .. } | SessionEvent::Lost { .. } | SessionEvent::Missed { .. }
                )
            };
            assert!(!owner.heard.iter().any(lost), "round {round}, member {at}");
        }
    }
    // Who does not come back is waited for only so long.
    let gone = owners.pop().expect("the last one");
    let new = room::start(room_config(), Epoch([99; 16]), &tasks);
    let (_old, crash) = std::mem::replace(&mut *place.lock().unwrap(), (new, CancellationToken::new()));
    crash.cancel();
    gone.handle.leave();
    let start = tokio::time::Instant::now();
    owners[0].handle.send(line(to(5), "too late", None), WhenFull::Fail).await.unwrap();
    owners[0].handle.send(line(To::Everyone, "after that", None), WhenFull::Fail).await.unwrap();
    owners[0].until(|event| matches!(event, SessionEvent::Undelivered { .. })).await;
    owners[1].until(|event| matches!(event, SessionEvent::Message(message) if message.payload == "after that")).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

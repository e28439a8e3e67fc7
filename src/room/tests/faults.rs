//! Faults that the simulation of rooms on bad networks has found, each by itself.

use std::time::Duration;

use super::{
    keeping::{keep, kept},
    peer::*,
};
use crate::wire::*;

/// Says something to everyone, after what was said as `prev`.
async fn says(member: &mut Member, prev: u64, body: Body) -> u64 {
    member.n += 1;
    let n = member.n;
    member.say(ToRoom::Envelope(Envelope { n, prev, to: To::Everyone, body })).await;
    n
}

/// The numbers of somebody's lines, and those that came before them.
fn numbers(events: &[Event], of: u32) -> Vec<(u64, u64)> {
    let number = |event: &Event| match event {
        Event::Said { from, n, prev, .. } if *from == of => Some((*n, *prev)),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_room_refuses_leaves_no_hole_for_others() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let one = says(&mut bob, 0, Body::Say(text_of("one"))).await;
    // Refused: that mark is in use. And so are all that follow, while he is muted.
    let two = says(&mut bob, one, keep(1, "two")).await;
    let three = says(&mut bob, two, keep(1, "three")).await;
    bob.until(|event| matches!(event, Event::Refused { .. })).await;
    let number = bob.welcome.number;
    host.ask(Request::Mute { whom: Whom::Member(number), muted: true }).await;
    let four = says(&mut bob, three, Body::Say(text_of("four"))).await;
    bob.until(|event| matches!(event, Event::Refused { .. })).await;
    host.ask(Request::Mute { whom: Whom::Member(number), muted: false }).await;
    let five = says(&mut bob, four, Body::Say(text_of("five"))).await;
    bob.until(|event| matches!(event, Event::Said { n, .. } if *n == five)).await;
    assert_eq!(numbers(&carol.events().await, number), [(one, 0), (two, one), (five, two)]);
}

#[tokio::test(start_paused = true)]
async fn who_enters_again_learns_first_of_all_what_is_kept_no_longer() {
    let (house, mut host) = House::public(config()).await;
    host.send(To::Everyone, keep(1, "goes")).await;
    host.send(To::Everyone, keep(2, "stays")).await;
    let mut bob = house.enter(who(2, "bob")).await;
    assert_eq!(kept(&bob.catch_up().await).len(), 2);
    let back = who(2, "bob").back(&bob);
    drop(bob);
    host.live(Duration::from_secs(601)).await;
    host.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
    host.catch_up().await;
    let mut bob = house.enter(back).await;
    assert!(!bob.welcome.resumed);
    let first = bob.hear().await;
    let Some(FromRoom::Gap(gap)) = first else { panic!("{first:?}") };
    assert_eq!((gap.missed, gap.seq, gap.kept), (0, bob.welcome.seq, vec![2]));
    assert_eq!(kept(&bob.catch_up().await), [(2, "stays".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_a_link_lost_that_broke_right_after_its_welcome_comes_by_the_next_one() {
    let (house, mut host) = House::public(config()).await;
    host.send(To::Everyone, keep(1, "kept")).await;
    host.catch_up().await;
    let bob = house.enter(who(2, "bob")).await;
    // It has read its Welcome, and nothing else.
    let back = who(2, "bob").back(&bob);
    drop(bob);
    let mut bob = house.enter(back.clone()).await;
    assert!(bob.welcome.resumed);
    assert_eq!(kept(&bob.catch_up().await), [(1, "kept".to_owned())]);
    let back = who(2, "bob").back(&bob);
    drop(bob);
    let mut bob = house.enter(back).await;
    assert_eq!(kept(&bob.catch_up().await), [], "and not any more once it has it");
}

#[tokio::test(start_paused = true)]
async fn a_lost_welcome_to_a_second_seat_locks_nobody_out() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    host.text("one").await;
    host.catch_up().await;
    bob.catch_up().await;
    let back = who(2, "bob").back(&bob);
    drop(bob);
    host.live(Duration::from_secs(601)).await;
    // The Welcome to the new seat never arrives, so it says again where it stood in the one before.
    for _ in 0..3 {
        let bob = house.enter(back.clone()).await;
        assert!(!bob.welcome.resumed);
        drop(bob);
    }
}

#[tokio::test(start_paused = true)]
async fn who_enters_again_learns_what_is_kept_no_longer_even_if_its_first_link_never_began() {
    // Whether the room sees first that the connection is gone, or writes into it, is tossed.
    for _ in 0..16 {
        let (house, mut host) = House::public(config()).await;
        host.send(To::Everyone, keep(1, "goes")).await;
        let mut bob = house.enter(who(2, "bob")).await;
        assert_eq!(kept(&bob.catch_up().await).len(), 1);
        let back = who(2, "bob").back(&bob);
        drop(bob);
        host.live(Duration::from_secs(601)).await;
        host.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
        host.catch_up().await;
        let mut gone = house.connect(&back);
        gone.say(ToRoom::Hello(back.hello.clone())).await;
        drop(gone);
        host.until(|event| matches!(event, Event::Joined(who) if who.key == key(2))).await;
        let mut bob = house.enter(back).await;
        let first = bob.hear().await;
        assert!(matches!(&first, Some(FromRoom::Gap(gap)) if gap.kept.is_empty()), "{first:?}");
    }
}

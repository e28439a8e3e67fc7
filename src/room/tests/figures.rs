use std::time::Duration;

use tokio::time::advance;

use super::{keeping::keep, peer::*};
use crate::{
    room::{AtTheDoor, RoomConfig},
    wire::*,
};

pub(super) async fn status(member: &mut Member) -> RoomStatus {
    match member.ask(Request::Status).await {
        Answer::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_tells_how_it_fares() {
    let (house, mut host) = House::public(RoomConfig { max_members: 7, ..config() }).await;
    assert_eq!(host.welcome.features & FEATURE_STATUS, FEATURE_STATUS);
    let (mut bob, carol) = (house.enter(who(2, "bob")).await, house.enter(who(3, "carol")).await);
    advance(Duration::from_secs(5)).await;
    for _ in 0..3 {
        bob.text("four").await;
    }
    bob.send(To::Everyone, Body::Remember(text_of("for later"))).await;
    bob.send(To::Everyone, keep(1, "an offer")).await;
    bob.catch_up().await;
    drop(carol);
    advance(Duration::from_secs(2)).await;
    while status(&mut host).await.away == 0 {
        tokio::task::yield_now().await;
    }
    let told = status(&mut bob).await;
    assert_eq!((told.open_secs, told.members, told.away, told.max_members, told.entered), (7, 3, 1, 7, 3));
    // Three lines, one to remember, one kept and one to catch up by.
    assert_eq!((told.said, told.said_bytes), (6, 12 + 9 + 8 + 4));
    assert_eq!((told.kept, told.past, told.max_past), (1, 1, 50));
    assert_eq!((told.log.events_percent, told.log.reaches_secs), (0, Some(7)));
    assert_eq!(told.version, env!("CARGO_PKG_VERSION"));
    bob.say(ToRoom::Leave).await;
    host.until(|event| matches!(event, Event::Left { .. })).await;
    let told = status(&mut host).await;
    assert_eq!((told.members, told.entered, told.kept, told.said), (2, 3, 0, 6));
}

#[tokio::test(start_paused = true)]
async fn what_some_say_to_each_other_changes_nothing_that_others_are_told() {
    let (house, mut host) = House::public(config()).await;
    let (mut bob, mut carol) = (house.enter(who(2, "bob")).await, house.enter(who(3, "carol")).await);
    let mut eve = house.enter(who(4, "eve")).await;
    let before = [status(&mut eve).await, status(&mut host).await];
    for _ in 0..5 {
        let (to_bob, to_carol) = (carol.to(2), bob.to(3));
        bob.send(to_carol, Body::Say(text_of("psst"))).await;
        carol.send(to_bob, Body::Say(text_of("psst"))).await;
    }
    let to_carol = bob.to(3);
    bob.send(to_carol, keep(1, "for carol alone")).await;
    for member in [&mut bob, &mut carol] {
        member.until(|event| matches!(event, Event::Said { kept: Some(_), .. })).await;
    }
    assert_eq!([status(&mut eve).await, status(&mut host).await], before);
}

#[tokio::test(start_paused = true)]
async fn only_those_who_may_admit_are_told_what_the_room_holds_of_others() {
    let (house, mut host) = House::private(config()).await;
    house.room.keep_door(|| AtTheDoor { calling: 3, favoured: 4, failed: 5 });
    let mut second = house.enter(who(1, "ann").instance(9)).await;
    let (_waiting, answer) = house.call(who(3, "carol")).await;
    assert!(matches!(answer, FromRoom::Waiting { .. }));
    let held = status(&mut second).await.housekeeping.expect("the host's key is told");
    assert_eq!((held.links, held.names, held.knocks), (2, 3, 1));
    assert_eq!((held.calling, held.favoured, held.failed), (3, 4, 5));
    assert_eq!(host.ask(Request::Admit { name: "carol".into() }).await, Answer::Done);
    let mut bob = house.enter(who(3, "carol").instance(8)).await;
    assert_eq!(status(&mut bob).await.housekeeping, None);
}

#[tokio::test]
async fn streams_are_counted_with_what_they_carried() {
    use super::streams::{able, arrives, open};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (house, mut host) = House::public(config()).await;
    let (mut bob, mut carol) = (house.enter(able(2, "bob")).await, house.enter(able(3, "carol")).await);
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    assert_eq!(status(&mut host).await.streams, 0, "its ends are not there");
    let (mut near, mut far) = (arrives(&house, own).await, arrives(&house, theirs).await);
    near.write_all(&[1; 1_000]).await.unwrap();
    far.read_exact(&mut [0; 1_000]).await.unwrap();
    far.write_all(&[2; 10]).await.unwrap();
    near.read_exact(&mut [0; 10]).await.unwrap();
    let told = status(&mut host).await;
    assert_eq!((told.streams, told.streams_in_all), (1, 1));
    drop((near, far));
    while status(&mut host).await.streams > 0 {
        tokio::task::yield_now().await;
    }
    let told = status(&mut host).await;
    assert_eq!((told.streams, told.streams_in_all, told.carried_bytes), (0, 1, 1_010));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_counted_any_more_of_whoever_has_gone() {
    let (house, _host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let before = house.room.census().await;
    for of in 10..25 {
        let carol = house.enter(who(of, "carol")).await;
        let to_carol = bob.to(of);
        bob.send(to_carol, keep(1, "for carol alone")).await;
        bob.until(|event| matches!(event, Event::Said { kept: Some(_), .. })).await;
        let mut carol = carol;
        carol.say(ToRoom::Leave).await;
        bob.until(|event| matches!(event, Event::Left { .. })).await;
        bob.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
        bob.until(|event| matches!(event, Event::Withdrawn { .. })).await;
    }
    let after = house.room.census().await;
    assert_eq!(before.private, 0);
    assert_eq!(after.private, 1, "the one who is here");
    assert_eq!(after.kept, before.kept);
}

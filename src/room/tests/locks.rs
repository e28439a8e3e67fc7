use super::peer::*;
use crate::{room::RoomConfig, wire::*};

async fn lock(host: &mut Member, locked: bool) -> Answer {
    host.ask(Request::Lock { locked }).await
}

#[tokio::test(start_paused = true)]
async fn a_locked_room_lets_nobody_in_who_is_not_in() {
    let config = config();
    for (of, name) in [(2, "bob"), (3, "carol")] {
        config.guests.let_in(&key(of), name).unwrap();
    }
    let (house, mut host) = House::private(config).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let (mut dave, waits) = house.call(who(4, "dave")).await;
    assert!(matches!(waits, FromRoom::Waiting { .. }));
    assert_eq!(lock(&mut host, true).await, Answer::Done);
    for member in [&mut host, &mut bob] {
        let told = member.until(|event| matches!(event, Event::Locked { .. })).await;
        assert_eq!(told, Event::Locked { by: "ann".into(), locked: true });
    }
    let silent = who(6, "frank").otherwise(Otherwise::Nothing);
    // Let in before, a knock, and a stranger.
    for caller in [who(3, "carol"), who(5, "erin"), silent] {
        assert_eq!(house.refused(caller).await, Refusal::Locked);
    }
    assert_eq!(lock(&mut host, true).await, Answer::Denied("the room is locked already".into()));
    // Whoever waits already still can be let in by name.
    assert_eq!(host.ask(Request::Admit { name: "dave".into() }).await, Answer::Done);
    assert!(matches!(dave.hear().await, Some(FromRoom::Welcome(_))));

    assert_eq!(lock(&mut host, false).await, Answer::Done);
    assert_eq!(lock(&mut host, false).await, Answer::Denied("the room is not locked".into()));
    let told = bob.until(|event| matches!(event, Event::Locked { locked: false, .. })).await;
    assert_eq!(told, Event::Locked { by: "ann".into(), locked: false });
    house.enter(who(3, "carol")).await;
    assert!(matches!(house.call(who(5, "erin")).await.1, FromRoom::Waiting { .. }));
}

#[tokio::test(start_paused = true)]
async fn who_is_in_comes_back_to_a_locked_room_and_so_does_the_hosts_key() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.catch_up().await;
    lock(&mut host, true).await;
    assert_eq!(house.refused(who(3, "carol")).await, Refusal::Locked, "open as it is");
    let stood = who(2, "bob").back(&bob);
    drop(bob);
    host.text("meanwhile").await;
    let mut bob = house.enter(stood).await;
    assert!(bob.welcome.resumed);
    assert_eq!(bob.texts().await, ["meanwhile"]);
    // A second terminal of somebody who is in.
    let mut second = house.enter(who(2, "bob").instance(7)).await;
    house.enter(who(1, "ann").instance(9)).await;
    // Once they are gone they are as new as anybody.
    for member in [&mut bob, &mut second] {
        member.say(ToRoom::Leave).await;
        member.rest().await;
    }
    assert_eq!(house.refused(who(2, "bob").instance(8)).await, Refusal::Locked);
}

#[tokio::test(start_paused = true)]
async fn a_locked_room_tells_a_banned_key_that_it_is_banned_and_a_full_one_that_it_is_locked() {
    let bans = vec![(key(9), "mallory".to_owned())];
    let (house, mut host) = House::public(RoomConfig { bans, max_members: 1, ..config() }).await;
    lock(&mut host, true).await;
    assert_eq!(house.refused(who(9, "mallory")).await, Refusal::Banned { secs: None });
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::Locked);
}

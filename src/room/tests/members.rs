use std::time::Duration;

use tokio::time::{Instant, advance};

use super::peer::*;
use crate::{room::RoomConfig, wire::*};

fn names(rows: &Answer) -> Vec<&str> {
    let Answer::Who { rows, .. } = rows else { panic!("{rows:?}") };
    rows.iter().map(|row| row.member.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_the_same_events_in_the_same_order() {
    let (house, mut host) = House::public(config()).await;
    let mut members = Vec::new();
    for of in 2..6 {
        members.push(house.enter(who(of, "member")).await);
    }
    host.catch_up().await;
    for round in 0..20 {
        for member in &mut members {
            member.text(&round.to_string()).await;
        }
    }
    let mut orders = Vec::new();
    for member in std::iter::once(&mut host).chain(&mut members) {
        let mut order = Vec::new();
        while order.len() < 80 {
            if let Event::Said { from: from @ 2.., n, .. } = member.event().await {
                order.push((from, n));
            }
        }
        orders.push(order);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(start_paused = true)]
async fn a_private_message_reaches_two_members_only() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let to = bob.to(3);
    bob.send(to, Body::Say(text_of("psst"))).await;
    assert_eq!(bob.texts().await, ["psst"]);
    assert_eq!(carol.texts().await, ["psst"]);
    assert_eq!(host.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn case_138_a_kick_ends_all_links_of_the_key_and_nothing_more_of_it_is_applied() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut other = house.enter(who(2, "bob").instance(3)).await;
    assert_eq!(other.welcome.name, "bob-2");
    let mut carol = house.enter(who(4, "carol")).await;
    host.catch_up().await;
    let reason = "spam ".repeat(1000);
    assert_eq!(host.ask(Request::Kick { member: 2, reason: reason.clone() }).await, Answer::Done);
    bob.text("too late").await;
    other.text("too late").await;
    let short = reason[..MAX_REASON_LEN].to_owned();
    for kicked in [&mut bob, &mut other] {
        let end = End::Kicked { by: "ann".into(), reason: short.clone(), term: Term::Minutes };
        assert_eq!(kicked.ended().await, Some(end), "case 147: a long reason is cut");
    }
    let left = carol.events().await.into_iter().filter_map(|event| match event {
        Event::Left { member, how: Departure::Kicked { by, .. } } => Some((member, by)),
        _ => None,
    });
    assert_eq!(left.collect::<Vec<_>>(), [(2, "ann".to_owned()), (3, "ann".to_owned())]);
    assert_eq!(host.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn cases_139_and_140_a_kicked_key_stays_out_under_any_name_and_address_until_its_time_is_over() {
    let (house, mut host) = House::public(config()).await;
    let bob = house.enter(who(2, "bob")).await;
    host.ask(Request::Kick { member: bob.welcome.number, reason: String::new() }).await;
    let elsewhere = who(2, "robert").instance(7).from("2001:db8::1");
    assert!(matches!(house.refused(elsewhere.clone()).await, Refusal::Banned { .. }));
    assert!(matches!(house.refused(who(2, "bob").back(&bob)).await, Refusal::Banned { .. }));
    advance(Duration::from_secs(602)).await;
    assert_eq!(house.enter(elsewhere).await.welcome.name, "robert");
}

#[tokio::test(start_paused = true)]
async fn the_hosts_key_cannot_be_kicked() {
    let (house, mut host) = House::public(config()).await;
    let mut laptop = house.enter(who(1, "ann").instance(9)).await;
    for member in [1, 2, 99] {
        for asker in [&mut host, &mut laptop] {
            assert!(matches!(asker.ask(Request::Kick { member, reason: String::new() }).await, Answer::Denied(_)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_35_a_newer_link_of_the_same_instance_takes_the_place_of_the_older() {
    let (house, mut host) = House::public(config()).await;
    let mut old = house.enter(who(2, "bob")).await;
    old.text("one").await;
    old.catch_up().await;
    let mut new = house.enter(who(2, "bob").back(&old)).await;
    assert_eq!(old.ended().await, Some(End::Superseded));
    assert!(new.welcome.resumed && new.welcome.number == old.welcome.number && new.welcome.accepted == 2);
    new.text("two").await;
    assert_eq!(host.texts().await, ["one", "two"]);
    assert!(!host.events().await.iter().any(|event| matches!(event, Event::Left { .. })));
}

#[tokio::test(start_paused = true)]
async fn another_instance_of_the_same_key_is_a_member_of_its_own() {
    let (house, mut host) = House::public(config()).await;
    let mut one = house.enter(who(2, "bob")).await;
    let mut two = house.enter(who(2, "bob").instance(3)).await;
    assert_ne!(one.welcome.number, two.welcome.number);
    one.text("one").await;
    two.text("two").await;
    let mut heard = host.texts().await;
    while heard.len() < 2 {
        heard.extend(host.texts().await);
    }
    assert_eq!(names(&host.ask(Request::Who { after: 0 }).await), ["ann", "bob", "bob-2"]);
}

#[tokio::test(start_paused = true)]
async fn leaving_is_told_and_a_break_is_not_until_the_member_has_been_away_for_a_while() {
    let (house, mut host) = House::public(config()).await;
    let bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    host.catch_up().await;
    carol.say(ToRoom::Leave).await;
    assert_eq!(host.event().await, Event::Left { member: 3, how: Departure::Quit });
    let stood = who(2, "bob").back(&bob);
    let start = Instant::now();
    drop(bob);
    assert_eq!(host.event().await, Event::Away { member: 2 });
    assert!((30..=32).contains(&start.elapsed().as_secs()));
    let bob = house.enter(stood).await;
    assert!(bob.welcome.resumed);
    assert_eq!(host.event().await, Event::Back { member: 2 });
    drop(bob);
    assert_eq!(host.event().await, Event::Away { member: 2 });
    assert_eq!(host.event().await, Event::Left { member: 2, how: Departure::Lost });
    assert!(start.elapsed().as_secs() >= 600);
}

#[tokio::test(start_paused = true)]
async fn a_quick_return_is_seen_by_nobody_and_brings_what_was_said_meanwhile() {
    let (house, mut host) = House::public(config()).await;
    let bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let stood = who(2, "bob").back(&bob);
    drop(bob);
    host.text("one").await;
    host.send(host.to(2), Body::Say(text_of("for bob"))).await;
    host.send(host.to(3), Body::Say(text_of("for carol"))).await;
    host.catch_up().await;
    let mut bob = house.enter(stood).await;
    assert_eq!(bob.texts().await, ["one", "for bob"]);
    assert!(!carol.events().await.iter().any(|event| matches!(event, Event::Away { .. } | Event::Back { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_was_given_up_is_not_resumed() {
    let (house, mut host) = House::public(config()).await;
    let bob = house.enter(who(2, "bob")).await;
    let stood = who(2, "bob").back(&bob);
    drop(bob);
    while !matches!(host.event().await, Event::Left { .. }) {}
    let bob = house.enter(stood).await;
    assert!(!bob.welcome.resumed && bob.welcome.number == 3 && bob.welcome.name == "bob");
}

#[tokio::test(start_paused = true)]
async fn above_sixty_four_members_comings_and_goings_are_counted() {
    let (house, mut host) = House::public(RoomConfig { max_members: 200, ..config() }).await;
    let mut members = Vec::new();
    for of in 2..=66 {
        members.push(house.enter(who(of, "crowd")).await);
    }
    let named = host.events().await.iter().filter(|event| matches!(event, Event::Joined(_))).count();
    assert_eq!(named, 64, "ann and 64 others make 65, the last one is counted");
    let (mut joined, mut left, mut members_now) = (0, 0, 0);
    for mut member in members.drain(..).rev().take(0) {
        member.say(ToRoom::Leave).await;
    }
    for of in 67..=80 {
        members.push(house.enter(who(of, "crowd")).await);
    }
    members[0].say(ToRoom::Leave).await;
    while joined + left < 16 {
        match host.event().await {
            Event::Crowd { joined: j, left: l, members } => {
                (joined, left, members_now) = (joined + j, left + l, members);
            }
            Event::Joined(_) | Event::Left { .. } => panic!("named in a crowd"),
            _ => {}
        }
    }
    assert_eq!((joined, left, members_now), (15, 1, 79));
}

#[tokio::test(start_paused = true)]
async fn case_146_the_host_leaving_closes_the_room_for_everyone_after_its_last_words() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    host.text("bye").await;
    host.say(ToRoom::Leave).await;
    let rest = bob.rest().await;
    let bye = rest.iter().any(|frame| matches!(frame, FromRoom::Event { event: Event::Said { .. }, .. }));
    assert!(bye && rest.last() == Some(&FromRoom::Ended(End::Closed { by: "ann".into() })), "{rest:?}");
    house.room.closed().await;
    assert_eq!(house.refused(who(3, "carol")).await, Refusal::Closing);
    house.tasks.close();
    drop((host, bob));
    house.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_nobody_holds_ends() {
    let (House { room, tasks }, host) = House::public(config()).await;
    drop((room, host));
    tasks.close();
    tokio::time::timeout(Duration::from_secs(60), tasks.wait()).await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn members_are_told_by_pages_and_found_by_name_without_regard_to_case() {
    let (house, mut host) = House::public(config()).await;
    let mut members = Vec::new();
    for of in 2..=80 {
        members.push(house.enter(who(of, "crowd")).await);
    }
    let Answer::Who { rows, more: true } = host.ask(Request::Who { after: 0 }).await else { panic!() };
    assert_eq!(rows.len(), PAGE_ROWS);
    let after = rows.last().unwrap().member.number;
    let Answer::Who { rows, more: false } = host.ask(Request::Who { after }).await else { panic!() };
    assert_eq!(rows.len(), 80 - PAGE_ROWS);
    let Answer::Found(Some(found)) = host.ask(Request::Find { name: "CROWD-3".into() }).await else { panic!() };
    assert_eq!(found.name, "crowd-3");
    assert_eq!(host.ask(Request::Find { name: "nobody".into() }).await, Answer::Found(None));
    assert_eq!(host.ask(Request::Names { prefix: "AN".into() }).await, Answer::Names(vec!["ann".into()]));
    assert!(matches!(host.ask(Request::Who { after: u32::MAX }).await, Answer::Who { more: false, .. }));
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_the_name_of_a_guest_who_is_not_here() {
    let config = config();
    config.guests.let_in(&key(9), "dora").unwrap();
    let (house, _host) = House::public(config).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let answer = bob.ask(Request::Nick { name: "dora".to_owned() }).await;
    assert!(matches!(answer, Answer::Denied(_)), "{answer:?}");
    let mut dora = house.enter(who(9, "gast")).await;
    assert_eq!(dora.ask(Request::Nick { name: "dora".to_owned() }).await, Answer::Name("dora".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn case_67_a_name_that_flaps_is_held_after_three_changes() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for i in 0..100 {
        let name = format!("bob{}", ["a", "b", "c", "d", "e"][i % 5]);
        bob.ask(Request::Nick { name }).await;
    }
    let renamed = host.events().await.into_iter().filter(|event| matches!(event, Event::Renamed { .. })).count();
    assert_eq!(renamed, 3);
    tokio::time::advance(std::time::Duration::from_secs(20)).await;
    assert!(matches!(bob.ask(Request::Nick { name: "bobby".into() }).await, Answer::Name(_)));
}

#[tokio::test(start_paused = true)]
async fn case_140_a_kick_holds_whatever_the_name_the_address_or_the_instance() {
    let (house, mut host) = House::public(config()).await;
    let bob = house.enter(who(2, "bob")).await;
    let reason = String::new();
    assert_eq!(host.ask(Request::Kick { member: bob.welcome.number, reason }).await, Answer::Done);
    for (instance, name) in [(2, "bob"), (7, "robert"), (8, "carol")] {
        let again = house.refused(who(2, name).instance(instance).from("10.9.8.7")).await;
        assert!(matches!(again, Refusal::Banned { .. }), "{again:?}");
    }
    house.enter(who(3, "bobby")).await;
}

#[tokio::test(start_paused = true)]
async fn who_was_there_before_the_room_restarted_gets_all_since_and_a_newcomer_does_not() {
    let before = |mut caller: Who| {
        caller.hello.resume = Some(Resume { epoch: Epoch([0xee; 16]), seq: 70, count: 7 });
        caller
    };
    let reunion = std::time::Duration::from_secs(5);
    let config = config();
    let timing = crate::room::Timing { reunion, ..config.timing };
    let (house, mut host) = House::public(RoomConfig { timing, ..config }).await;
    host.text("again").await;
    let mut bob = house.enter(before(who(2, "bob"))).await;
    host.text("live").await;
    assert_eq!(bob.texts().await, ["again", "live"]);
    let mut carol = house.enter(who(3, "carol")).await;
    tokio::time::advance(2 * reunion).await;
    let mut dave = house.enter(before(who(4, "dave"))).await;
    host.text("later").await;
    assert_eq!(carol.texts().await, ["later"]);
    assert_eq!(dave.texts().await, ["later"]);
}

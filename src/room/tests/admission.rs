use std::time::Duration;

use super::peer::*;
use crate::{
    room::{RoomConfig, Via},
    wire::*,
};

async fn knock(house: &House, who: Who) -> Member {
    let (member, answer) = house.call(who).await;
    assert!(matches!(answer, FromRoom::Waiting { .. }), "{answer:?}");
    member
}

fn knocks(events: &[Event]) -> Vec<(&str, u32)> {
    let knock =
        |event| if let &Event::Knock { ref name, more, .. } = event { Some((name.as_str(), more)) } else { None };
    events.iter().filter_map(knock).collect()
}

#[tokio::test(start_paused = true)]
async fn the_hosts_own_key_and_listed_keys_come_in_and_strangers_knock() {
    let config = config();
    config.guests.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::private(config).await;
    house.enter(who(1, "ann").instance(9)).await;
    house.enter(who(2, "bob")).await;
    knock(&house, who(3, "carol")).await;
    assert_eq!(knocks(&host.events().await), [("carol", 0)]);
}

#[tokio::test(start_paused = true)]
async fn in_an_open_room_strangers_come_in_until_it_is_full() {
    let (house, _host) = House::public(RoomConfig { max_members: 3, ..config() }).await;
    let _bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    assert_eq!(house.refused(who(4, "dave")).await, Refusal::Full { limit: 3 });
    carol.say(ToRoom::Leave).await;
    assert_eq!(carol.rest().await, []);
    house.enter(who(4, "dave")).await;
}

#[tokio::test(start_paused = true)]
async fn a_banned_key_is_refused_before_anything_else() {
    let config = RoomConfig { max_members: 2, ..config() };
    config.guests.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::private(config).await;
    let bob = house.enter(who(2, "bob")).await;
    let reason = String::new();
    assert_eq!(host.ask(Request::Kick { member: bob.welcome.number, reason }).await, Answer::Done);
    for instance in [2, 3] {
        assert!(matches!(
            house.refused(who(2, "bob").instance(instance)).await,
            Refusal::Banned { secs: Some(590..=601) }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn without_somebody_to_ask_a_stranger_is_told_so() {
    let house = House::open(config());
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::NobodyToAsk);
    let mut piped = who(1, "ann");
    piped.via = Via::Inside;
    house.enter(piped).await;
    assert_eq!(house.refused(who(2, "bob")).await, Refusal::NobodyToAsk);
}

#[tokio::test(start_paused = true)]
async fn sixteen_may_knock_and_two_from_one_source() {
    let (house, mut host) = House::private(config()).await;
    let mut waiting = Vec::new();
    for of in 10..12 {
        waiting.push(knock(&house, who(of, "v4").from("10.0.0.9")).await);
    }
    assert_eq!(house.refused(who(12, "v4").from("10.0.0.9")).await, Refusal::Crowded);
    assert_eq!(house.refused(who(12, "v4").from("::ffff:10.0.0.9")).await, Refusal::Crowded);
    for of in 20..22 {
        waiting.push(knock(&house, who(of, "v6").from(&format!("2001:db8:0:1::{of}"))).await);
    }
    assert_eq!(house.refused(who(22, "v6").from("2001:db8:0:1:ffff::1")).await, Refusal::Crowded);
    waiting.push(knock(&house, who(22, "v6").from("2001:db8:0:2::1")).await);
    for of in 30..41 {
        waiting.push(knock(&house, who(of, "many")).await);
    }
    assert_eq!(waiting.len(), 16);
    assert_eq!(house.refused(who(50, "late")).await, Refusal::Crowded);
    let Answer::Knocks(rows) = host.ask(Request::Knocks).await else { panic!() };
    assert_eq!(rows.len(), 16);
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_knocks_again_takes_the_place_of_its_first_knock() {
    let (house, mut host) = House::private(config()).await;
    let mut first = knock(&house, who(2, "bob")).await;
    let _second = knock(&house, who(2, "bob").instance(3)).await;
    assert_eq!(first.rest().await, [FromRoom::Refused(Refusal::Declined)]);
    let Answer::Knocks(rows) = host.ask(Request::Knocks).await else { panic!() };
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["bob"]);
}

#[tokio::test(start_paused = true)]
async fn notices_of_knocks_are_five_seconds_apart_and_then_count() {
    let (house, mut host) = House::private(config()).await;
    let _waiting = [knock(&house, who(2, "bob")).await, knock(&house, who(3, "carol")).await];
    let _more = [knock(&house, who(4, "dave")).await, knock(&house, who(5, "erin")).await];
    assert_eq!(knocks(&host.events().await), [("bob", 0)]);
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(knocks(&host.events().await), []);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(matches!(host.event().await, Event::Knock { name, more: 2, .. } if name == "carol"));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_knocks_and_goes_again_and_again_does_not_flood_the_host() {
    let (house, mut host) = House::private(config()).await;
    for _ in 0..20 {
        drop(knock(&house, who(2, "bob")).await);
        while host.ask(Request::Knocks).await != Answer::Knocks(Vec::new()) {}
    }
    let events = host.events().await;
    assert!(events.len() <= 2 + 2 * 20 / 5, "{} events", events.len());
}

#[tokio::test(start_paused = true)]
async fn an_accepted_knock_enters_under_its_name_and_is_listed_from_then_on() {
    let config = config();
    let guests = config.guests.clone();
    let (house, mut host) = House::private(config).await;
    let mut bob = knock(&house, who(2, "bob")).await;
    assert_eq!(host.ask(Request::Admit { name: "BOB".into() }).await, Answer::Done);
    let welcome = bob.hear().await.unwrap();
    bob.welcomed(welcome);
    assert_eq!(bob.welcome.name, "bob");
    let events = host.events().await;
    assert!(events.contains(&Event::KnockOver { name: "bob".into(), entered: true }));
    assert!(events.iter().any(|event| matches!(event, Event::Joined(who) if who.name == "bob")));
    assert_eq!(guests.name_of(&key(2)).unwrap().as_deref(), Some("bob"));
    bob.say(ToRoom::Leave).await;
    bob.rest().await;
    house.enter(who(2, "bob").instance(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_declined_knock_is_told_and_the_name_is_free_again() {
    let (house, mut host) = House::private(config()).await;
    let mut bob = knock(&house, who(2, "bob")).await;
    assert_eq!(host.ask(Request::Decline { name: "bob".into() }).await, Answer::Done);
    assert_eq!(bob.rest().await, [FromRoom::Refused(Refusal::Declined)]);
    assert!(matches!(host.ask(Request::Decline { name: "bob".into() }).await, Answer::Denied(_)));
    let (_, answer) = house.call(who(3, "bob")).await;
    assert_eq!(answer, FromRoom::Waiting { name: "bob".into() });
}

#[tokio::test(start_paused = true)]
async fn a_knock_that_nobody_answers_is_declined_after_five_minutes_and_lives_by_pings_until_then() {
    let (house, _host) = House::private(config()).await;
    let start = tokio::time::Instant::now();
    let mut bob = knock(&house, who(2, "bob")).await;
    bob.say(ToRoom::Ping(5)).await;
    assert_eq!(bob.hear().await, Some(FromRoom::Pong(5)));
    assert_eq!(bob.rest().await, [FromRoom::Refused(Refusal::Declined)]);
    assert!((300..=303).contains(&start.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_known_name_with_another_key_is_flagged_and_gets_another_name() {
    let config = config();
    config.guests.let_in(&key(2), "bob").unwrap();
    let (house, mut host) = House::private(config).await;
    let (_mallory, answer) = house.call(who(3, "bob")).await;
    assert_eq!(answer, FromRoom::Waiting { name: "bob-2".into() });
    assert!(matches!(host.event().await, Event::Knock { claims: Some(name), .. } if name == "bob"));
}

#[tokio::test(start_paused = true)]
async fn case_17_the_rooms_own_instance_from_outside_is_refused_as_itself() {
    let (house, mut host) = House::private(config()).await;
    assert_eq!(house.refused(who(1, "ann")).await, Refusal::Yourself);
    assert_eq!(host.events().await, []);
}

#[tokio::test(start_paused = true)]
async fn cases_25_and_26_frames_before_admission_end_the_connection_without_effect() {
    let (house, mut host) = House::private(config()).await;
    let envelope = Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(text_of("in")) };
    let mut bad = vec![ToRoom::Envelope(envelope), ToRoom::Ask(Request::Knocks), ToRoom::Pong(1), ToRoom::Leave];
    for frame in bad.clone() {
        let mut peer = house.connect(&who(2, "bob"));
        peer.say(frame).await;
        assert_eq!(peer.rest().await, []);
    }
    bad.remove(2);
    bad.push(ToRoom::Hello(who(2, "bob").hello));
    for frame in bad {
        let mut peer = knock(&house, who(2, "bob")).await;
        peer.say(frame).await;
        assert_eq!(peer.rest().await, []);
        while host.ask(Request::Knocks).await != Answer::Knocks(Vec::new()) {}
    }
    assert_eq!(host.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn case_2_who_says_nothing_is_closed_at_the_deadline() {
    let (house, _host) = House::private(config()).await;
    let start = tokio::time::Instant::now();
    let mut silent = house.connect(&who(2, "bob"));
    silent.bytes(&[0, 0, 0]).await;
    assert_eq!(silent.rest().await, []);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn case_36_unknown_feature_bits_are_ignored() {
    let (house, _host) = House::public(config()).await;
    let mut bob = who(2, "bob");
    bob.hello.features = u64::MAX;
    assert_eq!(house.enter(bob).await.welcome.features, FEATURE_STREAMS | FEATURE_OPEN | FEATURE_STATUS);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_the_room_has_left_tells_only_those_it_knows_where_it_went() {
    let config = config();
    config.guests.let_in(&key(2), "bob").unwrap();
    let (house, _host) = House::private(config).await;
    let mut bob = who(2, "bob");
    bob.via = Via::OldPort;
    assert_eq!(house.refused(bob).await, Refusal::Moved { port: 5000 });
    let mut carol = who(3, "carol");
    carol.via = Via::OldPort;
    let mut peer = house.connect(&carol);
    peer.say(ToRoom::Hello(carol.hello)).await;
    assert_eq!(peer.rest().await, []);
}

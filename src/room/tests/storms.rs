use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::peer::*;
use crate::{room::RoomConfig, wire::*};

#[tokio::test(start_paused = true)]
async fn case_117_a_member_that_takes_nothing_for_thirty_seconds_loses_its_link() {
    let (house, mut host) = House::public(config()).await;
    let mut narrow = who(2, "bob");
    narrow.pipe = 64;
    let mut bob = house.enter(narrow).await;
    let start = Instant::now();
    host.text("a line that does not fit into the pipe, whatever the room does").await;
    host.catch_up().await;
    let away = async {
        loop {
            let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!() };
            if rows[1].away {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(Duration::from_secs(3600), away).await.is_ok(), "it keeps its link for ever");
    // A quarter more, which is how often it is looked at.
    assert!((30..=38).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    bob.rest().await;
    let mut back = house.enter(who(2, "bob").back(&bob)).await;
    assert!(back.welcome.resumed && back.texts().await.iter().any(|text| text.starts_with("a line that")));
}

#[tokio::test(start_paused = true)]
async fn case_118_as_many_short_frames_as_fit_a_segment_are_read_at_the_rate() {
    let (house, mut host) = House::public(RoomConfig { rate: Some(10), ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let start = Instant::now();
    let mut segment = Vec::new();
    for n in 1..=140 {
        let envelope = Envelope { n, prev: 0, to: To::Everyone, body: Body::Say(text_of("x")) };
        segment.extend_from_slice(&encode(&ToRoom::Envelope(envelope)).unwrap());
    }
    bob.bytes(&segment).await;
    while !matches!(host.event().await, Event::Said { n: 140, .. }) {}
    let took = start.elapsed().as_secs();
    assert!((9..=11).contains(&took), "{took} s, where 40 go at once and the rest at 10 a second");
}

#[tokio::test(start_paused = true)]
async fn case_119_what_is_put_up_and_taken_back_without_end_has_a_rate_of_its_own() {
    let (house, mut host) = House::public(RoomConfig { rate: Some(10), ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let start = Instant::now();
    for _ in 0..70 {
        bob.send(To::Everyone, Body::Keep { tag: 1, said: text_of("offer") }).await;
        bob.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
    }
    while !matches!(host.event().await, Event::Withdrawn { n: 140, .. }) {}
    let took = start.elapsed().as_secs();
    assert!((539..=541).contains(&took), "{took} s, where 16 go at once and the rest one in 10 s");
    // Nothing is left of it for those who come later.
    let mut carol = house.enter(who(3, "carol")).await;
    assert_eq!(carol.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn case_119_signs_of_life_without_end_are_answered_in_their_time_inside_and_at_the_door() {
    let (house, _host) = House::private(config()).await;
    let (waiting, answer) = house.call(who(3, "carol")).await;
    assert!(matches!(answer, FromRoom::Waiting { .. }));
    let inside = house.enter(who(1, "ann").instance(9)).await;
    for mut peer in [inside, waiting] {
        let start = Instant::now();
        for number in 0..260 {
            peer.say(ToRoom::Ping(number)).await;
        }
        while peer.hear().await != Some(FromRoom::Pong(259)) {}
        let took = start.elapsed().as_secs();
        assert!((124..=126).contains(&took), "{took} s, where 10 go at once and the rest at 2 a second");
    }
}

#[tokio::test(start_paused = true)]
async fn case_74_a_kick_means_a_number_which_nobody_else_ever_has() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let number = bob.welcome.number;
    assert!(matches!(bob.ask(Request::Nick { name: "robert".into() }).await, Answer::Name(_)));
    let mut carol = house.enter(who(3, "bobby")).await;
    assert_eq!(host.ask(Request::Kick { member: number, reason: String::new() }).await, Answer::Done);
    assert!(matches!(bob.ended().await, Some(End::Kicked { .. })));
    // The number of somebody who has gone is nobody's.
    let dora = house.enter(who(4, "dora")).await;
    assert!(dora.welcome.number > carol.welcome.number && carol.welcome.number > number);
    assert!(matches!(host.ask(Request::Kick { member: number, reason: String::new() }).await, Answer::Denied(_)));
    assert_eq!(carol.texts().await, [""; 0]);
}

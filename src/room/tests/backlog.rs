use std::time::Duration;

use super::peer::*;
use crate::{
    room::{LogLimits, RoomConfig},
    wire::*,
};

fn remembered(text: &str) -> Body {
    Body::Remember(text_of(text))
}

/// Somebody who wants to be told what was said before.
fn curious(of: u8, name: &str) -> Who {
    let mut who = who(of, name);
    who.hello.features = FEATURE_BACKLOG;
    who
}

/// Who said what, and how many seconds ago, of the past among these frames, which has to come first.
fn past(frames: &[FromRoom]) -> Vec<(String, String, u64)> {
    let told: Vec<_> = frames
        .iter()
        .map_while(|frame| match frame {
            FromRoom::Past(Past { name, age_secs, said, .. }) => {
                Some((name.clone(), String::from_utf8(said.payload.to_vec()).unwrap(), *age_secs))
            }
            _ => None,
        })
        .collect();
    assert!(!frames[told.len()..].iter().any(|frame| matches!(frame, FromRoom::Past(_))), "{frames:?}");
    told
}

fn texts(frames: &[FromRoom]) -> Vec<String> {
    past(frames).into_iter().map(|(_, text, _)| text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_is_told_the_last_of_what_was_said_to_everyone_and_no_more() {
    let (house, mut host) = House::public(RoomConfig { backlog: 3, ..config() }).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for text in ["one", "two", "three", "four"] {
        bob.send(To::Everyone, remembered(text)).await;
    }
    bob.send(host.to(1), remembered("psst")).await;
    bob.text("not worth it").await;
    bob.catch_up().await;
    host.live(Duration::from_secs(5)).await;
    let mut carol = house.enter(curious(3, "carol")).await;
    host.send(To::Everyone, remembered("live")).await;
    let frames = carol.catch_up().await;
    let expected = ["two", "three", "four"].map(|text| ("bob".to_owned(), text.to_owned(), 5));
    assert_eq!(past(&frames), expected);
    // What comes after it is numbered as if it had not been.
    assert_eq!(carol.seq - carol.welcome.seq, carol.count);
    let mut dave = house.enter(who(4, "dave")).await;
    assert_eq!(past(&dave.catch_up().await), [], "who does not ask is told nothing");
}

#[tokio::test(start_paused = true)]
async fn it_is_told_under_the_name_of_then_after_the_author_has_gone() {
    let (house, _host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.send(To::Everyone, remembered("as bob")).await;
    assert_eq!(bob.ask(Request::Nick { name: "robert".into() }).await, Answer::Name("robert".into()));
    bob.send(To::Everyone, remembered("as robert")).await;
    bob.catch_up().await;
    bob.say(ToRoom::Leave).await;
    bob.rest().await;
    let mut carol = house.enter(curious(3, "carol")).await;
    let names: Vec<_> = past(&carol.catch_up().await).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["bob", "robert"]);
}

#[tokio::test(start_paused = true)]
async fn a_kick_and_a_ban_take_the_words_of_a_key_along_and_a_mute_does_not() {
    let (house, mut host) = House::public(config()).await;
    let mut members = Vec::new();
    for (of, name) in [(2, "bob"), (3, "carol"), (4, "dave")] {
        let mut member = house.enter(who(of, name)).await;
        member.send(To::Everyone, remembered(name)).await;
        member.catch_up().await;
        members.push(member);
    }
    host.ask(Request::Kick { member: 2, reason: String::new() }).await;
    host.ask(Request::Mute { whom: Whom::Member(4), muted: true }).await;
    let mut erin = house.enter(curious(5, "erin")).await;
    assert_eq!(texts(&erin.catch_up().await), ["carol", "dave"]);
    host.ask(Request::Ban { whom: Whom::Named("carol".into()), reason: String::new() }).await;
    members[2].send(To::Everyone, remembered("muted")).await;
    let mut frank = house.enter(curious(6, "frank")).await;
    assert_eq!(texts(&frank.catch_up().await), ["dave"]);
}

#[tokio::test(start_paused = true)]
async fn who_resumes_is_told_nothing_twice_and_whose_seat_was_given_up_what_it_has_not_heard() {
    let (house, mut host) = House::public(config()).await;
    host.send(To::Everyone, remembered("one")).await;
    host.catch_up().await;
    let mut bob = house.enter(curious(2, "bob")).await;
    assert_eq!(texts(&bob.catch_up().await), ["one"]);
    let back = curious(2, "bob").back(&bob);
    drop(bob);
    host.send(To::Everyone, remembered("two")).await;
    host.catch_up().await;
    let mut bob = house.enter(back.clone()).await;
    let frames = bob.catch_up().await;
    assert_eq!((bob.welcome.resumed, past(&frames).len()), (true, 0));
    assert!(frames.iter().any(|frame| matches!(frame, FromRoom::Event { event: Event::Said { from: 1, .. }, .. })));
    let back = curious(2, "bob").back(&bob);
    drop(bob);
    host.live(Duration::from_secs(601)).await;
    host.send(To::Everyone, remembered("three")).await;
    host.catch_up().await;
    let mut bob = house.enter(back).await;
    assert_eq!((bob.welcome.resumed, texts(&bob.catch_up().await)), (false, vec!["three".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn one_whose_welcome_was_lost_is_told_it_then() {
    let (house, mut host) = House::public(config()).await;
    host.send(To::Everyone, remembered("before")).await;
    host.catch_up().await;
    drop(house.enter(curious(2, "bob")).await);
    host.send(To::Everyone, remembered("after")).await;
    host.catch_up().await;
    let mut bob = house.enter(curious(2, "bob")).await;
    assert_eq!(texts(&bob.catch_up().await), ["before"], "what was said since it entered comes as events");
}

#[tokio::test(start_paused = true)]
async fn the_past_comes_before_what_is_kept_and_a_room_without_a_backlog_tells_none() {
    let (house, mut host) = House::public(config()).await;
    host.send(To::Everyone, super::keeping::keep(1, "kept")).await;
    host.send(To::Everyone, remembered("said")).await;
    host.catch_up().await;
    let mut bob = house.enter(curious(2, "bob")).await;
    let frames = bob.catch_up().await;
    assert_eq!((texts(&frames), super::keeping::kept(&frames).len()), (vec!["said".to_owned()], 1));

    let (house, mut host) = House::public(RoomConfig { backlog: 0, ..config() }).await;
    host.send(To::Everyone, remembered("said")).await;
    host.catch_up().await;
    let mut bob = house.enter(curious(2, "bob")).await;
    assert_eq!(past(&bob.catch_up().await), []);
}

#[tokio::test(start_paused = true)]
async fn the_longest_lines_are_told_within_the_limit_of_bytes() {
    let (house, mut host) = House::public(RoomConfig { backlog: 500, ..config() }).await;
    for _ in 0..40 {
        host.send(To::Everyone, remembered(&"x".repeat(MAX_PAYLOAD_LEN))).await;
    }
    host.catch_up().await;
    let mut bob = house.enter(curious(2, "bob")).await;
    let frames = bob.catch_up().await;
    let cost: usize = frames.iter().map(|frame| if let FromRoom::Past(past) = frame { past.cost() } else { 0 }).sum();
    assert!(cost > MAX_PAST_BYTES - 2 * MAX_PAYLOAD_LEN && cost <= MAX_PAST_BYTES, "{cost}");
    let long = Said { command: "chat".into(), payload: vec![0; MAX_PAYLOAD_LEN + 1].into() };
    bob.send(To::Everyone, Body::Remember(long)).await;
    assert_eq!(bob.ended().await, None, "what is too long to be said is too long to be remembered");
}

#[tokio::test(start_paused = true)]
async fn it_comes_before_a_gap_and_a_newcomer_that_is_in_one_at_once_is_told_it_all_the_same() {
    let log = LogLimits { events: 4, ..LogLimits::default() };
    let (house, mut host) = House::public(RoomConfig { log, ..config() }).await;
    host.send(To::Everyone, remembered("before")).await;
    host.catch_up().await;
    // A connection that takes nothing: by the time that it does, the log has gone on.
    let mut bob = house.connect(&Who { pipe: 16, ..curious(2, "bob") });
    bob.say(ToRoom::Hello(curious(2, "bob").hello)).await;
    host.until(|event| matches!(event, Event::Joined(who) if who.name == "bob")).await;
    for n in 0..20 {
        host.text(&n.to_string()).await;
    }
    host.catch_up().await;
    let welcome = bob.hear().await.unwrap();
    bob.welcomed(welcome);
    let frames = bob.catch_up().await;
    assert_eq!(texts(&frames), ["before"]);
    assert!(matches!(frames[1], FromRoom::Gap(Gap { missed: 1.., .. })), "{frames:?}");
}

//! What a room tells of the time before one came, against a room that says what a test wants.

use super::scripted::{Stage, ann, said, welcome};
use crate::{room::tests::peer::key, session::*, wire::*};

fn past(of: u8, n: u64, text: &str) -> Past {
    let said = Said { command: "chat".into(), payload: text.to_owned().into() };
    Past { key: key(of), instance: Instance([of; 16]), name: "old".into(), n, age_secs: 90, said }
}

fn told(stage: &Stage) -> Vec<(String, Option<u64>)> {
    let message = |event: &SessionEvent| match event {
        SessionEvent::Message(message) => {
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            Some((text, message.past.map(|age| age.as_secs())))
        }
        _ => None,
    };
    stage.owner.heard.iter().filter_map(message).collect()
}

#[tokio::test(start_paused = true)]
async fn the_past_is_told_with_its_age_and_moves_no_number() {
    let (mut stage, mut fake) = Stage::entered_curious().await;
    fake.say(FromRoom::Past(past(1, 900, "before"))).await;
    fake.say(ann()).await;
    // It is no loss that nothing is known of what came between.
    fake.event(11, said(1, 910, None)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(message) if message.past.is_none())).await;
    assert_eq!(told(&stage), [("before".to_owned(), Some(90)), ("x".to_owned(), None)]);
    let from = stage.owner.heard.iter().find_map(|event| match event {
        SessionEvent::Message(message) => Some((message.from.number, message.own, message.from.name.clone())),
        _ => None,
    });
    assert_eq!(from, Some((0, false, "old".to_owned())));
    drop(fake);
    let (_fake, hello) = stage.dialed().await;
    assert_eq!(hello.resume.map(|at| (at.seq, at.count)), Some((11, 1)));
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_and_what_oneself_said_is_not_told_again_when_a_lost_seat_is_taken_again() {
    let (mut stage, fake) = Stage::entered_curious().await;
    let mut fake = stage.heard_and_cut(fake, 7).await;
    fake.say(FromRoom::Welcome(Welcome { resumed: false, seq: 20, number: 6, ..welcome() })).await;
    let me = stage.owner.handle.me();
    let own = Past { key: me.key, instance: me.instance, ..past(2, 1, "own") };
    for past in [past(1, 7, "heard"), own, past(1, 8, "new")] {
        fake.say(FromRoom::Past(past)).await;
    }
    let new = |event: &SessionEvent| matches!(event, SessionEvent::Message(message) if message.n == 8);
    stage.owner.until(new).await;
    assert_eq!(told(&stage), [("x".to_owned(), None), ("new".to_owned(), Some(90))]);
}

#[tokio::test(start_paused = true)]
async fn case_143_a_past_that_is_too_much_too_late_or_not_asked_for_ends_the_session() {
    let gap = || FromRoom::Gap(Gap { missed: 1, accepted: 0, seq: 11, kept: Vec::new() });
    let many = |count: usize, len: usize| {
        (1..=count as u64).map(|n| FromRoom::Past(past(1, n, &"x".repeat(len)))).collect::<Vec<_>>()
    };
    let named = |len| vec![FromRoom::Past(Past { name: "n".repeat(len), ..past(1, 1, "x") })];
    let command = Said { command: "c".repeat(MAX_COMMAND_LEN + 1), payload: "x".into() };
    for (curious, bad) in [
        (true, many(MAX_PAST + 1, 1)),
        (true, many(22, MAX_PAYLOAD_LEN)),
        (true, named(MAX_NAME_LEN + 1)),
        (true, vec![FromRoom::Past(Past { said: command, ..past(1, 1, "x") })]),
        (true, [vec![ann()], many(1, 1)].concat()),
        (true, [vec![gap()], many(1, 1)].concat()),
        (false, many(1, 1)),
    ] {
        let (mut stage, mut fake) = if curious { Stage::entered_curious().await } else { Stage::entered().await };
        let say = async {
            for frame in &bad {
                fake.say(frame.clone()).await;
            }
        };
        let ((), ending) = tokio::join!(say, stage.ending());
        assert!(matches!(ending, Ending::Failed(_)), "{:?}", bad.last());
    }
    let (mut stage, mut fake) = Stage::entered_curious().await;
    let say = async {
        for frame in many(MAX_PAST, 1).into_iter().chain([ann()]) {
            fake.say(frame).await;
        }
        fake.event(11, said(1, MAX_PAST as u64 + 1, None)).await;
    };
    let present = |event: &SessionEvent| matches!(event, SessionEvent::Message(message) if message.past.is_none());
    tokio::join!(say, stage.owner.until(present));
    assert_eq!(told(&stage).len(), MAX_PAST + 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_past_is_due_to_one_who_resumes() {
    let (mut stage, fake) = Stage::entered_curious().await;
    drop(fake);
    let (mut fake, _) = stage.dialed().await;
    fake.say(FromRoom::Welcome(welcome())).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    fake.say(FromRoom::Past(past(1, 1, "again"))).await;
    assert!(matches!(stage.ending().await, Ending::Failed(_)));
    assert_eq!(told(&stage), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_told_of_the_past_is_not_told_again_when_its_sender_says_it_from_another_seat() {
    let (mut stage, mut fake) = Stage::entered_curious().await;
    for past in [past(1, 4, "four"), past(1, 5, "five"), past(1, 4, "four"), past(1, 5, "five")] {
        // The room has it from both seats.
        fake.say(FromRoom::Past(past)).await;
    }
    fake.say(ann()).await;
    let again = |n, prev, kept| {
        let said = Said { command: "chat".into(), payload: format!("live {n}").into() };
        Event::Said { from: 1, n, prev, to: None, kept, said }
    };
    fake.event(11, again(4, 3, None)).await;
    fake.event(12, again(5, 4, None)).await;
    fake.event(13, again(7, 6, None)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(message) if message.n == 7)).await;
    let texts: Vec<String> = told(&stage).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["four", "five", "live 7"]);
    let lost = stage.owner.heard.iter().any(|event| matches!(event, SessionEvent::Lost { .. }));
    assert!(lost, "6 is missing, since 5 came as an event, too");
}

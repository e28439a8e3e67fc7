//! What a session makes of seats that were lost and taken again, its own and others', against a room that says what a test wants.

use std::time::Duration;

use super::{
    net::line,
    scripted::{Stage, ann, said_after, welcome},
};
use crate::{room::tests::peer::key, session::*, wire::*};

#[tokio::test(start_paused = true)]
async fn what_was_taken_back_with_its_owners_seat_is_shown_when_it_is_up_again_under_another_number() {
    let kept = |from, number| {
        let said = Said { command: "chat".into(), payload: "x".into() };
        // The owner has not heard that it arrived, and says it again as it was.
        Event::Said { from, n: 4, prev: 0, to: None, kept: Some(Kept { number, tag: 1 }), said }
    };
    let (mut stage, mut fake) = Stage::entered().await;
    fake.say(ann()).await;
    fake.event(11, kept(1, 3)).await;
    fake.event(12, Event::Left { member: 1, how: Departure::Lost }).await;
    let again = Introduction { number: 7, key: key(1), instance: Instance([1; 16]), name: "ann".into() };
    fake.event(13, Event::Joined(again)).await;
    fake.event(14, kept(7, 9)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(message) if message.kept == Some(9))).await;
    assert_eq!(stage.owner.handle.kept(), [9]);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_while_a_seat_was_lost_is_told_once() {
    let (mut stage, fake) = Stage::entered().await;
    let mut fake = stage.heard_and_cut(fake, 1).await;
    fake.say(FromRoom::Welcome(Welcome { resumed: false, seq: 20, number: 6, ..welcome() })).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    let numbers: Vec<u32> = stage.owner.handle.members().iter().map(|member| member.number).collect();
    assert_eq!(numbers, [6], "no trace of the seat before");
    fake.say(ann()).await;
    fake.event(21, said_after(8, 9)).await;
    fake.event(22, said_after(11, 12)).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Message(message) if message.n == 12)).await;
    let heard = stage.owner.heard.iter().filter_map(|event| match event {
        SessionEvent::Restored { missed: true, .. } => Some("missed"),
        SessionEvent::Lost { .. } => Some("lost"),
        SessionEvent::Message(_) => Some("line"),
        _ => None,
    });
    assert_eq!(heard.collect::<Vec<_>>(), ["line", "missed", "line", "lost", "line"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_somebody_who_does_not_come_back_is_sent_then_even_if_the_link_was_busy() {
    let (mut stage, fake) = Stage::entered().await;
    let mut fake = stage.heard_and_cut(fake, 1).await;
    fake.say(FromRoom::Welcome(Welcome { epoch: Epoch([2; 16]), seq: 0, resumed: false, ..welcome() })).await;
    stage.owner.until(|event| matches!(event, SessionEvent::Restored { restarted: true, .. })).await;
    let to_ann = To::Member { key: key(1), instance: Instance([1; 16]) };
    for (to, text) in [(To::Everyone, "x".repeat(8_000)), (to_ann, "x".to_owned())] {
        stage.owner.handle.send(line(to, &text, None), WhenFull::Fail).await.unwrap();
    }
    // The room reads nothing until long after that, so that the first line is under way at that moment.
    tokio::time::sleep(Duration::from_secs(20)).await;
    for n in [1, 2] {
        let envelope = async {
            loop {
                if let ToRoom::Envelope(envelope) = fake.hear().await {
                    return envelope.n;
                }
            }
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), envelope).await, Ok(n));
    }
}

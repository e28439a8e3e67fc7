use super::peer::*;
use crate::wire::*;

pub(super) fn keep(tag: u32, text: &str) -> Body {
    Body::Keep { tag, said: text_of(text) }
}

/// The numbers and texts of what is kept among these frames.
pub(super) fn kept(frames: &[FromRoom]) -> Vec<(u32, String)> {
    let kept = |frame: &FromRoom| match frame {
        FromRoom::Event { event: Event::Said { kept: Some(kept), said, .. }, .. } => {
            Some((kept.number, String::from_utf8(said.payload.to_vec()).unwrap()))
        }
        _ => None,
    };
    frames.iter().filter_map(kept).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_has_one_number_for_everyone_and_newcomers_get_it_first() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    host.send(To::Everyone, keep(7, "a")).await;
    bob.send(To::Everyone, keep(7, "b")).await;
    let expected = [(1, "a".to_owned()), (2, "b".to_owned())];
    let mut seen = host.catch_up().await;
    seen.extend(bob.catch_up().await);
    let mut seen = kept(&seen);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 2);
    let mut carol = house.enter(who(3, "carol")).await;
    carol.text("live").await;
    let frames = carol.catch_up().await;
    let mut greeted = kept(&frames[..4]);
    greeted.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(greeted.iter().map(|(_, text)| text).collect::<Vec<_>>(), [&expected[0].1, &expected[1].1]);
    assert_eq!(
        {
            greeted.sort();
            greeted
        },
        seen
    );
}

#[tokio::test(start_paused = true)]
async fn one_member_has_eight_kept_at_once_and_a_mark_only_once() {
    let (house, _host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for tag in 0..8 {
        bob.send(To::Everyone, keep(tag, "x")).await;
    }
    assert_eq!(kept(&bob.catch_up().await).len(), 8);
    bob.send(To::Everyone, keep(8, "x")).await;
    assert!(matches!(bob.event().await, Event::Refused { .. }));
    bob.send(To::Everyone, Body::Withdraw { tag: 3 }).await;
    assert!(matches!(bob.event().await, Event::Withdrawn { kept: Kept { tag: 3, .. }, .. }));
    bob.send(To::Everyone, keep(4, "x")).await;
    assert!(matches!(bob.event().await, Event::Refused { .. }));
    bob.send(To::Everyone, keep(8, "x")).await;
    assert!(matches!(bob.event().await, Event::Said { kept: Some(Kept { number: 9, tag: 8 }), .. }));
    bob.send(To::Everyone, Body::Withdraw { tag: 99 }).await;
    assert!(matches!(bob.event().await, Event::Refused { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_outlives_a_break_and_goes_with_a_leave_and_a_kick() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.send(To::Everyone, keep(1, "b")).await;
    bob.catch_up().await;
    drop(bob);
    let mut carol = house.enter(who(3, "carol")).await;
    assert_eq!(kept(&carol.catch_up().await).len(), 1);
    carol.send(To::Everyone, keep(1, "c")).await;
    carol.catch_up().await;
    carol.say(ToRoom::Leave).await;
    carol.rest().await;
    let mut dave = house.enter(who(4, "dave")).await;
    assert_eq!(kept(&dave.catch_up().await), [(1, "b".to_owned())]);
    host.ask(Request::Kick { member: 2, reason: String::new() }).await;
    let mut erin = house.enter(who(5, "erin")).await;
    assert_eq!(kept(&erin.catch_up().await), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_one_member_is_nobody_elses() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let to = carol.to(2);
    host.send(to, keep(1, "secret")).await;
    host.catch_up().await;
    assert_eq!(kept(&bob.catch_up().await).len(), 1);
    assert_eq!(kept(&carol.catch_up().await), []);
    let mut dave = house.enter(who(4, "dave")).await;
    assert_eq!(kept(&dave.catch_up().await), []);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_learns_the_present_name_of_whose_words_are_kept() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.send(To::Everyone, keep(1, "b")).await;
    assert_eq!(bob.ask(Request::Nick { name: "robert".into() }).await, Answer::Name("robert".into()));
    host.catch_up().await;
    let mut carol = house.enter(who(3, "carol")).await;
    let frames = carol.catch_up().await;
    assert!(matches!(&frames[0], FromRoom::Member(who) if who.name == "robert"), "{frames:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_for_one_member_is_taken_back_before_that_member_only() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    let to = To::Member { key: key(3), instance: Instance([3; 16]) };
    bob.send(to, keep(1, "for carol")).await;
    bob.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
    let number = carol.welcome.number;
    let taken_back = |event: &Event| matches!(event, Event::Withdrawn { to, .. } if *to == Some(number));
    assert!(carol.events().await.iter().any(taken_back));
    let others = host.events().await;
    assert!(!others.iter().any(|event| matches!(event, Event::Withdrawn { .. })), "{others:?}");
}

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

use super::{
    keeping::{keep, kept},
    peer::*,
    streams::{able, arrives, closes, open},
};
use crate::wire::*;

/// What one connection of the one who is put out got.
struct Got {
    /// The newest event.
    seq: u64,
    last: Option<FromRoom>,
}

/// Listens until the room has closed the connection.
async fn listen(mut member: Member) -> Got {
    let mut got = Got { seq: 0, last: None };
    while let Some(frame) = member.hear().await {
        if let FromRoom::Event { seq, .. } = &frame {
            got.seq = got.seq.max(*seq);
        }
        got.last = Some(frame);
    }
    got
}

/// Says a hundred lines, as fast as they go, offers something, asks, and listens.
async fn floods(mut bob: Member) -> Got {
    for n in 0..100 {
        bob.text(&n.to_string()).await;
    }
    bob.send(To::Everyone, keep(2, "another offer")).await;
    bob.say(ToRoom::Ask(Request::Nick { name: "robert".into() })).await;
    bob.text("the last one").await;
    listen(bob).await
}

/// Comes back by another connection, which takes the place of the first, and goes on there.
async fn returns(house: &House, who: Who, n: u64) -> Option<Got> {
    let (mut bob, answer) = house.call(who).await;
    match answer {
        FromRoom::Welcome(welcome) => {
            // What the room has taken by the first one need not be said again.
            bob.n = welcome.accepted.max(n);
            bob.welcomed(FromRoom::Welcome(welcome));
            Some(floods(bob).await)
        }
        FromRoom::Refused(refusal) => {
            assert!(matches!(refusal, Refusal::Banned { .. }), "{refusal:?}");
            None
        }
        other => panic!("{other:?}"),
    }
}

/// The events up to one's own word, with their numbers.
async fn numbered(member: &mut Member) -> Vec<(u64, Event)> {
    let frames = member.catch_up().await.into_iter();
    frames
        .filter_map(|frame| if let FromRoom::Event { seq, event } = frame { Some((seq, event)) } else { None })
        .collect()
}

/// Whether an event is something that a member did.
fn is_of(event: &Event, number: u32) -> bool {
    match event {
        Event::Said { from, .. } | Event::Withdrawn { from, .. } | Event::Stream { from, .. } => *from == number,
        Event::Renamed { member, .. } | Event::Away { member } | Event::Back { member } => *member == number,
        Event::Joined(who) => who.key == key(2),
        _ => false,
    }
}

/// Puts bob out while lines, an offer, a question, a stream and a resume of his are under way: after `heard` of his
/// lines.
async fn race(heard: usize, request: impl FnOnce(u32) -> Request) {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(able(2, "bob")).await;
    let mut carol = house.enter(able(3, "carol")).await;
    bob.send(To::Everyone, keep(1, "an offer")).await;
    let [own, theirs] = open(&mut bob, &mut carol, 3).await;
    let pair: [TcpStream; 2] = [arrives(&house, own).await, arrives(&house, theirs).await];
    let (number, n) = (bob.welcome.number, bob.n);
    let back = able(2, "bob").back(&bob);

    let first = tokio::spawn(floods(bob));
    let kick = async {
        for _ in 0..heard {
            host.until(|event| matches!(event, Event::Said { from, .. } if *from == number)).await;
        }
        assert_eq!(host.ask(request(number)).await, Answer::Done);
    };
    // Now the one comes first and now the other.
    let (second, ()) = tokio::join!(returns(&house, back, n), kick);
    let first = timeout(Duration::from_secs(60), first).await.expect("the room closes it").unwrap();

    // Somebody speaks after that, which nobody who is out may hear.
    carol.text("they are gone").await;
    let events = numbered(&mut host).await;
    let at = events.iter().position(|(_, event)| matches!(event, Event::Left { member, .. } if *member == number));
    let at = at.expect("everybody hears of it");
    let left = events[at].0;
    for got in [Some(&first), second.as_ref()].into_iter().flatten() {
        assert!(got.seq < left, "event {} reached whoever was out at {left}", got.seq);
        let last = got.last.as_ref();
        assert!(matches!(last, Some(FromRoom::Ended(End::Kicked { .. } | End::Superseded))), "{last:?}");
    }
    let after = &events[at + 1..];
    assert!(!after.iter().any(|(_, event)| is_of(event, number)), "applied after that: {after:?}");
    for socket in pair {
        assert!(timeout(Duration::from_secs(60), closes(socket)).await.expect("it is closed"));
    }
    let mut dave = house.enter(who(4, "dave")).await;
    assert_eq!(kept(&dave.catch_up().await), [], "what they offered is gone");
    let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!("no answer") };
    assert!(!rows.iter().any(|row| row.member.key == key(2)));
    assert!(matches!(house.refused(who(2, "bob")).await, Refusal::Banned { .. }));
}

/// A16, with real threads. Where the kick falls differs from round to round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn case_138_after_a_kick_or_ban_nothing_reaches_the_key_and_nothing_of_it_is_applied() {
    for round in 0..500 {
        let reason = || "enough".to_owned();
        let heard = round % 60;
        if round % 2 == 0 {
            race(heard, |member| Request::Kick { member, reason: reason() }).await;
        } else {
            race(heard, |member| Request::Ban { whom: Whom::Member(member), reason: reason() }).await;
        }
    }
}

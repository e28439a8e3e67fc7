use super::{
    keeping::{keep, kept},
    peer::*,
    power::named,
};
use crate::wire::*;

async fn mute(host: &mut Member, whom: Whom, muted: bool) -> Answer {
    host.ask(Request::Mute { whom, muted }).await
}

/// Says something, and returns the room's answer to it.
async fn answer(member: &mut Member, to: To, body: Body) -> Event {
    let n = member.send(to, body).await;
    let me = member.welcome.number;
    let answers = |event: &Event| match event {
        Event::Said { from, n: m, .. } | Event::Withdrawn { from, n: m, .. } => (*from, *m) == (me, n),
        Event::Refused { n: m, .. } => *m == n,
        _ => false,
    };
    member.until(answers).await
}

fn is_refused(event: &Event) -> bool {
    matches!(event, Event::Refused { reason, .. } if reason == "not said: the host has muted you")
}

#[tokio::test(start_paused = true)]
async fn a_muted_member_says_nothing_to_everyone_and_the_rest_as_before() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    bob.send(To::Everyone, keep(1, "before")).await;
    bob.catch_up().await;
    assert_eq!(mute(&mut host, Whom::Member(2), true).await, Answer::Done);
    for member in [&mut host, &mut bob, &mut carol] {
        let told = member.until(|event| matches!(event, Event::Muted { .. })).await;
        assert_eq!(told, Event::Muted { member: 2, by: "ann".into(), muted: true });
    }
    // Acknowledged all the same, so that nothing waits for it.
    assert!(is_refused(&answer(&mut bob, To::Everyone, Body::Say(text_of("loud"))).await));
    assert!(is_refused(&answer(&mut bob, To::Everyone, keep(2, "an offer")).await));
    let to = bob.to(3);
    assert!(matches!(answer(&mut bob, to, Body::Say(text_of("psst"))).await, Event::Said { .. }));
    assert!(matches!(answer(&mut bob, to, keep(3, "for carol")).await, Event::Said { kept: Some(_), .. }));
    assert!(matches!(answer(&mut bob, To::Everyone, Body::Withdraw { tag: 1 }).await, Event::Withdrawn { .. }));
    // A name is said to everyone, too.
    assert!(matches!(bob.ask(Request::Nick { name: "robert".into() }).await, Answer::Denied(_)));
    assert_eq!(carol.texts().await, ["psst", "for carol"]);
    assert_eq!(host.texts().await, [""; 0]);
    host.text("still heard").await;
    assert_eq!(bob.texts().await, ["still heard"]);
    let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!("no answer") };
    assert_eq!(rows.iter().map(|row| row.muted).collect::<Vec<_>>(), [false, true, false]);
    // What was refused is not kept for those who come later.
    let mut dave = house.enter(who(4, "dave")).await;
    assert_eq!(kept(&dave.catch_up().await), []);
}

#[tokio::test(start_paused = true)]
async fn a_mute_is_the_keys_and_lasts_over_breaks_and_new_instances_until_it_is_lifted() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    mute(&mut host, named("BOB"), true).await;
    bob.catch_up().await;
    let stood = who(2, "bob").back(&bob);
    drop(bob);
    let mut back = house.enter(stood).await;
    assert!(is_refused(&answer(&mut back, To::Everyone, Body::Say(text_of("loud"))).await));
    let mut other = house.enter(who(2, "robert").instance(7)).await;
    assert!(is_refused(&answer(&mut other, To::Everyone, Body::Say(text_of("loud"))).await));
    for member in [&mut back, &mut other] {
        member.say(ToRoom::Leave).await;
        member.rest().await;
    }
    let mut again = house.enter(who(2, "bob").instance(8)).await;
    assert!(is_refused(&answer(&mut again, To::Everyone, Body::Say(text_of("loud"))).await));
    assert_eq!(host.texts().await, [""; 0]);
    assert_eq!(mute(&mut host, named("bob"), false).await, Answer::Done);
    again.until(|event| matches!(event, Event::Muted { muted: false, .. })).await;
    assert!(matches!(answer(&mut again, To::Everyone, Body::Say(text_of("hello"))).await, Event::Said { .. }));
    assert_eq!(host.texts().await, ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_or_has_left_can_be_muted_and_unmuted_by_name() {
    let config = config();
    config.guests.let_in(&key(5), "erin").unwrap();
    let (house, mut host) = House::private(config).await;
    let (mut dave, _) = house.call(who(4, "dave")).await;
    for name in ["dave", "erin"] {
        assert_eq!(mute(&mut host, named(name), true).await, Answer::Done);
    }
    host.ask(Request::Admit { name: "dave".into() }).await;
    let welcome = dave.hear().await.unwrap();
    dave.welcomed(welcome);
    assert!(is_refused(&answer(&mut dave, To::Everyone, Body::Say(text_of("loud"))).await));
    let mut erin = house.enter(who(5, "erin")).await;
    assert!(is_refused(&answer(&mut erin, To::Everyone, Body::Say(text_of("loud"))).await));
    dave.say(ToRoom::Leave).await;
    dave.rest().await;
    assert_eq!(mute(&mut host, named("dave"), false).await, Answer::Done);
    let mut dave = house.enter(who(4, "dave").instance(9)).await;
    assert!(matches!(answer(&mut dave, To::Everyone, Body::Say(text_of("hi"))).await, Event::Said { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_mute_of_nobody_or_twice_says_so() {
    let (house, mut host) = House::public(config()).await;
    let _bob = house.enter(who(2, "bob")).await;
    let denied = |reason: &str| Answer::Denied(reason.to_owned());
    assert_eq!(mute(&mut host, Whom::Member(99), true).await, denied("they are not here"));
    assert_eq!(mute(&mut host, named("nobody"), true).await, denied("nobody called nobody is or was here"));
    assert_eq!(mute(&mut host, Whom::Member(2), false).await, denied("they are not muted"));
    assert_eq!(mute(&mut host, Whom::Member(2), true).await, Answer::Done);
    assert_eq!(mute(&mut host, Whom::Member(2), true).await, denied("they are muted already"));
    assert_eq!(mute(&mut host, named("ann"), true).await, denied("the host cannot be muted"));
}

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, advance, timeout};

use super::{
    codes::{RIGHT, WRONG, begin, code, coded, prove, refused, with_code},
    peer::*,
};
use crate::{code::Code, wire::*};

/// One of many callers: each has a key and an address of its own.
fn one_of_many(number: u32) -> Who {
    let mut caller = who(9, "guest");
    let bytes = number.to_be_bytes();
    caller.key.0[..4].copy_from_slice(&bytes);
    caller.hello.instance.0[..4].copy_from_slice(&bytes);
    caller.address = Some(Ipv4Addr::from(number | 0x0b00_0000).into());
    caller
}

fn is_guesses(event: &Event) -> bool {
    matches!(event, Event::Guesses { .. })
}

/// Who is in the room.
async fn present(host: &mut Member) -> usize {
    let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!("no answer") };
    rows.len()
}

#[tokio::test(start_paused = true)]
async fn cases_25_and_26_whatever_is_out_of_turn_around_the_proof_closes_and_gets_nobody_in() {
    let envelope = || {
        let body = Body::Say(text_of("in"));
        ToRoom::Envelope(Envelope { n: 1, prev: 0, to: To::Everyone, body })
    };
    let again = || ToRoom::Hello(with_code(who(2, "bob"), &code(RIGHT)).0.hello);
    let confirm = ToRoom::Confirm(Confirmation([7; 32]));
    let (house, mut host) = House::private(coded()).await;

    // Before the Hello.
    let mut bob = house.connect(&who(2, "bob"));
    bob.say(confirm.clone()).await;
    bob.say(again()).await;
    assert_eq!(bob.rest().await, []);

    // Instead of the confirmation.
    let ask = ToRoom::Ask(Request::Who { after: 0 });
    for (at, frame) in
        [again(), envelope(), ask, ToRoom::Leave, ToRoom::Ping(1), ToRoom::Pong(1)].into_iter().enumerate()
    {
        let mut bob = begin(&house, who(2, "bob").from(&format!("10.1.0.{at}")), RIGHT).await;
        let confirmation = bob.confirmation();
        bob.member.say(frame.clone()).await;
        // Too late now, though it is right.
        bob.member.say(confirmation).await;
        assert_eq!(bob.member.rest().await, [], "{frame:?}");
    }

    // A second try on the same connection.
    let mut bob = begin(&house, who(2, "bob").from("10.1.0.50"), RIGHT).await;
    let confirmation = bob.confirmation();
    bob.member.say(confirm.clone()).await;
    bob.member.say(confirmation).await;
    assert_eq!(bob.member.rest().await, [FromRoom::Refused(Refusal::WrongCode)]);

    // At the door, and inside.
    let mut bob = house.call(who(2, "bob")).await.0;
    bob.say(confirm.clone()).await;
    assert_eq!(bob.rest().await, []);
    let (mut bob, _) = prove(&house, who(3, "bob"), RIGHT).await;
    bob.say(confirm).await;
    bob.text("too late").await;
    assert!(!bob.rest().await.iter().any(|frame| matches!(frame, FromRoom::Ended(_))));

    assert_eq!(host.texts().await, [""; 0]);
    assert_eq!(present(&mut host).await, 2, "ann, and bob who was in already");
}

#[tokio::test(start_paused = true)]
async fn who_begins_a_proof_and_then_is_silent_is_closed_at_the_deadline() {
    let (house, _host) = House::private(coded()).await;
    let start = Instant::now();
    let mut bob = begin(&house, who(2, "bob"), RIGHT).await;
    assert!(matches!(bob.answer, FromRoom::Code(_)));
    assert_eq!(bob.member.rest().await, []);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn case_21_an_element_that_no_honest_end_sends_closes_before_any_answer() {
    let (house, mut host) = House::private(coded()).await;
    let mut identity = [0; 32];
    identity[0] = 1;
    // A point of order eight, from <https://cr.yp.to/ecdh.html>, one of order four, and what encodes no point.
    let order_eight = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let order_eight = data_encoding::HEXLOWER.decode(order_eight.as_bytes()).unwrap().try_into().unwrap();
    for (at, element) in [identity, order_eight, [0; 32], [0xff; 32], [2; 32]].into_iter().enumerate() {
        let bob = who(2, "bob").from(&format!("10.1.0.{at}")).otherwise(Otherwise::Code(Element(element)));
        let mut peer = house.connect(&bob);
        peer.say(ToRoom::Hello(bob.hello)).await;
        assert_eq!(peer.rest().await, [], "{at}");
    }
    assert_eq!(present(&mut host).await, 1);
}

#[tokio::test(start_paused = true)]
async fn case_24_a_proof_that_was_right_proves_nothing_the_next_time() {
    let (house, mut host) = House::private(coded()).await;
    // The very same connection, as far as the room can tell.
    let (caller, joiner) = with_code(who(2, "bob"), &code(RIGHT));
    let (mut bob, FromRoom::Code(element)) = house.call(caller.clone()).await else { panic!("no element") };
    let (_, confirmation) = joiner.finish(&element).unwrap();
    bob.say(ToRoom::Confirm(confirmation)).await;
    assert!(matches!(bob.hear().await, Some(FromRoom::Confirmed(_))));
    host.until(|event| matches!(event, Event::Invited { .. })).await;
    host.ask(Request::Kick { member: 2, reason: String::new() }).await;
    advance(Duration::from_secs(700)).await;
    let (mut again, FromRoom::Code(_)) = house.call(caller).await else { panic!("no element") };
    again.say(ToRoom::Confirm(confirmation)).await;
    assert_eq!(again.rest().await, [FromRoom::Refused(Refusal::WrongCode)]);
}

#[tokio::test(start_paused = true)]
async fn case_27_who_guesses_waits_ever_longer_others_do_not_and_the_host_hears_of_it_once() {
    let (house, mut host) = House::private(coded()).await;
    let from = |of: u8, address: &str| who(of, "guest").from(address);
    for of in 10..13 {
        assert_eq!(refused(&house, from(of, "10.0.9.9"), WRONG).await, Some(Refusal::WrongCode));
    }
    let told = Event::Guesses { address: Some([10, 0, 9, 9].into()), tries: 3, others: 0 };
    assert_eq!(host.until(is_guesses).await, told);
    // Whatever the key, and although it is the right one now.
    assert_eq!(refused(&house, from(20, "10.0.9.9"), RIGHT).await, Some(Refusal::Guesses { secs: 21 }));
    assert_eq!(refused(&house, from(20, "::ffff:10.0.9.9"), RIGHT).await, Some(Refusal::Guesses { secs: 21 }));
    // Addresses that one caller has for the asking are one.
    for of in 30..33 {
        let address = format!("2001:db8:0:1::{of}");
        assert_eq!(refused(&house, from(of, &address), WRONG).await, Some(Refusal::WrongCode));
    }
    let same = from(33, "2001:db8:0:1:ffff::1");
    assert!(matches!(refused(&house, same, RIGHT).await, Some(Refusal::Guesses { .. })));
    // Others wait for nothing, and who waits may knock.
    for caller in [from(40, "10.0.9.8"), from(41, "2001:db8:0:2::1")] {
        assert_eq!(refused(&house, caller, RIGHT).await, None);
    }
    assert!(matches!(house.call(from(42, "10.0.9.9")).await.1, FromRoom::Waiting { .. }));
    // After the wait a guess is looked at, and a wrong one makes it longer.
    assert!(!host.live(Duration::from_secs(21)).await.iter().any(is_guesses));
    assert_eq!(refused(&house, from(50, "10.0.9.9"), WRONG).await, Some(Refusal::WrongCode));
    assert_eq!(refused(&house, from(51, "10.0.9.9"), RIGHT).await, Some(Refusal::Guesses { secs: 41 }));
    assert!(!host.live(Duration::from_secs(41)).await.iter().any(is_guesses));
    assert_eq!(refused(&house, from(52, "10.0.9.9"), RIGHT).await, None);
    assert_eq!(
        refused(&house, from(53, "10.0.9.9"), WRONG).await,
        Some(Refusal::WrongCode),
        "what it had before is forgotten"
    );
    assert!(!host.events().await.iter().any(is_guesses), "told once");
}

#[tokio::test(start_paused = true)]
async fn case_27_a_thousand_addresses_that_guess_slowly_are_told_once_in_ten_minutes() {
    let (house, mut host) = House::private(coded()).await;
    let start = Instant::now();
    let mut told = Vec::new();
    for number in 0..200 {
        assert_eq!(refused(&house, one_of_many(number), WRONG).await, Some(Refusal::WrongCode));
        told.extend(host.events().await.into_iter().filter(is_guesses));
        advance(Duration::from_secs(6)).await;
    }
    assert_eq!(start.elapsed().as_secs() / 600, 2);
    let counts = told.iter().map(|event| if let Event::Guesses { others, .. } = event { *others } else { 0 });
    assert_eq!(counts.collect::<Vec<_>>(), [9, 99], "the tenth, and the hundredth after that");
}

#[tokio::test(start_paused = true)]
async fn a_guess_that_is_given_up_half_way_counts() {
    let (house, _host) = House::private(coded()).await;
    for of in 10..13 {
        let bob = begin(&house, who(of, "guest").from("10.0.9.9"), RIGHT).await;
        assert!(matches!(bob.answer, FromRoom::Code(_)));
    }
    let last = refused(&house, who(13, "guest").from("10.0.9.9"), RIGHT).await;
    assert!(matches!(last, Some(Refusal::Guesses { .. })), "{last:?}");
}

/// Of A9, a hundredth part, through a whole room each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_wrong_codes_from_everywhere_none_gets_in() {
    let (house, mut host) = House::private(coded()).await;
    let right = code(RIGHT);
    let guesses = stream::iter(0..GUESSES).map(|number| {
        let house = &house;
        let right = right.shown();
        async move {
            let guess = Code::generate().unwrap();
            assert_ne!(guess.shown(), right, "with 33 bits this does not happen");
            refused(house, one_of_many(number), guess.shown()).await
        }
    });
    let verdicts: Vec<_> = guesses.buffer_unordered(64).collect().await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Some(Refusal::WrongCode)).count(), GUESSES as usize);
    assert_eq!(present(&mut host).await, 1);
    assert_eq!(host.ask(Request::Knocks).await, Answer::Knocks(Vec::new()));
    assert_eq!(refused(&house, who(2, "bob"), RIGHT).await, None, "the right one still does");
}

const GUESSES: u32 = 10_000;

/// Somebody who sits between a joiner and the room with a key of its own passes everything on. The two connections
/// have another exporter each.
#[tokio::test(start_paused = true)]
async fn case_23_whoever_passes_on_a_proof_gets_nobody_in_and_convinces_nobody() {
    let (house, mut host) = House::private(coded()).await;
    for round in 0..200 {
        let middle = Who { exporter: [2; 32], ..one_of_many(round) };
        // What the joiner sends to whoever it takes for the room: its key and that connection go in.
        let victim = Who { exporter: [1; 32], key: key(5), ..middle.clone() };
        let seen = crate::code::pake::Ends { exporter: victim.exporter, joiner: victim.key, host: middle.key };
        let (joiner, element) = crate::code::pake::Joiner::start(&code(RIGHT), &seen);
        let (mut link, answer) = house.call(middle.clone().otherwise(Otherwise::Code(element))).await;
        let FromRoom::Code(theirs) = answer else { panic!("{answer:?}") };
        let (doubting, confirmation) = joiner.finish(&theirs).unwrap();
        link.say(ToRoom::Confirm(confirmation)).await;
        assert_eq!(link.rest().await, [FromRoom::Refused(Refusal::WrongCode)]);
        // All that the one in the middle has to show for it.
        assert!(!doubting.believes(&confirmation));
    }
    assert_eq!(present(&mut host).await, 1);
    // With one connection and one pair of keys the same steps are right.
    assert_eq!(refused(&house, who(5, "victim"), RIGHT).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_proof_for_another_key_or_another_connection_is_wrong() {
    let (house, _host) = House::private(coded()).await;
    let made_for = [Who { exporter: [9; 32], ..who(2, "bob") }, who(3, "bob")];
    for (at, other) in made_for.into_iter().enumerate() {
        let (other, joiner) = with_code(other, &code(RIGHT));
        let bob = who(2, "bob").from(&format!("10.1.0.{at}")).otherwise(other.hello.otherwise);
        let (mut link, FromRoom::Code(element)) = house.call(bob).await else { panic!("no element") };
        let (_, confirmation) = joiner.finish(&element).unwrap();
        link.say(ToRoom::Confirm(confirmation)).await;
        assert_eq!(link.rest().await, [FromRoom::Refused(Refusal::WrongCode)]);
    }
}

#[tokio::test(start_paused = true)]
async fn guessers_do_not_hold_up_those_who_are_in() {
    let (house, mut host) = House::private(coded()).await;
    let mut bob = prove(&house, who(2, "bob"), RIGHT).await.0;
    // As many proofs as there are, none of them finished.
    let open: Vec<_> = stream::iter(0..500).then(|number| begin(&house, one_of_many(number), WRONG)).collect().await;
    let start = Instant::now();
    bob.text("hello").await;
    let heard = timeout(Duration::from_secs(1), host.until(|event| matches!(event, Event::Said { .. }))).await;
    assert!(heard.is_ok() && start.elapsed().is_zero());
    drop(open);
    let from: IpAddr = [10, 0, 9, 9].into();
    assert_eq!(refused(&house, who(3, "carol").from(&from.to_string()), RIGHT).await, None);
}

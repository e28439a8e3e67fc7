use super::peer::*;
use crate::wire::*;

fn envelope(n: u64, prev: u64, command: &str) -> ToRoom {
    let said = Said { command: command.into(), payload: "x".into() };
    ToRoom::Envelope(Envelope { n, prev, to: To::Everyone, body: Body::Say(said) })
}

/// Every way in which a member that has said two lines may break the order, and what a long or odd one is.
fn violations() -> Vec<ToRoom> {
    let long = |len| Said { command: "chat".into(), payload: vec![0; len].into() };
    let all = |body| ToRoom::Envelope(Envelope { n: 3, prev: 0, to: To::Everyone, body });
    vec![
        envelope(2, 1, "chat"),
        envelope(1, 0, "chat"),
        envelope(0, 0, "chat"),
        envelope(4, 0, "chat"),
        envelope(u64::MAX, 0, "chat"),
        envelope(3, 3, "chat"),
        envelope(3, u64::MAX, "chat"),
        envelope(3, 0, ""),
        envelope(3, 0, "TEXT"),
        envelope(3, 0, "te xt"),
        envelope(3, 0, "\u{1b}[2J"),
        envelope(3, 0, "../x"),
        envelope(3, 0, &"x".repeat(MAX_COMMAND_LEN + 1)),
        all(Body::Say(long(MAX_PAYLOAD_LEN + 1))),
        all(Body::Keep { tag: 1, said: long(MAX_KEPT_LEN + 1) }),
        ToRoom::Hello(who(2, "bob").hello),
    ]
}

#[tokio::test(start_paused = true)]
async fn case_47_frames_out_of_order_or_form_close_that_link_and_reach_nobody() {
    for violation in violations() {
        let (house, mut host) = House::public(config()).await;
        let mut bob = house.enter(who(2, "bob")).await;
        bob.text("one").await;
        bob.text("two").await;
        bob.say(violation.clone()).await;
        bob.say(envelope(3, 0, "chat")).await;
        let rest = bob.rest().await;
        assert!(!rest.iter().any(|frame| matches!(frame, FromRoom::Ended(_))), "{violation:?}");
        assert_eq!(host.texts().await, ["one", "two"], "{violation:?}");
        let back = house.enter(who(2, "bob").back(&bob)).await;
        assert_eq!((back.welcome.accepted, back.welcome.number), (2, bob.welcome.number));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_message_and_the_longest_command_name_pass() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let said = Said { command: "x".repeat(MAX_COMMAND_LEN), payload: vec![7; MAX_PAYLOAD_LEN].into() };
    bob.send(To::Everyone, Body::Say(said.clone())).await;
    loop {
        if let Event::Said { said: heard, .. } = host.event().await {
            break assert_eq!(heard, said);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_47_a_hello_with_numbers_at_the_end_of_their_range_harms_nobody() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = who(2, "bob");
    bob.hello.next = u64::MAX;
    let mut peer = house.enter(bob.clone()).await;
    peer.say(envelope(u64::MAX, 0, "chat")).await;
    assert!(matches!(peer.event().await, Event::Said { n: u64::MAX, .. }));
    peer.say(envelope(0, 0, "chat")).await;
    assert_eq!(peer.rest().await, []);
    let (mut again, answer) = house.call(bob).await;
    assert!(matches!(answer, FromRoom::Welcome(Welcome { accepted: u64::MAX, .. })));
    again.say(envelope(1, 0, "chat")).await;
    again.rest().await;
    let mut zero = who(3, "carol");
    zero.hello.next = 0;
    let mut peer = house.connect(&zero);
    peer.say(ToRoom::Hello(zero.hello)).await;
    assert_eq!(peer.rest().await, []);
    assert_eq!(host.texts().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_47_a_resume_point_that_cannot_be_is_refused() {
    let (house, mut host) = House::public(config()).await;
    host.text("before bob").await;
    host.catch_up().await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.catch_up().await;
    let epoch = bob.welcome.epoch;
    let (entered, seq) = (bob.welcome.seq, bob.seq);
    for (seq, count, next) in [
        (0, 0, 1),
        (entered - 1, 0, 1),
        (u64::MAX, 1, 1),
        (seq + 1, 1, 1),
        (seq, u64::MAX, 1),
        (seq, seq - entered + 1, 1),
        (seq, 0, u64::MAX),
        (seq, 0, 3),
    ] {
        let mut hello = who(2, "bob").hello;
        (hello.resume, hello.next) = (Some(Resume { epoch, seq, count }), next);
        let mut peer = house.connect(&who(2, "bob"));
        peer.say(ToRoom::Hello(hello)).await;
        assert_eq!(peer.rest().await, [], "{seq} {count} {next}");
    }
    bob.text("still here").await;
    assert_eq!(host.texts().await, ["still here"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_what_was_said_before_it_entered_by_claiming_to_come_back() {
    let (house, mut host) = House::public(config()).await;
    host.text("before bob").await;
    host.catch_up().await;
    let bob = house.enter(who(2, "bob")).await;
    let mut hello = who(2, "bob").hello;
    hello.resume = Some(Resume { epoch: bob.welcome.epoch, seq: 0, count: 0 });
    let mut peer = house.connect(&who(2, "bob"));
    peer.say(ToRoom::Hello(hello.clone())).await;
    assert_eq!(peer.rest().await, []);
    // Nor as somebody whom the room does not know.
    let mut carol = who(3, "carol");
    carol.hello = Hello { instance: Instance([3; 16]), ..hello };
    let mut peer = house.enter(carol).await;
    assert!(!peer.welcome.resumed);
    assert_eq!(peer.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_envelope_to_somebody_unknown_or_oneself_is_refused_to_its_sender_alone() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for to in [bob.to(9), bob.to(2)] {
        let n = bob.send(to, Body::Say(text_of("hm"))).await;
        assert!(matches!(bob.event().await, Event::Refused { n: m, .. } if m == n));
    }
    assert_eq!(host.texts().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn cases_41_and_45_nonsense_closes_the_link_and_the_seat_stays() {
    for bytes in [&[0, 0, 0, 1, 99][..], &[0, 0, 0, 0], &[0xff; 8], &[0, 0, 0, 5, 2, 2, 2, 0xff, 0xff]] {
        let (house, mut host) = House::public(config()).await;
        let mut bob = house.enter(who(2, "bob")).await;
        bob.bytes(bytes).await;
        assert_eq!(bob.rest().await, []);
        let Answer::Who { rows, .. } = host.ask(Request::Who { after: 0 }).await else { panic!() };
        assert!(rows.len() == 2 && rows[1].away);
    }
}

#[tokio::test(start_paused = true)]
async fn case_141_what_the_host_alone_may_do_is_denied_to_others() {
    let (house, mut host) = House::public(config()).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let member = host.welcome.number;
    for request in [
        Request::Kick { member, reason: "x".into() },
        Request::Kick { member: bob.welcome.number, reason: "x".into() },
        Request::Knocks,
        Request::Admit { name: "x".into() },
        Request::Decline { name: "x".into() },
        Request::Move { port: 1 },
    ] {
        assert!(matches!(bob.ask(request.clone()).await, Answer::Denied(_)), "{request:?}");
    }
    bob.text("still here").await;
    assert_eq!(host.texts().await, ["still here"]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_move_says_so() {
    let (_house, mut host) = House::public(config()).await;
    assert!(matches!(host.ask(Request::Move { port: 5001 }).await, Answer::Denied(_)));
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_answer_would_not_fit_is_answered_nevertheless() {
    let (_house, mut host) = House::public(config()).await;
    let name = "x".repeat(MAX_FRAME_LEN - 16);
    for request in [
        Request::Admit { name: name.clone() },
        Request::Decline { name: name.clone() },
        Request::Find { name: name.clone() },
        Request::Names { prefix: name.clone() },
        Request::Nick { name },
    ] {
        host.ask(request).await;
    }
}

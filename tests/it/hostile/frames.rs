//! Members who break the protocol on the link of a seat they have.

use std::io::Write;

use pchat::wire::{
    Body, Departure, Envelope, Event, FromRoom, MAX_COMMAND_LEN, MAX_FRAME_LEN, MAX_KEPT_LEN, MAX_PAYLOAD_LEN, Said,
    To, ToRoom, encode,
};

use super::{Scene, peer::line};
use crate::support::{Home, Pchat, Proxy};

/// A frame with any body.
fn framed(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// The body of an envelope for everyone up to the text, whose number is 99.
const ENVELOPE: &[u8] = &[1, 99, 0, 0, 0];

/// Sends each of these on a link of a member that has said something, and checks that the room ends this link without
/// a word and applies nothing that follows, while the member keeps its seat and nobody else notices.
fn each_closes(breaches: impl IntoIterator<Item = Vec<u8>>) {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let number = peer.welcome.number;
    let mut count = 0;
    for bytes in breaches {
        let n = peer.text("before");
        // Heard back: whoever comes again says what it was told to have been accepted, and no more.
        peer.expect_line("before");
        let shown = format!("{:?}", &bytes[..bytes.len().min(40)]);
        peer.bytes(&bytes);
        peer.text("after");
        let rest = peer.rest();
        assert!(!rest.iter().any(|frame| matches!(frame, FromRoom::Ended(_) | FromRoom::Answer(_))), "{shown}");
        peer.n = n;
        peer = peer.again(scene.port);
        peer.knock();
        assert_eq!((peer.welcome.number, peer.welcome.accepted, peer.welcome.resumed), (number, n, true), "{shown}");
        count += 1;
    }
    let events = scene.witness.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Left { .. } | Event::Renamed { .. })), "{events:?}");
    let said = events.iter().filter_map(|event| match event {
        Event::Said { said, .. } => Some(&said.payload[..]),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), vec![&b"before"[..]; count]);
    scene.still_works();
}

#[test]
fn case_37_lengths_that_cannot_be_close_the_link() {
    let lens = [0, MAX_FRAME_LEN as u32 + 1, 0x0100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    // Nothing follows but a byte: the length alone decides.
    each_closes(lens.map(|len| [&len.to_be_bytes()[..], &[0]].concat()));
}

#[test]
fn case_38_a_frame_cut_after_any_byte_is_a_break_and_no_departure() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let number = peer.welcome.number;
    let frame = encode(&ToRoom::Envelope(Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(line("cut")) }));
    let frame = frame.expect("it fits");
    for len in 0..frame.len() {
        peer.bytes(&frame[..len]);
        peer.link.wire.finish(len % 2 == 0);
        let rest = peer.rest();
        assert!(!rest.iter().any(|frame| matches!(frame, FromRoom::Ended(_))), "{rest:?}");
        peer = peer.again(scene.port);
        peer.knock();
        assert_eq!((peer.welcome.number, peer.welcome.accepted), (number, 0), "after {len} bytes");
    }
    peer.bytes(&frame);
    scene.witness.expect_line("cut");
    let events = scene.witness.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Left { .. } | Event::Joined(_))), "{events:?}");
    scene.still_works();
}

#[test]
fn case_39_a_byte_a_segment_and_a_thousand_frames_in_one_are_the_same() {
    let mut scene = Scene::with(&["--rate", "off"]);
    let mut peer = scene.enter("mallory");
    let frames: Vec<u8> = (1..=1_000_u64)
        .flat_map(|n| {
            let body = Body::Say(line(format!("line {n}")));
            encode(&ToRoom::Envelope(Envelope { n, prev: n - 1, to: To::Everyone, body })).expect("it fits")
        })
        .collect();
    let (slow, fast) = frames.split_at(200);
    slow.iter().for_each(|byte| peer.bytes(&[*byte]));
    peer.bytes(fast);
    peer.n = 1_000;
    peer.expect_line("line 1000");
    assert_eq!(scene.witness.lines(), (1..=1_000).map(|n| format!("line {n}")).collect::<Vec<_>>());
    scene.still_works();
}

#[test]
fn case_40_half_a_frame_waits_for_its_other_half_while_others_talk() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    // The room's first ping is answered by then; an answer would not fit into the middle of a frame.
    peer.events();
    for n in 2..=20 {
        let body = Body::Say(line(format!("line {n}")));
        let frame = encode(&ToRoom::Envelope(Envelope { n, prev: 0, to: To::Everyone, body })).expect("it fits");
        let (start, rest) = frame.split_at(n as usize);
        peer.bytes(start);
        // The room writes to this link in the middle of the frame that it reads from it.
        scene.witness.text(format!("meanwhile {n}"));
        peer.expect_line(&format!("meanwhile {n}"));
        peer.bytes(rest);
        scene.witness.expect_line(&format!("line {n}"));
    }
    scene.still_works();
}

#[test]
fn case_41_unknown_frames_and_known_ones_out_of_place_close_the_link() {
    let mut breaches: Vec<Vec<u8>> = [
        &[6][..],
        &[0x7f],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        // An envelope to nobody known, and one that asks for nothing known.
        &[1, 99, 0, 2],
        &[1, 99, 0, 0, 3],
        // Questions that there are not.
        &[2, 12],
        &[2, 99],
    ]
    .map(framed)
    .into();
    let hello = Scene::new().enter("bob").hello;
    breaches.push(encode(&ToRoom::Hello(hello)).expect("it fits").to_vec());
    each_closes(breaches);
}

#[test]
fn case_42_bytes_left_over_and_numbers_longer_than_needed_close_the_link() {
    let ping = [4, 1];
    each_closes(
        [
            &[&ping[..], &[0]].concat()[..],
            &[&ping[..], &ping].concat(),
            &[4, 0x81, 0x00],
            &[0x84, 0x00, 1],
            &[3, 3],
            &[ENVELOPE, &[0x84, 0x00], b"text", &[1, b'x']].concat(),
        ]
        .map(framed),
    );
}

#[test]
fn case_43_counts_far_above_what_is_there_close_the_link() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    each_closes([
        framed([ENVELOPE, &huge, b"text"].concat()),
        framed([ENVELOPE, &most, b"text"].concat()),
        framed([ENVELOPE, &[4], b"text", &huge, b"x"].concat()),
        framed([&[2, 3][..], &most, b"x"].concat()),
    ]);
}

#[test]
fn case_44_the_longest_frame_of_one_byte_repeated_closes_the_link_and_nests_nothing() {
    each_closes([0_u8, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff].map(|byte| framed(vec![byte; MAX_FRAME_LEN])));
}

#[test]
fn case_45_text_that_is_no_text_closes_the_link() {
    let odd: [&[u8]; 6] = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"a\x80"];
    each_closes(odd.iter().flat_map(|odd| {
        let len = [odd.len() as u8];
        // As the name of a command, and as a name wished for.
        [framed([ENVELOPE, &len, odd, &[1, b'x']].concat()), framed([&[2, 3][..], &len, odd].concat())]
    }));
}

#[test]
fn case_46_numbers_beyond_their_type_close_the_link() {
    let beyond_u64 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    let endless = [0x80; 64];
    each_closes([
        // A number of 65 bits as that of a ping, one that never ends, one of 33 bits as a mark, one of 17 as a port.
        framed([&[4][..], &beyond_u64].concat()),
        framed([&[4][..], &endless].concat()),
        framed([&[1, 99, 0, 0, 2][..], &[0xff, 0xff, 0xff, 0xff, 0x1f]].concat()),
        framed([2, 9, 0x80, 0x80, 0x04]),
        framed([&[2, 0][..], &[0xff, 0xff, 0xff, 0xff, 0x1f]].concat()),
    ]);
}

#[test]
fn case_47_numbers_and_words_that_cannot_be_close_the_link() {
    let envelope = |n, prev, body| encode(&ToRoom::Envelope(Envelope { n, prev, to: To::Everyone, body }));
    let said = |command: &str, len| Said { command: command.to_owned(), payload: vec![b'x'; len].into() };
    let mut breaches = Vec::new();
    // Each comes after one that was accepted, so the next number is 2, 3, 4 ...
    for (next, (n, prev)) in (2..).zip([(1, 0), (0, 0), (5, 0), (u64::MAX, 0), (6, 6), (7, u64::MAX)]) {
        assert!(n != next || prev >= n);
        breaches.push(envelope(n, prev, Body::Say(said("text", 1))));
    }
    let long = "x".repeat(MAX_COMMAND_LEN + 1);
    for (next, command) in (8..).zip(["", "TEXT", "te xt", "\x1b[2J", "../x", "t\0", &long]) {
        breaches.push(envelope(next, 0, Body::Say(said(command, 1))));
    }
    breaches.push(envelope(15, 0, Body::Say(said("text", MAX_PAYLOAD_LEN + 1))));
    breaches.push(envelope(16, 0, Body::Keep { tag: 1, said: said("text", MAX_KEPT_LEN + 1) }));
    each_closes(breaches.into_iter().map(|frame| frame.expect("it fits").to_vec()));
}

#[test]
fn case_48_every_way_to_end_but_a_goodbye_is_a_break() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    for way in 0..3 {
        match way {
            0 | 1 => peer.link.wire.finish(way == 0),
            _ => socket2::SockRef::from(&peer.link.wire.socket)
                .set_linger(Some(std::time::Duration::ZERO))
                .expect("a socket"),
        }
        // Dropped at once, which resets it the third time.
        peer = peer.again(scene.port);
        peer.knock();
        assert!(peer.welcome.resumed);
    }
    assert!(!scene.witness.events().iter().any(|event| matches!(event, Event::Left { .. })));
    peer.say(&ToRoom::Leave);
    assert!(!peer.rest().iter().any(|frame| matches!(frame, FromRoom::Ended(_))));
    scene
        .witness
        .expect_event("that it left", |event| matches!(event, Event::Left { how: Departure::Quit, .. }).then_some(()));
    scene.still_works();
}

#[test]
fn case_48_a_connection_that_ends_without_goodbye_is_a_break_and_no_departure() {
    let mut scene = Scene::new();
    let bob = Home::new();
    let proxy = Proxy::to(scene.port);
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    scene.host.out.expect("* bob joined");
    // The proxy ends both directions of TCP in good order, but no TLS close_notify is sent.
    proxy.cut();
    member.out.expect("* connected again");
    member.say("still here");
    scene.host.out.expect("bob: still here");
    scene.witness.expect_line("still here");
    assert!(!scene.host.out.so_far().iter().any(|line| line == "* bob left"));
    scene.still_works();
}

#[test]
fn case_49_bytes_that_tls_did_not_protect_close_the_link() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let forged: [&[u8]; 4] = [
        // A record of data that nobody encrypted, one too long, plain text, an alert in plain text.
        &[&[23, 3, 3, 0, 32][..], &[7; 32]].concat(),
        &[23, 3, 3, 0xff, 0xff],
        b"GET / HTTP/1.1\r\n\r\n",
        &[21, 3, 3, 0, 2, 1, 0],
    ];
    for bytes in forged {
        let n = peer.text("before");
        peer.expect_line("before");
        peer.link.wire.socket.write_all(bytes).expect("it reads");
        peer.rest();
        peer = peer.again(scene.port);
        peer.knock();
        assert_eq!((peer.welcome.accepted, peer.welcome.resumed), (n, true), "{bytes:?}");
    }
    assert_eq!(scene.witness.lines(), ["before"; 4]);
    scene.still_works();
}

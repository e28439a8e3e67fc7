//! Somebody who is put out, in the middle of everything that a member can do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

use pchat::{
    transfer::message::{Message, Offer},
    wire::{
        Answer, Body, End, Envelope, Event, FromRoom, Refusal, Request, STREAM_MAGIC, Said, To, ToRoom, Token, encode,
    },
};

use super::{
    Scene,
    peer::{Peer, instance, line},
};
use crate::support::PATIENCE;

fn end(port: u16, token: Token) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the room listens");
    stream.write_all(&[&STREAM_MAGIC[..], &token.0].concat()).expect("it reads");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

#[test]
fn cases_138_to_140_whatever_somebody_does_while_they_are_put_out_nothing_of_it_is_applied_after() {
    let mut scene = Scene::with(&["--rate", "off"]);
    let port = scene.port;
    // One person in the room twice, with something up, a stream, and a flood of lines.
    let mut sender = scene.enter("mallory");
    let mut second = Peer::call(port, &sender.identity);
    second.hello.instance = instance();
    second.hello.name = "mallory".to_owned();
    second.knock();
    let payload =
        Message::Offer { tag: 1, offer: Offer { name: "photo.jpg".to_owned(), bytes: 5, folder: None } }.encode();
    second.envelope(To::Everyone, Body::Keep { tag: 1, said: Said { command: "sendfile".to_owned(), payload } });
    scene.host.out.expect("* mallory-2 offers photo.jpg (5 B): accept 1 / decline 1");
    let (key, target) = (scene.witness.identity.public_key(), scene.witness.hello.instance);
    let Answer::Stream { token } = second.ask(Request::Stream { key, instance: target }) else { panic!("denied") };
    let mut near = end(port, token);
    let token = scene.witness.expect_event("a token", |event| match event {
        Event::Stream { token, .. } => Some(token),
        _ => None,
    });
    let mut far = end(port, token);
    near.write_all(b"before").expect("it is open");
    let mut heard = [0; 6];
    far.read_exact(&mut heard).expect("it passes");
    let flood = thread::spawn(move || {
        let mut n = 0;
        // Until the room takes no more of it.
        while n < 1_000_000 {
            n += 1;
            let body = Body::Say(line(format!("flood {n}")));
            let frame = encode(&ToRoom::Envelope(Envelope { n, prev: 0, to: To::Everyone, body })).expect("it fits");
            if sender.link.wire.send(&frame).is_err() {
                break;
            }
        }
        sender
    });
    scene.host.out.expect("mallory: flood 100");
    scene.host.say("kick mallory enough");
    scene.host.out.expect("* mallory was put out by alice: enough");
    let mut sender = flood.join().expect("it ends");
    for peer in [&mut sender, &mut second] {
        peer.text("too late");
        let kicked = FromRoom::Ended(End::Kicked {
            by: "alice".to_owned(),
            reason: "enough".to_owned(),
            term: pchat::wire::Term::Minutes,
        });
        // One that reads nothing while it floods may be cut off before it gets to the room's last words.
        let told = peer.rest().last() == Some(&kicked);
        assert!(told || peer.link.over.is_some());
    }
    // What is half way goes no further, and what was up is not.
    assert!(matches!(far.read(&mut [0]), Ok(0) | Err(_)));
    scene.host.say("/accept 1");
    scene.host.err.expect("error: no offer has the number 1");
    // Neither a resume, nor another name and run of the program.
    assert!(matches!(sender.again(port).refused(), Refusal::Banned { .. }));
    let mut renamed = Peer::call(port, &sender.identity);
    renamed.hello.name = "innocent".to_owned();
    assert!(matches!(renamed.refused(), Refusal::Banned { .. }));
    // The order at everybody: nothing of the key after its departure.
    scene.witness.text("the end");
    scene.host.out.expect("witness: the end");
    let out = scene.host.out.so_far();
    let gone = out.iter().position(|line| line == "* mallory was put out by alice: enough").expect("it is there");
    assert!(!out[gone..].iter().any(|line| line.starts_with("mallory")), "{:?}", &out[gone..]);
    assert!(!out.iter().any(|line| line.contains("too late") || line.contains("innocent")));
    assert_eq!(scene.host.err.so_far(), ["error: no offer has the number 1"]);
}

#[test]
fn case_141_what_only_the_host_may_ask_is_denied_to_a_member_by_hand() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let witness = scene.witness.welcome.number;
    for request in [
        Request::Kick { member: 1, reason: String::new() },
        Request::Kick { member: witness, reason: "x".repeat(10_000) },
        Request::Knocks,
        Request::Admit { name: "anybody".to_owned() },
        Request::Decline { name: "anybody".to_owned() },
        Request::Move { port: 0 },
    ] {
        let answer = peer.ask(request.clone());
        assert!(matches!(answer, Answer::Denied(_)), "{request:?}: {answer:?}");
    }
    peer.text("no harm done");
    scene.witness.expect_line("no harm done");
    scene.still_works();
}

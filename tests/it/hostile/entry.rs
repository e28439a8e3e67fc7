//! Between a proved key and a seat: who is let in, as whom, and what the others may say before.

use std::fs;

use pchat::{
    trust::Identity,
    wire::{Answer, Body, End, Envelope, FromRoom, Refusal, Request, To, ToRoom, encode},
};

use super::{
    Scene,
    peer::{Peer, line, stranger},
};
use crate::support::{Home, Pchat, Proxy, Pty};

#[test]
fn case_17_ones_own_key_is_welcome_but_not_as_the_very_host() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let own = Identity::load_or_create(&alice.identity()).expect("it has one");
    let mut second = Peer::call(host.port(), &own);
    second.hello.name = "laptop".to_owned();
    second.knock();
    host.out.expect("* laptop joined");
    let Answer::Who { rows, .. } = second.ask(Request::Who { after: 0 }) else { panic!("no answer") };
    let first = rows.iter().find(|row| row.host).expect("the host is there");
    assert_eq!(first.member.key, own.public_key());
    let mut reflected = Peer::call(host.port(), &own);
    reflected.hello.instance = first.member.instance;
    assert_eq!(reflected.refused(), Refusal::Yourself);
    second.text("still here");
    host.out.expect("laptop: still here");
}

#[test]
fn cases_25_and_26_whoever_is_not_let_in_says_nothing_to_anybody() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &[]);
    let port = host.port();
    let mut witness = Peer::call(port, &Identity::load_or_create(&alice.identity()).expect("it has one"));
    witness.knock();
    let envelope = Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(line("sneaked in")) };
    for frame in [
        ToRoom::Envelope(envelope.clone()),
        ToRoom::Ask(Request::Who { after: 0 }),
        ToRoom::Ask(Request::Names { prefix: String::new() }),
        ToRoom::Ping(1),
        ToRoom::Leave,
    ] {
        // Without a Hello.
        let mut peer = Peer::call(port, &stranger());
        peer.say(&frame);
        peer.say(&ToRoom::Hello(peer.hello.clone()));
        assert_eq!(peer.rest(), [], "{frame:?}");
        // With one, and at once, before the room has said no.
        let mut peer = Peer::call(port, &stranger());
        let hello = encode(&ToRoom::Hello(peer.hello.clone())).expect("it fits");
        peer.bytes(&[hello, encode(&frame).expect("it fits")].concat());
        assert_eq!(peer.rest(), [FromRoom::Refused(Refusal::NobodyToAsk)], "{frame:?}");
    }
    // A Hello that is longer than any is.
    let mut peer = Peer::call(port, &stranger());
    peer.hello.name = "x".repeat(2_000);
    peer.say(&ToRoom::Hello(peer.hello.clone()));
    assert_eq!(peer.rest(), []);
    assert_eq!(witness.events(), []);
    assert!(!host.out.so_far().iter().any(|line| line.contains("sneaked") || line.contains("mallory")));
}

#[test]
fn cases_25_and_26_whoever_waits_at_the_door_may_only_wait() {
    let alice = Home::new();
    let (mut host, port) = Pty::host(&alice, "alice", &[]);
    let envelope = Envelope { n: 1, prev: 0, to: To::Everyone, body: Body::Say(line("sneaked in")) };
    let hello = Peer::call(port, &stranger()).hello;
    for frame in [ToRoom::Envelope(envelope), ToRoom::Ask(Request::Knocks), ToRoom::Hello(hello)] {
        let mut peer = Peer::call(port, &stranger());
        peer.hello.name = "mallory".to_owned();
        peer.say(&ToRoom::Hello(peer.hello.clone()));
        peer.expect("that it waits", |frame| matches!(frame, FromRoom::Waiting { .. }).then_some(()));
        peer.say(&ToRoom::Ping(7));
        peer.expect("a sign of life", |frame| matches!(frame, FromRoom::Pong(7)).then_some(()));
        peer.say(&frame);
        assert_eq!(peer.rest(), [], "{frame:?}");
    }
    host.line("quit");
    assert_eq!(host.wait_clean(), Some(0));
    let shown = host.raw();
    assert!(shown.contains("mallory") && !shown.contains("sneaked") && !shown.contains("mallory joined"));
}

#[test]
fn case_31_a_known_key_at_another_address_is_let_in_with_a_note() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    drop(Pchat::join(&bob, "bob", host.port(), &[]).end());
    for known in [false, true] {
        let member = Pchat::join(&bob, "bob", proxy.port, &[]);
        let note = format!("* the fingerprint of 127.0.0.1:{} is ", proxy.port);
        let noted = member.out.so_far().iter().any(|line| line.starts_with(&note));
        assert_eq!(noted, !known);
        assert_eq!(member.end().code, Some(0));
    }
}

#[test]
fn case_33_a_key_that_cannot_be_remembered_is_not_believed() {
    let alice = Home::new();
    let host = Pchat::host(&alice, "alice", &["--open"]);
    // Neither the list nor the lock beside it can be written where there is a folder of that name.
    for in_the_way in ["hosts", "hosts.lock"] {
        let bob = Home::new();
        let folder = bob.path().join(".local/share/pchat");
        fs::create_dir_all(folder.join(in_the_way)).expect("a folder");
        let ended = Pchat::knock(&bob, "bob", host.port(), &[]).end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.starts_with("error: could not ") && ended.err.contains("hosts"), "{}", ended.err);
        assert!(!ended.out.contains("you are") && !ended.out.contains("remembered"), "{}", ended.out);
    }
    assert!(!host.out.so_far().iter().any(|line| line.contains("bob")));
}

#[test]
fn case_35_the_newer_of_two_links_stays_and_the_older_is_told() {
    let mut scene = Scene::new();
    let mut first = scene.enter("bob");
    first.text("by the first");
    scene.witness.expect_line("by the first");
    let mut second = first.again(scene.port);
    second.knock();
    assert_eq!(second.welcome.number, first.welcome.number);
    assert_eq!(first.rest().last(), Some(&FromRoom::Ended(End::Superseded)));
    first.text("too late");
    second.text("by the second");
    scene.witness.expect_line("by the second");
    // The same key as another run of the program is another member, and disturbs nobody.
    let mut other = Peer::call(scene.port, &first.identity);
    other.knock();
    assert_eq!(other.welcome.name, "bob-2");
    second.text("not disturbed");
    other.expect_line("not disturbed");
    assert_eq!(scene.witness.lines(), ["not disturbed"]);
    scene.still_works();
}

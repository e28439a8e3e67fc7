//! A hostile member who offers files by hand.

use std::{fs, io::Write, net::TcpStream};

use bytes::Bytes;
use pchat::{
    net,
    transfer::message::{Contents, Message, Offer},
    wire::{Body, Event, STREAM_MAGIC, Said, To, Token},
};
use rustls::ServerConnection;

use super::{Scene, peer::Peer, wire::Wire};

fn offer(name: &str, bytes: u64) -> Offer {
    Offer { name: name.to_owned(), bytes, folder: None }
}

/// Has the room keep a message about a file, and says whether it did.
fn puts_up(peer: &mut Peer, tag: u32, payload: Bytes) -> bool {
    let said = Said { command: "sendfile".to_owned(), payload };
    let n = peer.envelope(To::Everyone, Body::Keep { tag, said });
    let me = peer.welcome.number;
    peer.expect_event("an answer of the room", |event| match event {
        Event::Said { from, n: echoed, .. } if (from, echoed) == (me, n) => Some(true),
        Event::Refused { n: refused, .. } if refused == n => Some(false),
        _ => None,
    })
}

fn offers(peer: &mut Peer, tag: u32, offer: Offer) -> bool {
    puts_up(peer, tag, Message::Offer { tag, offer }.encode())
}

fn takes_back(peer: &mut Peer, tag: u32) {
    peer.envelope(To::Everyone, Body::Withdraw { tag });
}

#[test]
fn case_83_offers_whose_names_lead_elsewhere_are_refused_and_told() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    for (tag, name) in (1..).zip([
        "../x",
        "/etc/passwd",
        "a/../../x",
        "..",
        ".",
        "//host/share",
        "C:\\x",
        "C:x",
        "\\\\?\\x",
        "a\\..\\..\\x",
        "a/b",
        "x\0y",
    ]) {
        assert!(offers(&mut peer, tag, offer(name, 5)));
        scene.host.out.expect_start("* mallory offers something under a name that is refused: ");
        scene.host.say(&format!("/accept {tag}"));
        scene.host.err.expect(&format!("error: no offer has the number {tag}"));
        takes_back(&mut peer, tag);
    }
    assert!(!scene.home.path().join("Downloads").exists());
}

#[test]
fn cases_84_and_91_names_and_sizes_of_offers_are_shown_for_what_they_are() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    let folder = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Offer { folder: Some(Contents { files: 2, folders: u32::MAX, names }), ..offer("src", 7) }
    };
    for (tag, offer, shown) in [
        (1, offer("\u{202e}gpj.exe", 5), "\"<U+202E>gpj.exe\" (5 B): accept 1 / decline 1"),
        (2, offer("a\x1b[2J\nb", 5), "\"a<U+001B>[2J<U+000A>b\" (5 B): accept 2 / decline 2"),
        (3, offer("alice: photo.jpg", 5), "alice: photo.jpg (5 B): accept 3 / decline 3"),
        (4, offer("huge", (1 << 63) - 1), "huge (8.0 EiB): accept 4 / decline 4"),
        (5, folder(&["a\n* alice left", "\x1b[2J/"]), "src/ (2 files, 7 B): accept 5 / decline 5 / files 5"),
    ] {
        assert!(offers(&mut peer, tag, offer));
        scene.host.out.expect(&format!("* mallory offers {shown}"));
    }
    scene.host.out.expect("  | a<U+000A>* alice left, <U+001B>[2J/");
    // More than any disk has.
    scene.host.say("accept 4");
    let error = scene.host.err.expect_start("error: ");
    assert!(error.contains("free"), "{error}");
    // A size that no file has, and payloads that are no message about files.
    for (tag, payload) in [
        (6, Message::Offer { tag: 6, offer: offer("x", 1 << 63) }.encode()),
        (7, Bytes::from_static(b"\xff\xff\xff")),
        (8, Bytes::new()),
    ] {
        assert!(puts_up(&mut peer, tag, payload));
        scene.host.out.expect("* mallory sent something about a file that makes no sense");
    }
    assert!(!scene.host.out.so_far().iter().any(|line| line.starts_with("* alice left")));
}

#[test]
fn case_92_offers_are_limited_and_a_number_means_one_for_ever() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    for tag in 1..=8 {
        assert!(offers(&mut peer, tag, offer(&format!("file-{tag}"), 5)));
        scene.host.out.expect_start(&format!("* mallory offers file-{tag} (5 B): accept {tag} "));
    }
    assert!(!offers(&mut peer, 9, offer("one too many", 5)));
    assert!(!offers(&mut peer, 8, offer("under the same mark", 5)));
    takes_back(&mut peer, 3);
    scene.host.out.expect("* offer 3 (file-3 (5 B) of mallory) is not up any more");
    // What comes next under that mark is another offer with another number, so a late accept hits nothing.
    assert!(offers(&mut peer, 3, offer("instead of it", 5)));
    scene.host.out.expect_start("* mallory offers instead of it (5 B): accept 9 ");
    scene.host.say("/accept 3");
    scene.host.err.expect("error: no offer has the number 3");
    for line in ["one too many", "under the same mark"] {
        assert!(!scene.host.out.so_far().iter().any(|shown| shown.contains(line)));
    }
}

/// The owner's end of the stream that somebody opens to fetch something: TLS, and the first frame read.
fn serving(peer: &Peer, port: u16, token: Token) -> Wire {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the room listens");
    socket.write_all(&[&STREAM_MAGIC[..], &token.0].concat()).expect("it reads");
    let tls = ServerConnection::new(net::stream_server_config(&peer.identity)).expect("a configuration");
    let mut wire = Wire::new(tls, socket);
    wire.shake_hands().expect("a handshake");
    wire.receive(&mut [0; 4096]).expect("what it is for");
    wire
}

#[test]
fn case_93_and_96_a_sender_that_answers_with_anything_is_left_and_nothing_is_saved() {
    let mut scene = Scene::new();
    let mut peer = scene.enter("mallory");
    assert!(offers(&mut peer, 1, offer("photo.jpg", 5)));
    scene.host.out.expect("* mallory offers photo.jpg (5 B): accept 1 / decline 1");
    let noise: Vec<u8> = (0..100_000_u32).map(|i| ((i * 7_919) >> 3) as u8).collect();
    let content = b"\x02\0\0\0\x05photo";
    for answer in [&[0xff; 64][..], &[0; 64], &[1, 0xff, 0xff, 0xff, 0xff], content, &content.repeat(1_000), &noise] {
        scene.host.say("accept 1");
        let token = peer.expect_event("a stream", |event| match event {
            Event::Stream { token, .. } => Some(token),
            _ => None,
        });
        let mut wire = serving(&peer, scene.port, token);
        let _ = wire.send(answer);
        wire.finish(true);
        scene.host.err.expect_start("error: photo.jpg from mallory was not received: ");
    }
    let saved = fs::read_dir(scene.home.path().join("Downloads/pchat"));
    let names = saved.into_iter().flatten().map(|entry| entry.expect("an entry").file_name());
    assert_eq!(names.filter(|name| !name.to_string_lossy().starts_with('.')).count(), 0);
}

//! A real room on real sockets, at which very many come, do what they do, and go: it is as it was before.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use pchat::{
    trust::Identity,
    wire::{
        Answer, Body, Element, End, Event, FEATURE_ASKABLE, FromRoom, Housekeeping, Otherwise, Refusal, Request,
        RoomStatus, STREAM_MAGIC, To, ToRoom, Token, Whom,
    },
};

use super::{
    closed,
    peer::{Peer, line, stranger},
    wire::call_from_elsewhere,
};
use crate::support::{Home, PATIENCE, Pchat};

/// A point of the right order: an element that says nothing about any code.
const POINT: Element = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    Element(bytes)
};

/// A room, the host's second connection, which may admit and put out, and a member who stays.
struct Long {
    host: Pchat,
    port: u16,
    owner: Peer,
    witness: Peer,
    /// Under how many names people have come.
    names: u32,
    _home: Home,
}

/// What has to be as before.
#[derive(Debug, PartialEq)]
struct Counts {
    descriptors: usize,
    members: u32,
    away: u32,
    kept: u32,
    streams: u32,
    held: Housekeeping,
}

impl Long {
    fn open(more: &[&str]) -> Self {
        let home = Home::new();
        let host = Pchat::host(&home, "alice", more);
        let port = host.port();
        let own = Identity::load_or_create(&home.identity()).expect("it has one");
        let mut owner = Peer::call(port, &own);
        owner.hello.name = "owner".to_owned();
        owner.hello.features |= FEATURE_ASKABLE;
        owner.knock();
        let mut witness = Peer::call(port, &own);
        witness.hello.name = "witness".to_owned();
        witness.knock();
        Self { host, port, owner, witness, names: 3, _home: home }
    }

    fn status(&mut self) -> RoomStatus {
        match self.owner.ask(Request::Status) {
            Answer::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    fn counts(&mut self) -> Counts {
        let status = self.status();
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.host.process.id())).expect("it runs").count();
        let RoomStatus { members, away, kept, streams, housekeeping, .. } = status;
        let held = Housekeeping { links: 0, ..housekeeping.expect("the host's key is told") };
        Counts { descriptors, members, away, kept, streams, held }
    }

    /// Waits until everything is as it should be.
    fn settles(&mut self, wanted: &Counts) {
        let end = Instant::now() + PATIENCE;
        loop {
            // The room answers so many a second, and no more.
            let counts = self.counts();
            if counts == *wanted {
                return;
            }
            assert!(Instant::now() < end, "it is {counts:?}, and should be {wanted:?}");
        }
    }

    /// The owner does something that works.
    fn does(&mut self, request: Request) {
        let answer = self.owner.ask(request);
        assert_eq!(answer, Answer::Done);
    }

    fn enter(&mut self, name: &str) -> Peer {
        self.names += 1;
        Peer::enter(self.port, name)
    }

    /// Somebody comes, does something, and goes.
    fn visit(&mut self, number: u32) {
        let name = format!("p{number}x");
        match number % 12 {
            0 => {
                let mut peer = self.enter(&name);
                peer.text("hello");
                peer.expect_line("hello");
                leave(peer);
            }
            1 => {
                let peer = self.enter(&name);
                let mut back = peer.again(self.port);
                drop(peer);
                back.knock();
                leave(back);
            }
            2 => {
                let mut peer = self.enter(&name);
                self.does(Request::Kick { member: peer.welcome.number, reason: String::new() });
                assert!(matches!(peer.rest().last(), Some(FromRoom::Ended(End::Kicked { .. }))));
                // It would be held for ten minutes, which this may or may not take.
                self.does(Request::Unban { key: peer.identity.public_key() });
            }
            3 => {
                let mut peer = self.enter(&name);
                self.does(Request::Ban { whom: Whom::Member(peer.welcome.number), reason: String::new() });
                self.does(Request::Unban { key: peer.identity.public_key() });
                peer.rest();
            }
            4 => {
                let peer = self.enter(&name);
                for muted in [true, false] {
                    self.does(Request::Mute { whom: Whom::Member(peer.welcome.number), muted });
                }
                leave(peer);
            }
            5 | 6 => {
                let mut peer = self.enter(&name);
                peer.envelope(To::Everyone, Body::Keep { tag: 1, said: line("an offer") });
                if number % 12 == 6 {
                    peer.envelope(To::Everyone, Body::Withdraw { tag: 1 });
                }
                leave(peer);
            }
            7 => {
                let mut peer = self.enter(&name);
                assert!(matches!(peer.ask(Request::Nick { name: format!("q{number}x") }), Answer::Name(_)));
                self.names += 1;
                leave(peer);
            }
            8 | 9 => self.stream(&name, number % 12 == 8),
            10 => {
                // From where the members come, so that nothing else is in the way of a wrong code.
                let mut peer = Peer::call(self.port, &stranger());
                peer.hello.otherwise = Otherwise::Code(POINT);
                let hello = ToRoom::Hello(peer.hello.clone());
                peer.say(&hello);
                match peer.hear() {
                    Some(FromRoom::Code(_)) => {
                        peer.say(&ToRoom::Confirm(pchat::wire::Confirmation([7; 32])));
                        assert_eq!(peer.hear(), Some(FromRoom::Refused(Refusal::WrongCode)));
                    }
                    Some(FromRoom::Refused(Refusal::Guesses { .. })) => {}
                    other => panic!("{other:?}"),
                }
            }
            _ => {
                let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the room listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
                let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
                closed(stream);
            }
        }
        self.listens(number);
    }

    /// Nobody lets what they hear pile up, or is silent for so long that they seem gone.
    fn listens(&mut self, number: u32) {
        if number % 32 == 31 {
            self.witness.events();
        }
    }

    /// Opens a stream to the witness and leaves, with both ends there or with one.
    fn stream(&mut self, name: &str, both: bool) {
        let mut peer = self.enter(name);
        let (key, instance) = (self.witness.identity.public_key(), self.witness.hello.instance);
        let Answer::Stream { token } = peer.ask(Request::Stream { key, instance }) else { panic!("denied") };
        let theirs = self.witness.expect_event("a token", |event| match event {
            Event::Stream { token, .. } => Some(token),
            _ => None,
        });
        let mut near = end(self.port, token);
        near.write_all(b"hello").expect("it is taken");
        if both {
            let mut far = end(self.port, theirs);
            far.read_exact(&mut [0; 5]).expect("it passes");
            leave(peer);
            assert!(closed(far).is_empty());
        } else {
            leave(peer);
        }
        assert!(closed(near).is_empty());
    }

    /// Somebody knocks, and is sent away, goes by themselves, or is let in.
    fn knock(&mut self, number: u32) {
        let mut peer = Peer::call(self.port, &stranger());
        peer.hello.name = format!("k{number}x");
        let hello = ToRoom::Hello(peer.hello.clone());
        peer.say(&hello);
        let Some(FromRoom::Waiting { name }) = peer.hear() else { panic!("no word of waiting") };
        match number % 8 {
            0 => {
                self.does(Request::Admit { name });
                match peer.hear() {
                    Some(FromRoom::Welcome(welcome)) => peer.welcome = welcome,
                    other => panic!("not let in: {other:?}"),
                }
                self.names += 1;
                leave(peer);
            }
            1..4 => drop(peer),
            _ => {
                self.does(Request::Decline { name });
                assert_eq!(peer.rest(), [FromRoom::Refused(Refusal::Declined)]);
            }
        }
        // Those who have gone by themselves are still at the door for a moment; there are only a few places.
        let end = Instant::now() + PATIENCE;
        while !matches!(self.owner.ask(Request::Knocks), Answer::Knocks(rows) if rows.is_empty()) {
            assert!(Instant::now() < end, "somebody stays at the door");
        }
        self.listens(number);
    }
}

fn leave(mut peer: Peer) {
    peer.say(&ToRoom::Leave);
    let rest = peer.rest();
    assert!(!rest.iter().any(|frame| matches!(frame, FromRoom::Ended(_))), "{rest:?}");
}

/// An end of a stream that presents a token.
fn end(port: u16, token: Token) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the room listens");
    stream.write_all(&[&STREAM_MAGIC[..], &token.0].concat()).expect("it reads");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// So many come to an open room, and an eighth as many knock at one that is not.
fn come_and_go(visits: u32) {
    let mut open = Long::open(&["--open"]);
    let before = open.counts();
    assert_eq!((before.members, before.held.names, before.held.favoured), (3, 3, 1));
    for number in 0..visits {
        open.visit(number);
    }
    // What is held for its time: names that somebody had here, and where wrong codes came from.
    let most = 2 * open.status().max_members + 1024;
    let names = open.names.min(most);
    let held = Housekeeping { names, guessers: 1, ..before.held };
    open.settles(&Counts { held, ..before });
    let mut private = Long::open(&[]);
    let before = private.counts();
    for number in 0..visits / 8 {
        private.knock(number);
    }
    let held = Housekeeping { names: private.names.min(most), ..before.held };
    private.settles(&Counts { held, ..before });
    // A source that nobody was let in from is remembered for what came to nothing.
    drop(closed({
        let mut stream = call_from_elsewhere(private.port);
        let _ = stream.write_all(b"x");
        stream
    }));
    let held = Housekeeping { failed: 1, ..private.counts().held };
    let now = private.counts();
    private.settles(&Counts { held, ..now });
    for room in [open, private] {
        assert_eq!(room.host.err.so_far(), [""; 0]);
    }
}

#[test]
fn case_119_of_three_hundred_who_came_and_went_a_real_room_has_no_descriptor_and_no_entry_left() {
    come_and_go(300);
}

#[test]
#[ignore = "takes minutes: thirty times the one above"]
fn case_119_of_ten_thousand_who_came_and_went_a_real_room_has_no_descriptor_and_no_entry_left() {
    come_and_go(10_000);
}

//! A room by hand, which says to its members what a test wants.

use std::net::TcpListener;

use pchat::{
    net,
    trust::Identity,
    wire::{
        Answer, Epoch, Event, FEATURE_STREAMS, FromRoom, Hello, Introduction, Kept, Request, Said, ToRoom, Welcome,
    },
};
use rustls::ServerConnection;

use super::{
    peer::{Link, instance, line, stranger},
    wire::Wire,
};
use crate::support::{Home, PATIENCE, Pchat};

/// A room that listens.
pub struct Room {
    pub listener: TcpListener,
    pub identity: Identity,
    pub port: u16,
}

impl Room {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has one").port();
        Self { listener, identity: stranger(), port }
    }

    /// The next caller, with the Hello that it says.
    pub fn accept(&self) -> Guest {
        let tls = ServerConnection::new(net::server_config(&self.identity)).expect("a configuration");
        let mut wire = Wire::new(tls, self.listener.accept().expect("a caller").0);
        wire.shake_hands().expect("a handshake");
        let mut link = Link::new(wire);
        let Some(ToRoom::Hello(hello)) = link.frame() else { panic!("no hello: {:?}", link.over) };
        Guest { link, hello, seq: 10 }
    }

    /// A member of this room, run with these arguments more, who is in.
    pub fn joined(&self, home: &Home, more: &[&str]) -> (Pchat, Guest) {
        let member = Pchat::knock(home, "bob", self.port, more);
        let mut guest = self.accept();
        guest.welcome(|_| ());
        member.out.expect_start("* you are ");
        (member, guest)
    }
}

/// The room's end of a link.
pub struct Guest {
    pub link: Link<ToRoom>,
    pub hello: Hello,
    /// The last event.
    pub seq: u64,
}

impl Guest {
    pub fn say(&mut self, frame: &FromRoom) {
        self.link.say(frame);
    }

    /// Lets it in as number 5, with changes.
    pub fn welcome(&mut self, change: impl FnOnce(&mut Welcome)) {
        let mut welcome = Welcome {
            features: FEATURE_STREAMS,
            epoch: Epoch([1; 16]),
            number: 5,
            name: self.hello.name.clone(),
            accepted: self.hello.next - 1,
            seq: self.seq,
            members: 2,
            host: "alice".to_owned(),
            resumed: self.hello.resume.is_some(),
        };
        change(&mut welcome);
        self.seq = welcome.seq;
        self.say(&FromRoom::Welcome(welcome));
    }

    /// Tells who a number is, and gives the key.
    pub fn introduce(&mut self, number: u32, name: &str) -> Introduction {
        let key = stranger().public_key();
        let member = Introduction { number, key, instance: instance(), name: name.to_owned() };
        self.say(&FromRoom::Member(member.clone()));
        member
    }

    /// Tells the next event.
    pub fn event(&mut self, event: Event) {
        self.seq += 1;
        let seq = self.seq;
        self.say(&FromRoom::Event { seq, event });
    }

    /// Has a member say a line, with these numbers.
    pub fn said(&mut self, from: u32, n: u64, prev: u64, text: &str) {
        self.event(Event::Said { from, n, prev, to: None, kept: None, said: line(text) });
    }

    /// Has a member put something up.
    pub fn kept(&mut self, from: u32, n: u64, number: u32, said: Said) {
        let kept = Some(Kept { number, tag: number });
        self.event(Event::Said { from, n, prev: 0, to: None, kept, said });
    }

    /// The next frame but for pings, which are answered, and the questions of its program itself; nothing at the end.
    pub fn hear(&mut self) -> Option<ToRoom> {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            match self.link.frame()? {
                ToRoom::Ping(number) => {
                    assert!(std::time::Instant::now() < end, "it says nothing but pings");
                    self.say(&FromRoom::Pong(number));
                }
                ToRoom::Ask(Request::Who { after: 0 }) => {
                    self.say(&FromRoom::Answer(Answer::Who { rows: Vec::new(), more: false }));
                }
                frame => return Some(frame),
            }
        }
    }

    /// Waits for a frame that fits.
    pub fn expect<T>(&mut self, what: &str, mut fits: impl FnMut(ToRoom) -> Option<T>) -> T {
        while let Some(frame) = self.hear() {
            if let Some(found) = fits(frame) {
                return found;
            }
        }
        panic!("the member ended the link before {what}: {:?}", self.link.over);
    }

    /// Acknowledges a line by its echo.
    pub fn echo(&mut self) -> String {
        let (n, said) = self.expect("a line", |frame| match frame {
            ToRoom::Envelope(envelope) => match envelope.body {
                pchat::wire::Body::Say(said) | pchat::wire::Body::Remember(said) => Some((envelope.n, said)),
                _ => None,
            },
            _ => None,
        });
        let text = String::from_utf8_lossy(&said.payload).into_owned();
        self.event(Event::Said { from: 5, n, prev: 0, to: None, kept: None, said });
        text
    }
}

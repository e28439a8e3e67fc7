//! Ends of links that speak by hand: every byte as a test wants it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use pchat::{
    net,
    trust::Identity,
    wire::{
        Answer, Body, Codec, Envelope, Event, FEATURE_STREAMS, FromRoom, Hello, Instance, MAX_FRAME_LEN, Refusal,
        Request, Resume, Said, To, ToRoom, Welcome, encode,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::Decoder;

use super::wire::{Over, Wire, dial};
use crate::support::PATIENCE;

/// One end of a link, which hears frames of one kind.
pub struct Link<In> {
    pub wire: Wire,
    buffer: BytesMut,
    codec: Codec<In>,
    pub over: Option<Over>,
}

impl<In: DeserializeOwned + Serialize> Link<In> {
    pub fn new(wire: Wire) -> Self {
        let codec = Codec::new(MAX_FRAME_LEN);
        Self { wire, buffer: BytesMut::new(), codec, over: None }
    }

    /// Sends bytes. An other side that has closed does not get them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.wire.send(bytes);
    }

    pub fn say(&mut self, frame: &impl Serialize) {
        self.bytes(&encode(frame).expect("it fits a frame"));
    }

    /// The next frame; nothing once the other side has ended the link.
    pub fn frame(&mut self) -> Option<In> {
        let mut bytes = [0; 16 * 1024];
        while self.over.is_none() {
            if let Some(frame) = self.codec.decode(&mut self.buffer).expect("the program sends good frames") {
                return Some(frame);
            }
            match self.wire.receive(&mut bytes) {
                Ok(read) => self.buffer.extend_from_slice(&bytes[..read]),
                Err(over) => self.over = Some(over),
            }
        }
        None
    }
}

/// A key that nobody else has.
pub fn stranger() -> Identity {
    Identity::generate().expect("random numbers")
}

/// An instance that no other of this test has.
pub fn instance() -> Instance {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Instance(std::array::from_fn(|i| number[i % 8]))
}

/// A message of the command that says lines.
pub fn line(text: impl Into<Vec<u8>>) -> Said {
    Said { command: "text".to_owned(), payload: Bytes::from(text.into()) }
}

/// A member by hand.
pub struct Peer {
    pub link: Link<FromRoom>,
    pub identity: Identity,
    pub hello: Hello,
    pub welcome: Welcome,
    /// The number of the last envelope.
    pub n: u64,
    /// The last event heard, and how many.
    pub seq: u64,
    pub count: u64,
}

impl Peer {
    /// A connection that has proved a key and said nothing.
    pub fn call(port: u16, identity: &Identity) -> Self {
        Self::over(dial(net::client_config(identity), port), identity)
    }

    /// The same over a connection of any settings.
    pub fn over(mut wire: Wire, identity: &Identity) -> Self {
        wire.shake_hands().expect("a handshake");
        let features = FEATURE_STREAMS;
        let hello = Hello {
            features,
            name: "bob".to_owned(),
            instance: instance(),
            next: 1,
            resume: None,
            otherwise: pchat::wire::Otherwise::Knock,
        };
        let welcome = Welcome {
            features: 0,
            epoch: pchat::wire::Epoch([0; 16]),
            number: 0,
            name: String::new(),
            accepted: 0,
            seq: 0,
            members: 0,
            host: String::new(),
            resumed: false,
        };
        Self { link: Link::new(wire), identity: identity.clone(), hello, welcome, n: 0, seq: 0, count: 0 }
    }

    /// A member who is in.
    pub fn enter(port: u16, name: &str) -> Self {
        let mut peer = Self::call(port, &stranger());
        name.clone_into(&mut peer.hello.name);
        peer.knock();
        peer
    }

    /// Says Hello, and is let in.
    pub fn knock(&mut self) {
        let hello = ToRoom::Hello(self.hello.clone());
        self.say(&hello);
        match self.hear() {
            Some(FromRoom::Welcome(welcome)) => self.welcome = welcome,
            other => panic!("not let in: {other:?}, {:?}", self.link.over),
        }
        self.seq = self.welcome.seq;
    }

    /// The same member on another connection, which comes back to where this one stood. It has said nothing yet.
    pub fn again(&self, port: u16) -> Self {
        let mut again = Self::call(port, &self.identity);
        let resume = Resume { epoch: self.welcome.epoch, seq: self.seq, count: self.count };
        again.hello = Hello { next: self.n + 1, resume: Some(resume), ..self.hello.clone() };
        (again.n, again.count) = (self.n, self.count);
        again
    }

    pub fn say(&mut self, frame: &ToRoom) {
        self.link.say(frame);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.link.bytes(bytes);
    }

    /// The next frame but for pings, which are answered; nothing once the room has ended the link.
    pub fn hear(&mut self) -> Option<FromRoom> {
        self.hear_until(Instant::now() + PATIENCE)
    }

    fn hear_until(&mut self, end: Instant) -> Option<FromRoom> {
        loop {
            match self.link.frame()? {
                FromRoom::Ping(number) => {
                    assert!(Instant::now() < end, "the room says nothing but pings");
                    self.say(&ToRoom::Pong(number));
                }
                frame => {
                    match &frame {
                        FromRoom::Event { seq, .. } if *seq > self.seq => {
                            (self.seq, self.count) = (*seq, self.count + 1);
                        }
                        FromRoom::Gap(gap) => (self.seq, self.count) = (gap.seq, self.count + gap.missed),
                        _ => {}
                    }
                    return Some(frame);
                }
            }
        }
    }

    /// Waits for a frame that fits, and gives what it is.
    pub fn expect<T>(&mut self, what: &str, mut fits: impl FnMut(FromRoom) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        while let Some(frame) = self.hear_until(end) {
            if let Some(found) = fits(frame) {
                return found;
            }
            assert!(Instant::now() < end, "too long without {what}");
        }
        panic!("the room ended the link ({:?}) before {what}", self.link.over);
    }

    /// Waits for an event that fits.
    pub fn expect_event<T>(&mut self, what: &str, mut fits: impl FnMut(Event) -> Option<T>) -> T {
        self.expect(what, |frame| if let FromRoom::Event { event, .. } = frame { fits(event) } else { None })
    }

    /// Waits for a line that somebody said, and gives their number.
    pub fn expect_line(&mut self, text: &str) -> u32 {
        self.expect_event(text, |event| match event {
            Event::Said { from, said, .. } if said.payload == text => Some(from),
            _ => None,
        })
    }

    /// What comes until the room ends the link.
    pub fn rest(&mut self) -> Vec<FromRoom> {
        let end = Instant::now() + PATIENCE;
        std::iter::from_fn(|| self.hear_until(end)).collect()
    }

    /// Waits until the room has refused entry and ended the link.
    pub fn refused(&mut self) -> Refusal {
        let hello = ToRoom::Hello(self.hello.clone());
        self.say(&hello);
        let rest = self.rest();
        // The room waits for that, so that its words arrive.
        self.link.wire.finish(true);
        match rest.as_slice() {
            [FromRoom::Refused(refusal)] => refusal.clone(),
            other => panic!("not refused: {other:?}"),
        }
    }

    pub fn envelope(&mut self, to: To, body: Body) -> u64 {
        self.n += 1;
        let envelope = Envelope { n: self.n, prev: 0, to, body };
        self.say(&ToRoom::Envelope(envelope));
        self.n
    }

    /// Says a line to everyone.
    pub fn text(&mut self, text: impl Into<Vec<u8>>) -> u64 {
        self.envelope(To::Everyone, Body::Say(line(text)))
    }

    /// Says something to everyone and gives the events before its echo: everything up to now has been dealt with.
    pub fn events(&mut self) -> Vec<Event> {
        let (n, me) = (self.text("sync"), self.welcome.number);
        let mut before = Vec::new();
        self.expect_event("an echo", |event| {
            let echo = matches!(event, Event::Said { from, n: other, .. } if (from, other) == (me, n));
            before.push(event);
            echo.then_some(())
        });
        before.pop();
        before
    }

    /// The lines that others said, up to now.
    pub fn lines(&mut self) -> Vec<String> {
        let me = self.welcome.number;
        let events = self.events().into_iter();
        let said = events.filter_map(|event| match event {
            Event::Said { from, said, .. } if from != me => Some(said.payload),
            _ => None,
        });
        said.map(|payload| String::from_utf8_lossy(&payload).into_owned()).collect()
    }

    pub fn ask(&mut self, request: Request) -> Answer {
        self.say(&ToRoom::Ask(request));
        self.expect("an answer", |frame| if let FromRoom::Answer(answer) = frame { Some(answer) } else { None })
    }
}

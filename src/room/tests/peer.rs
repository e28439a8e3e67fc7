//! A room with a guest list in memory, and a member that speaks bare frames.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{codec::FramedRead, task::TaskTracker};

use crate::{
    gauge::Gauged,
    room::{
        Guests, LogLimits, Peer, RoomConfig, RoomHandle, Timing, Turn, Via, journal::memory::Platter, restore, start,
    },
    wire::*,
};

/// A guest list in memory, and a list of bans.
#[derive(Debug, Default)]
pub(crate) struct Book(Mutex<Vec<(PublicKey, String)>>, pub(crate) Mutex<Vec<(PublicKey, String)>>);

impl Guests for Book {
    fn name_of(&self, key: &PublicKey) -> anyhow::Result<Option<String>> {
        Ok(self.0.lock().unwrap().iter().find(|(k, _)| k == key).map(|(_, name)| name.clone()))
    }

    fn key_of(&self, name: &str) -> anyhow::Result<Option<PublicKey>> {
        Ok(self.0.lock().unwrap().iter().find(|(_, n)| n == name).map(|(key, _)| *key))
    }

    fn let_in(&self, key: &PublicKey, name: &str) -> anyhow::Result<()> {
        self.0.lock().unwrap().push((*key, name.to_owned()));
        Ok(())
    }

    fn put_out(&self, key: &PublicKey) -> anyhow::Result<()> {
        self.0.lock().unwrap().retain(|(k, _)| k != key);
        Ok(())
    }

    fn ban(&self, key: &PublicKey, name: &str) -> anyhow::Result<()> {
        self.1.lock().unwrap().push((*key, name.to_owned()));
        self.put_out(key)
    }

    fn unban(&self, key: &PublicKey) -> anyhow::Result<()> {
        self.1.lock().unwrap().retain(|(k, _)| k != key);
        Ok(())
    }
}

pub(crate) fn key(of: u8) -> PublicKey {
    PublicKey([of; 32])
}

/// Who calls at a room.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) key: PublicKey,
    pub(crate) address: Option<IpAddr>,
    pub(crate) via: Via,
    pub(crate) hello: Hello,
    /// What tells its connection from all others.
    pub(crate) exporter: [u8; 32],
    /// How many bytes the connection holds.
    pub(crate) pipe: usize,
}

/// A caller with a key, an instance and an address of its own.
pub(crate) fn who(of: u8, name: &str) -> Who {
    let (instance, otherwise) = (Instance([of; 16]), Otherwise::Knock);
    let hello = Hello { features: 0, name: name.into(), instance, next: 1, resume: None, otherwise };
    Who { key: key(of), address: Some([10, 0, 0, of].into()), via: Via::Port, hello, exporter: [0; 32], pipe: 1 << 20 }
}

impl Who {
    pub(crate) fn instance(mut self, of: u8) -> Self {
        self.hello.instance = Instance([of; 16]);
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        self.address = Some(address.parse().unwrap());
        self
    }

    /// What it says to a room that does not let it in by itself.
    pub(crate) fn otherwise(mut self, otherwise: Otherwise) -> Self {
        self.hello.otherwise = otherwise;
        self
    }

    /// Comes back to where this member stood.
    pub(crate) fn back(mut self, from: &Member) -> Self {
        self.hello.resume = Some(Resume { epoch: from.welcome.epoch, seq: from.seq, count: from.count });
        self.hello.next = from.n + 1;
        self
    }
}

/// A room under test.
pub(crate) struct House {
    pub(crate) room: RoomHandle,
    pub(crate) tasks: TaskTracker,
}

/// A private room of key 1.
pub(crate) fn config() -> RoomConfig {
    RoomConfig {
        owner: key(1),
        open: false,
        max_members: 100,
        max_streams: 256,
        rate: None,
        log: LogLimits::default(),
        backlog: 50,
        reserved: vec!["stop".into()],
        guests: Arc::new(Book::default()),
        bans: Vec::new(),
        code: None,
        port: 5000,
        addresses: vec![[10, 0, 0, 1].into()],
        mover: mpsc::channel(1).0,
        timing: Timing::default(),
    }
}

impl House {
    pub(crate) fn open(config: RoomConfig) -> Self {
        let tasks = TaskTracker::new();
        Self { room: start(config, Epoch([7; 16]), &tasks), tasks }
    }

    /// The room of the journal on this disk.
    pub(crate) fn restored(config: RoomConfig, disk: &Platter, epoch: u8) -> Self {
        let tasks = TaskTracker::new();
        let saved = disk.saved(Epoch([epoch; 16]), config.log, config.backlog);
        let room = restore(RoomConfig { open: true, ..config }, saved, &tasks).expect("a task is no thread");
        Self { room, tasks }
    }

    /// A room where everybody gets in, and its host.
    pub(crate) async fn public(config: RoomConfig) -> (Self, Member) {
        let house = Self::open(RoomConfig { open: true, ..config });
        let host = house.host().await;
        (house, host)
    }

    /// A room where strangers knock, and its host.
    pub(crate) async fn private(config: RoomConfig) -> (Self, Member) {
        let house = Self::open(config);
        let host = house.host().await;
        (house, host)
    }

    pub(crate) async fn host(&self) -> Member {
        let mut host = who(1, "ann");
        host.via = Via::Inside;
        host.address = None;
        host.hello.features = FEATURE_ASKABLE | FEATURE_STREAMS;
        self.enter(host).await
    }

    /// A connection that has said nothing yet.
    pub(crate) fn connect(&self, who: &Who) -> Member {
        self.connect_in(who, None)
    }

    /// The same, with a share among those not admitted yet.
    pub(crate) fn connect_in(&self, who: &Who, turn: Option<Box<dyn Turn>>) -> Member {
        let (near, far) = tokio::io::duplex(who.pipe);
        let far = Gauged::new(far);
        let peer = Peer {
            key: who.key,
            address: who.address,
            gauge: far.gauge(),
            via: who.via,
            exporter: who.exporter,
            deadline: Instant::now() + Duration::from_secs(10),
            turn,
        };
        let room = self.room.clone();
        self.tasks.spawn(async move { room.serve(far, peer).await });
        let (read, write) = tokio::io::split(near);
        Member {
            frames: FramedRead::new(read, Codec::new(MAX_FRAME_LEN)),
            write,
            later: VecDeque::new(),
            welcome: Welcome {
                features: 0,
                epoch: Epoch([0; 16]),
                number: 0,
                name: String::new(),
                accepted: 0,
                seq: 0,
                members: 0,
                host: String::new(),
                resumed: false,
            },
            n: who.hello.next.saturating_sub(1),
            seq: 0,
            count: 0,
        }
    }

    /// A connection that has said Hello, and the first answer.
    pub(crate) async fn call(&self, who: Who) -> (Member, FromRoom) {
        let mut member = self.connect(&who);
        member.say(ToRoom::Hello(who.hello)).await;
        let answer = member.hear().await.expect("an answer");
        (member, answer)
    }

    pub(crate) async fn enter(&self, who: Who) -> Member {
        let resumes = who.hello.resume;
        let (mut member, answer) = self.call(who).await;
        member.welcomed(answer);
        if let Some(resume) = resumes.filter(|_| member.welcome.resumed) {
            member.count = resume.count;
        }
        member
    }

    pub(crate) async fn refused(&self, who: Who) -> Refusal {
        let (mut member, answer) = self.call(who).await;
        let FromRoom::Refused(refusal) = answer else { panic!("{answer:?}") };
        assert_eq!(member.hear().await, None);
        refusal
    }
}

/// A member by its bare frames.
pub(crate) struct Member {
    frames: FramedRead<ReadHalf<DuplexStream>, Codec<FromRoom>>,
    write: WriteHalf<DuplexStream>,
    later: VecDeque<FromRoom>,
    pub(crate) welcome: Welcome,
    pub(crate) n: u64,
    pub(crate) seq: u64,
    pub(crate) count: u64,
}

impl Member {
    pub(crate) fn welcomed(&mut self, answer: FromRoom) {
        let FromRoom::Welcome(welcome) = answer else { panic!("{answer:?}") };
        self.seq = welcome.seq;
        self.welcome = welcome;
    }

    pub(crate) async fn say(&mut self, frame: ToRoom) {
        self.bytes(&encode(&frame).unwrap()).await;
    }

    /// Bytes as they are. A room that has closed does not hear them.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.write.write_all(bytes).await;
    }

    /// The next frame but for pings, which are answered; nothing at the end.
    pub(crate) async fn hear(&mut self) -> Option<FromRoom> {
        if let Some(frame) = self.later.pop_front() {
            return Some(frame);
        }
        loop {
            let frame = timeout(Duration::from_secs(3600), self.frames.next()).await.expect("the room says something");
            match frame?.expect("good frames") {
                FromRoom::Ping(number) => self.say(ToRoom::Pong(number)).await,
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

    /// A frame without answering anything, pings included.
    pub(crate) async fn raw(&mut self) -> Option<FromRoom> {
        self.frames.next().await.map(|frame| frame.expect("good frames"))
    }

    /// One byte of the stream, as it is.
    pub(crate) async fn byte(&mut self) -> Option<u8> {
        self.frames.get_mut().read_u8().await.ok()
    }

    pub(crate) async fn event(&mut self) -> Event {
        loop {
            if let FromRoom::Event { event, .. } = self.hear().await.expect("an event") {
                return event;
            }
        }
    }

    /// Waits for an event that fits, and returns it.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.event().await;
            if fits(&event) {
                return event;
            }
        }
    }

    /// Lets time pass and answers what comes meanwhile: the events of it.
    pub(crate) async fn live(&mut self, span: Duration) -> Vec<Event> {
        let (end, mut events) = (Instant::now() + span, Vec::new());
        while let Ok(frame) = timeout_at(end, self.hear()).await {
            if let FromRoom::Event { event, .. } = frame.expect("still in") {
                events.push(event);
            }
        }
        events
    }

    /// What comes until the connection ends, which it has to.
    pub(crate) async fn rest(&mut self) -> Vec<FromRoom> {
        let mut rest = Vec::new();
        let over = timeout(Duration::from_secs(3600), async {
            while let Some(frame) = self.hear().await {
                rest.push(frame);
            }
        });
        assert!(over.await.is_ok(), "the room does not close it");
        rest
    }

    pub(crate) async fn ended(&mut self) -> Option<End> {
        match self.rest().await.pop() {
            Some(FromRoom::Ended(end)) => Some(end),
            _ => None,
        }
    }

    pub(crate) async fn ask(&mut self, request: Request) -> Answer {
        self.say(ToRoom::Ask(request)).await;
        let mut passed = VecDeque::new();
        loop {
            match self.hear().await.expect("an answer") {
                FromRoom::Answer(answer) => {
                    self.later = passed;
                    return answer;
                }
                frame => passed.push_back(frame),
            }
        }
    }

    pub(crate) fn to(&self, of: u8) -> To {
        To::Member { key: key(of), instance: Instance([of; 16]) }
    }

    pub(crate) async fn send(&mut self, to: To, body: Body) -> u64 {
        self.n += 1;
        self.say(ToRoom::Envelope(Envelope { n: self.n, prev: 0, to, body })).await;
        self.n
    }

    pub(crate) async fn text(&mut self, text: &str) -> u64 {
        self.send(To::Everyone, Body::Say(text_of(text))).await
    }

    /// Says something to itself by way of everybody, and returns the frames that came before the echo.
    ///
    /// Whoever is muted does so by way of nobody.
    pub(crate) async fn catch_up(&mut self) -> Vec<FromRoom> {
        let n = self.text("sync").await;
        let me = self.welcome.number;
        let mut before = Vec::new();
        loop {
            match self.hear().await.expect("an echo") {
                FromRoom::Event { event: Event::Said { from, n: m, .. }, .. } if (from, m) == (me, n) => return before,
                FromRoom::Event { event: Event::Refused { n: m, .. }, .. } if m == n => return before,
                frame => before.push(frame),
            }
        }
    }

    /// The texts that others said, up to now.
    pub(crate) async fn texts(&mut self) -> Vec<String> {
        let frames = self.catch_up().await;
        frames.iter().filter_map(text).filter(|text| text != "sync").collect()
    }

    /// The events up to now.
    pub(crate) async fn events(&mut self) -> Vec<Event> {
        let frames = self.catch_up().await.into_iter();
        frames.filter_map(|frame| if let FromRoom::Event { event, .. } = frame { Some(event) } else { None }).collect()
    }
}

pub(crate) fn text_of(text: &str) -> Said {
    Said { command: "chat".into(), payload: text.to_owned().into() }
}

pub(crate) fn text(frame: &FromRoom) -> Option<String> {
    let FromRoom::Event { event: Event::Said { said, .. }, .. } = frame else { return None };
    Some(String::from_utf8_lossy(&said.payload).into_owned())
}

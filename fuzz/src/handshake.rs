use std::{
    collections::VecDeque,
    future::Future,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use pchat::{
    code::Code,
    gauge::Gauge,
    room::{self, Guests, LogLimits, Peer, RoomConfig, RoomHandle, Via},
    session::{self, Dial, DialError, Dialed, Draft, Handle, SendError, SessionConfig, SessionEvent, WhenFull, Wish},
    wire::{
        Codec, End, Epoch, FEATURE_ASKABLE, FEATURE_BACKLOG, FromRoom, Hello, Instance, MAX_FRAME_LEN, Otherwise,
        PublicKey, Refusal, Request, To, ToRoom, encode,
    },
};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::{codec::FramedRead, task::TaskTracker};

use super::take;

/// More than any deadline of a room or a session, and than all that the rate of messages can hold up.
const FOREVER: Duration = Duration::from_secs(6 * 60 * 60);

/// Bytes on the way between two ends: fewer than some of what is sent, so that the ends wait for each other.
const PIPE: usize = 512;

const MOST_LINKS: usize = 4;
const MOST_BYTES: usize = 16 * 1024;

const OWNER: PublicKey = PublicKey([1; 32]);
const EPOCH: Epoch = Epoch([7; 16]);

/// Any bytes as what a stranger says to a room, and as what a hostile room says to a member.
///
/// The first byte of the input says to whom (even: to a room, odd: to a member), and how that one is set up.
/// Then follow the links: a byte that says how the stranger behaves, two bytes for the number of bytes it
/// sends, and those bytes; the last link has what there is.
pub fn handshake(data: &[u8]) {
    thread_local! {
        static RUNTIME: Runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("the system has a runtime");
    }
    let mut data = &data[..data.len().min(MOST_BYTES)];
    let how = take(&mut data);
    let mut links = VecDeque::new();
    while !data.is_empty() && links.len() < MOST_LINKS {
        let manner = take(&mut data);
        let len = usize::from(u16::from_be_bytes([take(&mut data), take(&mut data)]));
        let (bytes, rest) = data.split_at(len.min(data.len()));
        data = rest;
        links.push_back(Stranger { manner, bytes: bytes.to_vec() });
    }
    RUNTIME.with(|runtime| match how % 2 {
        0 => runtime.block_on(strangers(how, links)),
        _ => runtime.block_on(hostile_room(how, links)),
    });
}

/// One link of somebody who says anything.
struct Stranger {
    manner: u8,
    bytes: Vec<u8>,
}

impl Stranger {
    /// Whether it ends its side after its last byte.
    fn closes(&self) -> bool {
        self.manner & 1 != 0
    }

    /// Whether it takes nothing of what it is sent.
    fn is_deaf(&self) -> bool {
        self.manner & 2 != 0
    }

    /// Whether the next one comes while this one is there.
    fn overlaps(&self) -> bool {
        self.manner & 4 != 0
    }

    /// Says everything over `stream` and hears what comes back, of which every frame must be one.
    async fn talk<In>(self, stream: DuplexStream)
    where
        In: serde::de::DeserializeOwned + serde::Serialize,
    {
        let (read, mut write) = split(stream);
        let (closes, deaf) = (self.closes(), self.is_deaf());
        let speak = async {
            if write.write_all(&self.bytes).await.is_ok() && closes {
                let _ = write.shutdown().await;
            }
        };
        let hear = async {
            if deaf {
                sleep(FOREVER).await;
            }
            let mut frames = FramedRead::new(read, Codec::<In>::new(MAX_FRAME_LEN));
            while let Some(frame) = frames.next().await {
                frame.expect("the other end sends frames");
            }
        };
        tokio::join!(speak, hear);
    }
}

/// Waits for what has to happen, in the time of the runtime, which is not real.
async fn must<T>(what: impl Future<Output = T>) -> T {
    timeout(FOREVER, what).await.expect("it never ends")
}

/// A room with a host in it and strangers at the door.
async fn strangers(how: u8, links: VecDeque<Stranger>) {
    let tasks = TaskTracker::new();
    let (mover, _) = mpsc::channel(1);
    let config = RoomConfig {
        owner: OWNER,
        open: how & 2 == 0,
        max_members: 4,
        max_streams: 256,
        rate: (how & 4 == 0).then_some(10),
        log: LogLimits { events: 32, bytes: 64 * 1024, life: Duration::from_secs(60) },
        backlog: 4,
        reserved: vec!["quit".to_owned()],
        guests: Arc::new(Nobody),
        bans: vec![(PublicKey([8; 32]), "mallory".to_owned())],
        code: (how & 16 != 0).then(code),
        port: 5000,
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        mover,
        timing: room::Timing::default(),
    };
    let room = room::start(config, EPOCH, &tasks);
    let host = Host::enter(&room).await;
    let host = tokio::spawn(host.listen());

    let mut served = Vec::new();
    for stranger in links {
        // A second key, or another link of the first one.
        let key = PublicKey([2 + (stranger.manner >> 3 & 1); 32]);
        let (overlaps, deaf) = (stranger.overlaps(), stranger.is_deaf());
        let (near, task) = serve(&room, key, Via::Port);
        let talking = tokio::spawn(stranger.talk::<FromRoom>(near));
        let one = async move {
            task.await.expect("a link's task panics");
            if deaf {
                talking.abort();
            } else {
                talking.await.expect("the room sends what is no frame");
            }
        };
        if overlaps {
            served.push(tokio::spawn(one));
        } else {
            must(one).await;
        }
    }
    for one in served {
        must(one).await.expect("a stranger's task ends");
    }

    // The room is still one: it judges the next caller, and it closes in order.
    let (near, task) = serve(&room, PublicKey([9; 32]), Via::Port);
    let (mut frames, mut write) = halves(near);
    say(&mut write, &hello("carol", 9)).await;
    let verdict = must(frames.next()).await.expect("a verdict").expect("a frame");
    assert!(matches!(verdict, FromRoom::Welcome(_) | FromRoom::Waiting { .. } | FromRoom::Refused(_)), "{verdict:?}");
    room.close().await;
    must(room.closed()).await;
    drop((frames, write));
    must(task).await.expect("a link's task panics");
    must(host).await.expect("the host's member is served to the end");
    drop(room);
    tasks.close();
    must(tasks.wait()).await;
}

fn serve(room: &RoomHandle, key: PublicKey, via: Via) -> (DuplexStream, JoinHandle<()>) {
    let (near, far) = duplex(PIPE);
    let address = (via != Via::Inside).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let deadline = Instant::now() + Duration::from_secs(10);
    let (gauge, exporter) = (Gauge::new(), [3; 32]);
    let peer = Peer { key, address, gauge, via, exporter, deadline, turn: None };
    let room = room.clone();
    (near, tokio::spawn(async move { room.serve(far, peer).await }))
}

fn halves(stream: DuplexStream) -> (FramedRead<ReadHalf<DuplexStream>, Codec<FromRoom>>, WriteHalf<DuplexStream>) {
    let (read, write) = split(stream);
    (FramedRead::new(read, Codec::new(MAX_FRAME_LEN)), write)
}

async fn say(write: &mut WriteHalf<DuplexStream>, frame: &ToRoom) {
    let bytes = encode(frame).expect("it fits a frame");
    // The room may have ended the link at this very moment.
    let _ = write.write_all(&bytes).await;
}

fn hello(name: &str, instance: u8) -> ToRoom {
    let instance = Instance([instance; 16]);
    let (name, otherwise) = (name.to_owned(), Otherwise::Knock);
    ToRoom::Hello(Hello { features: FEATURE_ASKABLE, name, instance, next: 1, resume: None, otherwise })
}

/// The member of the process that keeps the room.
struct Host {
    frames: FramedRead<ReadHalf<DuplexStream>, Codec<FromRoom>>,
    write: WriteHalf<DuplexStream>,
    task: JoinHandle<()>,
}

impl Host {
    async fn enter(room: &RoomHandle) -> Self {
        let (near, task) = serve(room, OWNER, Via::Inside);
        let (mut frames, mut write) = halves(near);
        say(&mut write, &hello("alice", 1)).await;
        let verdict = must(frames.next()).await.expect("a verdict").expect("a frame");
        assert!(matches!(verdict, FromRoom::Welcome(_)), "{verdict:?}");
        Self { frames, write, task }
    }

    /// Whatever strangers do, this member gets frames in order, and the last words of the room.
    async fn listen(mut self) {
        let mut last = 0;
        loop {
            match self.frames.next().await.expect("the room says when it ends").expect("a frame") {
                FromRoom::Event { seq, .. } => {
                    assert!(seq > last, "event {seq} after {last}");
                    last = seq;
                }
                FromRoom::Gap(gap) => {
                    assert!(gap.seq >= last, "a gap up to {} after {last}", gap.seq);
                    last = gap.seq;
                }
                FromRoom::Ping(number) => say(&mut self.write, &ToRoom::Pong(number)).await,
                FromRoom::Member(_) => {}
                FromRoom::Ended(End::Closed { .. }) => break,
                other => panic!("the host's member is told {other:?}"),
            }
        }
        drop((self.frames, self.write));
        self.task.await.expect("a link's task panics");
    }
}

fn typed() -> Code {
    Code::typed("zoo abandon lens").expect("a code")
}

fn code() -> Arc<Code> {
    Arc::new(typed())
}

/// Nobody was let in before.
struct Nobody;

impl Guests for Nobody {
    fn name_of(&self, _: &PublicKey) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    fn key_of(&self, _: &str) -> anyhow::Result<Option<PublicKey>> {
        Ok(None)
    }

    fn let_in(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn put_out(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }

    fn ban(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn unban(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A member that dials a room which says anything.
async fn hostile_room(how: u8, links: VecDeque<Stranger>) {
    let tasks = TaskTracker::new();
    let config = SessionConfig {
        key: PublicKey([2; 32]),
        instance: Instance([2; 16]),
        name: "bob".to_owned(),
        features: if how & 32 != 0 { FEATURE_BACKLOG } else { 0 },
        timing: session::Timing::default(),
    };
    let talking = Arc::new(Mutex::new(Vec::new()));
    let dial = Rooms { links, talking: talking.clone(), knows: how & 16 != 0 };
    let (handle, mut events) = session::start(config, dial, &tasks);
    let mut over = false;
    while let Some(event) = must(events.recv()).await {
        assert!(!over, "{event:?} after the end");
        match event {
            SessionEvent::Entered { .. } => {
                use_it(&handle).await;
                if how & 2 != 0 {
                    handle.leave();
                }
            }
            SessionEvent::Ended(_) => over = true,
            _ => {}
        }
    }
    assert!(over, "the session ends without a word");
    let late = handle.send(draft(To::Everyone, None), WhenFull::Fail).await;
    assert!(matches!(late, Err(SendError::Over | SendError::NotIn)), "{late:?}");
    must(handle.drained()).await;
    drop((handle, events));
    tasks.close();
    must(tasks.wait()).await;
    let talking = std::mem::take(&mut *talking.lock().expect("no task panics with the list in hand"));
    for (deaf, room) in talking {
        if deaf {
            room.abort();
        } else {
            must(room).await.expect("the session sends what is no frame");
        }
    }
}

/// Puts something on the way that the room then answers as it likes.
async fn use_it(handle: &Handle) {
    let _ = (handle.me(), handle.members(), handle.knocks(), handle.known("bob"));
    let single = To::Member { key: OWNER, instance: Instance([1; 16]) };
    for draft in [
        draft(To::Everyone, None),
        draft(To::Everyone, Some(1)),
        draft(single, None),
        draft(To::Everyone, Some(2)),
        Draft::Withdraw { tag: 2 },
        Draft::Remember { command: "text".to_owned(), payload: Bytes::from_static(b"hello") },
    ] {
        let sent = handle.send(draft, WhenFull::Fail).await;
        assert!(matches!(sent, Ok(_) | Err(SendError::Over | SendError::NotIn)), "{sent:?}");
    }
    let handle = handle.clone();
    tokio::spawn(async move {
        let _ = must(handle.ask(Request::Place)).await;
    });
}

fn draft(to: To, tag: Option<u32>) -> Draft {
    Draft::Say { to, command: "text".to_owned(), payload: Bytes::from_static(b"hello"), tag }
}

/// What a stranger is doing, and whether it is deaf.
type Talking = (bool, JoinHandle<()>);

/// Gives one link after the other, and none after the last.
struct Rooms {
    links: VecDeque<Stranger>,
    talking: Arc<Mutex<Vec<Talking>>>,
    /// Whether this member has a code.
    knows: bool,
}

#[async_trait]
impl Dial for Rooms {
    type Stream = DuplexStream;

    async fn dial(&mut self) -> Result<Dialed<DuplexStream>, DialError> {
        let room = self.links.pop_front().ok_or_else(|| DialError::Final("nobody is there".to_owned()))?;
        let (near, far) = duplex(PIPE);
        let deaf = room.is_deaf();
        let talking = tokio::spawn(room.talk::<ToRoom>(far));
        self.talking.lock().expect("no task panics with the list in hand").push((deaf, talking));
        Ok(Dialed { stream: near, gauge: Gauge::new(), exporter: [3; 32], host: OWNER, known: false })
    }

    async fn wish(&mut self, _: &Refusal) -> Result<Wish, String> {
        Ok(if self.knows { Wish::Code(typed()) } else { Wish::Knock })
    }
}

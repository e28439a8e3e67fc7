//! Members of the room, honest and otherwise.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt;
use pchat::{
    net,
    trust::Identity,
    wire::{
        Body, Codec, Envelope, Event, FromRoom, Hello, Instance, MAX_FRAME_LEN, MAX_PAYLOAD_LEN, Otherwise, Said, To,
        ToRoom, Welcome, encode,
    },
};
use tokio::{
    io::{AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpSocket, TcpStream},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::codec::FramedRead;

/// How long a member waits for a Welcome.
const PATIENCE: Duration = Duration::from_secs(30);

/// The receive buffer of a member that never reads: the smallest, so that its window is soon zero.
const SMALLEST_BUFFER: u32 = 4096;

/// How long one that never reads sits there before it comes again: the room has given it up by then.
const UNREAD: Duration = Duration::from_secs(40);

/// What an honest line begins with; the rest is when it was said.
const MARK: &[u8] = b"at ";

/// Somebody whom the room knows.
pub struct Person {
    identity: Identity,
    name: String,
}

/// A link to the room.
struct Link {
    frames: FramedRead<ReadHalf<TlsStream<TcpStream>>, Codec<FromRoom>>,
    write: WriteHalf<TlsStream<TcpStream>>,
    welcome: Welcome,
    said: u64,
}

/// Delays of lines, in nanoseconds, and links that broke.
#[derive(Default)]
pub struct Heard {
    pub delays: Mutex<Vec<u64>>,
    pub broken: AtomicU64,
}

/// An address of loopback.
pub fn loopback(third: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, third, last)
}

/// Dials the room from there. The system's receive buffer is `buffer` bytes if that is given.
pub async fn dial(source: Ipv4Addr, port: u16, buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer)?;
    }
    socket.bind(SocketAddr::from((source, 0)))?;
    // As the program does: a line must not wait for the acknowledgement of the one before.
    socket.set_nodelay(true)?;
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Proves a key.
pub async fn encrypt(stream: TcpStream, identity: &Identity) -> io::Result<TlsStream<TcpStream>> {
    let name = "pchat.invalid".try_into().expect("this is a DNS name");
    TlsConnector::from(net::client_config(identity)).connect(name, stream).await
}

/// A first frame under that name, of a program that has just started.
pub fn hello(name: &str) -> ToRoom {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let mut instance = [0; 16];
    instance[..8].copy_from_slice(&STARTED.fetch_add(1, Relaxed).to_le_bytes());
    let (name, instance, otherwise) = (name.to_owned(), Instance(instance), Otherwise::Knock);
    ToRoom::Hello(Hello { features: 0, name, instance, next: 1, resume: None, otherwise })
}

/// Nanoseconds since all of this began.
fn nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

fn ended() -> io::Error {
    io::Error::other("the room ended the link")
}

impl Person {
    /// Somebody new.
    pub fn new(name: &str) -> io::Result<Self> {
        Ok(Self { identity: Identity::generate().map_err(io::Error::other)?, name: name.to_owned() })
    }

    /// The key and name to be let in by.
    pub fn card(&self) -> (pchat::wire::PublicKey, &str) {
        (self.identity.public_key(), &self.name)
    }

    async fn enter(&self, source: Ipv4Addr, port: u16, buffer: Option<u32>) -> io::Result<Link> {
        let entering = async {
            let stream = encrypt(dial(source, port, buffer).await?, &self.identity).await?;
            let (read, mut write) = tokio::io::split(stream);
            let mut frames = FramedRead::new(read, Codec::new(MAX_FRAME_LEN));
            say(&mut write, &hello(&self.name)).await?;
            match frames.next().await {
                Some(Ok(FromRoom::Welcome(welcome))) => Ok(Link { frames, write, welcome, said: 0 }),
                answer => Err(io::Error::other(format!("not let in: {answer:?}"))),
            }
        };
        timeout(PATIENCE, entering).await?
    }

    /// Comes in from there and leaves again. Returns how long it took to be welcomed.
    pub async fn visit(&self, source: Ipv4Addr, port: u16) -> io::Result<Duration> {
        let start = Instant::now();
        let mut link = self.enter(source, port, None).await?;
        let took = start.elapsed();
        say(&mut link.write, &ToRoom::Leave).await?;
        link.write.shutdown().await?;
        Ok(took)
    }

    /// Listens and, each time `pause` has passed, says a line that tells when it was said.
    pub async fn talk(&self, port: u16, pause: Duration, heard: &Heard) -> io::Result<()> {
        let mut link = self.enter(Ipv4Addr::LOCALHOST, port, None).await?;
        let mut pace = interval(pause);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                frame = link.frames.next() => {
                    if let Some(payload) = link.take(frame).await?
                        && let Some(at) = payload.strip_prefix(MARK)
                    {
                        let at: u64 = std::str::from_utf8(at).ok().and_then(|at| at.parse().ok()).expect("a time");
                        heard.delays.lock().expect("nobody panics with it").push(nanos() - at);
                    }
                }
                _ = pace.tick() => {
                    let line = [MARK, nanos().to_string().as_bytes()].concat();
                    link.say(line.into()).await?;
                }
            }
        }
    }

    /// Says the largest lines as fast as the room takes them.
    pub async fn flood(&self, port: u16, said: &AtomicU64) -> io::Result<()> {
        let mut link = self.enter(loopback(0, 41), port, None).await?;
        let line = Bytes::from(vec![b'x'; MAX_PAYLOAD_LEN]);
        loop {
            // One write at a time, so that what the room lets pass is what counts.
            let Link { frames, write, said: n, .. } = &mut link;
            *n += 1;
            let frame = envelope(*n, line.clone());
            let mut writing = std::pin::pin!(say(write, &frame));
            loop {
                tokio::select! {
                    written = &mut writing => {
                        written?;
                        said.fetch_add(1, Relaxed);
                        break;
                    }
                    frame = frames.next() => {
                        // It does not answer pings: what it says shows that it lives.
                        if !matches!(frame, Some(Ok(_))) {
                            return Err(ended());
                        }
                    }
                }
            }
        }
    }

    /// Comes in, never reads, and comes again when the room has given it up.
    pub async fn never_read(&self, port: u16) -> io::Result<()> {
        loop {
            let link = self.enter(loopback(0, 40), port, Some(SMALLEST_BUFFER)).await?;
            sleep(UNREAD).await;
            drop(link);
        }
    }
}

impl Link {
    /// What a frame says, if it is a line of somebody.
    async fn take(&mut self, frame: Option<Result<FromRoom, pchat::wire::CodecError>>) -> io::Result<Option<Bytes>> {
        match frame {
            Some(Ok(FromRoom::Event { event: Event::Said { said, .. }, .. })) => Ok(Some(said.payload)),
            Some(Ok(FromRoom::Ping(number))) => {
                say(&mut self.write, &ToRoom::Pong(number)).await?;
                Ok(None)
            }
            Some(Ok(FromRoom::Gap(_))) => Err(io::Error::other("lines are missing")),
            Some(Ok(FromRoom::Ended(_))) | None => Err(ended()),
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(io::Error::other(error)),
        }
    }

    async fn say(&mut self, payload: Bytes) -> io::Result<()> {
        self.said = self.said.max(self.welcome.accepted) + 1;
        say(&mut self.write, &envelope(self.said, payload)).await
    }
}

fn envelope(n: u64, payload: Bytes) -> ToRoom {
    let said = Said { command: "text".to_owned(), payload };
    ToRoom::Envelope(Envelope { n, prev: n - 1, to: To::Everyone, body: Body::Say(said) })
}

/// Sends a frame.
pub async fn say(write: &mut (impl AsyncWriteExt + Unpin), frame: &ToRoom) -> io::Result<()> {
    write.write_all(&encode(frame).map_err(io::Error::other)?).await?;
    write.flush().await
}

/// Keeps an honest member in the room; what breaks its link is counted.
pub async fn stay(person: Arc<Person>, port: u16, pause: Duration, heard: Arc<Heard>) {
    loop {
        if let Err(error) = person.talk(port, pause, &heard).await {
            heard.broken.fetch_add(1, Relaxed);
            complain(&format!("an honest link broke: {error}"));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Says what went wrong, the first few times.
pub fn complain(what: &str) {
    static SAID: AtomicU64 = AtomicU64::new(0);
    if SAID.fetch_add(1, Relaxed) < 10 {
        eprintln!("{what}");
    }
}

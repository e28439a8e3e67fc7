//! How soon the members of a room are back after its host's program was started again.
//!
//! The room is the program itself, `pchat host`, in a process of its own; its members are real sessions in this process, on
//! the same cores, over TLS and loopback, all from one address; it lets in only keys that it knows. The room is killed, or told to end (SIGTERM), each member
//! says a line meanwhile, and after a while `pchat host` is started again on the same port with the same identity. Times count
//! from the line with which the new room says that it is open. Afterwards everybody must have heard everybody's line once.
//!
//! Goal: under 5 s until all of 256 are back and have heard a line, however long the room was down. `cargo bench --bench
//! resume`; `-- --members N`, `-- --down SECS` (0, 1, 10, 40), `-- --pause SECS` (the longest pause between two tries) and
//! `-- --program PATH` change what is measured.

mod support;

use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use pchat::{
    net::{self, DialTiming, Stream},
    session::{self, Dial, DialError, Dialed, Draft, Handle, SessionConfig, SessionEvent, WhenFull},
    trust::{HostAddr, Identity, Members},
    wire::{Instance, PublicKey},
};
use rustls::ClientConfig;
use tokio::{runtime::Builder, sync::mpsc};
use tokio_util::task::TaskTracker;

/// How the room ends before it is started again.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    Term,
}

fn main() {
    let smoke = support::is_smoke();
    let members = if smoke { 8 } else { support::option("--members").unwrap_or(256) };
    let downs = match support::option("--down") {
        Some(secs) => vec![secs],
        None if smoke => vec![0.2],
        None => vec![0.0, 1.0, 10.0, 40.0],
    };
    if let Err(error) = net::raise_descriptor_limit() {
        eprintln!("the descriptor limit stays as it is: {error}");
    }
    let runtime = Builder::new_multi_thread().enable_all().build().expect("the system has a runtime");
    for (round, down) in downs.into_iter().enumerate() {
        let end = if round % 2 == 0 { End::Kill } else { End::Term };
        runtime.block_on(measure(members, end, Duration::from_secs_f64(down)));
    }
}

/// A room that is started again and again on one port, in one home.
struct Room {
    home: support::Scratch,
    child: Option<Child>,
    port: u16,
}

impl Room {
    /// A room that knows these people.
    fn start(people: &[Identity]) -> Self {
        let mut room = Self { home: support::Scratch::new(), child: None, port: 0 };
        let folder = room.home.path().join(".local/share/pchat");
        std::fs::create_dir_all(&folder).expect("the home can be written");
        let list = Members::at(folder.join("members"));
        for (index, person) in people.iter().enumerate() {
            list.insert(&person.public_key(), &format!("m{index}")).expect("the list can be written");
        }
        room.open();
        room
    }

    /// Opens it and returns when it says that it is.
    fn open(&mut self) -> Instant {
        let port = self.port.to_string();
        let args = ["host", "--bind", "127.0.0.1", "--max-members", "10000", "--port", &port];
        let mut child = self.home.command().args(args).spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the room says its port");
        let open = Instant::now();
        self.port = line.trim().rsplit(' ').next().and_then(|port| port.parse().ok()).expect("its port");
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        self.child = Some(child);
        open
    }

    fn end(&mut self, end: End) {
        let Some(mut child) = self.child.take() else { return };
        let signal = match end {
            End::Kill => rustix::process::Signal::KILL,
            End::Term => rustix::process::Signal::TERM,
        };
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).expect("it runs");
        child.wait().expect("it ends");
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.end(End::Kill);
    }
}

/// What a member has come to know.
enum News {
    Entered,
    /// How long it waits before the first try.
    Cut(Duration),
    Back,
    Heard(usize),
}

async fn measure(members: usize, end: End, down: Duration) {
    let people: Vec<_> = (0..members).map(|_| Identity::generate().expect("a key")).collect();
    let mut room = Room::start(&people);
    let tasks = TaskTracker::new();
    let (sender, mut news) = mpsc::channel(4096);
    let mut handles = Vec::new();
    for (index, person) in people.iter().enumerate() {
        handles.push(enter((index, person), room.port, &tasks, sender.clone()));
    }
    let mut entered = 0;
    while entered < members {
        entered += usize::from(matches!(news.recv().await, Some((_, News::Entered, _))));
    }
    room.end(end);
    for (index, handle) in handles.iter().enumerate() {
        let draft = Draft::Remember { command: "text".to_owned(), payload: Bytes::from(index.to_string()) };
        handle.send(draft, WhenFull::Fail).await.expect("it is taken in");
    }
    tokio::time::sleep(down).await;
    let open = room.open();
    let mut back = vec![None; members];
    let mut first_line = vec![None; members];
    let (mut heard, mut pauses) = (vec![vec![0; members]; members], vec![None; members]);
    let mut lines = 0;
    while lines < members * members || back.contains(&None) {
        let Some((index, news, at)) = news.recv().await else { panic!("a session is over") };
        match news {
            News::Entered => {}
            News::Cut(pause) => {
                pauses[index].get_or_insert(pause.as_secs_f64());
            }
            News::Back => {
                back[index].get_or_insert(at.saturating_duration_since(open).as_secs_f64());
            }
            News::Heard(of) => {
                lines += 1;
                heard[index][of] += 1;
                first_line[index].get_or_insert(at.saturating_duration_since(open).as_secs_f64());
            }
        }
    }
    // What would come twice comes with what is on its way.
    handles[0]
        .send(Draft::Remember { command: "text".to_owned(), payload: Bytes::from("0") }, WhenFull::Fail)
        .await
        .expect("it is taken in");
    let mut last = 0;
    while last < members {
        if let Some((index, News::Heard(of), _)) = news.recv().await {
            assert_eq!(of, 0, "member {index} heard a line twice");
            last += 1;
        }
    }
    assert!(heard.iter().flatten().all(|times| *times == 1), "everybody's line once");
    let spread = |values: Vec<Option<f64>>| {
        let mut values: Vec<f64> = values.into_iter().flatten().collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
        format!("{:5.2} / {:5.2} / {:5.2} / {:5.2}", at(0.1), at(0.5), at(0.9), at(1.0))
    };
    println!(
        "{members} members, {end:?}, down for {:4.1} s   (10 % / 50 % / 90 % / all, in s)\n  \
         first pause {}\n  back        {}\n  heard       {}   goal: 5\n  CPU of the room {:?}",
        down.as_secs_f64(),
        spread(pauses),
        spread(back),
        spread(first_line),
        support::cpu(&room.child.as_ref().expect("it runs").id().to_string()),
    );
    handles.iter().for_each(Handle::leave);
    tasks.close();
    drop(room);
}

/// A member that enters and tells what it comes to know.
fn enter(
    (index, identity): (usize, &Identity),
    port: u16,
    tasks: &TaskTracker,
    news: mpsc::Sender<(usize, News, Instant)>,
) -> Handle {
    let mut instance = [0; 16];
    aws_lc_rs::rand::fill(&mut instance).expect("the system gives random numbers");
    let mut timing = session::Timing::default();
    if let Some(secs) = support::option("--pause") {
        timing.later_retry = Duration::from_secs_f64(secs);
    }
    let config = SessionConfig {
        key: identity.public_key(),
        instance: Instance(instance),
        name: format!("m{index}"),
        features: 0,
        timing,
    };
    let addr = format!("127.0.0.1:{port}").parse().expect("an address");
    let dial = Loopback { addr, tls: net::client_config(identity), room: None };
    let (handle, mut events) = session::start(config, dial, tasks);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let told = match event {
                SessionEvent::Entered { .. } => News::Entered,
                SessionEvent::Cut { retry_in, .. } => News::Cut(retry_in),
                SessionEvent::Restored { .. } => News::Back,
                SessionEvent::Message(message) => {
                    News::Heard(str::from_utf8(&message.payload).ok().and_then(|of| of.parse().ok()).expect("a number"))
                }
                SessionEvent::Ended(session::Ending::Left) => return,
                SessionEvent::Ended(ending) => panic!("{ending:?}"),
                SessionEvent::Lost { .. } | SessionEvent::Missed { .. } | SessionEvent::Undelivered { .. } => {
                    panic!("something is lost")
                }
                _ => continue,
            };
            if news.send((index, told, Instant::now())).await.is_err() {
                return;
            }
        }
    });
    handle
}

/// The way to the room, as a joiner dials it.
struct Loopback {
    addr: HostAddr,
    tls: Arc<ClientConfig>,
    room: Option<PublicKey>,
}

#[async_trait]
impl Dial for Loopback {
    type Stream = Stream;

    async fn dial(&mut self) -> Result<Dialed<Stream>, DialError> {
        let connected = net::connect(&self.addr, &self.tls, &DialTiming::default()).await;
        let connected = connected.map_err(|error| DialError::Temporary(error.to_string()))?;
        assert!(self.room.is_none_or(|room| room == connected.key), "the room has the same identity");
        self.room = Some(connected.key);
        let (stream, gauge, exporter) = (connected.stream, connected.gauge, connected.exporter);
        Ok(Dialed { stream, gauge, exporter, host: connected.key, known: true })
    }
}

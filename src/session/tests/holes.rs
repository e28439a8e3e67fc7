//! Real rooms, real sessions, and networks that swallow everything, one way or both.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::net::{Owner, config, line};
use crate::{
    gauge::Gauged,
    room::{self, Peer, RoomConfig, RoomHandle, Via, tests::peer},
    session::*,
    wire::{Answer, Epoch, Request, To},
};

/// As long as `net` tries to connect.
const DIAL: Duration = Duration::from_secs(10);

const SEC: Duration = Duration::from_secs(1);

/// Which ways of one connection lead nowhere: to the room, and from it. They never lead anywhere again.
type Lost = Arc<[AtomicBool; 2]>;

/// One member's network.
#[derive(Default)]
struct Net {
    away: bool,
    links: Vec<Lost>,
}

type SharedNet = Arc<Mutex<Net>>;

/// From now on these ways of all connections lead nowhere, and no new one comes about until [`back`].
fn swallow(net: &SharedNet, ways: &[usize]) {
    let mut net = net.lock().unwrap();
    net.away = true;
    for (link, way) in net.links.iter().flat_map(|link| ways.iter().map(move |way| (link, *way))) {
        link[way].store(true, Relaxed);
    }
}

fn back(net: &SharedNet) {
    net.lock().unwrap().away = false;
}

struct Leaky {
    inner: DuplexStream,
    lost: Lost,
}

impl AsyncRead for Leaky {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.lost[1].load(Relaxed) {
            true => Poll::Pending,
            false => Pin::new(&mut self.inner).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Leaky {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.lost[0].load(Relaxed) {
            // The system takes it, and sends it again and again.
            true => Poll::Ready(Ok(buf.len())),
            false => Pin::new(&mut self.inner).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Leaky {
    fn drop(&mut self) {
        if self.lost.iter().any(|lost| lost.load(Relaxed)) {
            // The room does not hear of it.
            let (nobody, _) = tokio::io::duplex(1);
            let open = std::mem::replace(&mut self.inner, nobody);
            tokio::spawn(async move {
                let _open = open;
                std::future::pending::<()>().await;
            });
        }
    }
}

/// The way over such a network.
struct Way {
    of: u8,
    room: RoomHandle,
    net: SharedNet,
    tasks: TaskTracker,
}

#[async_trait]
impl Dial for Way {
    type Stream = Gauged<Leaky>;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        let away = self.net.lock().unwrap().away;
        if away {
            // Even if the network is back meanwhile: what was sent before is lost.
            sleep(DIAL).await;
            return Err(DialError::Temporary("no answer".into()));
        }
        let lost = Lost::default();
        self.net.lock().unwrap().links.push(lost.clone());
        let (near, far) = tokio::io::duplex(1 << 16);
        let (near, far) = (Gauged::new(Leaky { inner: near, lost }), Gauged::new(far));
        let peer = Peer {
            key: peer::key(self.of),
            address: None,
            gauge: far.gauge(),
            via: Via::Port,
            exporter: [0; 32],
            deadline: Instant::now() + DIAL,
            turn: None,
        };
        let room = self.room.clone();
        self.tasks.spawn(async move { room.serve(far, peer).await });
        let gauge = near.gauge();
        Ok(Dialed { stream: near, gauge, exporter: [0; 32], host: peer::key(1), known: true })
    }
}

thread_local! {
    /// How long bob's machine has slept, in milliseconds.
    static SLEPT: Cell<i64> = const { Cell::new(0) };
}

fn clocks() -> Reading {
    let now = Reading::now().wall + SLEPT.get();
    Reading { wall: now, boot: Some(now) }
}

/// A room with carol, whose network is good, and bob, whose is not.
struct Scene {
    net: SharedNet,
    bob: Owner,
    carol: Owner,
}

async fn scene(timing: room::Timing) -> Scene {
    let tasks = TaskTracker::new();
    let config_of_room = RoomConfig { open: true, owner: peer::key(99), timing, ..peer::config() };
    let room = room::start(config_of_room, Epoch([1; 16]), &tasks);
    let net = SharedNet::default();
    let mut owners = [(2, net.clone()), (3, SharedNet::default())].map(|(of, net)| {
        let timing = Timing { clocks, ..Timing::default() };
        let way = Way { of, room: room.clone(), net, tasks: tasks.clone() };
        Owner::start(SessionConfig { timing, ..config(of) }, way, &tasks)
    });
    for owner in &mut owners {
        owner.until(|event| matches!(event, SessionEvent::Entered { .. })).await;
    }
    let [bob, carol] = owners;
    Scene { net, bob, carol }
}

impl Owner {
    async fn say(&self, text: &str) {
        self.handle.send(line(To::Everyone, text, None), WhenFull::Fail).await.unwrap();
    }

    /// Waits for a line, unless it came already.
    async fn hears(&mut self, text: &str) {
        if self.texts().iter().any(|heard| heard.2 == text) {
            return;
        }
        self.until(|event| matches!(event, SessionEvent::Message(m) if m.payload == text.as_bytes())).await;
    }

    fn missed(&self) -> bool {
        let misses = |event: &SessionEvent| {
            matches!(
                event,
                SessionEvent::Missed { .. } | SessionEvent::Lost { .. } | SessionEvent::Restored { missed: true, .. }
            )
        };
        self.heard.iter().any(misses)
    }
}

/// Bob's network swallows these ways for `span` after he has noticed.
async fn falls_into_a_hole(ways: &[usize], span: Duration) {
    let Scene { net, mut bob, mut carol } = scene(room::Timing::default()).await;
    carol.say("before").await;
    bob.hears("before").await;
    let began = Instant::now();
    swallow(&net, ways);
    bob.say("from within").await;
    carol.say("meanwhile").await;
    bob.until(|event| matches!(event, SessionEvent::Cut { .. })).await;
    assert!(began.elapsed() <= 45 * SEC + SEC, "bob notices after {:?}", began.elapsed());
    // Neither does the room believe in his connection, once it hears nothing of him.
    let silent = if ways.contains(&0) { began } else { Instant::now() };
    let away = async {
        loop {
            let Ok(Answer::Who { rows, .. }) = carol.handle.ask(Request::Who { after: 0 }).await else { panic!() };
            if rows.iter().any(|row| row.away) {
                break;
            }
            sleep(SEC / 10).await;
        }
    };
    timeout(46 * SEC, away).await.expect("the room notices");
    assert!(silent.elapsed() <= 46 * SEC, "{:?}", silent.elapsed());
    sleep(span).await;
    let returned = Instant::now();
    back(&net);
    bob.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    assert!(returned.elapsed() <= 12 * SEC, "{ways:?}, {span:?}: back after {:?}", returned.elapsed());
    bob.hears("meanwhile").await;
    carol.hears("from within").await;
    carol.say("after").await;
    bob.hears("after").await;
    assert!(!bob.missed() && !carol.missed());
    let all = |owner: &Owner| owner.texts().into_iter().map(|text| text.2).collect::<Vec<_>>();
    assert!(all(&bob).iter().filter(|text| *text == "meanwhile").count() == 1);
    assert!(all(&carol).iter().filter(|text| *text == "from within").count() == 1);
}

#[tokio::test(start_paused = true)]
async fn case_124_a_hole_one_way_or_both_is_noticed_in_45_s_and_left_12_s_after_its_end() {
    for ways in [&[0][..], &[1], &[0, 1]] {
        // At every point of a try, and of the pause after it.
        for tenths in 0..40 {
            falls_into_a_hole(ways, SEC * tenths * 13 / 10).await;
        }
    }
}

/// Bob sleeps for so long that the room gives up his link, and perhaps his seat; the room's time is run faster for that.
async fn sleeps(seat_life: Duration) -> Owner {
    let fast = Duration::from_millis(50);
    let timing = room::Timing { ping: fast, dead: 3 * fast, away: 4 * fast, seat_life, ..room::Timing::default() };
    let Scene { net, mut bob, mut carol } = scene(timing).await;
    carol.say("before").await;
    bob.hears("before").await;
    swallow(&net, &[0, 1]);
    back(&net);
    for number in 0..50 {
        carol.say(&format!("meanwhile {number}")).await;
        sleep(SEC / 10).await;
    }
    carol.hears("meanwhile 49").await;
    let woke = Instant::now();
    SLEPT.set(SLEPT.get() + 8 * 3_600_000);
    bob.until(|event| matches!(event, SessionEvent::Restored { .. })).await;
    assert!(woke.elapsed() <= 5 * SEC, "{:?}", woke.elapsed());
    carol.say("good morning").await;
    bob.hears("good morning").await;
    bob
}

#[tokio::test(start_paused = true)]
async fn case_125_a_member_that_slept_is_back_in_5_s_and_has_all_while_its_seat_is_kept() {
    let bob = sleeps(Duration::from_secs(600)).await;
    assert!(!bob.missed());
    let texts: Vec<_> = bob.texts().into_iter().map(|text| text.2).collect();
    let all = ["before".to_owned()].into_iter().chain((0..50).map(|number| format!("meanwhile {number}")));
    assert!(texts.iter().cloned().eq(all.chain(["good morning".to_owned()])), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn case_125_a_member_that_slept_longer_than_its_seat_is_kept_is_told_that_something_is_missing() {
    let bob = sleeps(Duration::from_millis(500)).await;
    assert!(bob.missed());
    let texts: Vec<_> = bob.texts().into_iter().map(|text| text.2).collect();
    assert_eq!(texts, ["before", "good morning"]);
}

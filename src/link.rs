//! What both ends of a link have in common: the short queue of replies, and the signs of life.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use bytes::BytesMut;
use serde::Serialize;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
    time::Instant,
};

use crate::{gauge::Gauge, wire::encode_into};

/// Memory for the first frame that a link reads, in bytes: an idle link shall cost little.
pub const FIRST_BUFFER: usize = 256;

/// Most bytes that a link writes at once: what rustls takes in one go (four records).
pub const WRITE_BYTES: usize = 64 * 1024;

/// How many replies wait before the link stops reading: a peer that asks without listening waits for itself.
const MAX_REPLIES: usize = 8;

/// A timer that is so late tells that this program stood still meanwhile: it was stopped, or its machine was. How long
/// anybody was silent in that time cannot be known.
pub const STANDSTILL: Duration = Duration::from_secs(5);

/// Sleeps. Whether that took so long that the program must have stood still.
async fn sleeps_through(span: Duration) -> bool {
    let before = Instant::now();
    tokio::time::sleep(span).await;
    before.elapsed() > span + STANDSTILL
}

/// Frames that one half of a link asks the other half to send. Takes no memory while it is empty.
#[derive(Debug)]
pub struct Replies<F> {
    waiting: Mutex<VecDeque<F>>,
    ready: Notify,
    taken: Notify,
}

impl<F> Default for Replies<F> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), ready: Notify::new(), taken: Notify::new() }
    }
}

impl<F: Serialize> Replies<F> {
    /// Queues a reply, once there is room for it.
    pub async fn push(&self, reply: F) {
        loop {
            let taken = self.taken.notified();
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.len() < MAX_REPLIES {
                    waiting.push_back(reply);
                    self.ready.notify_one();
                    return;
                }
            }
            taken.await;
        }
    }

    /// Encodes all that wait.
    pub fn drain(&self, out: &mut BytesMut) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return;
        }
        for reply in std::mem::take(&mut *waiting) {
            if let Err(error) = encode_into(&reply, out) {
                tracing::error!(%error, "a reply does not fit a frame");
            }
        }
        self.taken.notify_waiters();
    }

    /// Waits until there is something to drain.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }
}

/// The signs of life of the peer.
#[derive(Debug)]
pub struct Pulse {
    started: Instant,
    /// Microseconds from the start to the last frame heard.
    heard: AtomicU64,
    /// Whether a frame is being dealt with, so that silence is ours and not the peer's.
    busy: AtomicBool,
    /// The number of the ping under way, which is the microseconds from the start; 0 for none.
    pinged: AtomicU64,
    /// The last round trip in microseconds, 0 for none yet.
    trip: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            heard: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            pinged: AtomicU64::new(0),
            trip: AtomicU64::new(0),
        }
    }
}

impl Pulse {
    /// Signs of life of a peer that is known to take so long for an answer.
    pub fn with_trip(trip: Duration) -> Self {
        let trip = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX);
        Self { trip: trip.into(), ..Self::default() }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The peer is listened to from now on.
    pub fn listening(&self) {
        self.heard.store(self.micros(), Relaxed);
        self.busy.store(false, Relaxed);
    }

    /// A frame came and is being dealt with.
    pub fn heard(&self) {
        self.busy.store(true, Relaxed);
    }

    /// The number for a new ping.
    pub fn ping(&self) -> u64 {
        let number = self.micros().max(1);
        self.pinged.store(number, Relaxed);
        number
    }

    /// The round trip that a pong tells, if it answers the ping under way.
    pub fn pong(&self, number: u64) -> Option<Duration> {
        let answers = number != 0 && self.pinged.compare_exchange(number, 0, Relaxed, Relaxed).is_ok();
        answers.then(|| {
            let trip = self.micros().saturating_sub(number).max(1);
            self.trip.store(trip, Relaxed);
            Duration::from_micros(trip)
        })
    }

    /// What was before counts no more: silence begins now, and an answer to what was asked tells no round trip.
    fn begin_again(&self) {
        self.heard.store(self.micros(), Relaxed);
        self.pinged.store(0, Relaxed);
    }

    /// Waits for a sign of life after the ping of this number: so long, or longer where round trips are. Whether there was
    /// one: the answer, or bytes of whatever comes before it. What had come already when it was asked is none.
    pub async fn answers(&self, number: u64, patience: Duration, gauge: &Gauge) -> bool {
        let patience = patience.max(Duration::from_micros(self.trip.load(Relaxed)).saturating_mul(3));
        let late = patience / 2;
        tokio::time::sleep(patience).await;
        let answered = self.pinged.load(Relaxed) != number;
        answered || self.silence() < late || gauge.gave_within(late)
    }

    fn silence(&self) -> Duration {
        match self.busy.load(Relaxed) {
            true => Duration::ZERO,
            false => Duration::from_micros(self.micros().saturating_sub(self.heard.load(Relaxed))),
        }
    }

    /// Waits until the peer has been silent for `span` and returns the number of the ping to send, or nothing
    /// once it has been silent for `dead`.
    pub async fn due(&self, span: Duration, dead: Duration) -> Option<u64> {
        loop {
            let silence = self.silence();
            if silence >= dead {
                return None;
            }
            let wait = if silence < span { span - silence } else { span.min(dead - silence) };
            if sleeps_through(wait).await {
                self.begin_again();
                continue;
            }
            // A peer that is not read from cannot know otherwise that we live.
            let silence = self.silence();
            if self.busy.load(Relaxed) || (span..dead).contains(&silence) {
                return Some(self.ping());
            }
        }
    }
}

/// One of the parts of a task that run side by side.
pub type Part<'a, T> = Pin<&'a mut (dyn Future<Output = T> + Send)>;

/// Runs the parts of a task until one of them ends. They take turns in going first: whoever does may use up all that the
/// task may do at a time, and then it is another one's turn. `select!` tosses instead, which no test can have twice.
pub async fn first_of<T, const N: usize>(mut parts: [Part<'_, T>; N]) -> T {
    let mut first = 0;
    poll_fn(|cx| {
        first += 1;
        (0..N)
            .map(|part| (first + part) % N)
            .map(|part| parts[part].as_mut().poll(cx))
            .find(Poll::is_ready)
            .unwrap_or(Poll::Pending)
    })
    .await
}

/// Writes all bytes, and gives up when the peer takes none of them for the time of `stall`.
///
/// # Errors
///
/// If the connection fails or stalls.
pub async fn write_all<W>(out: &mut W, bytes: &[u8], gauge: &Gauge, stall: Duration) -> std::io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    gauge.mark();
    let mut written = pin!(async {
        out.write_all(bytes).await?;
        out.flush().await
    });
    loop {
        tokio::select! {
            biased;
            result = &mut written => return result,
            stood = sleeps_through(stall / 4) => {
                if stood {
                    gauge.mark();
                }
                if !gauge.marked_within(stall) {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_of_a_task_take_turns_in_going_first_and_the_first_one_that_ends_ends_all() {
        let order = Mutex::new(Vec::new());
        let part = |name: &'static str, rounds: u32| {
            let order = &order;
            async move {
                for _ in 0..rounds {
                    order.lock().unwrap().push(name);
                    tokio::task::yield_now().await;
                }
                name
            }
        };
        let (a, b, c) = (pin!(part("a", 9)), pin!(part("b", 3)), pin!(part("c", 9)));
        assert_eq!(first_of([a, b, c]).await, "b");
        assert_eq!(order.lock().unwrap().concat(), "bcacababc");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_asked_and_then_given_up() {
        let pulse = Pulse::default();
        let begin = Instant::now();
        let mut pings = 0;
        while pulse.due(Duration::from_secs(15), Duration::from_secs(45)).await.is_some() {
            pings += 1;
        }
        assert_eq!((begin.elapsed().as_secs(), pings), (45, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_in_which_we_stood_still_ourselves_counts_for_nothing() {
        let (pulse, begin) = (Pulse::default(), Instant::now());
        let secs = Duration::from_secs;
        assert!(pulse.due(secs(15), secs(45)).await.is_some());
        let asked = pulse.ping();
        {
            let mut due = pin!(pulse.due(secs(15), secs(45)));
            assert!(futures_util::poll!(&mut due).is_pending());
            tokio::time::advance(secs(8 * 3600)).await;
            // Not at once: nothing is asked until the other end had the time to say something.
            assert!(futures_util::poll!(&mut due).is_pending());
            assert_eq!(pulse.pong(asked), None, "hours are no round trip");
            assert!(due.await.is_some());
        }
        assert_eq!(begin.elapsed().as_secs(), 15 + 8 * 3600 + 15);
        while pulse.due(secs(15), secs(45)).await.is_some() {}
        assert_eq!(begin.elapsed().as_secs(), 15 + 8 * 3600 + 45);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_stands_still_with_us_has_its_whole_time_again() {
        let (near, _far) = tokio::io::duplex(4);
        let mut near = crate::gauge::Gauged::new(near);
        let (gauge, begin) = (near.gauge(), Instant::now());
        let stall = Duration::from_secs(30);
        let mut writing = pin!(write_all(&mut near, b"more than fits", &gauge, stall));
        assert!(futures_util::poll!(&mut writing).is_pending());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(futures_util::poll!(&mut writing).is_pending());
        assert_eq!(writing.await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert!((3630..3650).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_had_come_before_is_no_answer() {
        let (patience, gauge) = (Duration::from_secs(2), Gauge::new());
        tokio::time::advance(Duration::from_secs(60)).await;
        let pulse = Pulse::default();
        let asked = pulse.ping();
        let ask = |pulse, asked| Pulse::answers(pulse, asked, patience, &gauge);
        let (silent, ()) = tokio::join!(ask(&pulse, asked), async { pulse.listening() });
        assert!(!silent);
        let asked = pulse.ping();
        let (answered, _) = tokio::join!(ask(&pulse, asked), async { pulse.pong(asked) });
        assert!(answered);
        let asked = pulse.ping();
        let (talks, ()) = tokio::join!(ask(&pulse, asked), async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            pulse.listening();
        });
        assert!(talks);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_we_keep_waiting_is_not_silent() {
        let pulse = Pulse::default();
        pulse.heard();
        for _ in 0..10 {
            assert!(pulse.due(Duration::from_secs(15), Duration::from_secs(45)).await.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_answer_to_the_last_ping_tells_a_round_trip() {
        let pulse = Pulse::default();
        tokio::time::advance(Duration::from_secs(1)).await;
        let number = pulse.ping();
        tokio::time::advance(Duration::from_millis(3)).await;
        assert_eq!((pulse.pong(0), pulse.pong(7)), (None, None));
        assert_eq!(pulse.pong(number), Some(Duration::from_millis(3)));
        assert_eq!(pulse.pong(number), None);
    }
}

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
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            heard: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            pinged: AtomicU64::new(0),
        }
    }
}

impl Pulse {
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
        answers.then(|| Duration::from_micros(self.micros().saturating_sub(number).max(1)))
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
            tokio::time::sleep(wait).await;
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
            () = tokio::time::sleep(stall / 4) => {
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

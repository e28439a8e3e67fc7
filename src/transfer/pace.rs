//! How fast bytes may move: a limit that may change while it is waited for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Largest piece that moves at once, in bytes: what one write of a stream takes well.
pub const PIECE: usize = 256 * 1024;

/// A tenth of a second's worth moves at once under a limit, so that it is felt as a speed and not as bursts.
const PIECES_A_SECOND: u64 = 10;

/// How much unused time is made up for: moving a piece takes time of its own, which must not be lost.
const CREDIT: Duration = Duration::from_millis(200);

/// Smallest piece, in bytes: less would be all overhead.
const SMALLEST_PIECE: u64 = 512;

/// A limit for one transfer, or shared by all.
#[derive(Debug, Default)]
pub struct Pace {
    /// Bytes a second, 0 for no limit.
    rate: AtomicU64,
    /// When the bytes that have passed are paid for.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    /// Changes the limit; `None` takes it away.
    pub fn set(&self, rate: Option<u64>) {
        self.rate.store(rate.unwrap_or(0), Relaxed);
        *self.paid.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The limit in bytes a second.
    pub fn rate(&self) -> Option<u64> {
        Some(self.rate.load(Relaxed)).filter(|rate| *rate > 0)
    }

    /// How many bytes may move at once at this speed.
    pub fn piece(&self) -> usize {
        match self.rate() {
            None => PIECE,
            Some(rate) => (rate / PIECES_A_SECOND).clamp(SMALLEST_PIECE, PIECE as u64) as usize,
        }
    }

    /// Counts `bytes` that move at `now`, and says how long to wait before more may.
    pub fn pass(&self, bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.rate() else { return Duration::ZERO };
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        let until = paid.unwrap_or(now).max(earliest) + cost;
        *paid = Some(until);
        until.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_nothing_waits_and_pieces_are_large() {
        let pace = Pace::default();
        assert_eq!((pace.pass(1 << 30, Instant::now()), pace.piece()), (Duration::ZERO, PIECE));
    }

    #[test]
    fn a_limit_holds_on_average_and_can_be_taken_away() {
        let pace = Pace::default();
        pace.set(Some(100_000));
        let begin = Instant::now();
        let mut now = begin;
        for _ in 0..10 {
            now += pace.pass(pace.piece(), now);
        }
        assert_eq!(now - begin, Duration::from_secs(1));
        pace.set(None);
        assert_eq!(pace.pass(1 << 20, now), Duration::ZERO);
    }

    #[test]
    fn the_time_that_a_piece_takes_is_made_up_for() {
        let pace = Pace::default();
        pace.set(Some(1_000));
        let begin = Instant::now();
        let mut now = begin;
        for _ in 0..10 {
            now += Duration::from_millis(50);
            now += pace.pass(100, now);
        }
        // The last piece is paid for in advance.
        assert_eq!(now - begin, Duration::from_millis(1_050));
    }

    #[test]
    fn time_that_was_not_used_is_not_saved_up() {
        let pace = Pace::default();
        pace.set(Some(1_000));
        let now = Instant::now();
        pace.pass(100, now);
        assert_eq!(pace.pass(1_000, now + Duration::from_secs(60)), Duration::from_secs(1) - CREDIT);
    }

    #[test]
    fn the_slowest_limit_still_moves_something() {
        let pace = Pace::default();
        pace.set(Some(1));
        assert_eq!(pace.piece(), SMALLEST_PIECE as usize);
    }
}

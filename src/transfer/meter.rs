//! How far a transfer is: counted by the thread that moves the bytes, read by whoever shows it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{
    size::{Size, brief},
    view::{Bar, Direction},
};

/// How long the past counts for the present speed.
const MEMORY: Duration = Duration::from_secs(3);

/// Bytes moved and to be moved.
#[derive(Debug, Default)]
pub struct Meter {
    done: AtomicU64,
    total: AtomicU64,
    speed: Mutex<Option<Speed>>,
}

/// A running mean of the speed.
#[derive(Clone, Copy, Debug)]
struct Speed {
    at: Instant,
    done: u64,
    bytes_a_second: f64,
}

/// A look at a meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes a second, lately.
    pub speed: f64,
}

impl Meter {
    /// A transfer begins, or begins again: `done` of `total` bytes are there without having moved now.
    pub fn begin(&self, done: u64, total: u64) {
        self.done.store(done, Relaxed);
        self.total.store(total, Relaxed);
        *self.speed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A transfer goes on about where another one is.
    pub fn begin_as(&self, other: &Self) {
        self.begin(other.done.load(Relaxed), other.total.load(Relaxed));
    }

    /// More bytes have moved.
    pub fn add(&self, bytes: usize) {
        self.done.fetch_add(bytes as u64, Relaxed);
    }

    /// How many bytes are there.
    pub fn moved(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// How far it is at `now`. Looked at several times a second it tells the speed of the last seconds.
    pub fn look(&self, now: Instant) -> Progress {
        let (done, total) = (self.done.load(Relaxed), self.total.load(Relaxed));
        let mut speed = self.speed.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match *speed {
            None => Speed { at: now, done, bytes_a_second: 0.0 },
            Some(last) => {
                let span = now.saturating_duration_since(last.at).as_secs_f64();
                if span < 0.05 {
                    last
                } else {
                    let present = done.saturating_sub(last.done) as f64 / span;
                    // The first reading is all there is to go by.
                    let weight =
                        if last.bytes_a_second == 0.0 { 1.0 } else { 1.0 - (-span / MEMORY.as_secs_f64()).exp() };
                    let mean = last.bytes_a_second + (present - last.bytes_a_second) * weight;
                    Speed { at: now, done, bytes_a_second: mean }
                }
            }
        };
        *speed = Some(next);
        Progress { done, total, speed: next.bytes_a_second }
    }
}

impl Progress {
    /// Whole percents that are there.
    pub fn percent(&self) -> u64 {
        if self.total == 0 { 100 } else { (u128::from(self.done) * 100 / u128::from(self.total)).min(100) as u64 }
    }

    /// It as a bar about an offer.
    pub fn bar(&self, direction: Direction, offer: Option<u32>, what: String) -> Bar {
        let (done, total, speed, left) = (self.done, self.total, self.speed, self.left());
        Bar { offer, what, whom: String::new(), direction, done, total, speed, left, waits: None, paused: false }
    }

    /// The time that the rest takes at this speed, once there is one.
    pub fn left(&self) -> Option<Duration> {
        let rest = self.total.saturating_sub(self.done) as f64;
        (self.speed >= 1.0).then(|| Duration::try_from_secs_f64(rest / self.speed).ok()).flatten()
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>3} %  {} of {}", self.percent(), Size(self.done), Size(self.total))?;
        if self.speed >= 1.0 {
            write!(f, "  {}/s", Size(self.speed as u64))?;
        }
        // Beyond a hundred hours the number says nothing.
        match self.left().filter(|left| left.as_secs() < 360_000) {
            Some(left) if self.done < self.total => write!(f, "  {} left", brief(left)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        let meter = Meter::default();
        let begin = Instant::now();
        meter.begin(1_000_000, 11_000_000);
        assert_eq!(meter.look(begin).speed, 0.0);
        let mut last = None;
        for step in 1..=20 {
            meter.add(250_000);
            last = Some(meter.look(begin + Duration::from_millis(250 * step)));
        }
        let progress = last.expect("looked at");
        assert!((progress.speed - 1_000_000.0).abs() < 1_000.0, "{progress:?}");
        assert_eq!((progress.done, progress.percent()), (6_000_000, 54));
        assert_eq!(progress.to_string(), " 54 %  5.7 MiB of 10.5 MiB  976.6 KiB/s  5 s left");
    }

    #[test]
    fn nothing_to_move_is_all_there() {
        let meter = Meter::default();
        meter.begin(0, 0);
        let progress = meter.look(Instant::now());
        assert_eq!((progress.percent(), progress.left()), (100, None));
        assert_eq!(progress.to_string(), "100 %  0 B of 0 B");
    }
}

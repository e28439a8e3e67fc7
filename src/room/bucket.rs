//! A token bucket: how fast a member is read from.

use std::time::Duration;

use tokio::time::Instant;

/// Lets `rate` a second pass, and a burst of some seconds' worth.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    burst: Duration,
    /// When the bucket will be full again.
    full_at: Instant,
}

impl Bucket {
    /// A full bucket that lets `rate` a second pass, and `burst` at once.
    pub(super) fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Self::every(Duration::from_secs(1) / rate.max(1), burst, now)
    }

    /// A full bucket that lets one pass each `interval`, and `burst` at once.
    pub(super) fn every(interval: Duration, burst: u32, now: Instant) -> Self {
        Self { interval, burst: interval * burst, full_at: now }
    }

    /// Whether one may pass now.
    pub(super) fn passes(&self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.interval;
        full_at.checked_sub(self.burst).is_none_or(|pass| pass <= now)
    }

    /// Whether nothing has been taken for so long that it might as well be a new one.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Takes one and says from when on it may pass.
    pub(super) fn take(&mut self, now: Instant) -> Option<Instant> {
        self.take_many(1, now)
    }

    /// Takes that many and says from when on they may pass.
    pub(super) fn take_many(&mut self, count: u32, now: Instant) -> Option<Instant> {
        self.full_at = self.full_at.max(now) + self.interval * count;
        let pass = self.full_at.checked_sub(self.burst)?;
        (pass > now).then_some(pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        for _ in 0..5 {
            assert_eq!(bucket.take(start), None);
        }
        assert_eq!(bucket.take(start), Some(start + Duration::from_millis(100)));
        assert_eq!(bucket.take(start), Some(start + Duration::from_millis(200)));
        let later = start + Duration::from_secs(10);
        assert_eq!(bucket.take(later), None);
    }
}

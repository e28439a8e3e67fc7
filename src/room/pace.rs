//! How fast a member is read from: a bucket for each kind of frame. Reading later slows a sender down and loses nothing.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::bucket::Bucket;
pub(super) use crate::limits::room::PING_RATE;
use crate::limits::room::{ASK_RATE, BURST_SECS, KEEP_EVERY, KEEPS_AT_ONCE, LINE_BYTES, NOTABLE_WAIT, SLOWED_EVERY};
use crate::wire::{Body, Envelope, ToRoom};

/// How fast a key is read from, for all its links.
pub(super) type SharedPace = Arc<Mutex<Pace>>;

/// How fast a key is read from.
#[derive(Debug)]
pub(super) struct Pace {
    lines: Option<(Bucket, Bucket)>,
    keeps: Bucket,
    asks: Bucket,
    pings: Bucket,
    /// Since when and until when it was held up last.
    held: Option<(Instant, Instant)>,
    told: Option<Instant>,
}

impl Pace {
    pub(super) fn new(rate: Option<u32>, now: Instant) -> Self {
        let of = |rate: u32| Bucket::new(rate, rate.saturating_mul(BURST_SECS), now);
        Self {
            lines: rate.map(|rate| (of(rate), of(rate))),
            keeps: Bucket::every(KEEP_EVERY, KEEPS_AT_ONCE, now),
            asks: Bucket::new(ASK_RATE.0, ASK_RATE.1, now),
            pings: Bucket::new(PING_RATE.0, PING_RATE.1, now),
            held: None,
            told: None,
        }
    }

    /// Whether nothing has been taken for so long that it might as well be a new one.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let lines = self.lines.iter().flat_map(|(lines, bytes)| [lines, bytes]);
        let told = self.told.is_some_and(|told| now.duration_since(told) < SLOWED_EVERY);
        !told && lines.chain([&self.keeps, &self.asks, &self.pings]).all(|bucket| bucket.is_full(now))
    }

    /// From when on a frame may pass, if not at once.
    pub(super) fn pass(&mut self, frame: &ToRoom, now: Instant) -> Option<Instant> {
        match frame {
            ToRoom::Envelope(Envelope { body, .. }) => {
                let (len, kept) = match body {
                    Body::Say(said) | Body::Remember(said) => (said.payload.len(), None),
                    Body::Keep { said, .. } => (said.payload.len(), self.keeps.take(now)),
                    Body::Withdraw { .. } => (0, None),
                };
                let said = self.lines.as_mut().and_then(|(lines, bytes)| {
                    // Both are taken from, and the later one counts.
                    let bytes = bytes.take_many((len as u32).div_ceil(LINE_BYTES).max(1), now);
                    lines.take(now).max(bytes)
                });
                said.max(kept)
            }
            ToRoom::Ask(_) => self.asks.take(now),
            ToRoom::Ping(_) => self.pings.take(now),
            _ => None,
        }
    }

    /// Whether a member that waits until `pass` is to be told so. Each wait of a flooder is short: what counts is for
    /// how long one has followed another.
    pub(super) fn is_notable(&mut self, pass: Instant, now: Instant) -> bool {
        let still = self.held.filter(|(_, until)| now.duration_since(*until) <= NOTABLE_WAIT);
        let since = still.map_or(now, |(since, _)| since);
        self.held = Some((since, pass));
        let due = self.told.is_none_or(|told| now.duration_since(told) >= SLOWED_EVERY);
        let notable = due && pass.duration_since(since) > NOTABLE_WAIT;
        if notable {
            self.told = Some(now);
        }
        notable
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::Request;

    /// Sends so many questions, one after the other `every` so long if the room lets it. How often it is told that it is
    /// slowed, and for how long it sent.
    fn asks(pace: &mut Pace, count: u32, every: Duration, start: Instant) -> (u32, Duration) {
        let (mut now, mut told) = (start, 0);
        for _ in 0..count {
            if let Some(pass) = pace.pass(&ToRoom::Ask(Request::Place), now) {
                told += u32::from(pace.is_notable(pass, now));
                now = pass;
            }
            now += every;
        }
        (told, now - start)
    }

    #[test]
    fn whoever_is_held_up_for_a_while_is_told_once_a_minute_however_short_each_wait_is() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(50), start);
        assert_eq!(asks(&mut pace, 60, Duration::ZERO, start), (0, Duration::ZERO), "a burst waits for nothing");
        // 20 a second, so that this is half a second and a second and a half.
        assert_eq!(asks(&mut pace, 10, Duration::ZERO, start).0, 0);
        assert_eq!(asks(&mut pace, 20, Duration::ZERO, start + Duration::from_millis(500)).0, 1);
        assert_eq!(asks(&mut pace, 1000, Duration::ZERO, start + Duration::from_millis(1500)).0, 0);
        assert_eq!(asks(&mut pace, 400, Duration::ZERO, start + Duration::from_millis(51_500)).0, 1);
    }

    #[test]
    fn short_waits_far_apart_are_none_to_speak_of() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(50), start);
        let mut now = start;
        for _ in 0..100 {
            let (told, took) = asks(&mut pace, 65, Duration::ZERO, now);
            assert_eq!(told, 0);
            now += took + Duration::from_secs(10);
        }
    }
}

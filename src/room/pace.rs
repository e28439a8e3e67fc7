//! How fast a member is read from: a bucket for each kind of frame. Reading later slows a sender down and loses nothing.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::bucket::Bucket;
use crate::wire::{Body, Envelope, ToRoom};

/// Seconds' worth of lines that a member may send in one go.
const BURST_SECS: u32 = 4;

/// Bytes of what a member says, for each line a second that it may say: most lines are shorter, and the longest ones are
/// said at a quarter of the rate.
const LINE_BYTES: u32 = 1024;

/// Questions a second, and in one go: more than any person or program of ours has.
const ASK_RATE: (u32, u32) = (20, 60);

/// Pings a second, and in one go. Ours asks once in 15 s.
pub(super) const PING_RATE: (u32, u32) = (2, 10);

/// How often something may be put up that the room keeps, and how many in one go: twice all that one member may have up.
const KEEP_EVERY: Duration = Duration::from_secs(10);
const KEEPS_AT_ONCE: u32 = 16;

/// A member that has to wait longer than this for its turn is told so, not more often than the other.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);
const SLOWED_EVERY: Duration = Duration::from_secs(60);

/// How fast a key is read from, for all its links.
pub(super) type SharedPace = Arc<Mutex<Pace>>;

/// How fast a key is read from.
#[derive(Debug)]
pub(super) struct Pace {
    lines: Option<(Bucket, Bucket)>,
    keeps: Bucket,
    asks: Bucket,
    pings: Bucket,
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
                    Body::Say(said) => (said.payload.len(), None),
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

    /// Whether a member that waits until `pass` is to be told so.
    pub(super) fn is_notable(&mut self, pass: Instant, now: Instant) -> bool {
        let due = self.told.is_none_or(|told| now.duration_since(told) >= SLOWED_EVERY);
        let notable = due && pass.duration_since(now) > NOTABLE_WAIT;
        if notable {
            self.told = Some(now);
        }
        notable
    }
}

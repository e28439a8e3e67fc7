//! A member's seat in the room, which outlives its links.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time::Instant};

use super::{bucket::Bucket, log::Needs, pace::SharedPace};
use crate::{
    gauge::Gauge,
    wire::{End, FromRoom, Introduction, Resume, encode},
};

/// How often the time of [`Timing::healthy`](super::Timing::healthy) a single write may take.
const WRITE_PATIENCE: u32 = 10;

/// Why the room ends a link.
#[derive(Debug)]
pub(super) enum LinkEnd {
    /// The member is told.
    Told(End),
    /// The member broke the protocol and is told nothing.
    Violation,
}

/// What the room and one link share.
#[derive(Debug)]
pub(super) struct LinkShared {
    /// Tells a link from the one before it on the same seat.
    pub(super) id: u64,
    pub(super) gauge: Arc<Gauge>,
    /// The next event that the link will read.
    pub(super) next: AtomicU64,
    /// Whether a write is under way.
    pub(super) writing: AtomicBool,
    /// When that write began.
    pub(super) begun: Arc<Gauge>,
    /// Whether nothing more is read for it: the member is gone, or has another link.
    pub(super) over: AtomicBool,
    /// How fast its key is read from.
    pub(super) pace: SharedPace,
    /// The last round trip in microseconds, 0 for none.
    pub(super) rtt: AtomicU32,
    /// The highest number accepted from the member.
    pub(super) accepted: AtomicU64,
}

impl LinkShared {
    /// Whether the member takes what it is given, and not only drop by drop: that would let one member hold
    /// the whole room. One that has not been given anything does.
    pub(super) fn healthy(&self, within: Duration) -> bool {
        !self.writing.load(Relaxed)
            || self.gauge.marked_within(within) && self.begun.marked_within(within * WRITE_PATIENCE)
    }
}

/// The room's end of a link.
#[derive(Debug)]
pub(super) struct LinkControl {
    pub(super) shared: Arc<LinkShared>,
    pub(super) end: oneshot::Sender<LinkEnd>,
}

impl LinkControl {
    /// Ends the link before the next event is recorded: what is said from now on is not for it.
    pub(super) fn end(self, end: LinkEnd) {
        self.silence();
        let _ = self.end.send(end);
    }

    /// Nothing more is read for the link, which ends by itself.
    pub(super) fn silence(&self) {
        self.shared.over.store(true, Relaxed);
    }
}

/// The last envelope of a member to everyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Public {
    n: u64,
    /// The one before it that everyone got.
    prev: u64,
    refused: bool,
}

impl Public {
    /// Takes the next one in and gives the number of the one before it that everyone got: what nobody got is not to be
    /// missed by anybody. What was before this seat, its member says; what has come since, we know, and it may not: a
    /// refusal can be in its gap.
    pub(super) fn follow(&mut self, n: u64, prev: u64) -> u64 {
        let prev = match *self {
            Self { n: 0, .. } => prev,
            Self { prev: before, refused: true, .. } => prev.min(before),
            Self { n: before, .. } => before,
        };
        *self = Self { n, prev, refused: false };
        prev
    }

    /// Nobody gets that one.
    pub(super) fn refuse(&mut self, n: u64) {
        self.refused |= self.n == n;
    }
}

/// A member's seat.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) who: Introduction,
    /// The frame that introduces it.
    pub(super) frame: Arc<[u8]>,
    pub(super) address: Option<IpAddr>,
    pub(super) since: Instant,
    /// Whether its process keeps the room.
    pub(super) host: bool,
    /// Whether a person sits there who can answer a knock.
    pub(super) askable: bool,
    /// Whether streams can be opened to it.
    pub(super) streams: bool,
    /// Highest number accepted.
    pub(super) accepted: u64,
    /// The last that it sent to everyone.
    pub(super) public: Public,
    /// Public events before it entered.
    pub(super) base: u64,
    /// The newest event when it entered.
    pub(super) entered: u64,
    /// The event before which it was sent last what the room keeps.
    pub(super) greeted: Arc<AtomicU64>,
    /// Where it stood in a seat before this one. Until it has read its Welcome it says so again.
    pub(super) came_with: Option<Resume>,
    /// What is kept for it: the room's number by its own mark.
    pub(super) kept: BTreeMap<u32, u32>,
    /// How fast it may change its name.
    pub(super) renames: Bucket,
    pub(super) link: Option<LinkControl>,
    /// When its link broke.
    pub(super) broken: Option<Instant>,
    /// Whether the others were told that it is away.
    pub(super) away: bool,
}

impl Seat {
    /// The frame that introduces a member.
    pub(super) fn introduce(who: &Introduction) -> Arc<[u8]> {
        let frame = encode(&FromRoom::Member(who.clone())).expect("a name of checked length fits a frame");
        Arc::from(&frame[..])
    }

    /// What an event about this member needs.
    pub(super) fn needs(&self) -> Needs {
        Needs::Introduced(self.who.number, self.frame.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_passed_over_whether_its_sender_knows_or_not() {
        let mut public = Public::default();
        // The first one of a seat follows what was said from another.
        assert_eq!(public.follow(8, 5), 5);
        public.refuse(8);
        assert_eq!(public.follow(9, 8), 5, "it has not heard yet");
        public.refuse(9);
        assert_eq!(public.follow(12, 5), 5, "it has");
        assert_eq!(public.follow(13, 12), 12);
        public.refuse(13);
        public.refuse(12);
        // It has heard of 14, and never of 13.
        assert_eq!(public.follow(14, 13), 12);
        public.refuse(14);
        assert_eq!(public.follow(20, 13), 12);
    }
}

//! The numbers of a door, and why they are what they are.

use std::time::Duration;

use crate::net::share::Limits;
use crate::net::standing::Terms;

/// Limits and times of a [`Door`](super::Door).
#[derive(Clone, Copy, Debug)]
pub struct DoorConfig {
    /// Connections in the TLS handshake or not yet let through by the room, in all.
    pub handshakes: usize,
    /// The same for one source: an IPv4 address or an IPv6 network of 64 bits.
    pub handshakes_a_source: usize,
    /// The same above `handshakes` for favoured sources: those from which a member was let in lately, or lost its link.
    pub reserve: usize,
    /// Accepted connections that wait for their turn, in all.
    pub waiting: usize,
    /// The same for one source, which has more only while as many as this stay free for others; what comes above it is
    /// closed at once.
    pub waiting_a_source: usize,
    /// The same while all places are taken.
    pub waiting_a_source_when_full: usize,
    /// Time from accepting to being let through by the room.
    pub deadline: Duration,
    /// Time for the TLS handshake, from the beginning of the turn.
    pub tls: Duration,
    /// How long a connection may hold its place or turn while others wait for it.
    pub give_way: Duration,
    /// Connections of a source that may come to nothing; what comes above it is closed at once.
    pub tries: u32,
    /// In which time all tries are given back.
    pub tries_in: Duration,
    /// How long a source is favoured.
    pub favour: Duration,
    /// Sources whose tries are remembered, and as many that are favoured; the oldest are forgotten.
    pub sources: usize,
}

impl DoorConfig {
    /// Handshakes in all: they cost a third of a millisecond each and are over within a round trip or two.
    pub const HANDSHAKES: usize = 32;

    /// Handshakes of one source, so that it takes eight of them to fill the door.
    pub const HANDSHAKES_A_SOURCE: usize = 4;

    /// Handshakes kept for members who come back: enough for two homes that come back at once, as one has four.
    pub const RESERVE: usize = 8;

    /// Connections waiting in all, a descriptor and a few KiB each: a lecture hall of 300 behind one address may join
    /// in the same instant.
    pub const WAITING: usize = 512;

    /// Connections waiting of one source whatever others do: a class.
    pub const WAITING_A_SOURCE: usize = 64;

    /// Connections waiting of one source while all places are taken: a household. Sources that have more are turned
    /// away then, so that those that have few need not queue behind them in the system.
    pub const WAITING_A_SOURCE_WHEN_FULL: usize = 8;

    /// From accepting to being let through; bad radio links take two or three seconds.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// The TLS part of it.
    pub const TLS: Duration = Duration::from_secs(5);

    /// What a connection has under pressure: a handshake and a Hello are two round trips, so one of half a second, as by
    /// satellite, still gets in.
    pub const GIVE_WAY: Duration = Duration::from_secs(2);

    /// Connections that may come to nothing: more than a person tries by hand, and a household of them.
    pub const TRIES: u32 = 32;

    /// One try is given back every 19 s: a room that is scanned or flooded does next to no handshakes for it.
    pub const TRIES_IN: Duration = Duration::from_secs(600);

    /// As long as a member keeps its seat after its link broke.
    pub const FAVOUR: Duration = Duration::from_secs(600);

    /// Sources remembered: half a MiB of each kind.
    pub const SOURCES: usize = 4096;

    /// How many descriptors connections at the door take at the most.
    pub fn descriptors(&self) -> usize {
        self.handshakes + self.waiting + 2 * self.reserve
    }

    pub(in crate::net) fn limits(&self) -> Limits {
        Limits {
            waiting: self.waiting,
            waiting_a_source: self.waiting_a_source,
            waiting_a_source_when_full: self.waiting_a_source_when_full,
            turns: self.handshakes,
            turns_a_source: self.handshakes_a_source,
            reserve: self.reserve,
            give_way: self.give_way,
        }
    }

    pub(in crate::net) fn terms(&self) -> Terms {
        Terms { tries: self.tries, tries_in: self.tries_in, favour: self.favour, sources: self.sources }
    }
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self {
            handshakes: Self::HANDSHAKES,
            handshakes_a_source: Self::HANDSHAKES_A_SOURCE,
            reserve: Self::RESERVE,
            waiting: Self::WAITING,
            waiting_a_source: Self::WAITING_A_SOURCE,
            waiting_a_source_when_full: Self::WAITING_A_SOURCE_WHEN_FULL,
            deadline: Self::DEADLINE,
            tls: Self::TLS,
            give_way: Self::GIVE_WAY,
            tries: Self::TRIES,
            tries_in: Self::TRIES_IN,
            favour: Self::FAVOUR,
            sources: Self::SOURCES,
        }
    }
}

//! The numbers of a door, and why they are what they are.

use std::time::Duration;

use crate::limits::door;
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
            handshakes: door::HANDSHAKES,
            handshakes_a_source: door::HANDSHAKES_A_SOURCE,
            reserve: door::RESERVE,
            waiting: door::WAITING,
            waiting_a_source: door::WAITING_A_SOURCE,
            waiting_a_source_when_full: door::WAITING_A_SOURCE_WHEN_FULL,
            deadline: door::DEADLINE,
            tls: door::TLS,
            give_way: door::GIVE_WAY,
            tries: door::TRIES,
            tries_in: door::TRIES_IN,
            favour: door::FAVOUR,
            sources: door::SOURCES,
        }
    }
}

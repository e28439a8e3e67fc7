//! The room's table of streams: which token is whose, and what becomes of an end that arrives with one. No I/O and no
//! clock: whatever an end is, it comes in, waits, and goes out together with the other one.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use crate::limits::stream::{MAX_OF_ONE, MAX_PENDING_OF_ONE};
use crate::wire::{PublicKey, TOKEN_LIFE, Token};

/// What these take at the most: two sockets and two pipes each.
pub(crate) const DESCRIPTORS: usize = 6;

/// A member at an end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    /// Its number in the room.
    pub(crate) number: u32,
    /// Its key.
    pub(crate) key: PublicKey,
    /// Whether it is in the room's own process, so that its end is no connection.
    pub(crate) inside: bool,
}

/// Why no stream is opened now. Each of them passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    /// The opener has too many whose ends are not there.
    #[error("too many of your streams wait for their ends; try again in {} s", TOKEN_LIFE.as_secs())]
    Pending,
    /// The opener has too many.
    #[error("you have {MAX_OF_ONE} streams open already")]
    Opener,
    /// The room has too many.
    #[error("the room carries {0} streams already, which is all it carries at a time")]
    Room(usize),
    /// The room is closing.
    #[error("the room is closing")]
    Closed,
}

/// What becomes of an end that arrives.
#[derive(Debug)]
pub(crate) enum Arrival<E> {
    /// It waits for the other one.
    Waits,
    /// Both are there.
    Paired {
        /// The stream's number, for [`Pairing::over`].
        id: u64,
        /// Cancelled when the stream has to end.
        stop: CancellationToken,
        /// The opener's end and the target's.
        ends: [E; 2],
    },
    /// Its token is unknown, used, too late, or not for an end of this kind.
    Refused(E),
}

/// How many streams a room has and had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Those whose ends are both there.
    pub(crate) running: usize,
    /// Those whose ends have both been there.
    pub(crate) in_all: u64,
}

/// Where a stream stands.
#[derive(Debug)]
enum Stage<E> {
    /// An end is missing.
    Pending {
        tokens: [Token; 2],
        /// The one that is there, with its side.
        waiting: Option<(usize, E)>,
        until: Instant,
    },
    /// Bytes move. Cancelled when they have to stop.
    Running(CancellationToken),
}

#[derive(Debug)]
struct Entry<E> {
    /// The opener, then the target.
    parties: [Party; 2],
    stage: Stage<E>,
}

/// All streams of a room. `E` is an end that waits.
#[derive(Debug)]
pub(crate) struct Pairing<E> {
    streams: BTreeMap<u64, Entry<E>>,
    /// Tokens that are good for a connection: the stream and the side.
    tokens: FxHashMap<Token, (u64, usize)>,
    last: u64,
    /// How many have had both ends.
    paired: u64,
    /// How many there may be.
    most: usize,
    closed: bool,
}

impl<E> Pairing<E> {
    /// No stream yet, and never more than `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self { streams: BTreeMap::new(), tokens: FxHashMap::default(), last: 0, paired: 0, most, closed: false }
    }

    /// Notes a stream whose opener and target get these tokens.
    pub(crate) fn open(&mut self, parties: [Party; 2], tokens: [Token; 2], now: Instant) -> Result<(), Full> {
        if self.closed {
            return Err(Full::Closed);
        }
        let of_opener = || self.streams.values().filter(|entry| entry.parties[0].key == parties[0].key);
        if of_opener().filter(|entry| matches!(entry.stage, Stage::Pending { .. })).count() >= MAX_PENDING_OF_ONE {
            return Err(Full::Pending);
        }
        if of_opener().count() >= MAX_OF_ONE {
            return Err(Full::Opener);
        }
        if self.streams.len() >= self.most {
            return Err(Full::Room(self.most));
        }
        self.last += 1;
        for (side, token) in tokens.into_iter().enumerate() {
            self.tokens.insert(token, (self.last, side));
        }
        let stage = Stage::Pending { tokens, waiting: None, until: now + TOKEN_LIFE };
        self.streams.insert(self.last, Entry { parties, stage });
        Ok(())
    }

    /// Takes an end that presents a token. `inside` says whether it is in the room's own process.
    pub(crate) fn arrive(&mut self, token: Token, inside: bool, end: E, now: Instant) -> Arrival<E> {
        let Some(&(id, side)) = self.tokens.get(&token) else { return Arrival::Refused(end) };
        let Some(entry) = self.streams.get_mut(&id) else { return Arrival::Refused(end) };
        let Stage::Pending { waiting, until, .. } = &mut entry.stage else { return Arrival::Refused(end) };
        // Whoever presents the token of the room's own member over the network has no business with it.
        if now >= *until || entry.parties[side].inside != inside {
            return Arrival::Refused(end);
        }
        self.tokens.remove(&token);
        match waiting.take() {
            None => {
                *waiting = Some((side, end));
                Arrival::Waits
            }
            Some((_, first)) => {
                let stop = CancellationToken::new();
                entry.stage = Stage::Running(stop.clone());
                self.paired += 1;
                Arrival::Paired { id, stop, ends: if side == 0 { [end, first] } else { [first, end] } }
            }
        }
    }

    /// A stream has ended by itself.
    pub(crate) fn over(&mut self, id: u64) {
        self.end_where(|other, _| other == id);
    }

    /// Ends the streams of a member who is not in the room any more.
    pub(crate) fn end_of(&mut self, member: u32) {
        self.end_where(|_, entry| entry.parties.iter().any(|party| party.number == member));
    }

    /// Ends those whose ends did not both come in time.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.end_where(|_, entry| matches!(entry.stage, Stage::Pending { until, .. } if until <= now));
    }

    /// Ends all, and lets no more begin.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.end_where(|_, _| true);
    }

    fn end_where(&mut self, over: impl Fn(u64, &Entry<E>) -> bool) {
        for (_, entry) in self.streams.extract_if(.., |id, entry| over(*id, entry)) {
            match entry.stage {
                Stage::Pending { tokens, .. } => tokens.iter().for_each(|token| _ = self.tokens.remove(token)),
                Stage::Running(stop) => stop.cancel(),
            }
        }
    }

    /// How many there are and were.
    pub(crate) fn count(&self) -> Count {
        let running = self.streams.values().filter(|entry| matches!(entry.stage, Stage::Running(_))).count();
        Count { running, in_all: self.paired }
    }

    /// How many streams move bytes between two members of whom none is in the room's own process.
    pub(crate) fn carried(&self) -> usize {
        let between_others = |entry: &&Entry<E>| {
            matches!(entry.stage, Stage::Running(_)) && entry.parties.iter().all(|party| !party.inside)
        };
        self.streams.values().filter(between_others).count()
    }

    /// How many streams and tokens it holds.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> (usize, usize) {
        (self.streams.len(), self.tokens.len())
    }

    /// Whether nothing is left of any stream.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.tokens.is_empty()
    }
}

#[cfg(test)]
mod tests;

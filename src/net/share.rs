//! Shares of the door: how many connections that have not proved themselves are held, in all and for each
//! source.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Source;

/// How many of each there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) waiting: usize,
    pub(super) waiting_a_source: usize,
    pub(super) turns: usize,
    pub(super) turns_a_source: usize,
}

/// All shares of a room's door.
#[derive(Debug)]
pub(super) struct Shares {
    limits: Limits,
    waiting: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Only sources of which a connection is held, so that it is bounded by the limits above.
    sources: Mutex<HashMap<Source, Counted>>,
}

#[derive(Debug)]
struct Counted {
    share: Arc<SourceShare>,
    tickets: usize,
}

#[derive(Debug)]
struct SourceShare {
    waiting: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// The right to accept one more connection.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Shares {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            waiting: Arc::new(Semaphore::new(limits.waiting)),
            turns: Arc::new(Semaphore::new(limits.turns)),
            sources: Mutex::new(HashMap::new()),
        })
    }

    /// Waits until one more connection may be accepted. Safe to cancel.
    pub(super) async fn slot(&self) -> Slot {
        Slot { _permit: acquire(&self.waiting).await }
    }

    /// The place of an accepted connection, nothing if its source has too many.
    pub(super) fn place(self: &Arc<Self>, source: Source, slot: Slot) -> Option<Place> {
        let ticket = self.ticket(source);
        let waiting = Arc::clone(&ticket.share.waiting).try_acquire_owned().ok()?;
        Some(Place { _slot: slot, _waiting: waiting, ticket })
    }

    fn ticket(self: &Arc<Self>, source: Source) -> Ticket {
        let mut sources = self.sources();
        let counted = sources.entry(source).or_insert_with(|| Counted {
            share: Arc::new(SourceShare {
                waiting: Arc::new(Semaphore::new(self.limits.waiting_a_source)),
                turns: Arc::new(Semaphore::new(self.limits.turns_a_source)),
            }),
            tickets: 0,
        });
        counted.tickets += 1;
        Ticket { share: Arc::clone(&counted.share), shares: Arc::clone(self), source }
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<Source, Counted>> {
        // Counts are changed in one step each: a panic elsewhere leaves them right.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.sources().is_empty()
            && self.waiting.available_permits() == self.limits.waiting
            && self.turns.available_permits() == self.limits.turns
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("no semaphore here is ever closed")
}

/// Keeps the entry of a source.
struct Ticket {
    share: Arc<SourceShare>,
    shares: Arc<Shares>,
    source: Source,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut sources = self.shares.sources();
        if let Some(counted) = sources.get_mut(&self.source) {
            counted.tickets -= 1;
            if counted.tickets == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// The place of a connection that waits for its turn.
pub(super) struct Place {
    // In this order: the entry of the source goes after all that is counted in it.
    _slot: Slot,
    _waiting: OwnedSemaphorePermit,
    ticket: Ticket,
}

impl Place {
    /// Waits for the turn, in which the place is given back. Those of one source first wait for each other, so that
    /// a crowd from one source is only a few in the queue of all.
    pub(super) async fn turn(self) -> Turn {
        let of_source = acquire(&self.ticket.share.turns).await;
        let of_all = acquire(&self.ticket.shares.turns).await;
        Turn { _of_all: of_all, _of_source: of_source, _ticket: self.ticket }
    }
}

/// The share of the door that a connection holds until it has proved itself; dropping it lets the next one in.
pub struct Turn {
    // In this order: the entry of the source goes after all that is counted in it.
    _of_all: OwnedSemaphorePermit,
    _of_source: OwnedSemaphorePermit,
    _ticket: Ticket,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn source(ip: &str) -> Source {
        ip.parse::<std::net::IpAddr>().unwrap().into()
    }

    fn shares() -> Arc<Shares> {
        Shares::new(Limits { waiting: 8, waiting_a_source: 4, turns: 3, turns_a_source: 2 })
    }

    async fn place(shares: &Arc<Shares>, ip: &str) -> Option<Place> {
        let slot = shares.slot().await;
        shares.place(source(ip), slot)
    }

    #[tokio::test]
    async fn case_8_a_source_has_few_turns_and_leaves_the_others_theirs() {
        let shares = shares();
        let mut turns = Vec::new();
        for ip in ["::ffff:192.0.2.1", "192.0.2.1"] {
            turns.push(place(&shares, ip).await.unwrap().turn().await);
        }
        let mut third = Box::pin(place(&shares, "192.0.2.1").await.unwrap().turn());
        assert!(third.as_mut().now_or_never().is_none());
        turns.push(place(&shares, "2001:db8::1").await.unwrap().turn().await);
        let mut full = Box::pin(place(&shares, "2001:db8:1::1").await.unwrap().turn());
        assert!(full.as_mut().now_or_never().is_none(), "all turns are taken");
        turns.remove(0);
        turns.push(full.as_mut().now_or_never().expect("a turn is free"));
        assert!(third.as_mut().now_or_never().is_none(), "all turns are taken again");
        turns.clear();
        assert!(third.as_mut().now_or_never().is_some());
        drop((third, full));
        assert!(shares.is_idle());
    }

    #[tokio::test]
    async fn a_source_that_waits_too_often_is_turned_away_and_others_are_not() {
        let shares = shares();
        let mut places = Vec::new();
        for _ in 0..4 {
            places.push(place(&shares, "192.0.2.1").await.unwrap());
        }
        assert!(place(&shares, "192.0.2.1").await.is_none());
        for ip in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"] {
            places.push(place(&shares, ip).await.unwrap());
        }
        assert!(shares.slot().now_or_never().is_none(), "nothing more is accepted");
        places.pop();
        assert!(shares.slot().now_or_never().is_some());
        drop(places);
        assert!(shares.is_idle());
    }
}

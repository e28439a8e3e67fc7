//! Counts connections that came to nothing, so that a port scan is one line in the log.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a connection that was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Its source had too many at once.
    Excess,
    /// Too many of its source came to nothing before.
    Barred,
    /// It was not done in time.
    Late,
    /// It does not speak TLS, or said nothing at all.
    Foreign,
    /// The TLS handshake failed.
    Handshake,
}

/// How often each happened since the last report.
#[derive(Debug, Default)]
pub(super) struct Tally {
    excess: AtomicU64,
    barred: AtomicU64,
    late: AtomicU64,
    foreign: AtomicU64,
    handshake: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, failure: Failure) {
        let counter = match failure {
            Failure::Excess => &self.excess,
            Failure::Barred => &self.barred,
            Failure::Late => &self.late,
            Failure::Foreign => &self.foreign,
            Failure::Handshake => &self.handshake,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Logs the counts if there are any, and starts again: the only line in the log about such connections.
    pub(super) fn report(&self) {
        let counts = self.take();
        if counts != Counts::default() {
            let Counts { excess, barred, late, foreign, handshake } = counts;
            tracing::info!(excess, barred, late, foreign, handshake, "connections closed at the door");
        }
    }

    /// The counts, which start again.
    pub(super) fn take(&self) -> Counts {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counts {
            excess: take(&self.excess),
            barred: take(&self.barred),
            late: take(&self.late),
            foreign: take(&self.foreign),
            handshake: take(&self.handshake),
        }
    }
}

/// How often each happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) excess: u64,
    pub(super) barred: u64,
    pub(super) late: u64,
    pub(super) foreign: u64,
    pub(super) handshake: u64,
}

//! How full the log is.

use tokio::time::Instant;

use super::{Audience, LogLimits, Ring};

/// What a log holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::room) struct Fill {
    pub(in crate::room) limits: LogLimits,
    pub(in crate::room) events: usize,
    pub(in crate::room) bytes: usize,
    /// Envelopes to everyone that are kept.
    pub(in crate::room) kept_for_all: usize,
    /// Messages of the past, and how many there are at the most.
    pub(in crate::room) past: usize,
    pub(in crate::room) max_past: usize,
}

impl Ring {
    /// What it holds.
    pub(in crate::room) fn fill(&self) -> Fill {
        let (past, max_past) = self.past.count();
        let kept_for_all = self.kept.values().filter(|kept| kept.audience == Audience::All).count();
        Fill { limits: self.limits, events: self.entries.len(), bytes: self.bytes.len(), kept_for_all, past, max_past }
    }

    /// When the oldest event was recorded that everyone is entitled to.
    pub(in crate::room) fn oldest_to_all(&self) -> Option<Instant> {
        self.entries.iter().find(|entry| entry.audience == Audience::All).map(|entry| entry.when)
    }

    /// The number of kept envelopes with their bytes, and everything else.
    #[cfg(test)]
    pub(in crate::room) fn census(&self) -> ((usize, usize), LogCensus) {
        let kept = (self.kept.len(), self.kept.values().map(|kept| kept.frame.len()).sum());
        let (events, bytes, private) = (self.entries.len(), self.bytes.len(), self.private.len());
        (kept, LogCensus { events, bytes, private, past: self.past.census() })
    }
}

/// The entries of a log.
#[cfg(test)]
pub(in crate::room) struct LogCensus {
    pub(in crate::room) events: usize,
    pub(in crate::room) bytes: usize,
    pub(in crate::room) private: usize,
    pub(in crate::room) past: (usize, usize),
}

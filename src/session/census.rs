//! How much a session holds, for tests that hold it against what it held before.

use super::{Handle, handle::Shared, life::Life};

/// The entries of everything that lives as long as a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Senders whose last number is known.
    pub(crate) senders: usize,
    /// Those who were there before a restart.
    pub(crate) former: usize,
    /// Members, those at the door, and what is kept, as the roster knows them.
    pub(crate) members: usize,
    pub(crate) knocks: usize,
    pub(crate) kept: usize,
    /// Envelopes that wait, their bytes, recipients, and what the room keeps for us.
    pub(crate) waiting: usize,
    pub(crate) waiting_bytes: usize,
    pub(crate) recipients: usize,
    pub(crate) own_kept: usize,
}

impl Shared {
    /// Notes what there is after a frame.
    pub(super) fn note(&self, life: &Life) {
        let (senders, former) = life.count();
        let (members, knocks, kept) = self.roster().count();
        let (waiting, waiting_bytes, recipients, own_kept) = self.outbox().count();
        *self.census.lock().unwrap() =
            Census { senders, former, members, knocks, kept, waiting, waiting_bytes, recipients, own_kept };
    }
}

impl Handle {
    /// What it held after the last frame.
    pub(crate) fn census(&self) -> Census {
        *self.shared.census.lock().unwrap()
    }
}

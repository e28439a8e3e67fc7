//! What one run has heard of one sender.

use std::collections::BTreeSet;

/// What was heard last of one sender: to everyone and to this reader alone.
#[derive(Default)]
pub(super) struct Track {
    pub(super) highest: u64,
    /// A number that was heard if something kept was taken back, and did not go otherwise.
    pub(super) perhaps: u64,
    /// The last that was told of the past.
    pub(super) past: u64,
    pub(super) last: [Option<u64>; 2],
    /// What was missed or lost since then is stated.
    pub(super) stated: [bool; 2],
    /// Whether nothing can have been missed since the highest.
    pub(super) sure: bool,
    /// What was passed over though nothing was missed: it is due if a room says it later.
    pub(super) open: BTreeSet<u64>,
}

impl Track {
    /// What was missed is stated.
    pub(super) fn state(&mut self) {
        (self.stated, self.sure) = ([true; 2], false);
    }

    /// A higher number was heard, at its time or not.
    pub(super) fn reach(&mut self, n: u64, sure: bool, live: bool) {
        if n > self.highest {
            if sure {
                self.open.extend(self.highest + 1..n);
            }
            (self.highest, self.sure) = (n, live);
        }
    }
}

//! What this member has received: drops what comes twice and notices what is missing.

use std::collections::{HashMap, VecDeque};

use crate::wire::{Instance, PublicKey};

/// How many senders are remembered, the oldest forgotten first: as many as a room can have members, and more,
/// so that nobody present is forgotten.
const MAX_SENDERS: usize = 16_384;

/// One sender: a key and a run of its program.
type Sender = (PublicKey, Instance);

/// What an arriving envelope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new, and nothing before it is missing.
    Fresh,
    /// It is new, and something that its sender said before it never came.
    AfterLoss,
    /// It has been here before.
    Double,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    highest: u64,
    to_all: u64,
    to_us: u64,
    /// The gap after which these numbers were seen.
    gap: u64,
}

/// The highest numbers seen from each sender.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    seen: HashMap<Sender, Seen>,
    order: VecDeque<Sender>,
    gaps: u64,
}

impl Inbox {
    /// Judges an envelope and remembers it.
    pub(super) fn judge(&mut self, sender: Sender, n: u64, prev: u64, private: bool) -> Verdict {
        let gap = self.gaps;
        let Some(seen) = self.seen.get_mut(&sender) else {
            // Somebody who spoke before we came, or whom we never heard: no claim about what was before.
            self.remember(sender, Seen { highest: n, to_all: 0, to_us: 0, gap });
            self.note(sender, n, private);
            return Verdict::Fresh;
        };
        if n <= seen.highest {
            return Verdict::Double;
        }
        let last = if private { seen.to_us } else { seen.to_all };
        // A stated gap covers what is missing; 0 means that nothing of this kind has been seen yet.
        let lost = seen.gap == gap && last != 0 && last < prev;
        seen.gap = gap;
        self.note(sender, n, private);
        if lost { Verdict::AfterLoss } else { Verdict::Fresh }
    }

    /// The room stated a gap: what is missing in it is not to be stated again.
    pub(super) fn gap(&mut self) {
        self.gaps += 1;
    }

    fn note(&mut self, sender: Sender, n: u64, private: bool) {
        if let Some(seen) = self.seen.get_mut(&sender) {
            seen.highest = n;
            *(if private { &mut seen.to_us } else { &mut seen.to_all }) = n;
        }
    }

    fn remember(&mut self, sender: Sender, seen: Seen) {
        if self.order.len() == MAX_SENDERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(sender);
        self.seen.insert(sender, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Sender = (PublicKey([1; 32]), Instance([1; 16]));

    #[test]
    fn a_repeated_number_is_a_double() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.judge(ALICE, 5, 4, false), Verdict::Fresh);
        assert_eq!(inbox.judge(ALICE, 5, 4, false), Verdict::Double);
        assert_eq!(inbox.judge(ALICE, 4, 3, false), Verdict::Double);
        assert_eq!(inbox.judge(ALICE, 6, 5, false), Verdict::Fresh);
    }

    #[test]
    fn messages_to_others_leave_no_hole() {
        let mut inbox = Inbox::default();
        inbox.judge(ALICE, 1, 0, false);
        assert_eq!(inbox.judge(ALICE, 5, 1, false), Verdict::Fresh, "2 to 4 went to somebody else");
        assert_eq!(inbox.judge(ALICE, 6, 0, true), Verdict::Fresh);
        assert_eq!(inbox.judge(ALICE, 9, 8, true), Verdict::AfterLoss, "8 was for us and never came");
        assert_eq!(inbox.judge(ALICE, 11, 10, false), Verdict::AfterLoss);
        assert_eq!(inbox.judge(ALICE, 12, 11, false), Verdict::Fresh);
    }

    #[test]
    fn a_stated_gap_is_not_stated_again_by_sender() {
        let mut inbox = Inbox::default();
        inbox.judge(ALICE, 1, 0, false);
        inbox.gap();
        assert_eq!(inbox.judge(ALICE, 9, 8, false), Verdict::Fresh);
        assert_eq!(inbox.judge(ALICE, 12, 11, false), Verdict::AfterLoss);
    }

    #[test]
    fn another_run_of_the_same_person_counts_anew() {
        let mut inbox = Inbox::default();
        inbox.judge(ALICE, 7, 6, false);
        assert_eq!(inbox.judge((ALICE.0, Instance([2; 16])), 1, 0, false), Verdict::Fresh);
    }

    #[test]
    fn memory_is_bounded() {
        let mut inbox = Inbox::default();
        for i in 0..MAX_SENDERS as u32 + 10 {
            let mut instance = [0; 16];
            instance[..4].copy_from_slice(&i.to_be_bytes());
            inbox.judge((PublicKey([1; 32]), Instance(instance)), 1, 0, false);
        }
        assert_eq!((inbox.seen.len(), inbox.order.len()), (MAX_SENDERS, MAX_SENDERS));
    }
}

//! What this member has received: drops what comes twice, notices what is missing, and lets in what comes late.

use super::skipped::Skipped;
use crate::limits::session::MAX_SENDERS;
use crate::{
    recent::Recent,
    wire::{Instance, PublicKey},
};

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

/// What was seen of one kind, to everyone or to us.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// The last number, 0 if it is not known what came before the next one.
    last: u64,
    /// The gap after which it was seen.
    gap: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    highest: u64,
    /// The gap after which that was heard, if it was heard at its time.
    live: Option<u64>,
    skipped: Skipped,
    /// The highest that was told of the past.
    past: u64,
    to_all: Track,
    to_us: Track,
}

/// An envelope as far as its numbers go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) n: u64,
    pub(super) prev: u64,
    pub(super) private: bool,
    /// Whether the room kept it and tells it out of its time: what else was said around it is not ours to get.
    pub(super) replay: bool,
}

/// The highest numbers seen from each sender. Those who have gone stay in it, within its bound: a room that restarted may tell
/// again what they said.
#[derive(Debug)]
pub(super) struct Inbox {
    /// In the order in which they were first heard.
    seen: Recent<Sender, Seen>,
    gaps: u64,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { seen: Recent::new(MAX_SENDERS), gaps: 0 }
    }
}

impl Inbox {
    /// Judges an envelope and remembers it.
    pub(super) fn judge(&mut self, sender: Sender, Numbers { n, prev, private, replay }: Numbers) -> Verdict {
        let gap = self.gaps;
        if self.seen.get(sender).is_none() {
            // Somebody who spoke before we came, or whom we never heard: no claim about what was before.
            self.seen.put(sender, Seen::default());
        }
        let Some(seen) = self.seen.get_mut(sender) else { return Verdict::Fresh };
        // A seat or a room refused it, and the one after it took it, since its sender had not heard so.
        let late = n <= seen.highest;
        if late && !seen.skipped.take(seen.highest, n) {
            return Verdict::Double;
        }
        let track = if private { &mut seen.to_us } else { &mut seen.to_all };
        // A stated gap covers what is missing.
        let lost = track.gap == gap && track.last != 0 && track.last < prev;
        let verdict = if lost { Verdict::AfterLoss } else { Verdict::Fresh };
        if late {
            if (1..n).contains(&track.last) {
                track.last = n;
            }
            return verdict;
        }
        *track = Track { last: if replay { 0 } else { n }, gap };
        // What came before the first one that we hear is known only if nothing did.
        let first = seen.highest == 0 && prev == 0 && !private && !replay && gap == 0;
        seen.skipped.advance(seen.highest, n, !lost && (seen.live == Some(gap) || first));
        seen.highest = n;
        seen.live = (!replay).then_some(gap);
        verdict
    }

    /// Takes a message of the past, and says whether it is new. It is nothing of the log, so it changes nothing of what is
    /// due of that; but what was before the next one of the log is not known any more.
    pub(super) fn tell(&mut self, sender: Sender, n: u64) -> bool {
        if self.seen.get(sender).is_none() {
            self.seen.put(sender, Seen::default());
        }
        let Some(seen) = self.seen.get_mut(sender) else { return true };
        let new = n > seen.highest.max(seen.past);
        if new {
            seen.past = n;
            seen.to_all.last = 0;
            seen.live = None;
        }
        new || n > seen.past && seen.skipped.take(seen.highest, n)
    }

    /// Whether it was told of the past, or said before something that was: its sender says it once more in another seat.
    pub(super) fn was_told(&self, sender: Sender, n: u64) -> bool {
        self.seen.get(sender).is_some_and(|seen| n <= seen.past)
    }

    /// The room stated a gap: what is missing in it is not to be stated again.
    pub(super) fn gap(&mut self) {
        self.gaps += 1;
    }

    /// How many senders are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Sender = (PublicKey([1; 32]), Instance([1; 16]));

    fn judge(inbox: &mut Inbox, sender: Sender, n: u64, prev: u64, private: bool) -> Verdict {
        inbox.judge(sender, Numbers { n, prev, private, replay: false })
    }

    #[test]
    fn what_the_room_kept_is_no_sign_of_loss_to_a_newcomer() {
        let mut inbox = Inbox::default();
        for (n, prev, replay) in [(9, 8, true), (20, 19, true), (30, 29, false), (31, 30, false)] {
            let verdict = inbox.judge(ALICE, Numbers { n, prev, private: false, replay });
            assert_eq!(verdict, Verdict::Fresh, "{n}");
        }
        assert_eq!(judge(&mut inbox, ALICE, 33, 32, false), Verdict::AfterLoss);
    }

    #[test]
    fn a_stated_gap_covers_private_words_and_public_ones() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        judge(&mut inbox, ALICE, 2, 0, true);
        inbox.gap();
        assert_eq!(judge(&mut inbox, ALICE, 9, 7, false), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 10, 8, true), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 13, 12, true), Verdict::AfterLoss);
    }

    #[test]
    fn a_repeated_number_is_a_double() {
        let mut inbox = Inbox::default();
        assert_eq!(judge(&mut inbox, ALICE, 5, 4, false), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 5, 4, false), Verdict::Double);
        assert_eq!(judge(&mut inbox, ALICE, 4, 3, false), Verdict::Double);
        assert_eq!(judge(&mut inbox, ALICE, 6, 5, false), Verdict::Fresh);
    }

    #[test]
    fn what_was_told_of_the_past_is_told_once_and_leaves_no_hole() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        assert_eq!([1, 3, 3, 2].map(|n| inbox.tell(ALICE, n)), [false, true, false, false]);
        assert_eq!([3, 4].map(|n| inbox.was_told(ALICE, n)), [true, false]);
        assert_eq!(judge(&mut inbox, ALICE, 6, 5, false), Verdict::Fresh, "5 was said before we came");
        assert_eq!(judge(&mut inbox, ALICE, 8, 7, false), Verdict::AfterLoss);
    }

    #[test]
    fn messages_to_others_leave_no_hole() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        assert_eq!(judge(&mut inbox, ALICE, 5, 1, false), Verdict::Fresh, "2 to 4 went to somebody else");
        assert_eq!(judge(&mut inbox, ALICE, 6, 0, true), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 9, 8, true), Verdict::AfterLoss, "8 was for us and never came");
        assert_eq!(judge(&mut inbox, ALICE, 11, 10, false), Verdict::AfterLoss);
        assert_eq!(judge(&mut inbox, ALICE, 12, 11, false), Verdict::Fresh);
    }

    #[test]
    fn what_was_passed_over_and_is_said_after_all_comes_once() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        // A room refused 2 and 4, and 3 went to somebody else.
        assert_eq!(judge(&mut inbox, ALICE, 5, 1, false), Verdict::Fresh);
        assert_eq!([2, 2, 1, 5].map(|n| judge(&mut inbox, ALICE, n, 1, false)), {
            [Verdict::Fresh, Verdict::Double, Verdict::Double, Verdict::Double]
        });
        assert_eq!([4, 4].map(|n| inbox.tell(ALICE, n)), [true, false], "in the past of a room that came later");
        assert_eq!(judge(&mut inbox, ALICE, 6, 5, false), Verdict::Fresh, "it changes nothing of what is due");
        assert_eq!(judge(&mut inbox, ALICE, 8, 7, false), Verdict::AfterLoss);
        assert_eq!(judge(&mut inbox, ALICE, 7, 6, false), Verdict::Double, "what was stated as missing");
        inbox.gap();
        judge(&mut inbox, ALICE, 12, 8, false);
        assert_eq!(judge(&mut inbox, ALICE, 10, 8, false), Verdict::Double, "what was in a gap");
    }

    #[test]
    fn what_comes_late_and_what_follows_it_is_no_sign_of_loss() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        judge(&mut inbox, ALICE, 5, 0, true);
        // 2 to 4 had been refused.
        for (n, prev) in [(2, 1), (3, 2), (4, 3), (6, 4)] {
            assert_eq!(judge(&mut inbox, ALICE, n, prev, false), Verdict::Fresh, "{n}");
        }
        judge(&mut inbox, ALICE, 10, 5, true);
        assert_eq!(judge(&mut inbox, ALICE, 9, 8, false), Verdict::AfterLoss, "8 is missing");
        assert_eq!(judge(&mut inbox, ALICE, 11, 9, false), Verdict::Fresh);
    }

    #[test]
    fn what_was_refused_before_anything_was_heard_of_a_sender_is_due_and_what_was_said_is_not() {
        let mut inbox = Inbox::default();
        assert_eq!(judge(&mut inbox, ALICE, 3, 0, false), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 1, 0, false), Verdict::Fresh);
        let mut inbox = Inbox::default();
        assert_eq!(judge(&mut inbox, ALICE, 3, 2, false), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 1, 0, false), Verdict::Double, "before we came");
    }

    #[test]
    fn a_stated_gap_is_not_stated_again_by_sender() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 1, 0, false);
        inbox.gap();
        assert_eq!(judge(&mut inbox, ALICE, 9, 8, false), Verdict::Fresh);
        assert_eq!(judge(&mut inbox, ALICE, 12, 11, false), Verdict::AfterLoss);
    }

    #[test]
    fn another_run_of_the_same_person_counts_anew() {
        let mut inbox = Inbox::default();
        judge(&mut inbox, ALICE, 7, 6, false);
        assert_eq!(judge(&mut inbox, (ALICE.0, Instance([2; 16])), 1, 0, false), Verdict::Fresh);
    }

    #[test]
    fn memory_is_bounded() {
        let mut inbox = Inbox::default();
        for i in 0..MAX_SENDERS as u32 + 10 {
            let mut instance = [0; 16];
            instance[..4].copy_from_slice(&i.to_be_bytes());
            judge(&mut inbox, (PublicKey([1; 32]), Instance(instance)), 1, 0, false);
        }
        assert_eq!(inbox.len(), MAX_SENDERS);
    }
}

//! Which numbers of a sender were passed over, and may still come.

use crate::{limits::session::MAX_WAITING, wire::MAX_KEPT};

/// How many numbers back it remembers: more than a member has waiting for its room, with what that keeps for it. Further back
/// it does not begin again when the room does.
const REACH: u64 = 512;

const _: () = assert!(REACH as usize > MAX_WAITING + MAX_KEPT);

/// The numbers below the highest that were neither heard nor missed: the room refused them, or they went to others. A ring
/// of bits as the anti-replay window of IPsec is (RFC 4303, section 3.4.3), except that it only lets in what it saw left
/// out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skipped([u64; (REACH / 64) as usize]);

impl Skipped {
    fn bit(n: u64) -> (usize, u64) {
        ((n % REACH / 64) as usize, 1 << (n % 64))
    }

    /// After `highest` comes `n`. What is between them may still come if nothing of it can have been missed.
    pub(super) fn advance(&mut self, highest: u64, n: u64, may_come: bool) {
        let first = (highest + 1).max(n.saturating_sub(REACH - 1));
        for between in first..=n {
            let (word, bit) = Self::bit(between);
            if may_come && between < n {
                self.0[word] |= bit;
            } else {
                self.0[word] &= !bit;
            }
        }
    }

    /// Whether `n`, which is not above `highest`, was passed over. It is not twice.
    pub(super) fn take(&mut self, highest: u64, n: u64) -> bool {
        let (word, bit) = Self::bit(n);
        let was = highest - n < REACH && self.0[word] & bit != 0;
        if was {
            self.0[word] &= !bit;
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn it_knows_what_a_set_of_all_numbers_knows() {
        let mut dice = Dice::new(1);
        for _ in 0..200 {
            let (mut skipped, mut set, mut highest) = (Skipped::default(), BTreeSet::new(), 0);
            for _ in 0..300 {
                if dice.below(3) == 0 {
                    let furthest = dice.pick(&[3, 70, 600, 2_000]);
                    let n = highest + 1 + dice.below(furthest);
                    let may_come = dice.below(3) > 0;
                    skipped.advance(highest, n, may_come);
                    set.extend((highest + 1..n).filter(|_| may_come));
                    highest = n;
                    set.retain(|n| highest - n < REACH);
                } else if highest > 0 {
                    let n = 1 + dice.below(highest);
                    assert_eq!(skipped.take(highest, n), set.remove(&n), "{n} of {highest}");
                }
            }
        }
    }

    #[test]
    fn numbers_at_the_end_of_all_numbers_overflow_nothing() {
        let mut skipped = Skipped::default();
        skipped.advance(1, u64::MAX, true);
        assert!(skipped.take(u64::MAX, u64::MAX - 1) && !skipped.take(u64::MAX, u64::MAX - 1));
        assert!(!skipped.take(u64::MAX, u64::MAX) && !skipped.take(u64::MAX, 5));
    }
}

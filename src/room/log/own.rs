//! What the ring still holds of one member's own.

use bytes::BytesMut;

use super::{Audience, Entry, Needs, Ring};
use crate::wire::{Event, FromRoom, decode};

impl Ring {
    /// The lowest number of a member's envelopes that the ring still holds. They come back by themselves, and a sender that
    /// took them for delivered now could not send them again to a room that restarts before.
    pub(super) fn first_of(&self, member: u32) -> Option<u64> {
        let end = self.base + self.bytes.len() as u64;
        let ends = self.entries.iter().skip(1).map(|next| next.at).chain([end]);
        let about = |entry: &Entry| match &entry.needs {
            Needs::Introduced(number, _) => *number == member,
            // A refusal.
            Needs::Nobody => entry.audience == Audience::One(member),
            Needs::ForgottenAfter(..) | Needs::Introduces(_) => false,
        };
        let own = self.entries.iter().zip(ends).filter(|(entry, _)| about(entry));
        own.map(|(entry, end)| (entry.at, end)).find_map(|run| {
            let mut frame = BytesMut::new();
            self.flush(&mut Some(run), &mut frame);
            match decode(frame.get(4..)?).ok()? {
                FromRoom::Event { event: Event::Said { from, n, .. } | Event::Withdrawn { from, n, .. }, .. } => {
                    (from == member).then_some(n)
                }
                FromRoom::Event { event: Event::Refused { n, .. }, .. } => Some(n),
                _ => None,
            }
        })
    }
}

//! What a reader is told beside the events: what is missing, and what the room keeps.

use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;

use super::{Audience, Cursor, Entry, Needs, Ring};
use crate::wire::{Event, FromRoom, Gap, decode, encode_into};

impl Ring {
    pub(super) fn state_gap(&self, cursor: &mut Cursor, accepted: u64, out: &mut BytesMut) {
        let in_ring =
            self.entries.iter().filter(|entry| entry.audience.few().any(|m| m == cursor.member)).count() as u64;
        let private = self.private.get(&cursor.member).copied().unwrap_or(0).saturating_sub(in_ring);
        let entitled = self.public_dropped.saturating_sub(cursor.base) + private;
        let missed = entitled.saturating_sub(cursor.count);
        cursor.count += missed;
        cursor.next = self.first;
        // Names may have changed in what is missing.
        cursor.introduced.clear();
        cursor.introduced.insert(cursor.member);
        self.tell_gap(cursor, Gap { missed, accepted, seq: self.first - 1, kept: Vec::new() }, out);
        self.send_kept(cursor, out);
    }

    /// States a gap, with what the room keeps for this reader.
    pub(super) fn tell_gap(&self, cursor: &Cursor, gap: Gap, out: &mut BytesMut) {
        let kept = self.kept.iter().filter(|(_, kept)| kept.audience.includes(cursor.member));
        let accepted = self.first_of(cursor.member).map_or(gap.accepted, |n| n - 1);
        let gap = FromRoom::Gap(Gap { accepted, kept: kept.map(|(number, _)| *number).collect(), ..gap });
        encode_into(&gap, out).expect("a gap fits a frame: the number of kept envelopes is bounded");
    }

    pub(super) fn send_kept(&self, cursor: &mut Cursor, out: &mut BytesMut) {
        // A later one comes with the events.
        let (member, next) = (cursor.member, cursor.next);
        cursor.greeted.store(next.saturating_sub(1), Relaxed);
        for kept in self.kept.values().filter(|kept| kept.seq < next && kept.audience.includes(member)) {
            cursor.introduce(&kept.needs, out);
            out.extend_from_slice(&kept.frame);
        }
    }

    /// The lowest number of a member's envelopes that the ring still holds. They come back by themselves, and a sender that
    /// took them for delivered now could not send them again to a room that restarts before.
    fn first_of(&self, member: u32) -> Option<u64> {
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

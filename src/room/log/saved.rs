//! The ring as it is saved and comes back.

use std::time::Duration;

use bytes::BytesMut;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{Audience, Backlog, KeptFrame, LogLimits, Needs, Ring};
use crate::wire::Past;

/// An event that a ring holds.
pub(in crate::room) struct Held<'a> {
    pub(in crate::room) when: Instant,
    pub(in crate::room) audience: Audience,
    pub(in crate::room) needs: &'a Needs,
    pub(in crate::room) frame: &'a [u8],
}

impl Ring {
    /// One that begins with event `first`, when so many public ones have been and are held no longer.
    pub(in crate::room) fn beginning(limits: LogLimits, backlog: usize, first: u64, public_dropped: u64) -> Self {
        Self { first, public_dropped, public: public_dropped, past: Backlog::of(backlog), ..Self::new(limits, 0) }
    }

    /// The number of the event in front, and how many public ones were before it.
    pub(in crate::room) fn beginning_of(&self) -> (u64, u64) {
        (self.first, self.public_dropped)
    }

    /// Gives all events to `take`, the oldest first.
    pub(in crate::room) fn each(&self, mut take: impl FnMut(Held<'_>)) {
        let end = self.base + self.bytes.len() as u64;
        let ends = self.entries.iter().skip(1).map(|next| next.at).chain([end]);
        let mut frame = BytesMut::new();
        for (entry, end) in self.entries.iter().zip(ends) {
            frame.clear();
            self.flush(&mut Some((entry.at, end)), &mut frame);
            take(Held { when: entry.when, audience: entry.audience, needs: &entry.needs, frame: &frame });
        }
    }

    /// What is kept.
    pub(in crate::room) fn all_kept(&self) -> impl Iterator<Item = &KeptFrame> {
        self.kept.values()
    }

    /// What newcomers are told.
    pub(in crate::room) fn told(&self) -> impl Iterator<Item = (u64, Instant, &Past)> {
        self.past.lines.iter().map(|line| (line.seq, line.when, &line.past))
    }

    /// How many events that are held no longer only this member, or it and one other, was entitled to.
    pub(in crate::room) fn private_dropped(&self) -> FxHashMap<u32, u64> {
        let mut dropped = self.private.clone();
        for member in self.entries.iter().flat_map(|entry| entry.audience.few()) {
            if let Some(count) = dropped.get_mut(&member) {
                *count = count.saturating_sub(1);
            }
        }
        dropped
    }

    /// So many were dropped before those that are held.
    pub(in crate::room) fn count_private(&mut self, member: u32, dropped: u64) {
        if dropped > 0 {
            let count = self.private.entry(member).or_default();
            *count = count.saturating_add(dropped);
        }
    }

    /// Forgets what is counted for those who have no seat.
    pub(in crate::room) fn forget_others(&mut self, has_seat: impl Fn(u32) -> bool) {
        self.private.retain(|member, _| has_seat(*member));
    }

    /// Holds and keeps nothing any more, and counts on.
    pub(in crate::room) fn begin_again(&mut self) {
        while self.drop_first() {}
        self.kept.clear();
        self.private.clear();
    }

    /// All events are older by so much.
    pub(in crate::room) fn age(&mut self, by: Duration) {
        for entry in &mut self.entries {
            entry.when = entry.when.checked_sub(by).unwrap_or(entry.when);
        }
    }

    /// No event that comes from now on may be read before it is revealed.
    pub(in crate::room) fn conceal(&mut self) {
        self.visible = self.head();
    }

    /// Events up to this one may be read. What may be read already stays so: a writer that fails says how far it was while
    /// the room, which waits for it no longer, reveals all.
    pub(in crate::room) fn reveal(&mut self, seq: u64) {
        self.visible = self.visible.max(seq);
    }
}

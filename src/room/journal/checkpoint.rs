//! All that a room has to know to go on, as records.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Begin, Entry, Raw, Record, SavedNeeds, SavedSeat, append, image::Image, unix_secs};
use crate::room::{log::Ring, state::State};

/// Bytes of a piece, which is a batch of its own: little enough to be held twice.
const PIECE: usize = 256 * 1024;

/// Records that become pieces.
#[derive(Default)]
struct Pieces(Vec<Vec<u8>>);

impl Pieces {
    fn add(&mut self, record: &Record<'_>) {
        if self.0.last().is_none_or(|piece| piece.len() >= PIECE) {
            self.0.push(Vec::new());
        }
        if let Some(piece) = self.0.last_mut() {
            append(record, piece);
        }
    }

    /// The log, and what newcomers are told.
    fn add_log(&mut self, ring: &Ring) {
        let now = unix_secs();
        let then = |age: Duration| now.saturating_sub(age.as_secs());
        ring.each(|held| {
            let (at, needs) = (-(held.when.elapsed().as_secs() as i64), SavedNeeds::of(held.needs));
            self.add(&Record::Held(Entry { at, audience: held.audience, needs, frame: Raw(held.frame) }));
        });
        for (seq, when, past) in ring.told() {
            self.add(&Record::Told { seq, secs: then(when.elapsed()), past: past.clone() });
        }
    }

    /// What is kept, whose owners have their seats in it already.
    fn add_kept(&mut self, ring: &Ring) {
        for kept in ring.all_kept() {
            self.add(&Record::Kept(kept.audience, Raw(&kept.frame)));
        }
    }
}

impl Image {
    /// The room as it is in the image.
    pub(in crate::room) fn checkpoint(&self) -> Vec<Vec<u8>> {
        let mut pieces = Pieces::default();
        let (epoch, (first, public_dropped)) = (self.epoch, self.ring.beginning_of());
        let (last_number, last_kept) = (self.last_number, self.last_kept);
        pieces.add(&Record::Begin(Begin { epoch, first, public_dropped, last_number, last_kept }));
        pieces.add_log(&self.ring);
        let private = self.ring.private_dropped();
        for (number, seat) in &self.seats {
            let private = private.get(number).copied().unwrap_or(0);
            pieces.add(&Record::Seat(SavedSeat { private, ..seat.clone() }));
        }
        pieces.add_kept(&self.ring);
        self.muted.iter().for_each(|key| pieces.add(&Record::Muted(*key, true)));
        pieces.add(&Record::Locked(self.locked));
        for (key, (name, until)) in &self.out {
            pieces.add(&Record::Out(*key, name.clone(), *until));
        }
        pieces.add(&Record::Whole);
        pieces.0
    }
}

impl State {
    /// The room as it is.
    pub(in crate::room) fn checkpoint(&self) -> Vec<Vec<u8>> {
        let mut pieces = Pieces::default();
        let ring = self.log.read();
        let (epoch, (first, public_dropped)) = (self.epoch, ring.beginning_of());
        let (last_number, last_kept) = (self.last_number, self.last_kept);
        pieces.add(&Record::Begin(Begin { epoch, first, public_dropped, last_number, last_kept }));
        pieces.add_log(&ring);
        let private: FxHashMap<u32, u64> = ring.private_dropped();
        for (number, seat) in &self.seats {
            pieces.add(&Record::Seat(SavedSeat::of(seat, private.get(number).copied().unwrap_or(0))));
        }
        pieces.add_kept(&ring);
        self.muted.iter().for_each(|key| pieces.add(&Record::Muted(*key, true)));
        pieces.add(&Record::Locked(self.locked));
        let now = tokio::time::Instant::now();
        for (key, ban) in &self.bans {
            if let Some(secs) = ban.secs(now) {
                pieces.add(&Record::out(*key, &ban.name, secs));
            }
        }
        pieces.add(&Record::Whole);
        pieces.0
    }

    /// Begins the journal anew if it has become long.
    pub(in crate::room) fn shorten_journal(&mut self) {
        if self.journal.as_ref().is_some_and(super::Journal::is_long) {
            // What this turn has noted so far is in the checkpoint: behind it, it would be there twice.
            self.commit();
            let pieces = self.checkpoint();
            if let Some(journal) = &mut self.journal {
                journal.replace(pieces);
            }
        }
    }
}

//! A room that goes on where its journal ends.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::time::Instant;

use super::{Journal, Saved, SavedSeat, image::Image, unix_secs};
use crate::{
    limits::room::{RENAME_EVERY, RENAMES_AT_ONCE},
    room::{RoomConfig, bucket::Bucket, carry::Carrier, codes::Codes, log::Log, power::Ban, seat::Seat, state::State},
    wire::Departure,
};

impl Image {
    /// How many members may come back: those of the program that kept the room do not.
    pub(super) fn guests(&self) -> u32 {
        self.seats.values().filter(|seat| !seat.host).count() as u32
    }
}

impl State {
    /// The room of a journal, which goes on being written.
    pub(in crate::room) fn restore(
        config: RoomConfig,
        saved: Saved,
        streams: Carrier,
        codes: Codes,
    ) -> io::Result<Self> {
        let Saved { image, disk, restored } = saved;
        let now = Instant::now();
        let mut state = Self::new(config, image.epoch, streams, codes);
        let begun = (image.ring.head(), image.ring.public_total());
        state.begun = begun;
        state.restored = restored.found;
        state.log = Log::of(image.ring);
        (state.last_number, state.last_kept) = (image.last_number, image.last_kept);
        (state.muted, state.locked) = (image.muted, image.locked);
        // Nobody is out for longer than they were when it began, whatever the clock says by now.
        let longest = state.config.timing.ban;
        let out = image.out.into_iter().map(|(key, (name, until))| {
            let left = Duration::from_secs(until.saturating_sub(unix_secs())).min(longest);
            (key, Ban { name, until: Some(now + left) })
        });
        for (key, ban) in out.filter(|(key, _)| *key != state.config.owner).collect::<Vec<_>>() {
            state.bans.entry(key).or_insert(ban);
        }
        let mut kept = image.kept;
        let mut gone = Vec::new();
        for (number, saved) in image.seats {
            let kept = kept.remove(&number).unwrap_or_default();
            state.kept_in_room += kept.len();
            if saved.host {
                gone.push(number);
            }
            let mut seat = saved.seat(now, begun.0);
            seat.kept = kept;
            if state.names.take(&seat.who.name, seat.who.key).is_err() {
                tracing::warn!(name = seat.who.name, "a name in the journal is no name any more");
            }
            state.by_id.insert((seat.who.key, seat.who.instance), number);
            state.seats.insert(number, seat);
        }
        let (journal, writer, woken) = Journal::on(disk, state.log.clone());
        state.journal = Some(journal);
        writer.start(woken)?;
        // Their program is the one that died.
        for number in gone {
            state.depart(number, Departure::Lost, now);
        }
        state.commit();
        Ok(state)
    }
}

impl SavedSeat {
    fn seat(self, now: Instant, head: u64) -> Seat {
        let age = Duration::from_secs(unix_secs().saturating_sub(self.since));
        Seat {
            frame: Seat::introduce(&self.who),
            who: self.who,
            address: None,
            since: now.checked_sub(age).unwrap_or(now),
            host: self.host,
            askable: false,
            streams: false,
            accepted: self.accepted,
            public: self.public,
            base: self.base,
            entered: self.entered,
            // What was sent to it of what the room keeps is not known: it gets all of it again.
            greeted: Arc::new(AtomicU64::new(head)),
            came_with: self.came_with,
            kept: Default::default(),
            renames: Bucket::every(RENAME_EVERY, RENAMES_AT_ONCE, now),
            link: None,
            broken: Some(now),
            away: self.away,
        }
    }
}

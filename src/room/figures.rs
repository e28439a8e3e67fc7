//! What the room counts, and what it tells of that.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::{actor::RoomHandle, state::State};
use crate::wire::{FEATURE_STATUS, Housekeeping, LogFill, MAX_KEPT_IN_ROOM, MAX_VERSION_LEN, RoomStatus};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const _: () = assert!(VERSION.len() <= MAX_VERSION_LEN, "a version fits its limit");

/// What a room always names in its Welcome of what is told here.
pub(super) const FEATURES: u64 = FEATURE_STATUS;

/// What was said to everyone since the room opened. What is said to one member is not counted anywhere.
#[derive(Debug, Default)]
pub(super) struct Said {
    count: u64,
    bytes: u64,
}

impl Said {
    /// An envelope of so many bytes is passed on.
    pub(super) fn count(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
    }
}

/// Who is at the door, as far as the one who keeps it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtTheDoor {
    /// Connections that have no seat.
    pub calling: usize,
    /// Sources from which somebody was let in lately.
    pub favoured: usize,
    /// Sources whose connections came to nothing lately.
    pub failed: usize,
}

/// Tells who is at the door.
type Doorkeeper = Box<dyn Fn() -> AtTheDoor + Send + Sync>;

/// Whom the room asks about its door, once somebody keeps it.
#[derive(Clone, Default)]
pub(super) struct Door(Arc<OnceLock<Doorkeeper>>);

impl Door {
    fn look(&self) -> AtTheDoor {
        self.0.get().map(|keeper| keeper()).unwrap_or_default()
    }
}

impl RoomHandle {
    /// Has the room ask `keeper` who is at its door. It may not block.
    pub fn keep_door(&self, keeper: impl Fn() -> AtTheDoor + Send + Sync + 'static) {
        let set = self.door.0.set(Box::new(keeper));
        debug_assert!(set.is_ok(), "a room has one door");
    }
}

/// A number for the wire, where those that do not fit are of no interest.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn percent(part: usize, whole: usize) -> u8 {
    u8::try_from((part * 100).checked_div(whole).unwrap_or(0)).unwrap_or(100).min(100)
}

impl State {
    /// How the room fares, as a member may know it; with what it holds of others, to those who may admit.
    pub(super) fn status(&self, rules: bool, now: Instant) -> RoomStatus {
        let (log, fill) = {
            let ring = self.log.read();
            let fill = ring.fill();
            let log = LogFill {
                events_percent: percent(fill.events, fill.limits.events),
                bytes_percent: percent(fill.bytes, fill.limits.bytes),
                reaches_secs: ring.oldest_to_all().map(|when| now.duration_since(when).as_secs()),
            };
            (log, fill)
        };
        let streams = self.streams.table().count();
        RoomStatus {
            version: VERSION.to_owned(),
            open_secs: now.duration_since(self.opened).as_secs(),
            members: narrow(self.seats.len()),
            away: narrow(self.seats.values().filter(|seat| seat.broken.is_some()).count()),
            max_members: self.config.max_members,
            entered: self.last_number,
            said: self.said.count,
            said_bytes: self.said.bytes,
            log,
            kept: narrow(fill.kept_for_all),
            max_kept: narrow(MAX_KEPT_IN_ROOM),
            past: narrow(fill.past),
            max_past: narrow(fill.max_past),
            streams: narrow(streams.running),
            max_streams: narrow(self.config.max_streams),
            streams_in_all: streams.in_all,
            carried_bytes: self.streams.carried_bytes(),
            housekeeping: rules.then(|| self.housekeeping()),
        }
    }

    fn housekeeping(&self) -> Housekeeping {
        let door = self.door.look();
        Housekeeping {
            links: self.last_link,
            names: narrow(self.names.len()),
            knocks: narrow(self.knocks.len()),
            banned: narrow(self.bans.len()),
            muted: narrow(self.muted.len()),
            guessers: narrow(self.codes.guessers()),
            calling: narrow(door.calling),
            favoured: narrow(door.favoured),
            failed: narrow(door.failed),
        }
    }
}

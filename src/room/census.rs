//! How much a room holds, for tests that hold it against what it held before.

use tokio::sync::oneshot;

use super::{
    actor::{Control, RoomHandle},
    state::State,
};

/// The entries of everything that lives as long as a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Seats, by number and by who sits there, and links that they have.
    pub(crate) seats: (usize, usize),
    pub(crate) links: usize,
    pub(crate) knocks: usize,
    pub(crate) bans: usize,
    pub(crate) muted: usize,
    /// What is kept: as the seats know it, as the room counts it, and in the log.
    pub(crate) kept: (usize, usize, usize),
    pub(crate) kept_bytes: usize,
    /// Names held, their looks, keys with names that nobody uses, and numbers behind names.
    pub(crate) names: (usize, usize, usize, usize),
    pub(crate) guessers: usize,
    /// Keys whose comings and pace are known.
    pub(crate) comings: usize,
    /// Events of the log, their bytes, and members whose private ones are counted.
    pub(crate) events: usize,
    pub(crate) event_bytes: usize,
    pub(crate) private: usize,
    /// What newcomers are told, in lines and bytes.
    pub(crate) past: (usize, usize),
    /// Streams and their tokens.
    pub(crate) streams: (usize, usize),
}

impl State {
    fn census(&self) -> Census {
        let (kept_in_log, log) = self.log.read().census();
        let seats = self.seats.values();
        Census {
            seats: (self.seats.len(), self.by_id.len()),
            links: seats.clone().filter(|seat| seat.link.is_some()).count(),
            knocks: self.knocks.len(),
            bans: self.bans.len(),
            muted: self.muted.len(),
            kept: (seats.map(|seat| seat.kept.len()).sum(), self.kept_in_room, kept_in_log.0),
            kept_bytes: kept_in_log.1,
            names: self.names.census(),
            guessers: self.codes.guessers(),
            comings: self.comings.len(),
            events: log.events,
            event_bytes: log.bytes,
            private: log.private,
            past: log.past,
            streams: self.streams.table().entries(),
        }
    }

    /// Answers a test.
    pub(super) fn take_census(&self, reply: oneshot::Sender<Census>) {
        let _ = reply.send(self.census());
    }
}

impl RoomHandle {
    /// What the room holds now.
    pub(crate) async fn census(&self) -> Census {
        let (reply, census) = oneshot::channel();
        assert!(self.control.send(Control::Census(reply)).await.is_ok(), "the room is open");
        census.await.expect("the room answers")
    }
}

//! The host's side: one room, its members, its log and its order.
//!
//! The room is generic: it admits, names, orders, relays and expels. It knows no command and no terminal, and
//! its own user is a member like any other, over a link in memory. [`start`] spawns the room's actor, which
//! alone changes its state; [`RoomHandle::serve`] speaks with one member over any stream. A link reads the log
//! with a cursor of its own, so the actor waits for nobody's network.
//!
//! Queues: links → actor is bounded, and a full one makes the link read later; actor → links is the log and a
//! wake-up, so there is no cycle of waiting.

mod actor;
mod admission;
mod ask;
mod bucket;
mod carry;
#[cfg(test)]
pub(crate) mod census;
mod codes;
mod comings;
mod figures;
pub(crate) mod journal;
mod link;
mod log;
mod names;
mod pace;
mod power;
mod relay;
mod seat;
mod standstill;
mod state;

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{code::Code, wire::PublicKey};

use crate::limits::room::{MAX_KNOCKS, MAX_KNOCKS_FROM_ONE, MAX_OF_ONE_KEY, NAMED_CROWD};
#[cfg(test)]
pub(crate) use actor::at_rest;
pub use actor::{RoomHandle, restore, start};
pub use figures::AtTheDoor;
pub use journal::{JournalError, Restored, Saved};
pub use link::{Peer, Turn, Via};
pub use log::LogLimits;
pub use names::{NameError, normal_form};

/// The keys that were let in before. Its functions may block: the room calls them off its own threads.
pub trait Guests: Send + Sync + 'static {
    /// The name under which a key was let in, if it was.
    ///
    /// # Errors
    ///
    /// If the list cannot be read.
    fn name_of(&self, key: &PublicKey) -> anyhow::Result<Option<String>>;

    /// The key that was let in under a name.
    ///
    /// # Errors
    ///
    /// If the list cannot be read.
    fn key_of(&self, name: &str) -> anyhow::Result<Option<PublicKey>>;

    /// Puts a key on the list.
    ///
    /// # Errors
    ///
    /// If the list cannot be saved.
    fn let_in(&self, key: &PublicKey, name: &str) -> anyhow::Result<()>;

    /// Takes a key off the list.
    ///
    /// # Errors
    ///
    /// If the list cannot be saved.
    fn put_out(&self, key: &PublicKey) -> anyhow::Result<()>;

    /// Takes a key off the list, and keeps it out for good: it is among [`RoomConfig::bans`] of the next room.
    ///
    /// # Errors
    ///
    /// If that cannot be saved.
    fn ban(&self, key: &PublicKey, name: &str) -> anyhow::Result<()>;

    /// Keeps a key out no longer.
    ///
    /// # Errors
    ///
    /// If that cannot be saved.
    fn unban(&self, key: &PublicKey) -> anyhow::Result<()>;

    /// The names in the room before this one, if that was lately, and whose they were, those that count most first. Nothing
    /// if none are remembered at all.
    fn names(&self) -> Option<Vec<(PublicKey, String)>> {
        None
    }

    /// Remembers the names in this room for the next one.
    ///
    /// # Errors
    ///
    /// If they cannot be saved.
    fn remember(&self, names: &[(PublicKey, String)]) -> anyhow::Result<()> {
        let _ = names;
        Ok(())
    }
}

/// How a room is set up.
#[derive(Clone)]
pub struct RoomConfig {
    /// The key of the host's user, which may admit, expel and move.
    pub owner: PublicKey,
    /// Whether everybody is let in.
    pub open: bool,
    /// How many members it takes.
    pub max_members: u32,
    /// How many streams it carries at a time.
    pub max_streams: usize,
    /// Lines a second that a member may send before it is read from later; nothing for no limit.
    pub rate: Option<u32>,
    /// What its log holds.
    pub log: LogLimits,
    /// How many of the last messages to everyone a newcomer is told, at most [`MAX_PAST`](crate::wire::MAX_PAST).
    pub backlog: usize,
    /// Names that nobody may have.
    pub reserved: Vec<String>,
    /// The keys let in before.
    pub guests: Arc<dyn Guests>,
    /// The keys that are out for good, and their names.
    pub bans: Vec<(PublicKey, String)>,
    /// The code that it begins with, if it has one.
    pub code: Option<Arc<Code>>,
    /// The port it is reached at.
    pub port: u16,
    /// The usable addresses of the host's machine.
    pub addresses: Vec<IpAddr>,
    /// Who binds another port when the host's user asks for one.
    pub mover: mpsc::Sender<Move>,
    /// Its deadlines.
    pub timing: Timing,
}

/// A wish for another port, with the port that it became or the reason why not.
#[derive(Debug)]
pub struct Move {
    /// The port wished for, 0 for any.
    pub port: u16,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<u16, String>>,
}

/// The room's deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A peer that sent nothing for so long is asked for a sign of life.
    pub ping: Duration,
    /// A peer that sent nothing for so long is gone.
    pub dead: Duration,
    /// A peer that took nothing for so long, while there was something to take, is gone.
    pub write_stall: Duration,
    /// A member that took something within this time, while there was more, slows the senders down.
    pub healthy: Duration,
    /// A member whose link is broken for so long is said to be away.
    pub away: Duration,
    /// A seat whose link is broken for so long is given up.
    pub seat_life: Duration,
    /// A knock that nobody answers for so long is declined.
    pub knock_life: Duration,
    /// Time between two notices of knocks.
    pub knock_notice: Duration,
    /// How long a key stays out after it was put out.
    pub ban: Duration,
    /// Time between two counts of who came and went in a large room.
    pub crowd: Duration,
    /// How long after its opening the members of a room that restarted find everything said since then.
    pub reunion: Duration,
    /// How long a link has to take the last words of the room.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(15),
            dead: Duration::from_secs(45),
            write_stall: Duration::from_secs(30),
            healthy: Duration::from_secs(1),
            away: Duration::from_secs(30),
            seat_life: Duration::from_secs(600),
            knock_life: Duration::from_secs(300),
            knock_notice: Duration::from_secs(5),
            ban: Duration::from_secs(600),
            crowd: Duration::from_secs(5),
            reunion: Duration::from_secs(60),
            farewell: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

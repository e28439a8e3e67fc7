//! A member's side of a room: the seat that outlives its links.
//!
//! [`start`] spawns the actor that dials, resumes and redials, and returns a [`Handle`] to it and the
//! receiver of its [`SessionEvent`]s. The session knows neither commands nor terminal, and it does not know
//! whether its link is TLS or memory: a [`Dial`] gives it streams.
//!
//! The reader of the events must keep reading whatever else it waits for: the session reads from the room
//! only while there is room for its events, so a reader that waits for the session stops both.

mod actor;
#[cfg(test)]
pub(crate) mod census;
mod connection;
mod dial;
mod enter;
mod event;
mod handle;
mod inbox;
mod life;
mod link;
mod outbox;
mod roster;
mod skipped;
mod wake;

pub use actor::{SessionConfig, Timing, start};
pub use connection::Connection;
#[cfg(test)]
pub(crate) use dial::Nowhere;
pub use dial::{Dial, DialError, Dialed, Wish};
pub use event::{Ending, Incoming, MemberEvent, SessionEvent, Withdrawal};
pub use handle::{AskError, Draft, Handle, SendError, WhenFull};
pub use wake::Reading;

/// A member of the room, as this member knows it.
pub use crate::wire::Introduction as Member;

#[cfg(test)]
mod tests;

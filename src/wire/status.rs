//! What a room tells of how it fares.

use serde::{Deserialize, Serialize};

/// How a room fares, as every member may know it: nothing in it is about one member, and nothing counts what is said or
/// kept for some members only. What it says of streams is about all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStatus {
    /// The version of the program that keeps the room, at most [`MAX_VERSION_LEN`](super::MAX_VERSION_LEN) bytes.
    pub version: String,
    /// For how many seconds the room has been open.
    pub open_secs: u64,
    /// Members, those included whose link is broken.
    pub members: u32,
    /// Members whose link is broken at the moment.
    pub away: u32,
    /// How many members it takes.
    pub max_members: u32,
    /// How many members have entered since it opened.
    pub entered: u32,
    /// Envelopes to everyone that it has passed on.
    pub said: u64,
    /// Their bytes of payload.
    pub said_bytes: u64,
    /// How its log is filled.
    pub log: LogFill,
    /// Envelopes to everyone that it keeps.
    pub kept: u32,
    /// How many envelopes it keeps at the most.
    pub max_kept: u32,
    /// Messages of the past that newcomers are told.
    pub past: u32,
    /// How many of them there are at the most.
    pub max_past: u32,
    /// Streams whose ends are both there.
    pub streams: u32,
    /// How many streams it carries at a time.
    pub max_streams: u32,
    /// Streams whose ends have both been there, since it opened.
    pub streams_in_all: u64,
    /// Bytes that it has passed on between the ends of streams, both ways. Those of the room's own member do not count:
    /// they go to it directly.
    pub carried_bytes: u64,
    /// What only those are told who may admit.
    pub housekeeping: Option<Housekeeping>,
}

/// How the log of a room is filled. In whole percent, so that it does not tell how much is said in private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFill {
    /// Of the events that it holds at the most.
    pub events_percent: u8,
    /// Of the bytes that it holds at the most.
    pub bytes_percent: u8,
    /// How old the oldest event to everyone in it is, in seconds; nothing if there is none.
    pub reaches_secs: Option<u64>,
}

/// What a room holds of those who come, came or tried to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Housekeeping {
    /// Links that members have had, since it opened.
    pub links: u64,
    /// Names that are held, those of members who have gone included.
    pub names: u32,
    /// Those who wait for the host's answer.
    pub knocks: u32,
    /// Keys that are put out.
    pub banned: u32,
    /// Keys that may say nothing to everyone.
    pub muted: u32,
    /// Sources of wrong codes.
    pub guessers: u32,
    /// Connections at the door that have no seat.
    pub calling: u32,
    /// Sources from which somebody was let in lately.
    pub favoured: u32,
    /// Sources whose connections came to nothing lately.
    pub failed: u32,
}

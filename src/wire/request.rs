//! What a member may ask the room, and what it answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Instance, Introduction, PublicKey, RoomStatus, Token};

/// A question or a wish. The room judges by the asker's key whether it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The members with a number above `after`, a page of at most [`PAGE_ROWS`](super::PAGE_ROWS).
    Who {
        /// Number of the last member of the page before, 0 for the first page.
        after: u32,
    },
    /// Names of present members that begin with `prefix`, a page at the most. For completion.
    Names {
        /// What the name begins with; empty for any.
        prefix: String,
    },
    /// The present member of that name.
    Find {
        /// The name, compared without regard to case.
        name: String,
    },
    /// Take another name.
    Nick {
        /// The name wished for.
        name: String,
    },
    /// Put a member's key out of the room.
    Kick {
        /// The member's number, so that a change of name in between does not hit somebody else.
        member: u32,
        /// What everybody is told; may be empty.
        reason: String,
    },
    /// Those who wait at the door.
    Knocks,
    /// Let somebody in who waits at the door.
    Admit {
        /// The name under which the knock was announced.
        name: String,
    },
    /// Send somebody away who waits at the door.
    Decline {
        /// The name under which the knock was announced.
        name: String,
    },
    /// Where the room can be reached.
    Place,
    /// Move the room to another port.
    Move {
        /// The new port; 0 takes a free one.
        port: u16,
    },
    /// Open a stream to a member: [`Answer::Stream`] or [`Answer::NoStream`].
    Stream {
        /// Its key.
        key: PublicKey,
        /// Its instance.
        instance: Instance,
    },
    /// How many streams between others end when the asker leaves: those that the room carries, if it closes then.
    Carried,
    /// The code of the room, or a change of it: [`Answer::Code`].
    Code(CodeChange),
    /// Put a key out of the room for good.
    Ban {
        /// Whose.
        whom: Whom,
        /// What everybody is told; may be empty.
        reason: String,
    },
    /// Let a key that was put out knock again.
    Unban {
        /// The key.
        key: PublicKey,
    },
    /// The keys that are put out, a page at the most.
    Bans {
        /// The last key of the page before.
        after: Option<PublicKey>,
    },
    /// Let a key say nothing to everyone any more, or again.
    Mute {
        /// Whose.
        whom: Whom,
        /// Which of the two.
        muted: bool,
    },
    /// Let nobody in who is not in, or as before.
    Lock {
        /// Which of the two.
        locked: bool,
    },
    /// How the room fares. Only to a room that named [`FEATURE_STATUS`](super::FEATURE_STATUS).
    Status,
}

/// What becomes of the room's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeChange {
    /// Nothing.
    Keep,
    /// A new one takes its place.
    New,
    /// There is none any more.
    Off,
}

/// Whose key is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// That of the member with this number, so that a change of name in between does not hit somebody else.
    Member(u32),
    /// That of somebody at the door, of somebody who was here, or of somebody on the list of those let in, by name.
    Named(String),
}

/// What the room answers to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// It is not done; one line says why.
    Denied(String),
    /// A page of members, by ascending number; `more` if there is another page.
    Who {
        /// The members of this page.
        rows: Vec<WhoRow>,
        /// Whether members with higher numbers exist.
        more: bool,
    },
    /// Names for completion, sorted.
    Names(Vec<String>),
    /// The member asked for, if it is present.
    Found(Option<Introduction>),
    /// Those who wait at the door.
    Knocks(Vec<KnockRow>),
    /// The name that the asker now has.
    Name(String),
    /// Where the room can be reached.
    Place {
        /// The port in use now.
        port: u16,
        /// The usable addresses of the host's machine, at most 16.
        addresses: Vec<IpAddr>,
    },
    /// The stream may be opened.
    Stream {
        /// What the opener's connection begins with.
        token: Token,
    },
    /// How many streams between others end when the asker leaves.
    Carried(u32),
    /// The code of the room, if it has one.
    Code(Option<String>),
    /// A page of keys that are put out, in the order of the keys; `more` if there is another page.
    Bans {
        /// The keys of this page.
        rows: Vec<BanRow>,
        /// Whether there are more.
        more: bool,
    },
    /// The stream is not opened.
    NoStream {
        /// Whether the same may be allowed later.
        temporary: bool,
        /// Why, in one line.
        reason: String,
    },
    /// How the room fares.
    Status(Box<RoomStatus>),
}

/// One member as [`Answer::Who`] tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoRow {
    /// Who.
    pub member: Introduction,
    /// Where its link comes from, nothing for a member in the room's own process.
    pub address: Option<IpAddr>,
    /// Seconds since it entered.
    pub since_secs: u64,
    /// Last measured round trip in microseconds, if one was measured.
    pub rtt_micros: Option<u32>,
    /// Whether this is the member whose process keeps the room.
    pub host: bool,
    /// Whether its link is broken at the moment.
    pub away: bool,
    /// Whether it may not say anything to everyone.
    pub muted: bool,
}

/// A key that is put out, as [`Answer::Bans`] tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanRow {
    /// The key.
    pub key: PublicKey,
    /// The name it had.
    pub name: String,
    /// Seconds until it may try again, nothing if it is out for good.
    pub secs: Option<u64>,
}

/// Somebody who waits at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnockRow {
    /// The provisional name, unique among members and knocks.
    pub name: String,
    /// The key it has proved.
    pub key: PublicKey,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// A name that this room knows belongs to another key, if it was asked for.
    pub claims: Option<String>,
}

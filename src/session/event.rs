//! What a session tells its owner.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Member;
use std::net::IpAddr;

use crate::wire::{Departure, KnockRow, Refusal, Term, Token};

/// Something that happened, in the order in which it is to be shown.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// Somebody at the host is being asked whether to let us in, under this name.
    Waiting {
        /// The provisional name.
        name: String,
    },
    /// The room has proved that it knows the code that we have.
    Proved,
    /// We are in, for the first time.
    Entered {
        /// How many members there are, this one included.
        members: u32,
        /// The name of the member whose process keeps the room.
        host: String,
    },
    /// The link broke. A new one is tried after `retry_in`.
    Cut {
        /// What happened, in one line.
        reason: String,
        /// When the next try begins.
        retry_in: Duration,
    },
    /// The link is there again.
    Restored {
        /// Whether the room had restarted in the meantime, so that its log began anew.
        restarted: bool,
        /// Whether we were away for so long that our seat was given up, so that something may be missing.
        missed: bool,
    },
    /// A message of a command.
    Message(Incoming),
    /// What the room kept under `number` is kept no longer.
    Withdrawn {
        /// What and whose.
        withdrawal: Withdrawal,
        /// The command it belonged to.
        command: String,
    },
    /// Somebody came, went or changed.
    Member(Arc<MemberEvent>),
    /// This many events are missing here.
    Missed {
        /// How many.
        count: u64,
    },
    /// Something that this member said before is missing here.
    Lost {
        /// Whose words are missing.
        from: Member,
    },
    /// The room reads from us later, since we say or ask more than our share.
    Slowed {
        /// How many lines a second one member may say, if that is limited.
        rate: Option<u32>,
    },
    /// All own envelopes up to this number have arrived at the room.
    Acknowledged {
        /// The number.
        n: u64,
    },
    /// The room did not take an own envelope.
    Undelivered {
        /// Its number.
        n: u64,
        /// Why, in one line.
        reason: String,
        /// The typed line on whose account it was sent.
        line: Option<Arc<str>>,
    },
    /// The room moved to another port.
    Moved {
        /// The port.
        port: u16,
    },
    /// A member opens a stream to this one.
    Stream {
        /// Who.
        from: Member,
        /// What our connection begins with.
        token: Token,
    },
    /// It is over: no event follows.
    Ended(Ending),
}

/// Gives the owner what waits for it, and says whether there is an owner. An event leaves `waiting` only when there is a
/// place for it, so that nothing is lost if this ends at its await.
pub(super) async fn hand_over(waiting: &mut VecDeque<SessionEvent>, owner: &mpsc::Sender<SessionEvent>) -> bool {
    while !waiting.is_empty() {
        let Ok(place) = owner.reserve().await else { return false };
        if let Some(event) = waiting.pop_front() {
            place.send(event);
        }
    }
    true
}

/// What the room keeps no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The room's number for it.
    pub number: u32,
    /// Whose it was.
    pub from: Member,
    /// Whether it is gone because the room restarted: if its owner comes back, so does it, with another number.
    pub restart: bool,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// We left.
    Left,
    /// The host's user closed the room.
    Closed {
        /// Who.
        by: String,
    },
    /// We were put out.
    Kicked {
        /// By whom.
        by: String,
        /// Why; may be empty.
        reason: String,
        /// For how long.
        term: Term,
    },
    /// The room did not let us in.
    Refused(Refusal),
    /// A newer link of this very instance took our place, or the host does not speak our protocol: one line
    /// says what.
    Failed(String),
}

/// A message as a session delivers it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Who sent it.
    pub from: Member,
    /// The recipient, if it was sent to one member only.
    pub private: Option<Member>,
    /// Whether it is the echo of one's own.
    pub own: bool,
    /// The sender's number for it.
    pub n: u64,
    /// Its number in the room's order.
    pub seq: u64,
    /// The room's number for it, if the room keeps it.
    pub kept: Option<u32>,
    /// How long ago it was said, if that was before we came. Then its author may be gone, and has no number.
    pub past: Option<Duration>,
    /// The command it is for.
    pub command: String,
    /// What it says.
    pub payload: Bytes,
}

/// Somebody came, went or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// Entered.
    Joined(Member),
    /// Went.
    Left {
        /// Who.
        member: Member,
        /// How.
        how: Departure,
    },
    /// Took another name.
    Renamed {
        /// Who, with the new name.
        member: Member,
        /// The name until now.
        old: String,
        /// Whether it is oneself.
        own: bool,
    },
    /// The link has been broken for a while.
    Away(Member),
    /// Back after having been away.
    Back(Member),
    /// Many came and went.
    Crowd {
        /// How many entered.
        joined: u32,
        /// How many went.
        left: u32,
        /// How many are there.
        members: u32,
    },
    /// Somebody waits at the door, and we may answer.
    Knock {
        /// Who.
        knock: KnockRow,
        /// How many more knock of whom no notice is given.
        more: u32,
    },
    /// Somebody no longer waits at the door.
    KnockOver {
        /// The provisional name.
        name: String,
        /// Whether they got in.
        entered: bool,
    },
    /// Somebody whom the room did not know came in with the code, and we may admit.
    Invited {
        /// Who.
        member: Member,
        /// Why the room could not put its key on the list of those let in, if it could not.
        unlisted: Option<String>,
    },
    /// Wrong codes come in, and we may admit.
    Guesses {
        /// Where the last one came from.
        address: Option<IpAddr>,
        /// How many came from there.
        tries: u32,
        /// How many came from elsewhere since we were told last.
        others: u32,
    },
    /// So many wrong codes came in that the room has no code any more, and we may admit.
    CodeOver {
        /// How many.
        wrong: u64,
    },
    /// Somebody may not say anything to everyone any more, or may again.
    Muted {
        /// Who.
        member: Member,
        /// Whether it is oneself.
        own: bool,
        /// By whom it was decided.
        by: String,
        /// Which of the two.
        muted: bool,
    },
    /// Nobody is let in any more who is not in, or the door is as before.
    Locked {
        /// By whom it was decided.
        by: String,
        /// Which of the two.
        locked: bool,
    },
}

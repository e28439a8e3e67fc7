//! The frames of a link, as types.

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Answer, Confirmation, Element, Epoch, Instance, MAX_COMMAND_LEN, PublicKey, Request, Token};

/// What a member sends to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToRoom {
    /// The first frame of a link.
    Hello(Hello),
    /// Something for other members.
    Envelope(Envelope),
    /// A question to the room itself.
    Ask(Request),
    /// The member goes for good.
    Leave,
    /// Asks for a [`FromRoom::Pong`] with the same number.
    Ping(u64),
    /// Answers a [`FromRoom::Ping`].
    Pong(u64),
    /// Answers [`FromRoom::Code`]: the member knows the code.
    Confirm(Confirmation),
}

/// What a room sends to a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromRoom {
    /// The member is in.
    Welcome(Welcome),
    /// A person is being asked; the name is the one under which.
    Waiting {
        /// The provisional name.
        name: String,
    },
    /// The member does not get in. The room closes the connection.
    Refused(Refusal),
    /// Who a member number is.
    Member(Introduction),
    /// The next event of the log that this member is entitled to.
    Event {
        /// Its number in the log.
        seq: u64,
        /// What happened.
        event: Event,
    },
    /// Events are missing here.
    Gap(Gap),
    /// Answers the oldest [`ToRoom::Ask`].
    Answer(Answer),
    /// The room ends this link.
    Ended(End),
    /// Asks for a [`ToRoom::Pong`] with the same number.
    Ping(u64),
    /// Answers a [`ToRoom::Ping`].
    Pong(u64),
    /// Answers a Hello that brings [`Otherwise::Code`], also of a key that is let in by itself.
    Code(Element),
    /// The room knows the code, too. Its verdict follows.
    Confirmed(Confirmation),
    /// The room reads from this member later, since it says or asks more than its share. Nothing is lost.
    Slowed {
        /// How many lines a second one member may say, if that is limited.
        rate: Option<u32>,
    },
    /// What was said before this member entered. Only to one that named
    /// [`FEATURE_BACKLOG`](super::FEATURE_BACKLOG).
    Past(Past),
}

/// What somebody said to everyone before a member entered, complete in itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The author's key.
    pub key: PublicKey,
    /// The run of the author's program.
    pub instance: Instance,
    /// The name that the author had.
    pub name: String,
    /// The author's number for it.
    pub n: u64,
    /// How many seconds ago it was said, by the clock of the room.
    pub age_secs: u64,
    /// What.
    pub said: Said,
}

impl Past {
    /// What it counts towards [`MAX_PAST_BYTES`](super::MAX_PAST_BYTES): what may be long, and as much as is not.
    pub fn cost(&self) -> usize {
        self.name.len() + self.said.command.len() + self.said.payload.len() + 64
    }
}

/// The first frame of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Abilities of this member, see [`FEATURE_ASKABLE`](super::FEATURE_ASKABLE) and
    /// [`FEATURE_STREAMS`](super::FEATURE_STREAMS).
    pub features: u64,
    /// The name wished for.
    pub name: String,
    /// This run of the member's program.
    pub instance: Instance,
    /// The lowest `n` that this member may still send, at least 1.
    pub next: u64,
    /// Where it stood, if it was in this room before.
    pub resume: Option<Resume>,
    /// What it wants if its key is not let in by itself.
    pub otherwise: Otherwise,
}

/// What somebody wants whose key a room does not let in by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Otherwise {
    /// To hear that it is so: [`Refusal::Stranger`].
    Nothing,
    /// That a person is asked.
    Knock,
    /// To prove that it knows the code, and that the room does, whether or not its key is let in by itself.
    Code(Element),
}

/// Where a member stood when its link broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The log it read.
    pub epoch: Epoch,
    /// The last event it got.
    pub seq: u64,
    /// How many events it got or was told to have missed since it entered, which lets the room count a gap.
    pub count: u64,
}

/// The answer to a [`Hello`] that is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// What this room can and is, see [`FEATURE_STREAMS`](super::FEATURE_STREAMS) and
    /// [`FEATURE_OPEN`](super::FEATURE_OPEN).
    pub features: u64,
    /// The log that events come from.
    pub epoch: Epoch,
    /// The member's number in the room.
    pub number: u32,
    /// The member's name, which may differ from the one wished for.
    pub name: String,
    /// The highest `n` accepted from this instance, 0 if none.
    pub accepted: u64,
    /// The events that follow have a higher `seq` than this.
    pub seq: u64,
    /// How many members there are, this one included.
    pub members: u32,
    /// The name of the member whose process keeps the room.
    pub host: String,
    /// Whether the resume point was taken up; if not, what was between is lost and the room restarted.
    pub resumed: bool,
}

/// Why a member does not get in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The key was put out of the room and stays out.
    Banned {
        /// Seconds until it may try again, nothing if it is out for good.
        secs: Option<u64>,
    },
    /// The host's user said no, or did not answer in time.
    Declined,
    /// The room lets in only known members, and nobody is there who could be asked.
    NobodyToAsk,
    /// Too many knock at the door.
    Crowded,
    /// The room has as many members as it takes.
    Full {
        /// How many it takes.
        limit: u32,
    },
    /// The name cannot be used; one line says why.
    Name(String),
    /// The room is at another port of the same address now.
    Moved {
        /// The port, which is not 0.
        port: u16,
    },
    /// This very instance is the room's own member.
    Yourself,
    /// The room is closing.
    Closing,
    /// The room does not know the key, and the Hello says neither to knock nor a code.
    Stranger,
    /// The code is not the room's. The same whether there is none, whether there was such a one, or never.
    WrongCode,
    /// Too many wrong codes came from there; nothing was compared.
    Guesses {
        /// Seconds until the next one is.
        secs: u64,
    },
    /// The host's user lets nobody in who is not in already.
    Locked,
    /// The key has as many members in the room as one may have.
    Enough {
        /// How many that is.
        limit: u32,
    },
    /// The key came too often in a short time.
    TooOften {
        /// Seconds until it may try again.
        secs: u64,
    },
}

/// Something a member sends through the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its number, one more than the sender's last.
    pub n: u64,
    /// The number of the sender's last one to the same recipient, 0 if none.
    pub prev: u64,
    /// For whom.
    pub to: To,
    /// What to do with it.
    pub body: Body,
}

/// For whom an [`Envelope`] is. A single member is named by identity, not by number, so that an envelope
/// survives a restart of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum To {
    /// Everyone in the room.
    Everyone,
    /// One member.
    Member {
        /// Its key.
        key: PublicKey,
        /// Its instance.
        instance: Instance,
    },
}

/// What an [`Envelope`] asks of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Pass it on.
    Say(Said),
    /// Pass it on, and keep it for those who come later.
    Keep {
        /// The sender's own mark for it, which [`Body::Withdraw`] names.
        tag: u32,
        /// What is said.
        said: Said,
    },
    /// Keep it no longer.
    Withdraw {
        /// The mark it was kept under.
        tag: u32,
    },
    /// Pass it on, and if it is to everyone, tell it to those who come later as [`FromRoom::Past`].
    Remember(Said),
}

/// Whether this can be the name of a command, whether one has it or not.
pub fn is_command_name(name: &str) -> bool {
    (1..=MAX_COMMAND_LEN).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// A command's message: the room does not look into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The command whose handler gets it at the other end.
    pub command: String,
    /// What it says.
    pub payload: Bytes,
}

/// Something that happened in the room, in the order of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A member said something.
    Said {
        /// Who.
        from: u32,
        /// The sender's number for it.
        n: u64,
        /// The sender's previous number to the same recipient.
        prev: u64,
        /// To whom, nothing for everyone.
        to: Option<u32>,
        /// The room's number for it, if the room keeps it.
        kept: Option<Kept>,
        /// What.
        said: Said,
    },
    /// A member took back what the room kept.
    Withdrawn {
        /// Who.
        from: u32,
        /// The sender's number for taking it back.
        n: u64,
        /// The sender's previous number to the same recipient.
        prev: u64,
        /// To whom it was said, nothing for everyone.
        to: Option<u32>,
        /// What was kept.
        kept: Kept,
    },
    /// The room did not take an envelope. Only its sender is told.
    Refused {
        /// Its number.
        n: u64,
        /// Why, in one line.
        reason: String,
    },
    /// Somebody entered.
    Joined(Introduction),
    /// Somebody went.
    Left {
        /// Who.
        member: u32,
        /// How.
        how: Departure,
    },
    /// Somebody took another name.
    Renamed {
        /// Who.
        member: u32,
        /// The name from now on.
        name: String,
    },
    /// Somebody's link has been broken for a while.
    Away {
        /// Who.
        member: u32,
    },
    /// Somebody who was away is back.
    Back {
        /// Who.
        member: u32,
    },
    /// Many came and went; a large room does not name them.
    Crowd {
        /// How many entered since the last such event.
        joined: u32,
        /// How many went.
        left: u32,
        /// How many are there.
        members: u32,
    },
    /// Somebody waits at the door. Only those who may answer are told.
    Knock {
        /// The provisional name.
        name: String,
        /// The key it has proved.
        key: PublicKey,
        /// Where it comes from.
        address: Option<IpAddr>,
        /// A known name that belongs to another key, if that was asked for.
        claims: Option<String>,
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
    /// The room moved to another port of the same address.
    Moved {
        /// The port, which is not 0.
        port: u16,
    },
    /// A member opens a stream to this one. Only its target is told.
    Stream {
        /// Who.
        from: u32,
        /// What the target's connection begins with.
        token: Token,
    },
    /// Somebody whom the room did not know came in with the code. Only those who may admit are told.
    Invited {
        /// Who.
        member: Introduction,
        /// Why its key could not be put on the list of those let in, if it could not.
        unlisted: Option<String>,
    },
    /// Wrong codes come in. Only those who may admit are told.
    Guesses {
        /// Where the last one came from.
        address: Option<IpAddr>,
        /// How many came from there.
        tries: u32,
        /// How many came from elsewhere since the last such event.
        others: u32,
    },
    /// So many wrong codes came in that the room has no code any more. Only those who may admit are told.
    CodeOver {
        /// How many.
        wrong: u64,
    },
    /// Somebody may not say anything to everyone any more, or may again.
    Muted {
        /// Who.
        member: u32,
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

/// The room's number for something it keeps, the same for everyone, and the owner's own mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The room's number.
    pub number: u32,
    /// The owner's mark.
    pub tag: u32,
}

/// How a member went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Departure {
    /// It said so.
    Quit,
    /// Its link broke and it did not come back in time.
    Lost,
    /// It was put out.
    Kicked {
        /// By whom.
        by: String,
        /// Why; may be empty.
        reason: String,
        /// For how long.
        term: Term,
    },
}

/// For how long a key is put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// For some minutes.
    Minutes,
    /// Until it is pardoned.
    Good,
}

/// Who a member number is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Introduction {
    /// The number, never used twice in an epoch.
    pub number: u32,
    /// The key.
    pub key: PublicKey,
    /// The run of that member's program.
    pub instance: Instance,
    /// The name.
    pub name: String,
}

/// Events that a member was entitled to and will not get. All that the room keeps follows, known or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// How many.
    pub missed: u64,
    /// The highest `n` accepted from this member's instance whose event will not come any more: all up to it is acknowledged.
    pub accepted: u64,
    /// The events that follow have a higher `seq` than this.
    pub seq: u64,
    /// The numbers of all that the room keeps for this member now; what is not among them was withdrawn.
    pub kept: Vec<u32>,
}

/// Why the room ends a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The room is over: the host's user closed it, or, if nobody is named, its program was stopped. Then it may be opened
    /// again, and a member dials as after a break.
    Closed {
        /// Who; empty if nobody did.
        by: String,
    },
    /// The member was put out. It must not dial again by itself.
    Kicked {
        /// By whom.
        by: String,
        /// Why; may be empty.
        reason: String,
        /// For how long.
        term: Term,
    },
    /// A newer link of the same key and instance took this one's place.
    Superseded,
}

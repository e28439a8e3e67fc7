//! The pchat protocol, version 3: what travels on a link between a member and a room.
//!
//! This module is the specification. It holds types, their bytes and their limits; it does no I/O and
//! reads no clock.
//!
//! # Layers
//!
//! | layer | what |
//! |---|---|
//! | TCP | one port for everything, 5000 unless the host says otherwise |
//! | TLS 1.3 | [RFC 8446]; both ends present Ed25519 raw public keys ([RFC 7250]); ALPN [`ALPN`] carries the protocol version; no tickets, no resumption, no early data |
//! | frame | 4-byte big-endian length of the body, then the body |
//! | body | one value of [`ToRoom`] (member to room) or [`FromRoom`] (room to member) in the [postcard] encoding |
//!
//! [RFC 8446]: https://www.rfc-editor.org/rfc/rfc8446
//! [RFC 7250]: https://www.rfc-editor.org/rfc/rfc7250
//! [postcard]: https://postcard.jamesmunns.com/wire-format
//!
//! A connection whose first byte is that of a TLS handshake record (22) is a link. One that begins with
//! [`STREAM_MAGIC`] is an end of a stream, see [streams](#streams). Any other is closed.
//!
//! # Frames
//!
//! | bytes | meaning |
//! |---|---|
//! | 0..4 | length of the body, big-endian, 1 to the limit |
//! | 4..  | body: a varint naming the variant in declaration order, then its fields in declaration order |
//!
//! The limit is [`MAX_HELLO_LEN`] for what a member sends before it is admitted and [`MAX_FRAME_LEN`] for
//! everything else. It is checked before anything is allocated. A body must be canonical: no bytes left
//! over, no varint longer than it needs to be, valid UTF-8, known variants only. Whatever breaks a rule
//! closes the connection; nothing is skipped or guessed.
//!
//! # Order
//!
//! 1. The member sends [`ToRoom::Hello`] within the room's deadline.
//! 2. The room answers [`FromRoom::Welcome`] (the member is in), [`FromRoom::Refused`] (and closes),
//!    [`FromRoom::Waiting`] (a person is being asked), which one of the other two ends, or [`FromRoom::Code`], see
//!    [codes](#codes). While it waits a member may send [`ToRoom::Ping`] and [`ToRoom::Leave`] only.
//! 3. From then on the member sends [`ToRoom::Envelope`]s, one [`ToRoom::Ask`] at a time (the next one
//!    after the [`FromRoom::Answer`]), and pings; the room sends events in the order of its log, answers
//!    and pings.
//! 4. The room ends a link with [`FromRoom::Ended`]; a member ends it with [`ToRoom::Leave`]. A connection
//!    that closes without either is a break: the member keeps its seat and may come back. An [`End::Closed`] that names
//!    nobody is a break with notice: the room's program was stopped, and may be started again.
//!
//! [`FromRoom::Member`] precedes the first event that needs the member it introduces. After a gap and after
//! [`Event::Left`] of a member both ends forget introductions: all, or that one. The room may introduce again;
//! a receiver keeps at least the last [`MAX_INTRODUCTIONS`] ones.
//!
//! # Codes
//!
//! A room may have a code: a few words that its host tells those whom it invites. A member may prove that it knows them,
//! which lets it in, and learns by that whether the room does. Neither end, nor anybody in between, learns anything else
//! about them, but whether one guess was right.
//!
//! 1. The Hello brings [`Otherwise::Code`] with the joiner's element. The room answers [`FromRoom::Code`] with its own,
//!    whether or not it has a code, and whether or not it would let the key in without; or it refuses for a reason that
//!    no code changes. A member that comes back to its seat brings none.
//! 2. The member answers [`ToRoom::Confirm`] with its confirmation, within the room's deadline.
//! 3. If it is right, the room answers [`FromRoom::Confirmed`] with its own, and then Welcome or Refused; if not,
//!    [`Refusal::WrongCode`]. One connection is good for one guess. A member that has brought a code believes no Welcome
//!    that no right confirmation precedes, and remembers no key of a room before it is welcome there.
//!
//! The elements are the messages of SPAKE2 ([RFC 9382] describes it; the constants, hashes and transcript are those of
//! the crate `spake2` 0.4 with its group Ed25519, which are older than that RFC) without their first byte. The joiner is
//! side A and its identity is `pchat code joiner`, the host is side B and `pchat code host`; each is followed by 32 bytes
//! of TLS exporter ([RFC 8446], 7.5, label [`EXPORTER`], no context), the joiner's key and the host's. The password is
//! the code in its normal form: NFKC, lower case, letters alone. An element must be a canonical encoding of a point of
//! the prime-order subgroup other than the identity. A confirmation is HMAC-SHA256 under the SPAKE2 key of
//! `pchat code joiner knows` or `pchat code host knows`, the same 96 bytes, and both elements, the joiner's first.
//!
//! [RFC 9382]: https://www.rfc-editor.org/rfc/rfc9382
//!
//! # Nothing said is lost
//!
//! * The room numbers its events with `seq`, from 1, in one log that belongs to a random [`Epoch`].
//! * A member numbers its envelopes with `n`, from 1, for its [`Instance`] (random, one a process). The room
//!   binds the instance to the link's key and accepts only the next `n`. A room that does not know the
//!   instance starts with the `next` that the Hello names.
//! * Each envelope carries `prev`, the sender's previous `n` to the same recipient, or 0. A receiver whose
//!   last one from that key and instance is lower has missed something and says so. The room passes over what it
//!   refused that was for everyone, since nobody got that, whether its sender has heard of the refusal or not.
//! * The event that carries an envelope comes back to its sender: that echo is the acknowledgement.
//!   [`Event::Refused`] is the other one.
//! * A member that comes back says where it stood ([`Resume`]); the room answers with the highest `n` it
//!   accepted and goes on after that `seq`. If the log no longer reaches back so far, [`FromRoom::Gap`] says
//!   how many events are missing and acknowledges what was accepted and does not come any more.
//! * What the room keeps is sent to a member that enters before its first live event, and again after a gap,
//!   as events with the `seq` they had; such a `seq` is not above the one that Welcome or Gap stated. A member that
//!   comes back and has got no event since that gets it again. To one that was here before, a Gap with nothing missing
//!   comes first and names all that is kept.
//! * None of this counts for what is told [of the past](#what-was-said-before).
//! * A member that was in a room before it restarted, and is back within a minute of that, gets the new log from its
//!   beginning: those who were back before it have said again what the old room had not passed on.
//! * Receivers drop an event whose `n` they have already seen from that key and instance, so that a room that
//!   restarted with an empty log causes no doubles. If it is kept under a number that they do not know, it was taken back
//!   since they saw it, and is there again. A lower `n` than the highest that they saw, which was passed over while nothing
//!   was missing, is new if it comes: a seat or a room refused it, its sender never heard so, and the next one took it.
//! * The newest link of one key *and* instance wins; the older one is ended with [`End::Superseded`].
//!
//! # What was said before
//!
//! A room may remember the last of what was said to everyone for those who come later. It does not look into messages, so
//! the sender says which are worth it: those with [`Body::Remember`]. A member that wants to hear them names
//! [`FEATURE_BACKLOG`] in its Hello. When it enters, it gets one [`FromRoom::Past`] for each, the oldest first, directly
//! after the Welcome (pings and answers may stand in between): before the first introduction, event or gap.
//!
//! * They are complete in themselves: author, age, command and payload. Their authors may be gone. They have no `seq`, they
//!   acknowledge nothing, and no introduction counts for them.
//! * There are at most [`MAX_PAST`] of them, of [`MAX_PAST_BYTES`] in all, each counted by [`Past::cost`].
//! * A member that resumes gets none. One that comes back to the same epoch after its seat was given up gets those whose
//!   `seq` is above the one that it names; of another epoch, all that there are, but none if it gets the new log from its
//!   beginning. It drops those whose `n` it has seen or been told from that key and instance, and its own. Of the events to
//!   everyone that the room does not keep, it drops those whose `n` is not above one that it was told: their sender says
//!   from another seat what was said before, since it has not heard that it arrived.
//! * The lines of a key that is put out are remembered no longer. A room that restarts remembers nothing.
//!
//! # Streams
//!
//! Bulk data does not travel on links. A stream is a byte pipe between two members over TCP connections of its own
//! to the room's port:
//!
//! 1. The opener asks with [`Request::Stream`]. The room answers [`Answer::Stream`] with a [`Token`], and tells the
//!    other member with [`Event::Stream`] and another token; or it answers [`Answer::NoStream`]. Each token is good for
//!    one connection and for [`TOKEN_LIFE`].
//! 2. Each end connects, sends [`STREAM_MAGIC`] and its token, and goes on at once. The room reads exactly these
//!    [`STREAM_HEAD_LEN`] bytes, and closes a connection whose token it does not know, has seen or finds too late. When
//!    both ends are there it copies bytes both ways until both have closed; a direction that one end closes is closed at
//!    the other. The room's own member makes no connection: it is handed that of the other end.
//! 3. The two members run TLS 1.3 with each other through it, the opener as the client, both with the keys that the
//!    room told them, ALPN [`STREAM_ALPN`]. Either end closes if the other proves another key.
//! 4. The opener sends one frame, a [`StreamHello`] of at most [`MAX_STREAM_HELLO_LEN`] bytes. An end to which it does
//!    not fit closes, as does one that has no such command. What follows belongs to the command.
//! 5. An end that has said all sends close_notify and closes its direction. A direction that ends without close_notify was
//!    cut off. An end that waits for the other one's close_notify knows that it got everything.
//!
//! A member needs no link for a stream that has begun, but a seat: the room ends the streams of whoever leaves or is put
//! out, and all when it closes. It also ends one when bytes wait for a minute for an end that takes none.
//!
//! So the room sees that two members exchange bytes and how many, not which. It could pose as either of them only
//! to members who have not compared fingerprints, since it is the room that tells the keys.
//!
//! # How the room fares
//!
//! A room that names [`FEATURE_STATUS`] in its Welcome answers [`Request::Status`] with [`Answer::Status`]: how long it has
//! been open, how many members, lines and streams it has and had, and how full its log is. Others are not asked. It says
//! nothing of single members, and what is said to some members only is in none of its numbers but the fill of the log, which
//! is told in whole percent. [`Housekeeping`] is told to those only who may admit.
//!
//! # Versions
//!
//! The ALPN name changes with every incompatible change, so that the two ends of an incompatible pair
//! learn of it in the TLS handshake. Within a version, [`Hello::features`] and [`Welcome::features`] name
//! optional abilities; a bit that a reader does not know is ignored, and neither end uses one that the
//! other did not name. New variants are added at the end of an enum and sent only to an end that named the
//! feature they belong to.

mod code;
mod codec;
mod frame;
mod id;
mod request;
mod status;
mod stream;

pub use code::{Confirmation, Element};
pub use codec::{Codec, CodecError, decode, encode, encode_body, encode_into};
pub use frame::{
    Body, Departure, End, Envelope, Event, FromRoom, Gap, Hello, Introduction, Kept, Otherwise, Past, Refusal, Resume,
    Said, Term, To, ToRoom, Welcome, is_command_name,
};
pub use id::{Epoch, Instance, PublicKey};
pub use request::{Answer, BanRow, CodeChange, KnockRow, Request, WhoRow, Whom};
pub use status::{Housekeeping, LogFill, RoomStatus};
pub use stream::{
    MAX_PURPOSE_LEN, MAX_STREAM_HELLO_LEN, STREAM_ALPN, STREAM_HEAD_LEN, STREAM_MAGIC, StreamHello, TOKEN_LIFE, Token,
};

/// The label of the TLS exporter that binds a code to its connection.
pub const EXPORTER: &[u8] = b"EXPORTER-pchat-code";

/// The ALPN protocol name, which carries the protocol version.
pub const ALPN: &[u8] = b"pchat/3";

/// The TCP port of a room unless the host says otherwise.
pub const DEFAULT_PORT: u16 = 5000;

/// Longest frame body, in bytes. A message of [`MAX_PAYLOAD_LEN`] with its head fits.
pub const MAX_FRAME_LEN: usize = 16 * 1024;

/// Longest frame body from a member that is not admitted yet, in bytes.
pub const MAX_HELLO_LEN: usize = 1024;

/// Longest payload of an envelope, in bytes.
pub const MAX_PAYLOAD_LEN: usize = 12 * 1024;

/// Longest payload of an envelope that the room keeps, in bytes.
pub const MAX_KEPT_LEN: usize = 4 * 1024;

/// How many envelopes the room keeps for one member.
pub const MAX_KEPT: usize = 8;

/// How many envelopes the room keeps in all, so that their numbers fit a frame and their bytes the memory.
pub const MAX_KEPT_IN_ROOM: usize = 1024;

/// How many messages of the past a newcomer is told at the most.
pub const MAX_PAST: usize = 500;

/// How many bytes they have at the most, each counted by [`Past::cost`].
pub const MAX_PAST_BYTES: usize = 256 * 1024;

/// Longest command name in an envelope, in bytes.
pub const MAX_COMMAND_LEN: usize = 32;

/// Longest name of a member, in bytes of UTF-8.
pub const MAX_NAME_LEN: usize = 64;

/// Longest reason a person gives (of a kick, say), in bytes of UTF-8.
pub const MAX_REASON_LEN: usize = 256;

/// How many introductions a receiver remembers, the latest first. Bounds the memory of both ends in a room
/// that lives long.
pub const MAX_INTRODUCTIONS: usize = 16_384;

/// Longest name of a version in a [`RoomStatus`], in bytes.
pub const MAX_VERSION_LEN: usize = 64;

/// How many rows a page of an [`Answer`] has at the most. A page of the widest rows fits a frame.
pub const PAGE_ROWS: usize = 64;

/// Feature bit of a [`Hello`]: a person sits at this member's input and can answer a knock.
pub const FEATURE_ASKABLE: u64 = 1;

/// Feature bit of a [`Hello`] and of a [`Welcome`]: streams can be opened to this member, and in this room.
pub const FEATURE_STREAMS: u64 = 2;

/// Feature bit of a [`Hello`]: this member wants to be told what was said before it came.
pub const FEATURE_BACKLOG: u64 = 8;

/// Feature bit of a [`Welcome`]: the room lets everybody in, so that its members are strangers.
pub const FEATURE_OPEN: u64 = 4;

/// Feature bit of a [`Welcome`]: the room answers [`Request::Status`].
pub const FEATURE_STATUS: u64 = 16;

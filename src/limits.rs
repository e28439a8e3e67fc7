//! What peers may take: every limit that is pchat's own choice, with its reason, in one place.
//!
//! Limits that both ends have to agree on belong to the protocol and stand in [`wire`](crate::wire). Those that a host may
//! want otherwise are options of `pchat host`; the others are what keeps memory, processor, disk and screen bounded
//! whatever a peer sends. `docs/security.md` lists them for people, and a test compares the two.

/// What strangers may take at the door, before they have proved anything.
pub mod door {
    use std::time::Duration;

    /// Handshakes in all: they cost a third of a millisecond each and are over within a round trip or two.
    pub const HANDSHAKES: usize = 32;

    /// Handshakes of one source, so that it takes eight of them to fill the door.
    pub const HANDSHAKES_A_SOURCE: usize = 4;

    /// Handshakes kept for members who come back: enough for two homes that come back at once, as one has four.
    pub const RESERVE: usize = 8;

    /// Connections waiting in all, a descriptor and a few KiB each: a lecture hall of 300 behind one address may join
    /// in the same instant.
    pub const WAITING: usize = 512;

    /// Connections waiting of one source whatever others do: a class.
    pub const WAITING_A_SOURCE: usize = 64;

    /// Connections waiting of one source while all places are taken: a household. Sources that have more are turned
    /// away then, so that those that have few need not queue behind them in the system.
    pub const WAITING_A_SOURCE_WHEN_FULL: usize = 8;

    /// From accepting to being let through; bad radio links take two or three seconds.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// The TLS part of it.
    pub const TLS: Duration = Duration::from_secs(5);

    /// What a connection has under pressure: a handshake and a Hello are two round trips, so one of half a second, as by
    /// satellite, still gets in.
    pub const GIVE_WAY: Duration = Duration::from_secs(2);

    /// Connections that may come to nothing: more than a person tries by hand, and a household of them.
    pub const TRIES: u32 = 32;

    /// One try is given back every 19 s: a room that is scanned or flooded does next to no handshakes for it.
    pub const TRIES_IN: Duration = Duration::from_secs(600);

    /// As long as a member keeps its seat after its link broke.
    pub const FAVOUR: Duration = Duration::from_secs(600);

    /// Sources remembered: half a MiB of each kind.
    pub const SOURCES: usize = 4096;
}

/// What a room takes of its members.
pub mod room {
    use std::time::Duration;

    /// In a room of more members than this, comings and goings are counted, not named.
    pub const NAMED_CROWD: usize = 64;

    /// How many members one key may have: as many terminals as a person may have open, and too few to fill a room.
    pub const MAX_OF_ONE_KEY: usize = 16;

    /// How many may knock at once: as many as a person can look through.
    pub const MAX_KNOCKS: usize = 16;

    /// How many may knock at once from one address (IPv4 address or IPv6 /64).
    pub const MAX_KNOCKS_FROM_ONE: usize = 2;

    /// Time between two changes of a name, which is for others to remember.
    pub const RENAME_EVERY: Duration = Duration::from_secs(20);

    /// Changes of a name that may come at once.
    pub const RENAMES_AT_ONCE: u32 = 3;

    /// Time between two comings of one key. A connection that breaks all the time comes less often; each coming may cost the
    /// room a copy of its log.
    pub const COMES_EVERY: Duration = Duration::from_secs(1);

    /// Comings of one key at once: more than a day of bad radio has in a row.
    pub const COMINGS_AT_ONCE: u32 = 60;

    /// Keys without a member whose comings are counted. Above it, those seen before are; who is new then has just made a key,
    /// and there are other limits for whoever makes many.
    pub const MAX_COMINGS: usize = 16_384;

    /// Keys that are muted at the most: more than anybody types.
    pub const MAX_MUTED: usize = 4096;

    /// Most characters of a name: what a screen line can spare.
    pub const MAX_NAME_CHARS: usize = 24;

    /// Most combining marks after one letter.
    pub const MAX_MARKS: usize = 2;

    /// How many lines those who come later are told: what tells them what the talk is about, and fits two screens.
    pub const BACKLOG: u32 = 50;

    /// How many names that nobody uses now are held for one key: a name tried on is not taken from everyone else.
    pub const HELD_BY_ONE: usize = 4;

    /// How many names a room that is started again keeps for those who had them: the largest room and those who left it.
    pub const MAX_REMEMBERED_NAMES: usize = 16_384;

    /// Time between two writings of them while they change.
    pub const NAMES_EVERY: Duration = Duration::from_secs(5);

    /// Time between two writings of them while they do not.
    pub const NAMES_AGAIN: Duration = Duration::from_secs(600);

    /// How long a name that nobody uses now is held for its key: whoever left in the evening finds it in the morning.
    pub const NAME_LIFE: Duration = Duration::from_secs(24 * 3600);

    /// Seconds' worth of lines that a member may send in one go.
    pub const BURST_SECS: u32 = 4;

    /// Bytes of what a member says, for each line a second that it may say: most lines are shorter, and the longest ones are
    /// said at a quarter of the rate.
    pub const LINE_BYTES: u32 = 1024;

    /// Questions a second, and in one go: more than any person or program of ours has.
    pub const ASK_RATE: (u32, u32) = (20, 60);

    /// Pings a second, and in one go. Ours asks once in 15 s.
    pub const PING_RATE: (u32, u32) = (2, 10);

    /// Time between two offers, or whatever else the room keeps.
    pub const KEEP_EVERY: Duration = Duration::from_secs(10);

    /// How many of them in one go: twice all that one member may have up.
    pub const KEEPS_AT_ONCE: u32 = 16;

    /// A member that has been held up for longer than this, by one frame or by one after the other, is told so.
    pub const NOTABLE_WAIT: Duration = Duration::from_secs(1);

    /// Time between two such words.
    pub const SLOWED_EVERY: Duration = Duration::from_secs(60);
}

/// What a room holds of what was said, for those who come back.
pub mod log {
    use std::time::Duration;

    /// Most events: ten minutes of a hundred lines a second.
    pub const EVENTS: usize = 65_536;

    /// Most bytes, unless the host says otherwise: the largest part of a room's memory.
    pub const BYTES: usize = 16 * 1024 * 1024;

    /// How long: whoever is away for longer reads how much was missed.
    pub const LIFE: Duration = Duration::from_secs(600);
}

/// What guessing a code costs.
pub mod code {
    use std::time::Duration;

    /// Penalty for the first wrong code of a source. It doubles with each further one.
    pub const FIRST_PENALTY: Duration = Duration::from_secs(5);

    /// The longest penalty.
    pub const LONGEST_PENALTY: Duration = Duration::from_secs(600);

    /// Penalties below this are not enforced: whoever types a code wrong once or twice waits for nothing. With the two above
    /// that is 12 guesses in the first hour of a source, and 6 in each later one.
    pub const ENFORCED_FROM: Duration = Duration::from_secs(15);

    /// A source without a wrong code for so long begins anew.
    pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

    /// How many guesses of a source a right code from there makes forgotten: its own, and two slips.
    pub const FORGIVEN: u32 = 3;

    /// With so many wrong codes from wherever, the room has none any more until its host makes one: guessers with very many
    /// addresses have come to a chance of 1 in 86,000 then. People still knock.
    pub const MAX_GUESSES: u64 = 100_000;

    /// How many sources are remembered; the one that was silent longest is forgotten first.
    pub const MAX_SOURCES: usize = 4096;

    /// With so many wrong codes from one source the host's user hears of it.
    pub const TOLD_FROM: u32 = 3;

    /// With so many wrong codes in all, too: guessing from everywhere is guessing.
    pub const TOLD_FROM_IN_ALL: u32 = 10;

    /// Time between two such notices, so that a guesser cannot fill the screen.
    pub const TOLD_EVERY: Duration = Duration::from_secs(600);
}

/// Streams, at both ends and in between.
pub mod stream {
    use std::time::Duration;

    /// Streams of one opener whose ends are not both there: enough to open one for each of many files at once.
    pub const MAX_PENDING_OF_ONE: usize = 16;

    /// Streams of one opener in all. An opener is a key, so that more programs do not give it more.
    pub const MAX_OF_ONE: usize = 32;

    /// Streams in the room.
    pub const MAX_IN_ROOM: usize = 256;

    /// Streams that are being accepted, in all: each takes a thread for its handshake.
    pub const MAX_ACCEPTS: usize = 64;

    /// The same from one member, so that it takes eight of them to fill the gate.
    pub const MAX_ACCEPTS_FROM_ONE: usize = 8;

    /// How long bytes may wait for an end that takes none.
    pub const STALL: Duration = Duration::from_secs(60);

    /// How long an end has for the TLS handshake and the first frame, from when it is connected. The other end may still be
    /// on its way then.
    pub const HANDSHAKE: Duration = Duration::from_secs(10);
}

/// What a member's side keeps of its room, which may be hostile.
pub mod session {
    /// Most envelopes that wait for the room. A person who types that much into a broken link wants to be told.
    pub const MAX_WAITING: usize = 256;

    /// Most bytes of payload that wait for the room.
    pub const MAX_WAITING_BYTES: usize = 256 * 1024;

    /// Most bytes that are on their way to the room and not acknowledged: what every system buffers for a reader that pauses.
    pub const MAX_ON_WAY_BYTES: usize = 32 * 1024;

    /// How many kept envelopes are remembered: as many as the largest room can hold for its members.
    pub const MAX_KEPT_KNOWN: usize = 80_000;

    /// How many senders are remembered, the oldest forgotten first: as many as a room can have members, and more,
    /// so that nobody present is forgotten.
    pub const MAX_SENDERS: usize = 16_384;

    /// To how many members the number of our last private message is remembered, those first that were written to last: a
    /// member that has gone needs none, and a large room does not tell who has.
    pub const MAX_RECIPIENTS: usize = 1_024;

    /// How often a room may send us to another port before it has to let us in.
    pub const MAX_MOVES: u32 = 4;

    /// How often a room may prefer another connection of this very program in a row: one that we gave up can reach it late,
    /// more than a few cannot.
    pub const MAX_SUPERSEDED: u32 = 4;
}

/// Offers, folders and transfers.
pub mod file {
    use std::time::Duration;

    /// Most files and folders together: more than any source tree, and few enough that listing and matching take less
    /// than a second.
    pub const MAX_ENTRIES: u32 = 250_000;

    /// Longest encoding, in bytes: 250,000 entries with names of 50 bytes. It is nearly all the memory a manifest takes.
    pub const MAX_ENCODED: usize = 16 * 1024 * 1024;

    /// Most folders within each other: each costs a handle while the tree is read or written.
    pub const MAX_DEPTH: usize = 64;

    /// Longest name, in bytes: what file systems take.
    pub const MAX_NAME: usize = 255;

    /// Longest path within the offer, in bytes with the slashes: what systems take.
    pub const MAX_PATH: usize = 4096;

    /// How many offers are received at once; more only take the speed from each other.
    pub const AT_ONCE: usize = 4;

    /// After how many days what came of a broken transfer is thrown away.
    pub const PARTIAL_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

    /// How many offers are remembered: as many as a room keeps, and those that are over.
    pub const MAX_OFFERS: usize = 2048;

    /// How many that are over are remembered.
    pub const MAX_OVER: usize = 64;

    /// What partial files may take of the disk before more is received without asking.
    pub const MAX_PARTIAL: u64 = 10 << 30;

    /// What has to stay free on the disk besides what is received without asking.
    pub const RESERVE: u64 = 256 << 20;

    /// Streams that are served at once, each by a thread with a buffer.
    pub const MAX_STREAMS: usize = 64;

    /// Streams that one member has at once: what it receives at once, and what broke and is not yet noticed.
    pub const MAX_STREAMS_OF_ONE: usize = 8;

    /// How many receivers of an offer are remembered.
    pub const MAX_RECEIVERS: usize = 1024;

    /// How long the other end may take nothing, or say nothing when it is its turn. A slow disk there passes; a machine
    /// that is gone does not hold a thread for ever.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// Bytes that are received without asking from others in one session: what a day of work among colleagues brings, and
    /// little enough that nobody's disk is filled behind their back.
    pub const SESSION_BYTES: u64 = 1 << 30;

    /// What an offer counts at least towards [`SESSION_BYTES`], so that it bounds their number too: 1,024.
    pub const LEAST_COST: u64 = 1 << 20;

    /// What each entry of a folder counts besides its bytes, since it takes a block of the disk.
    pub const ENTRY_COST: u64 = 4096;
}

/// What is remembered of what was shown.
pub mod tape {
    /// How many lines: more than a person reads back.
    pub const LINES: usize = 2_000;

    /// How many bytes: the longest lines would otherwise take 8 MiB.
    pub const BYTES: usize = 1 << 20;

    /// How many lines wait for a disk that is slow, when they are written down. Those that come above it are counted.
    pub const WRITTEN: usize = 1_024;
}

/// Who says that they are away.
pub mod absence {
    use std::time::Duration;

    /// How many are known to be away: those in a large room, and not what a room that lies tells without end.
    pub const MAX_KNOWN: usize = 10_000;

    /// How many notices of it there are of one member in [`NOTICES_WITHIN`]: that they go, and that they come back.
    pub const NOTICES_OF_ONE: usize = 2;

    /// How many notices of it there are of all members in that time.
    pub const NOTICES: usize = 8;

    /// The time for both.
    pub const NOTICES_WITHIN: Duration = Duration::from_secs(20);
}

/// What arrives and is not shown yet.
pub mod screen {
    /// How many lines may wait before the source of the lines does: enough that a burst never stops the room.
    pub const LINES: usize = 1_024;

    /// How many bytes may: the longest lines would otherwise take 16 MiB.
    pub const BYTES: usize = 4 << 20;

    /// How many rows wait for an editor that cannot draw (search, Ctrl-Z): more than a person reads back.
    /// Beyond it the oldest are replaced by a note.
    pub const QUEUED_ROWS: usize = 10_000;

    /// How many bytes wait: the longest lines would otherwise take 160 MiB.
    pub const QUEUED_BYTES: usize = 8 << 20;

    /// How many marks a base may carry; living scripts need no more, and towers of marks cover other rows.
    pub const MARKS: usize = 4;

    /// How many joiners one emoji may hold: the longest in use has four, the rest only makes rows of unknown width.
    pub const JOINERS: usize = 4;

    /// How many unknown commands are pointed out, each once for a sender: a peer that invents names is not to fill
    /// the screen.
    pub const MAX_UNKNOWN: usize = 64;
}

//! How the room and the connection to it fare.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::{
    command::{Command, Context, Entry, Event, Flow, Result, async_trait},
    session::Connection,
    size::{Size, counted, grouped, stay},
    table::table,
    transfer::desk::{self, Desk},
    wire::{Housekeeping, LogFill, RoomStatus},
};

pub const COMMAND: Entry = Entry::of::<Status>();

/// How long the room may take: whoever asks this may want to know why it takes so long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Show how the room and your connection to it fare.
///
/// Of the room: for how long it has been open, how many are in it, what was said to everyone and passed on, and how much of
/// its memory is taken. Of you: round trip, since when you are connected, what still waits for the room, your transfers.
/// The one who hosts the room also sees what it holds of those who come and go.
#[derive(clap::Parser)]
struct Status {}

#[async_trait]
impl Command for Status {
    const NAME: &'static str = "status";
    const EXAMPLES: &'static [&'static str] = &["status"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let room = match timeout(PATIENCE, cx.room_status()).await {
            Ok(Ok(Some((status, took)))) => Room::Tells(status, took),
            Ok(Ok(None)) => Room::Silent,
            Ok(Err(error)) => Room::Unreachable(format!("{error:#}")),
            Err(_) => Room::Unreachable(format!("has not answered for {} s", PATIENCE.as_secs())),
        };
        let (connection, waiting, files) = (cx.connection(), cx.unacknowledged(), Desk::of(cx).count());
        let own = Own { name: cx.me().name, connection, waiting, files };
        cx.print(shown(&room, &own));
        cx.event(told(&room, &own));
        Ok(Flow::Continue)
    }
}

/// What is known of the room.
enum Room {
    /// It tells, and that took so long.
    Tells(RoomStatus, Duration),
    /// Its program does not tell.
    Silent,
    /// It cannot be asked; one line says why.
    Unreachable(String),
}

/// What is known here.
struct Own {
    name: String,
    connection: Connection,
    waiting: usize,
    files: desk::Count,
}

fn shown(room: &Room, own: &Own) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    match room {
        Room::Tells(status, _) => rows.extend(room_rows(status)),
        Room::Silent => rows.push(("room", "its pchat is older and does not tell".to_owned())),
        Room::Unreachable(reason) => rows.push(("room", reason.clone())),
    }
    rows.push(("you", format!("{}, pchat {VERSION}", own.name)));
    rows.push(("connection", connection(room, &own.connection)));
    rows.push((
        "waiting",
        match own.waiting {
            0 => "nothing: the room has all that you said".to_owned(),
            waiting => format!("{} for the room", counted(waiting as u64, "line")),
        },
    ));
    let desk::Count { offered, sending, receiving } = own.files;
    rows.push(("your files", format!("{offered} offered, {sending} being sent, {receiving} being received")));
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(&rows)
}

/// Each row fits a window of 60 columns as long as its numbers are not those of a very large room.
fn room_rows(room: &RoomStatus) -> Vec<(&'static str, String)> {
    let away = if room.away > 0 { format!(", {} of them away", room.away) } else { String::new() };
    let (few, most) = (grouped(room.members.into()), grouped(room.max_members.into()));
    let streams = format!("{} of {} now", grouped(room.streams.into()), grouped(room.max_streams.into()));
    let said = format!("{}, {}", counted(room.said, "message"), Size(room.said_bytes));
    let LogFill { events_percent, bytes_percent, reaches_secs } = room.log;
    let reaches = reaches_secs.map_or_else(String::new, |secs| format!(", back to {} ago", stay(secs)));
    let mut rows = vec![
        ("room", format!("open for {}, pchat {}", stay(room.open_secs), room.version)),
        ("members", format!("{few} of {most}{away}; {} came so far", grouped(room.entered.into()))),
        ("said", format!("{said} to everyone")),
        ("transfers", format!("{streams}, {} in all", grouped(room.streams_in_all))),
        ("passed on", format!("{} of files between members", Size(room.carried_bytes))),
        ("log", format!("{events_percent} % of lines, {bytes_percent} % of bytes{reaches}")),
        ("kept", format!("{} of {} offers and notes", grouped(room.kept.into()), grouped(room.max_kept.into()))),
        ("backlog", format!("{} of {} lines for those who come", room.past, room.max_past)),
    ];
    if let Some(held) = &room.housekeeping {
        let Housekeeping { links, names, knocks, banned, muted, guessers, calling, favoured, failed } = held;
        let number = |number: &u32| grouped((*number).into());
        rows.extend([
            ("names", format!("{} held; {} so far", number(names), counted(*links, "connection"))),
            ("door", format!("{} knocking, {} calling", number(knocks), number(calling))),
            (
                "addresses",
                format!(
                    "{} let in lately, {} only tried, {} guessed codes",
                    number(favoured),
                    number(failed),
                    number(guessers)
                ),
            ),
            ("put out", format!("{}; muted {}", number(banned), number(muted))),
        ]);
    }
    rows
}

fn connection(room: &Room, connection: &Connection) -> String {
    let ago = |at: tokio::time::Instant| stay(at.elapsed().as_secs());
    let often = match connection.reconnected() {
        0 => String::new(),
        1 => "; broke once".to_owned(),
        times => format!("; broke {} times", grouped(times)),
    };
    match (room, connection.since, connection.broke) {
        (Room::Tells(_, took), Some(since), _) => format!("{} ms round trip, for {}{often}", millis(*took), ago(since)),
        (_, Some(since), _) => format!("for {}{often}", ago(since)),
        (_, None, Some(broke)) => format!("broken for {}{often}", ago(broke)),
        (_, None, None) => "none yet".to_owned(),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// The same for programs.
fn told(room: &Room, own: &Own) -> Event {
    let secs = |at: Option<tokio::time::Instant>| at.map(|at| at.elapsed().as_secs());
    let Own { connection, waiting, files, .. } = own;
    let mut link = Map::new();
    link.insert("connected".to_owned(), connection.since.is_some().into());
    link.insert("reconnected".to_owned(), connection.reconnected().into());
    link.insert("waiting".to_owned(), (*waiting).into());
    if let Some(up) = secs(connection.since) {
        link.insert("seconds".to_owned(), up.into());
    }
    if let Room::Tells(_, took) = room {
        link.insert("round_trip".to_owned(), (took.as_micros() as u64).into());
    }
    let desk::Count { offered, sending, receiving } = files;
    let files = json!({ "offered": offered, "sending": sending, "receiving": receiving });
    let mut event = Event::new("state", "").with("version", VERSION).with("link", link).with("files", files);
    if let Room::Tells(status, _) = room {
        event = event.with("room", values(status));
    }
    event
}

fn values(room: &RoomStatus) -> Value {
    let mut values = json!({
        "version": room.version,
        "seconds": room.open_secs,
        "members": room.members,
        "away": room.away,
        "max_members": room.max_members,
        "entered": room.entered,
        "said": room.said,
        "said_bytes": room.said_bytes,
        "log_events_percent": room.log.events_percent,
        "log_bytes_percent": room.log.bytes_percent,
        "kept": room.kept,
        "max_kept": room.max_kept,
        "backlog": room.past,
        "max_backlog": room.max_past,
        "transfers": room.streams,
        "max_transfers": room.max_streams,
        "transfers_in_all": room.streams_in_all,
        "passed_on": room.carried_bytes,
    });
    if let Some(reaches) = room.log.reaches_secs {
        values["log_seconds"] = reaches.into();
    }
    if let Some(held) = &room.housekeeping {
        values["held"] = json!({
            "connections": held.links,
            "names": held.names,
            "knocking": held.knocks,
            "calling": held.calling,
            "favoured": held.favoured,
            "failed": held.failed,
            "guessed": held.guessers,
            "banned": held.banned,
            "muted": held.muted,
        });
    }
    values
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    fn room() -> RoomStatus {
        RoomStatus {
            version: "0.1.0".into(),
            open_secs: 11_520,
            members: 14,
            away: 2,
            max_members: 256,
            entered: 117,
            said: 12_345,
            said_bytes: 678_901,
            log: LogFill { events_percent: 18, bytes_percent: 5, reaches_secs: Some(599) },
            kept: 4,
            max_kept: 1_024,
            past: 50,
            max_past: 50,
            streams: 12,
            max_streams: 256,
            streams_in_all: 1_745,
            carried_bytes: 5 << 30,
            housekeeping: None,
        }
    }

    fn own() -> Own {
        let connection = Connection { since: Some(Instant::now()), broke: None, links: 1 };
        let files = desk::Count { offered: 3, sending: 2, receiving: 1 };
        Own { name: "bob".into(), connection, waiting: 0, files }
    }

    fn held() -> Housekeeping {
        Housekeeping {
            links: 1_200,
            names: 140,
            knocks: 2,
            banned: 1,
            muted: 3,
            guessers: 4,
            calling: 5,
            favoured: 6,
            failed: 7,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_room_fits_a_narrow_window() {
        let (own, mut room) = (own(), room());
        room.housekeeping = Some(held());
        advance(Duration::from_secs(7_500)).await;
        let text = shown(&Room::Tells(room, Duration::from_micros(440)), &own);
        assert_eq!(
            text,
            "room        open for 3 h 12 min, pchat 0.1.0\n\
             members     14 of 256, 2 of them away; 117 came so far\n\
             said        12,345 messages, 663.0 KiB to everyone\n\
             transfers   12 of 256 now, 1,745 in all\n\
             passed on   5.0 GiB of files between members\n\
             log         18 % of lines, 5 % of bytes, back to 9 min ago\n\
             kept        4 of 1,024 offers and notes\n\
             backlog     50 of 50 lines for those who come\n\
             names       140 held; 1,200 connections so far\n\
             door        2 knocking, 5 calling\n\
             addresses   6 let in lately, 7 only tried, 4 guessed codes\n\
             put out     1; muted 3\n\
             you         bob, pchat 0.1.0\n\
             connection  0.4 ms round trip, for 2 h 5 min\n\
             waiting     nothing: the room has all that you said\n\
             your files  3 offered, 2 being sent, 1 being received"
        );
        assert!(text.lines().all(|line| line.len() < 60), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_room_there_is_what_is_known_here() {
        let mut own = own();
        own.connection = Connection { since: None, broke: Some(Instant::now()), links: 3 };
        own.waiting = 1;
        advance(Duration::from_secs(12)).await;
        let room = Room::Unreachable("not connected to the room at the moment".into());
        let text = shown(&room, &own);
        assert!(text.starts_with("room        not connected to the room at the moment\nyou "), "{text}");
        assert!(
            text.contains("\nconnection  broken for 12 s; broke 2 times\nwaiting     1 line for the room\n"),
            "{text}"
        );
        let event = told(&room, &own);
        assert_eq!(event.values["link"], json!({"connected": false, "reconnected": 2, "waiting": 1}));
        assert_eq!(event.values.get("room"), None);
        own.connection.since = Some(Instant::now());
        let text = shown(&Room::Silent, &own);
        assert!(text.contains("older and does not tell") && text.contains("\nconnection  for 0 s; broke 2 times\n"));
    }

    #[tokio::test]
    async fn a_version_cannot_begin_a_row() {
        let room = RoomStatus { version: "1\nyou  eve\u{1b}[2J".into(), ..room() };
        let text = shown(&Room::Tells(room, Duration::ZERO), &own());
        assert!(text.lines().next().is_some_and(|line| line.ends_with("pchat 1<U+000A>you  eve<U+001B>[2J")), "{text}");
    }

    #[tokio::test]
    async fn what_only_the_host_is_told_is_not_there_for_others() {
        let status = |housekeeping| Room::Tells(RoomStatus { housekeeping, ..room() }, Duration::ZERO);
        let texts = [None, Some(held())].map(|held| shown(&status(held), &own()));
        assert_eq!(texts.each_ref().map(|text| text.lines().count()), [12, 16]);
        let held = told(&status(Some(held())), &own()).values["room"]["held"].clone();
        assert_eq!(held["names"], 140);
        assert_eq!(told(&status(None), &own()).values["room"].get("held"), None);
    }
}

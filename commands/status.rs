//! How the room and the connection to it are.

use crate::{
    command::{Answer, Command, Context, Entry, Flow, Request, Result, async_trait, bail},
    size::{Size, counted, grouped, lasting},
    table::table,
    transfer::desk::Desk,
    view::wrap::cut,
    wire::{FEATURE_STATE, MAX_VERSION_LEN, RoomState, WhoRow},
};

pub const COMMAND: Entry = Entry::of::<Status>();

/// Show how the room and your connection are.
///
/// Of the room: how long it has been open, its members, what was said since, transfers, how full its log is, and the version
/// of its program. Of you: how long you have been in, the last measured round trip to the room, the lines that it has not
/// acknowledged, and what you send and receive.
#[derive(clap::Parser)]
struct Status {}

#[async_trait]
impl Command for Status {
    const NAME: &'static str = "status";
    const EXAMPLES: &'static [&'static str] = &["status"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let room = match cx.room_features() & FEATURE_STATE {
            0 => None,
            _ => match cx.ask(Request::State).await? {
                Answer::State(state) => Some(state),
                _ => bail!("the room gave an answer to another question"),
            },
        };
        let me = cx.me().number;
        let Answer::Who { rows, .. } = cx.ask(Request::Who { after: me.saturating_sub(1) }).await? else {
            bail!("the room gave an answer to another question");
        };
        let mut told = room.as_ref().map_or_else(of_an_older_room, of_room);
        told.extend(of_me(rows.into_iter().find(|row| row.member.number == me).as_ref(), cx));
        cx.print(table(&told));
        Ok(Flow::Continue)
    }
}

fn row(what: &str, how: impl Into<String>) -> Vec<String> {
    vec![what.to_owned(), how.into()]
}

fn of_an_older_room() -> Vec<Vec<String>> {
    vec![row("room", "its program is an older pchat, which does not tell")]
}

fn of_room(room: &RoomState) -> Vec<Vec<String>> {
    let away = if room.away > 0 { format!(", {} away", room.away) } else { String::new() };
    let journal = if room.journal { ", with a journal" } else { "" };
    let transfers = match (room.streams, room.streams_ever) {
        (_, 0) => "none yet".to_owned(),
        (now, ever) => {
            format!("{now} now, {} in all, {} passed through the host", grouped(ever), Size(room.streamed_bytes))
        }
    };
    let log = format!(
        "{} of {}, {} of {}, back to {} ago",
        grouped(room.log_events),
        counted(room.most_log_events, "event"),
        Size(room.log_bytes),
        Size(room.most_log_bytes),
        lasting(room.log_secs),
    );
    vec![
        row("room", format!("open for {}{journal}, pchat {}", lasting(room.uptime_secs), cut(&room.version, MAX_VERSION_LEN))),
        row("members", format!("{} of {}{away}", room.members, room.most_members)),
        row("messages", format!("{}, {}", grouped(room.lines), Size(room.bytes))),
        row("transfers", transfers),
        row("log", log),
        row("kept", counted(u64::from(room.kept), "offer")),
    ]
}

fn of_me(me: Option<&WhoRow>, cx: &Context) -> Vec<Vec<String>> {
    let waiting = match cx.unacknowledged() {
        0 => "all that you said has arrived".to_owned(),
        waiting => format!("{} not acknowledged yet", counted(waiting as u64, "message")),
    };
    let mut you = Vec::new();
    if let Some(me) = me {
        let trip = me.rtt_micros.map(|micros| format!(", round trip {:.1} ms", f64::from(micros) / 1000.0));
        you.push(format!("in for {}{}", lasting(me.since_secs), trip.unwrap_or_default()));
    }
    you.push(waiting);
    let under_way = Desk::of(cx).under_way().len() as u64;
    if under_way > 0 {
        you.push(format!("{} under way", counted(under_way, "transfer")));
    }
    vec![row("you", format!("{}, pchat {}", you.join(", "), env!("CARGO_PKG_VERSION")))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> RoomState {
        RoomState {
            version: "9.9.9".into(),
            uptime_secs: 90_000,
            journal: true,
            members: 5,
            away: 1,
            most_members: 256,
            lines: 12_345,
            bytes: 1_500_000,
            streams: 2,
            streams_ever: 14,
            streamed_bytes: 3 << 30,
            log_events: 12_000,
            most_log_events: 65_536,
            log_bytes: 3 << 20,
            most_log_bytes: 16 << 20,
            log_secs: 600,
            kept: 1,
        }
    }

    #[test]
    fn the_room_stands_in_rows_with_units_and_cannot_make_rows_of_its_own() {
        let text = table(&of_room(&state()));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "room       open for 1 d 1 h, with a journal, pchat 9.9.9");
        assert_eq!(lines[1], "members    5 of 256, 1 away");
        assert_eq!(lines[2], "messages   12,345, 1.4 MiB");
        assert!(lines[3].starts_with("transfers  2 now, 14 in all, 3.0 GiB"), "{text}");
        assert!(lines[4].contains("12,000 of 65,536 events") && lines[4].ends_with("back to 10 min ago"), "{text}");
        assert_eq!(lines[5], "kept       1 offer");
        let hostile = table(&of_room(&RoomState { version: "1\nyou  all is well\u{1b}[2J".into(), ..state() }));
        assert_eq!(hostile.lines().count(), 6, "{hostile}");
        assert!(!hostile.contains('\u{1b}'));
    }

    #[test]
    fn a_quiet_room_says_so() {
        let quiet = RoomState { streams: 0, streams_ever: 0, away: 0, journal: false, ..state() };
        let text = table(&of_room(&quiet));
        assert!(text.contains("transfers  none yet") && text.contains("5 of 256\n"), "{text}");
    }
}

//! Who is in the room.

use crate::{
    absence,
    command::{Command, Context, Entry, Flow, Result, async_trait},
    pages,
    size::stay,
    table::table,
    trust::{Fingerprint, Marks},
    view::filter::name,
    wire::WhoRow,
};

pub const COMMAND: Entry = Entry::of::<Who>();

/// How many members are listed; the others are counted.
const MAX_ROWS: usize = 200;

/// How many members are counted: above what any room admits, so that no host can keep us asking.
const MAX_COUNTED: usize = 20_000;

/// List who is in the room.
///
/// For each member: name, fingerprint of the key, address, how long in the room, the last measured round trip to the
/// room, whether they have said that they are away, and whether you have verified, trust or ignore that key.
#[derive(clap::Parser)]
struct Who {}

#[async_trait]
impl Command for Who {
    const NAME: &'static str = "who";
    const EXAMPLES: &'static [&'static str] = &["who"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let (mut listed, mut total) = (Vec::new(), 0);
        let page = |rows: Vec<WhoRow>| {
            total += rows.len();
            listed.extend(rows.into_iter().take(MAX_ROWS - listed.len()));
            total < MAX_COUNTED
        };
        pages::each(cx, page).await?;
        let known =
            |row: &WhoRow| Known { marks: cx.people().marks(&row.member.key), absence: absence::mark(cx, &row.member) };
        cx.print(list(&listed, total, cx.me().number, known));
        Ok(Flow::Continue)
    }
}

/// What is known here of a member, besides what the room tells.
#[derive(Default)]
struct Known {
    marks: Marks,
    /// That it is away, if it has said so.
    absence: Option<String>,
}

fn list(listed: &[WhoRow], total: usize, me: u32, known: impl Fn(&WhoRow) -> Known) -> String {
    let rows: Vec<_> = listed.iter().map(|row| cells(row, me, known(row))).collect();
    let mut text = format!("{total} in the room\n{}", table(&rows));
    if total > listed.len() {
        text.push_str(&format!("\nand {} more", total - listed.len()));
    }
    text
}

fn cells(row: &WhoRow, me: u32, known: Known) -> Vec<String> {
    let own = row.member.number == me;
    let marks = [(row.host, "host"), (own, "you"), (row.away, "away"), (row.muted, "muted")];
    let marks = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark));
    let mut marks: Vec<_> = marks.chain(known.marks.words()).map(str::to_owned).collect();
    marks.extend(known.absence);
    vec![
        // Spaces in it, which only a room that lies can put there, would make it look like more than one column.
        name(&row.member.name).into_owned(),
        Fingerprint::of(&row.member.key).to_string(),
        row.address.map_or_else(|| "with the room".to_owned(), |address| address.to_string()),
        stay(row.since_secs),
        row.rtt_micros.map_or_else(String::new, |micros| format!("{:.1} ms", f64::from(micros) / 1000.0)),
        marks.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::Member,
        trust::{Mark, People, scratch::Scratch},
        wire::{Instance, PublicKey},
    };

    fn row(number: u32, name: &str) -> WhoRow {
        let member =
            Member { number, key: PublicKey([number as u8; 32]), instance: Instance([0; 16]), name: name.into() };
        let (host, away, muted) = (number == 1, number == 3, number == 3);
        WhoRow { member, address: None, since_secs: 200, rtt_micros: Some(440), host, away, muted }
    }

    #[test]
    fn members_stand_in_columns_with_their_marks() {
        let mut rows = [row(1, "alice"), row(2, "bo"), row(3, "eve\nfake  verified")];
        rows[1].address = Some([10, 0, 0, 7].into());
        let text = list(&rows, 3, 1, |_| Known::default());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "3 in the room");
        assert_eq!(lines.len(), 4, "a name cannot begin a row: {text}");
        assert!(
            lines[1].starts_with("alice  ") && lines[1].ends_with("with the room  3 min  0.4 ms  host, you"),
            "{text}"
        );
        assert!(lines[2].contains("10.0.0.7       3 min  0.4 ms"), "{text}");
        assert!(lines[3].starts_with("eve<U+000A>fake<U+0020>") && lines[3].ends_with("away, muted"), "{text}");
    }

    #[test]
    fn what_is_said_of_a_key_stands_at_the_end() {
        let folder = Scratch::new();
        let people = People::open(folder.join("people")).expect("no file yet");
        let eve = PublicKey([3; 32]);
        for mark in [Mark::Ignored, Mark::Verified] {
            people.mark(&eve, "somebody", mark).expect("saved");
        }
        let known = |row: &WhoRow| Known {
            marks: people.marks(&row.member.key),
            absence: (row.member.number == 2).then(|| "away: \"lunch\"".to_owned()),
        };
        let text = list(&[row(2, "bob, verified"), row(3, "eve")], 2, 2, known);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1].ends_with("  you, away: \"lunch\"") && lines[2].ends_with("  away, muted, verified, ignored"),
            "{text}"
        );
    }

    #[test]
    fn those_above_the_limit_are_counted() {
        assert!(list(&[row(1, "alice")], 1_000, 1, |_| Known::default()).ends_with("\nand 999 more"));
    }
}

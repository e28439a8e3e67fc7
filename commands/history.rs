//! Reading back.

use jiff::Zoned;

use crate::{
    cli::Common,
    command::{Command, Context, Entry, Flow, Result, async_trait},
    limits::tape::LINES,
    tape::Shown,
    view::{
        Line, Manner, Privacy, Said,
        filter::{name, rows},
        look::Time,
        wrap::MARGIN,
    },
};

pub const COMMAND: Entry = Entry::of::<History>();

/// Show the last things that were said, with their times.
///
/// As far as this program has them: what was said since you came, and what you were told when you came. Notices are not
/// among them.
#[derive(clap::Parser)]
struct History {
    /// How many.
    #[arg(value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=LINES as i64))]
    count: u32,
}

#[async_trait]
impl Command for History {
    const NAME: &'static str = "history";
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] = &["history", "history 100"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let said = cx.tape().said(self.count as usize);
        let time = cx.settings().read::<Common>().map(|set| set.look().time).unwrap_or_default();
        cx.print(list(said.iter().map(|shown| &**shown), &Zoned::now(), &time));
        Ok(Flow::Continue)
    }
}

/// A row for each that was said, and one for each day that is not the one before it. No text and no name can look like
/// the beginning of either: a time of ours stands before the one, a mark before all else.
fn list<'a>(said: impl Iterator<Item = &'a Shown>, now: &Zoned, time: &Time) -> String {
    let (mut list, mut day) = (Vec::new(), now.date());
    for Shown { at, line } in said {
        let Line::Said(said) = line else { continue };
        let when = at.to_zoned(now.time_zone().clone());
        if when.date() != day || list.is_empty() && when.date() != now.date() {
            day = when.date();
            list.push(format!("{day}:"));
        }
        // Where none stand before lines, they stand here.
        let time = time.tell(&when).or_else(|| Time::default().tell(&when)).unwrap_or_default();
        for (at, row) in rows(&said.text).iter().enumerate() {
            list.push(if at == 0 { format!("{time} {}{row}", prefix(said)) } else { format!("{MARGIN}{row}") });
        }
    }
    if list.is_empty() {
        return "nothing was said yet".to_owned();
    }
    list.join("\n")
}

fn prefix(said: &Said) -> String {
    let name = name(&said.name);
    match (said.privacy, said.own, said.manner) {
        (Privacy::Room, _, Manner::Says) => format!("{name}: "),
        (Privacy::Room, _, Manner::Does) => format!("~ {name} "),
        (Privacy::Private, true, _) => format!("(to {name}) "),
        (Privacy::Private, false, _) => format!("({name}) "),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    fn shown(at: &str, name: &str, text: &str) -> Shown {
        let key = Fingerprint::of(&PublicKey([2; 32]));
        let (privacy, manner) = (Privacy::Room, Manner::Says);
        let at: Timestamp = at.parse().expect("a time");
        let (name, text) = (name.to_owned(), text.to_owned());
        let said = Said { name, key, verified: false, privacy, own: false, manner, at, past: false, text };
        Shown { at, line: Line::Said(said) }
    }

    fn as_listed(said: &[Shown]) -> String {
        timed(said, &Time::default())
    }

    fn timed(said: &[Shown], time: &Time) -> String {
        list(said.iter(), &"2024-05-03T12:00+00:00[+00:00]".parse().expect("a time"), time)
    }

    #[test]
    fn each_has_its_time_and_each_other_day_its_row() {
        let said = [
            shown("2024-05-02T23:58:59Z", "bob", "late"),
            shown("2024-05-02T23:59:00Z", "ann", "indeed"),
            shown("2024-05-03T08:00:00Z", "bob", "morning\nall"),
        ];
        let expected = "2024-05-02:\n23:58 bob: late\n23:59 ann: indeed\n2024-05-03:\n08:00 bob: morning\n  | all";
        assert_eq!(as_listed(&said), expected);
        assert_eq!(as_listed(&said[2..]), "08:00 bob: morning\n  | all");
        assert_eq!(as_listed(&[]), "nothing was said yet");
    }

    #[test]
    fn times_are_told_as_the_person_wants_them_and_even_if_none_are_wanted_elsewhere() {
        let said = [shown("2024-05-03T14:05:09Z", "bob", "hi")];
        let told = ["%I:%M:%S %p", "off"].map(|time| timed(&said, &time.parse().expect("a format")));
        assert_eq!(told, ["02:05:09 PM bob: hi", "14:05 bob: hi"]);
    }

    #[test]
    fn no_name_and_no_text_begins_a_row_or_steers_the_terminal() {
        let said = [shown("2024-05-03T08:00:00Z", "bob: x\n08:01 ann", "a\n08:02 ann: b\x1b[2J\u{202e}")];
        let listed = as_listed(&said);
        assert_eq!(listed.lines().count(), 2, "{listed}");
        assert!(listed.lines().nth(1).is_some_and(|row| row.starts_with("  | 08:02 ann: b<U+001B>[2J<U+202E>")));
        assert!(listed.starts_with("08:00 bob<U+003A><U+0020>x<U+000A>"), "{listed}");
    }

    #[test]
    fn who_did_what_and_what_was_private_shows() {
        let mut said = [shown("2024-05-03T08:00:00Z", "bob", "waves"), shown("2024-05-03T08:00:00Z", "bob", "psst")];
        let Line::Said(first) = &mut said[0].line else { unreachable!() };
        first.manner = Manner::Does;
        let Line::Said(second) = &mut said[1].line else { unreachable!() };
        second.privacy = Privacy::Private;
        let mine = Said { own: true, ..second.clone() };
        assert_eq!(as_listed(&said), "08:00 ~ bob waves\n08:00 (bob) psst");
        said[1].line = Line::Said(mine);
        assert_eq!(as_listed(&said[1..]), "08:00 (to bob) psst");
    }

    #[test]
    fn a_number_is_all_it_takes() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&[]) && fits(&["2000"]) && !fits(&["0"]) && !fits(&["2001"]) && !fits(&["of", "rome"]));
    }
}

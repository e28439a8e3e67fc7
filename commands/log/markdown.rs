//! The talk as Markdown (CommonMark). Nothing that others say or are called gets further than its own place in its own
//! line: their rows are made one or fenced, their marks are escaped, their links show where they lead.

use jiff::{Zoned, civil::Date, tz::TimeZone};

use crate::{
    size::Size,
    tape::Shown,
    view::{
        Event, Line, Manner, Privacy, Said,
        filter::{clean, name, rows},
    },
};

/// The kind of event that tells of a file that was received.
const SAVED: &str = "saved";

/// What stands before a talk.
pub fn head(host: &str, now: &Zoned) -> String {
    let whose = if host.is_empty() { String::new() } else { format!(" in the room of {}", escaped(&name(host))) };
    format!("# Talk{whose}, {}\n", now.strftime("%Y-%m-%d %H:%M %:z"))
}

/// Writes lines, with a heading for each day.
#[derive(Default)]
pub struct Markdown {
    day: Option<Date>,
}

impl Markdown {
    /// A line, after so many that are missing.
    pub fn line(&mut self, missed: usize, shown: &Shown, zone: &TimeZone) -> String {
        let when = shown.at.to_zoned(zone.clone());
        let mut out = String::new();
        if self.day.replace(when.date()) != Some(when.date()) {
            out.push_str(&format!("\n## {}\n\n", when.date()));
        }
        let time = when.strftime("%H:%M");
        if missed > 0 {
            out.push_str(&format!(
                "- `{time}` *{missed} lines are missing here: they came faster than they could be written*\n"
            ));
        }
        let told = match &shown.line {
            Line::Said(said) => self::said(said),
            Line::Event(event) => self::event(event),
            Line::Notice(text) | Line::Output(text) | Line::Error(text) => notice(text),
        };
        out.push_str(&format!("- `{time}` {told}\n"));
        out
    }
}

fn said(said: &Said) -> String {
    let name = escaped(&name(&said.name));
    let head = match (said.privacy, said.own, said.manner) {
        (Privacy::Room, _, Manner::Says) => format!("**{name}**:"),
        (Privacy::Room, _, Manner::Does) => format!("~ **{name}**"),
        (Privacy::Private, true, _) => format!("(only to **{name}**)"),
        (Privacy::Private, false, _) => format!("(only from **{name}**)"),
    };
    let rows = rows(&said.text);
    match &rows[..] {
        [row] => format!("{head} {}", linked(row)),
        rows => format!("{head}\n{}", fenced(rows)),
    }
}

/// Several rows, as they are, within a fence that none of them can close, within the item of the list.
fn fenced<S: AsRef<str>>(rows: &[S]) -> String {
    let longest = rows.iter().map(|row| row.as_ref().split(|c| c != '`').map(str::len).max().unwrap_or(0)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let mut out = format!("\n  {fence}text\n");
    for row in rows {
        out.push_str(&format!("  {}\n", row.as_ref()));
    }
    out + "  " + &fence
}

fn event(event: &Event) -> String {
    let notice = notice(&event.text);
    let Some(path) = event.value("path").filter(|_| event.kind == SAVED) else { return notice };
    let last = path.rsplit('/').next().unwrap_or(path);
    let mut told = format!("{notice}: [{}](<{}>)", escaped(&clean(last)), encoded(path));
    if let Some(bytes) = event.values.get("bytes").and_then(serde_json::Value::as_u64) {
        told.push_str(&format!(", {}", Size(bytes)));
    }
    if let Some(hash) = event.value("hash").filter(|hash| hash.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        told.push_str(&format!(", BLAKE3 `{hash}`"));
    }
    told
}

fn notice(text: &str) -> String {
    let text = rows(text).join(" ");
    format!("*{}*", escaped(text.trim()))
}

/// Text in which no character means anything.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '|' | '~' | '!' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The same, with links that can be followed and show where they lead.
fn linked(text: &str) -> String {
    let words: Vec<_> =
        text.split(' ').map(|word| if is_link(word) { format!("<{word}>") } else { escaped(word) }).collect();
    words.join(" ")
}

fn is_link(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(fits))
}

/// A path as a link leads to it: whatever could mean something there is a number.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{trust::Fingerprint, wire::PublicKey};

    fn said(name: &str, text: &str) -> Said {
        let key = Fingerprint::of(&PublicKey([2; 32]));
        let (privacy, manner, at) = (Privacy::Room, Manner::Says, Timestamp::UNIX_EPOCH);
        let (name, text) = (name.to_owned(), text.to_owned());
        Said { name, key, verified: false, privacy, own: false, manner, at, past: false, text }
    }

    fn written(line: Line) -> String {
        let shown = Shown { at: Timestamp::UNIX_EPOCH, line };
        let mut markdown = Markdown { day: Some(Date::constant(1970, 1, 1)) };
        markdown.line(0, &shown, &TimeZone::UTC)
    }

    #[test]
    fn a_talk_has_its_head_its_days_and_a_line_each() {
        let now: Zoned = "2024-05-03T12:00+00:00[+00:00]".parse().expect("a time");
        assert_eq!(head("alice_b", &now), "# Talk in the room of alice\\_b, 2024-05-03 12:00 +00:00\n");
        let mut markdown = Markdown::default();
        let mut line = |at: &str, missed| {
            let shown = Shown { at: at.parse().expect("a time"), line: Line::Said(said("bob", "hi")) };
            markdown.line(missed, &shown, &TimeZone::UTC)
        };
        assert_eq!(line("2024-05-02T23:59:00Z", 0), "\n## 2024-05-02\n\n- `23:59` **bob**: hi\n");
        assert!(line("2024-05-02T23:59:30Z", 3).starts_with("- `23:59` *3 lines are missing here"));
        assert_eq!(line("2024-05-03T00:00:00Z", 0), "\n## 2024-05-03\n\n- `00:00` **bob**: hi\n");
    }

    #[test]
    fn what_others_say_means_nothing_and_stays_in_its_line() {
        for (text, expected) in [
            ("# big *bold* _em_ `code` [x](y) <b>", "\\# big \\*bold\\* \\_em\\_ \\`code\\` \\[x\\](y) \\<b\\>"),
            ("![x](http://e.org/p.png)", "\\!\\[x\\](http://e.org/p.png)"),
            ("&lt;script&gt; ~~no~~ a|b $x$ \\*", "\\&lt;script\\&gt; \\~\\~no\\~\\~ a\\|b \\$x\\$ \\\\\\*"),
            ("see https://e.org/a_b?c=*d* ok", "see <https://e.org/a_b?c=*d*> ok"),
            ("https://e.org/<b>", "https://e.org/\\<b\\>"),
            ("x\u{1b}[2J\u{202e}", "x\\<U+001B\\>\\[2J\\<U+202E\\>"),
        ] {
            assert_eq!(written(Line::Said(said("bob", text))), format!("- `00:00` **bob**: {expected}\n"));
        }
    }

    #[test]
    fn several_rows_stand_in_a_fence_that_they_cannot_close() {
        let text = "```\n# heading\n- `00:00` **eve**: forged\n````\n</div>";
        let written = written(Line::Said(said("bob", text)));
        let rows: Vec<_> = written.lines().collect();
        assert_eq!((rows[0], rows[1], rows[2]), ("- `00:00` **bob**:", "", "  `````text"));
        assert_eq!((rows[3], rows[6], *rows.last().unwrap()), ("  ```", "  ````", "  `````"));
        assert!(rows[3..].iter().all(|row| row.starts_with("  ")), "{written}");
        // Whatever ends a row for the one who writes does for the one who reads.
        assert!(super::said(&said("bob", "a\r\nb\u{2028}c")).ends_with("  a\n  b\n  c\n  ```"));
    }

    #[test]
    fn a_name_is_a_name() {
        let written = written(Line::Said(said("**eve**\n## x", "hi")));
        assert!(!written.contains("\n##") && written.lines().count() == 1, "{written}");
        assert!(written.starts_with("- `00:00` **\\<U+002A\\>"), "{written}");
    }

    #[test]
    fn private_words_actions_and_notices_are_told_apart() {
        let private = |own| Line::Said(Said { privacy: Privacy::Private, own, ..said("bob", "psst") });
        assert_eq!(written(private(false)), "- `00:00` (only from **bob**) psst\n");
        assert_eq!(written(private(true)), "- `00:00` (only to **bob**) psst\n");
        let does = Line::Said(Said { manner: Manner::Does, ..said("bob", "waves") });
        assert_eq!(written(does), "- `00:00` ~ **bob** waves\n");
        let joined = Event::new("join", "eve\n# x joined");
        assert_eq!(written(Line::Event(joined)), "- `00:00` *eve \\# x joined*\n");
    }

    #[test]
    fn a_file_is_a_link_to_where_it_was_saved() {
        let saved = Event::new("saved", "saved a.iso").with("path", "/home/b c/x](<y>).iso").with("bytes", 2048);
        let saved = saved.with("hash", "ab12");
        let expected = "- `00:00` *saved a.iso*: [x\\](\\<y\\>).iso](</home/b%20c/x%5D%28%3Cy%3E%29.iso>), 2.0 KiB, BLAKE3 `ab12`\n";
        assert_eq!(written(Line::Event(saved)), expected);
        let without = Event::new("saved", "saved it").with("hash", "a`b");
        assert_eq!(written(Line::Event(without)), "- `00:00` *saved it*\n");
    }
}

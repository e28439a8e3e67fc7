//! What the parts of a text are: code, and links. No character is changed: who copies a line has what was typed.

use std::ops::Range;

use crate::view::{
    ink::Ink,
    wrap::{Part, Text},
};

/// Begins and ends a block of code.
const FENCE: &str = "```";

/// Terminals take no longer links.
const MAX_LINK: usize = 2_000;

/// Reads the rows of one text, one after the other.
#[derive(Default)]
pub(super) struct Reader {
    fenced: bool,
    /// The links so far, by their numbers.
    pub(super) links: Vec<String>,
}

impl Reader {
    /// What the next row is. It has passed the filter.
    pub(super) fn row<'a>(&mut self, row: &'a str) -> Text<'a, Ink> {
        let fence = row.trim_start_matches(' ').strip_prefix(FENCE).is_some_and(|rest| !rest.contains(FENCE));
        if fence || self.fenced {
            self.fenced ^= fence;
            return Text { text: row, parts: vec![part(0..row.len(), Ink::Code)], hard: true };
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(next) = row[at..].find(['`', 'h', 'H']).map(|next| at + next) {
            let found = if row[next..].starts_with('`') { code(row, next) } else { self.link(row, next) };
            at = match found {
                Some(part) => {
                    parts.push(part);
                    parts.last().map_or(next, |part| part.range.end)
                }
                // A run of marks that opens nothing opens nothing at its second mark either.
                None => next + row[next..].len().min(run(&row[next..]).max(1)),
            };
        }
        Text { text: row, parts, hard: false }
    }

    fn link(&mut self, row: &str, at: usize) -> Option<Part<Ink>> {
        let rest = &row[at..];
        let scheme = ["http://", "https://"]
            .into_iter()
            .find(|scheme| rest.get(..scheme.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(scheme)))?;
        if row[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let stops = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '`');
        let end = rest.find(stops).unwrap_or(rest.len());
        // What goes on in other characters may be a link that is not ours to cut.
        if end > MAX_LINK || rest[end..].chars().next().is_some_and(|c| !c.is_ascii()) {
            return None;
        }
        let link = sentence(&rest[..end]);
        if link.len() <= scheme.len() {
            return None;
        }
        self.links.push(link.to_owned());
        Some(Part { whole: true, ..part(at..at + link.len(), Ink::Link(self.links.len() - 1)) })
    }
}

fn part(range: Range<usize>, mark: Ink) -> Part<Ink> {
    Part { range, mark, whole: false }
}

/// How many back-ticks a text begins with.
fn run(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// Code between runs of as many back-ticks each.
fn code(row: &str, at: usize) -> Option<Part<Ink>> {
    let ticks = run(&row[at..]);
    let mut end = at + ticks;
    while let Some(next) = row[end..].find('`') {
        let closing = run(&row[end + next..]);
        end += next + closing;
        if closing == ticks {
            return Some(part(at..end, Ink::Code));
        }
    }
    None
}

/// A link without what belongs to the sentence around it.
fn sentence(link: &str) -> &str {
    let mut link = link;
    while let Some(last) = link.chars().next_back() {
        let opening = match last {
            ')' => '(',
            ']' => '[',
            '}' => '{',
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' => {
                link = &link[..link.len() - 1];
                continue;
            }
            _ => break,
        };
        if link.matches(last).count() <= link.matches(opening).count() {
            break;
        }
        link = &link[..link.len() - 1];
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(row: &str) -> Vec<(&str, bool)> {
        let mut reader = Reader::default();
        let read = reader.row(row);
        read.parts.iter().map(|part| (&row[part.range.clone()], part.mark == Ink::Code)).collect()
    }

    #[test]
    fn links_end_where_the_sentence_goes_on() {
        for (row, link) in [
            ("see https://example.org/a?b=c#d.", "https://example.org/a?b=c#d"),
            ("(http://example.org/wiki/A_(b))", "http://example.org/wiki/A_(b)"),
            ("<HTTPS://example.org/>, is it?", "HTTPS://example.org/"),
            ("\"http://example.org\"!", "http://example.org"),
        ] {
            assert_eq!(parts(row), [(link, false)], "{row}");
        }
        for none in ["http://", "https://.", "xhttp://example.org", "ftp://example.org", "http://example.org/ü", "hHh"]
        {
            assert_eq!(parts(none), [], "{none}");
        }
        assert_eq!(parts(&format!("http://a/{}", "b".repeat(3_000))), []);
        let mut reader = Reader::default();
        reader.row("http://a/1 http://b/2");
        reader.row("http://c/3");
        assert_eq!(reader.links, ["http://a/1", "http://b/2", "http://c/3"]);
    }

    #[test]
    fn code_is_between_as_many_marks_as_began_it() {
        assert_eq!(parts("run `ls -l` or ``a ` b`` now"), [("`ls -l`", true), ("``a ` b``", true)]);
        assert_eq!(parts("it`s one, ``two`"), [("`s one, ``two`", true)]);
        assert_eq!(parts("```all in one``` row"), [("```all in one```", true)]);
        assert_eq!(parts("a lone ` and ``"), []);
        assert_eq!(parts("`http://a/1`"), [("`http://a/1`", true)], "code is no link");
    }

    #[test]
    fn a_fence_lasts_until_the_next_one() {
        let mut reader = Reader::default();
        let hard: Vec<bool> = ["a", "```rust", "  let x;", "", "  ```", "b"].map(|row| reader.row(row).hard).into();
        assert_eq!(hard, [false, true, true, true, true, false]);
    }

    #[test]
    fn many_marks_are_read_quickly() {
        let row: String = (1..90).map(|n| "`".repeat(n) + " ").collect();
        assert_eq!(parts(&row), []);
    }
}

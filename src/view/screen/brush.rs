//! How lines are drawn: rows of text with escape sequences of ours around parts of it, which has passed the filter.

use std::borrow::Cow;

use super::{
    fold::{Fold, Piece},
    text::Reader,
};
use crate::view::{
    Event, Line, Manner, Privacy, Said,
    abilities::Abilities,
    filter,
    ink::{Depth, Hue, Ink},
    look::When,
    mention::mentions,
    wrap::{self, Frame, Part, Row, Text},
};

/// Stands after the name of somebody whose key this person has verified. No name contains it.
const VERIFIED: (&str, &str) = ("✓", "[v]");

/// Stands where something was cut.
const CUT: (&str, &str) = ("…", "...");

/// Stands before what was said before this person came.
const PAST: &str = "< ";

/// The text has at least this many columns beside the time; where it would not, there is no time.
const LEAST_TEXT: usize = 40;

const RESET: &str = "\x1b[0m";

/// Rows of one line, and how they look as a whole.
pub(super) struct Painted {
    row: Row<Ink>,
    faded: bool,
    /// What the parts of it that are broken links lead to.
    links: Vec<(usize, String)>,
}

/// What draws, for one terminal.
pub(super) struct Brush {
    pub(super) can: Abilities,
    depth: Depth,
}

impl Brush {
    pub(super) fn new(can: Abilities, colour: When) -> Self {
        Self { can, depth: can.depth(colour) }
    }

    /// Other colours from now on.
    pub(super) fn dip(&mut self, colour: When) {
        self.depth = self.can.depth(colour);
    }

    pub(super) fn is_coloured(&self) -> bool {
        self.depth != Depth::None
    }

    /// Cleaned text as this terminal can show it.
    pub(super) fn fit<'a>(&self, cleaned: &'a str) -> Cow<'a, str> {
        if self.can.unicode { Cow::Borrowed(cleaned) } else { filter::ascii(cleaned) }
    }

    fn fit_all<'a>(&self, cleaned: Cow<'a, str>) -> Cow<'a, str> {
        if self.can.unicode || cleaned.is_ascii() { cleaned } else { filter::ascii(&cleaned).into_owned().into() }
    }

    fn sign(&self, (unicode, ascii): (&'static str, &'static str)) -> &'static str {
        if self.can.unicode { unicode } else { ascii }
    }

    pub(super) fn cut(&self, text: &str, width: usize) -> String {
        wrap::cut_with(text, width, self.sign(CUT))
    }

    /// The time as it stands before a line in a window of this width, and the columns that it takes.
    pub(super) fn time(&self, time: Option<&str>, width: usize) -> Option<(String, usize)> {
        let time = self.fit(time?).into_owned();
        let wide = wrap::columns(&time) + 1;
        (width >= wide + LEAST_TEXT).then_some((time, wide))
    }

    /// The rows of a line. `name` is this person's own.
    pub(super) fn line(&self, line: &Line, (name, time): (&str, Option<&str>), width: usize) -> Vec<Painted> {
        match line {
            Line::Said(said) => self.said(said, name, time, width),
            Line::Event(event) => self.event(event, time, width),
            Line::Notice(text) => self.told(&[(Ink::Plain, "* ")], text, time, width),
            Line::Error(text) => self.told(&[(Ink::Error, "error:"), (Ink::Plain, " ")], text, time, width),
            Line::Output(text) => {
                filter::rows(text).into_iter().flat_map(|row| self.rows_of(&[], vec![row], None, width)).collect()
            }
        }
    }

    /// A row that is ours alone: no peer can begin a row.
    pub(super) fn rule(&self, text: &str, width: usize) -> Vec<Painted> {
        let text = format!("-- {text} --");
        let row = Row { before: vec![(Ink::Dim, wrap::cut(&text, width))], text: Vec::new() };
        vec![Painted { row, faded: false, links: Vec::new() }]
    }

    fn told(&self, head: &[(Ink, &str)], text: &str, time: Option<&str>, width: usize) -> Vec<Painted> {
        self.rows_of(head, filter::rows(text), time, width)
    }

    fn event(&self, event: &Event, time: Option<&str>, width: usize) -> Vec<Painted> {
        // Where files move, the name is that of a file, and the key that of whoever sends or gets it.
        let other = event.value("from").or(event.value("to"));
        let member = other.or(event.value("name").filter(|_| !event.values.contains_key("bytes")));
        let (Some(name), Some(key)) = (member, event.value("key")) else {
            return self.told(&[(Ink::Plain, "* ")], &event.text, time, width);
        };
        let rows: Vec<_> = filter::rows(&event.text).into_iter().map(|row| self.fit_all(row)).collect();
        let name = self.fit_all(filter::clean(name));
        let mut texts: Vec<Text<Ink>> = rows.iter().map(|row| Text::plain(row)).collect();
        if let Some(first) = texts.first_mut()
            && let Some(at) = first.text.find(&*name).filter(|_| !name.is_empty())
        {
            first.parts.push(Part { range: at..at + name.len(), mark: Ink::Name(Hue::of(key)), whole: false });
        }
        self.framed(&[(Ink::Plain, "* ")], &texts, time, width)
    }

    /// Comings and goings in one sentence.
    pub(super) fn fold(&self, fold: &Fold, time: Option<&str>, width: usize) -> Vec<Painted> {
        let (mut row, mut parts) = (String::new(), Vec::new());
        for piece in fold.pieces() {
            let from = row.len();
            match piece {
                Piece::Words(words) => row += &self.fit_all(filter::clean(&words)),
                Piece::Name { name, key } => {
                    row += &self.fit_all(filter::clean(name));
                    parts.push(Part { range: from..row.len(), mark: Ink::Name(Hue::of(key)), whole: false });
                }
            }
        }
        self.framed(&[(Ink::Plain, "* ")], &[Text { text: &row, parts, hard: false }], time, width)
    }

    fn said(&self, said: &Said, own_name: &str, time: Option<&str>, width: usize) -> Vec<Painted> {
        let name = self.fit_all(filter::name(&said.name));
        let name = format!("{}{}", filter::isolate(&name), if said.verified { self.sign(VERIFIED) } else { "" });
        let hue = Hue::of(&said.key.to_string());
        let ink = match said.privacy {
            _ if said.own => Ink::Own,
            Privacy::Room if !said.past && mentions(&said.text, own_name) => Ink::Calls(hue),
            _ => Ink::Name(hue),
        };
        let cell = match (said.privacy, said.own) {
            (Privacy::Private, false) => format!("({name}, to you alone)"),
            (Privacy::Private, true) => format!("(to {name} alone)"),
            (Privacy::Room, _) if said.manner == Manner::Does => name,
            (Privacy::Room, _) => format!("{name}:"),
        };
        let mut head = Vec::new();
        if said.past {
            head.push((Ink::Plain, PAST));
        }
        match (said.privacy, said.manner) {
            (Privacy::Private, _) => head.push((Ink::Private, &*cell)),
            (Privacy::Room, Manner::Does) => head.extend([(Ink::Plain, "~ "), (ink, &*cell)]),
            (Privacy::Room, Manner::Says) => head.push((ink, &*cell)),
        }
        head.push((Ink::Plain, " "));
        let rows: Vec<_> = filter::rows(&said.text).into_iter().map(|row| self.fit_all(row)).collect();
        let mut reader = Reader::default();
        let texts: Vec<Text<Ink>> = rows.iter().map(|row| reader.row(row)).collect();
        let mut painted = self.framed(&head, &texts, time, width);
        if said.past {
            painted.iter_mut().for_each(|row| row.faded = true);
        }
        if said.privacy == Privacy::Private {
            let further = painted.iter_mut().skip(1).filter_map(|row| row.row.before.first_mut());
            further.for_each(|(ink, _)| *ink = Ink::PrivateMargin);
        }
        self.lead(&mut painted, reader.links);
        painted
    }

    fn rows_of(&self, head: &[(Ink, &str)], rows: Vec<Cow<str>>, time: Option<&str>, width: usize) -> Vec<Painted> {
        let rows: Vec<_> = rows.into_iter().map(|row| self.fit_all(row)).collect();
        let texts: Vec<Text<Ink>> = rows.iter().map(|row| Text::plain(row)).collect();
        self.framed(head, &texts, time, width)
    }

    fn framed(&self, head: &[(Ink, &str)], texts: &[Text<Ink>], time: Option<&str>, width: usize) -> Vec<Painted> {
        let time = self.time(time, width);
        let mut whole = Vec::new();
        if let Some((time, _)) = &time {
            whole.extend([(Ink::Dim, time.as_str()), (Ink::Plain, " ")]);
        }
        whole.extend_from_slice(head);
        let frame = Frame { head: &whole, margin: Ink::Plain, indent: time.as_ref().map_or(0, |(_, wide)| *wide) };
        let rows = wrap::marked(&frame, texts, width);
        rows.into_iter().map(|row| Painted { row, faded: false, links: Vec::new() }).collect()
    }

    /// Gives the parts of links that are broken over rows the whole link, so that each leads there.
    fn lead(&self, rows: &mut [Painted], links: Vec<String>) {
        if !self.is_coloured() || !self.can.commands {
            return;
        }
        for (number, link) in links.into_iter().enumerate() {
            let has = |row: &Painted| row.row.text.iter().any(|(ink, _)| *ink == Ink::Link(number));
            if rows.iter().filter(|row| has(row)).count() > 1 {
                rows.iter_mut().filter(|row| has(row)).for_each(|row| row.links.push((number, link.clone())));
            }
        }
    }

    /// Draws rows and ends each.
    pub(super) fn rows(&self, rows: &[Painted], out: &mut String) {
        for Painted { row, faded, links } in rows {
            for (ink, text) in row.before.iter().chain(&row.text) {
                self.piece(*ink, *faded, text, links, out);
            }
            self.end(out);
        }
    }

    fn piece(&self, ink: Ink, faded: bool, text: &str, links: &[(usize, String)], out: &mut String) {
        let link = links.iter().find(|(number, _)| ink == Ink::Link(*number));
        if let Some((_, link)) = link {
            // Equal links are one whatever message they stand in: that is what the identity is for.
            let id = link.bytes().fold(0_u32, |id, byte| id.wrapping_mul(31).wrapping_add(byte.into()));
            out.push_str(&format!("\x1b]8;id={id:x};{link}\x1b\\"));
        }
        let attributes = ink.attributes(self.depth);
        match &*attributes {
            // Bold and dim are one thing on some terminals, and the last one counts.
            some if faded && self.is_coloured() => {
                let rest = some.strip_prefix("1;").unwrap_or_default();
                out.extend(["\x1b[2", if rest.is_empty() { "" } else { ";" }, rest, "m", text, RESET]);
            }
            "" => out.push_str(text),
            some => out.extend(["\x1b[", some, "m", text, RESET]),
        }
        if link.is_some() {
            out.push_str("\x1b]8;;\x1b\\");
        }
    }

    /// Every row ends with a reset, whatever was in it; without colours there is nothing to reset.
    fn end(&self, out: &mut String) {
        out.push_str(if self.is_coloured() { "\x1b[0m\r\n" } else { "\r\n" });
    }

    /// Draws rows that are wrapped already.
    pub(super) fn end_rows(&self, rows: &[String], out: &mut String) {
        for row in rows {
            out.push_str(row);
            self.end(out);
        }
    }

    /// Draws a row about what is under way.
    pub(super) fn status(&self, row: &str, width: usize, out: &mut String) {
        // One column stays free: a full row would move the cursor in a way that terminals do not agree on.
        let row = self.cut(row, width.saturating_sub(1));
        let row = filter::isolate(&row);
        let dim = Ink::Dim.attributes(self.depth);
        match &*dim {
            "" => out.push_str(&row),
            dim => out.extend(["\x1b[", dim, "m", &row, RESET]),
        }
        out.push_str("\r\n");
    }
}

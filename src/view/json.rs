//! The form for programs: one JSON object a line, all of it on standard output. `docs/json.md` is its specification.
//!
//! Values are what was said, character for character. Whatever a terminal could take for an order, and whatever turns the
//! direction of text or cannot be seen, is written as `\uXXXX`, so that a look at the stream does no harm.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, ser::Formatter};

use super::{
    Backlog, Bar, Direction, Event, Line, Manner, Privacy, Said, View, filter,
    writer::{Output, Writer},
};

/// The time between two words about one transfer.
const EVERY: Duration = Duration::from_millis(250);

/// Objects to standard output.
pub struct Json {
    writer: Writer,
    /// When each transfer may be told of again.
    due: Mutex<HashMap<u64, Instant>>,
}

impl Json {
    /// Writes to standard output.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new() -> io::Result<Self> {
        Self::with(io::stdout())
    }

    /// Writes to `out`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with(out: impl Write + Send + 'static) -> io::Result<Self> {
        Ok(Self { writer: Writer::start(out, io::sink())?, due: Mutex::default() })
    }

    fn put(&self, object: &Object) {
        self.writer.put(object.line(), Output::Out);
    }

    /// Whether a transfer may be told of now.
    fn is_due(&self, key: u64, now: Instant) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let next = due.entry(key).or_insert(now);
        if now < *next {
            return false;
        }
        // From when it was due, so that a clock that ticks a little early or late loses no word.
        *next = if now - *next < EVERY { *next } else { now } + EVERY;
        true
    }
}

impl View for Json {
    fn show(&self, line: Line) {
        self.put(&Object::of(line));
    }

    fn progress(&self, key: u64, bar: Option<&Bar>) {
        match bar {
            None => drop(self.due.lock().unwrap_or_else(PoisonError::into_inner).remove(&key)),
            Some(bar) if self.is_due(key, Instant::now()) => self.put(&Object::progress(key, bar)),
            Some(_) => {}
        }
    }

    fn wants_progress(&self) -> bool {
        true
    }

    fn is_for_programs(&self) -> bool {
        true
    }

    fn backlog(&self) -> Option<&Backlog> {
        Some(self.writer.backlog())
    }
}

/// What was shown at some time as the line that a program reads, with its end.
pub fn written(at: Timestamp, line: Line) -> String {
    Object { time: at, ..Object::of(line) }.line()
}

/// One line: type and time first, then what it says.
struct Object {
    kind: &'static str,
    time: Timestamp,
    values: Map<String, Value>,
}

impl Object {
    fn now(kind: &'static str, values: Map<String, Value>) -> Self {
        Self { kind, time: Timestamp::now(), values }
    }

    fn text(kind: &'static str, text: String) -> Self {
        Self::now(kind, Map::from_iter([("text".to_owned(), Value::from(text))]))
    }

    fn of(line: Line) -> Self {
        match line {
            Line::Said(said) => Self::said(said),
            Line::Notice(text) => Self::text("notice", text),
            Line::Output(text) => Self::text("output", text),
            Line::Error(text) => Self::text("error", text),
            Line::Event(Event { kind, mut values, text }) => {
                if !text.is_empty() {
                    values.insert("text".to_owned(), text.into());
                }
                Self::now(kind, values)
            }
        }
    }

    fn said(said: Said) -> Self {
        let Said { name, key, verified, privacy, own, manner, at, past, text } = said;
        let kind = match (privacy, manner) {
            (Privacy::Private, _) => "private",
            (Privacy::Room, Manner::Says) => "message",
            (Privacy::Room, Manner::Does) => "action",
        };
        // One's own private words bear the name of whom they are for.
        let whom = if own && privacy == Privacy::Private { "to" } else { "from" };
        let event = Event::new(kind, text).with(whom, name).with("key", key.to_string());
        let event = event.with("verified", verified).with("own", own).with("past", past);
        Self { time: at, ..Self::of(Line::Event(event)) }
    }

    fn progress(key: u64, bar: &Bar) -> Self {
        let Bar { offer, what, whom, direction, done, total, speed, left, waits, paused: _ } = bar;
        let direction = if *direction == Direction::In { "in" } else { "out" };
        let mut event = Event::new("progress", "").with("transfer", key).with("name", &**what).with("whom", &**whom);
        event = event.with("direction", direction).with("done", *done).with("total", *total);
        event = event.with("speed", *speed as u64);
        if let Some(offer) = offer {
            event = event.with("offer", *offer);
        }
        if let Some(left) = left {
            event = event.with("left", left.as_secs());
        }
        if let Some(waits) = waits {
            event = event.with("waits", *waits);
        }
        Self::of(Line::Event(event))
    }

    fn line(&self) -> String {
        let mut out = Vec::new();
        let written = self.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Escaping));
        debug_assert!(written.is_ok(), "a map of strings and values is always JSON");
        out.push(b'\n');
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("time", &format!("{:.3}", self.time))?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Compact JSON, with whatever is never shown as itself written as a code.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| !matches!(c, ' '..='~') && filter::shown_as_code(*c)) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
pub(crate) mod schema;
#[cfg(test)]
mod tests;

//! What is shown, as data. Each form of the view decides how it looks; scripts get the same as named values.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::trust::Fingerprint;

/// A line for the person. Everything in it may be of peer origin: every form passes it through the filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Somebody said something.
    Said(Said),
    /// Something happened that scripts may want to know of.
    Event(Event),
    /// The room or the program says something. Shown after `* `.
    Notice(String),
    /// The answer to a command, may have several rows, each shown from the left edge. Whoever makes it passes fields of
    /// peer origin through [`filter::clean`](super::filter::clean), so that none of them begins a row.
    Output(String),
    /// Something did not work. Shown after `error: `.
    Error(String),
}

impl Line {
    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Self::Said(Said { text, .. })
            | Self::Event(Event { text, .. })
            | Self::Notice(text)
            | Self::Output(text)
            | Self::Error(text) => text,
        }
    }
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The sender's name, or, for a private message of one's own, the recipient's.
    pub name: String,
    /// The key of whoever has that name.
    pub key: Fingerprint,
    /// Whether this person has verified that key. Nothing of peer origin decides it.
    pub verified: bool,
    /// To whom.
    pub privacy: Privacy,
    /// Whether it is the person's own.
    pub own: bool,
    /// How the text is meant.
    pub manner: Manner,
    /// When, by the clock of this machine.
    pub at: Timestamp,
    /// Whether it was said before this person came.
    pub past: bool,
    /// What; may have several rows.
    pub text: String,
}

/// To whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// To everyone.
    Room,
    /// To one member only.
    Private,
}

/// How what is said is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As words.
    #[default]
    Says,
    /// As what the sender does: the name is the beginning of the sentence.
    Does,
}

/// Something that happened: a sentence for people, shown after `* `, and named values for scripts.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What kind of thing, in one word: `join`, `saved`.
    pub kind: &'static str,
    /// What scripts read of it.
    pub values: Map<String, Value>,
    /// What people read of it.
    pub text: String,
}

impl Event {
    /// An event of this kind, with the sentence for people.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, values: Map::new(), text: text.into() }
    }

    /// With a value under `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// A value that is text.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }
}

/// How far something is that takes a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The number of the offer that it is about, if it has one yet.
    pub offer: Option<u32>,
    /// What moves, as people call it.
    pub what: String,
    /// Where to or from, in words: `from bob`, `to 3 members`.
    pub whom: String,
    /// Whether it moves here or away.
    pub direction: Direction,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes a second, lately.
    pub speed: f64,
    /// The time that the rest takes at this speed, once there is one.
    pub left: Option<Duration>,
    /// Why it does not move at the moment.
    pub waits: Option<&'static str>,
    /// Whether it waits for somebody to go on with it, which may be never.
    pub paused: bool,
}

impl Bar {
    /// Hundredths of a percent that are there.
    pub(super) fn hundredths(&self) -> usize {
        let Self { done, total, .. } = *self;
        if total == 0 { 10_000 } else { (u128::from(done.min(total)) * 10_000 / u128::from(total)) as usize }
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// They come here.
    In,
    /// They go to others.
    Out,
}

/// What a test says nothing else about.
#[cfg(test)]
pub(crate) fn somebody() -> Said {
    Said {
        name: String::new(),
        key: Fingerprint::of(&crate::wire::PublicKey([0; 32])),
        verified: false,
        privacy: Privacy::Room,
        own: false,
        manner: Manner::Says,
        at: Timestamp::UNIX_EPOCH,
        past: false,
        text: String::new(),
    }
}

/// A bar of which a test says nothing but how far it is.
#[cfg(test)]
pub(crate) fn bar(done: u64, total: u64) -> Bar {
    let (what, whom) = (String::new(), String::new());
    Bar {
        offer: None,
        what,
        whom,
        direction: Direction::In,
        done,
        total,
        speed: 0.0,
        left: None,
        waits: None,
        paused: false,
    }
}

//! The form for pipes: one line per event, no colour, no prompt, no wrapping. It does not read input.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    Backlog, Event, Line, Look, Manner, Privacy, Said, View,
    clock::Clock,
    filter,
    look::Time,
    wrap::MARGIN,
    writer::{Output, Writer},
};

/// Lines to standard output, errors to standard error.
///
/// Give it `ready().await` before each event, `drained().await` before leaving, and end when `closed().await` returns.
pub struct Plain {
    writer: Writer,
    clock: Mutex<Clock>,
}

impl Plain {
    /// Writes to the program's own outputs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new() -> io::Result<Self> {
        Self::with(io::stdout(), io::stderr())
    }

    /// Writes to `out`, and errors to `err`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> io::Result<Self> {
        Ok(Self { writer: Writer::start(out, err)?, clock: Mutex::new(Clock::new(Time(None))) })
    }

    /// With times before the lines.
    #[must_use]
    pub fn with_time(self, time: Time) -> Self {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).set(time);
        self
    }

    /// What stands before a line of this time: nothing, unless the person wants times.
    fn time(&self, at: Timestamp) -> String {
        let time = self.clock.lock().unwrap_or_else(PoisonError::into_inner).tell(at);
        time.map(|time| time + " ").unwrap_or_default()
    }
}

impl View for Plain {
    fn show(&self, line: Line) {
        match line {
            Line::Said(said) if said.own => {}
            Line::Said(said) => {
                self.writer.put(message(&(self.time(said.at) + &prefix(&said)), &said.text), Output::Out)
            }
            Line::Event(Event { text, .. }) | Line::Notice(text) => {
                self.writer.put(message(&(self.time(Timestamp::now()) + "* "), &text), Output::Out);
            }
            Line::Error(text) => {
                self.writer.put(message(&(self.time(Timestamp::now()) + "error: "), &text), Output::Err);
            }
            Line::Output(text) => {
                for row in filter::rows(&text) {
                    self.writer.put(format!("{}\n", filter::isolate(&row)), Output::Out);
                }
            }
        }
    }

    /// What scripts read keeps its form, unless it has times already.
    fn look(&self, look: &Look) {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if clock.is_on() {
            clock.set(look.time.clone());
        }
    }

    fn backlog(&self) -> Option<&Backlog> {
        Some(self.writer.backlog())
    }
}

/// What is verified depends on the person, and scripts read this: no mark tells it.
fn prefix(said: &Said) -> String {
    let name = filter::clean(&said.name);
    let name = filter::isolate(&name);
    match (said.privacy, said.manner) {
        (Privacy::Room, Manner::Says) => format!("{name}: "),
        (Privacy::Room, Manner::Does) => format!("~ {name} "),
        (Privacy::Private, _) => format!("({name}) "),
    }
}

/// A text as whole lines, with the margin mark before every one but the first.
pub(super) fn message(prefix: &str, text: &str) -> String {
    let mut whole = String::with_capacity(prefix.len() + text.len() + 1);
    for (i, row) in filter::rows(text).iter().enumerate() {
        whole.push_str(if i == 0 { prefix } else { MARGIN });
        whole.push_str(&filter::isolate(row));
        whole.push('\n');
    }
    whole
}

#[cfg(test)]
mod tests;

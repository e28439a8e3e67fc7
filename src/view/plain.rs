//! The form for pipes: one line per event, no colour, no prompt, no wrapping. It does not read input.

use std::io::{self, Write};

use super::{
    Backlog, Event, Line, Manner, Privacy, Said, View, filter,
    wrap::MARGIN,
    writer::{Output, Writer},
};

/// Lines to standard output, errors to standard error.
///
/// Give it `ready().await` before each event, `drained().await` before leaving, and end when `closed().await` returns.
pub struct Plain(Writer);

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
        Writer::start(out, err).map(Self)
    }
}

impl View for Plain {
    fn show(&self, line: Line) {
        match line {
            Line::Said(said) if said.own => {}
            Line::Said(said) => self.0.put(message(&prefix(&said), &said.text), Output::Out),
            Line::Event(Event { text, .. }) | Line::Notice(text) => self.0.put(message("* ", &text), Output::Out),
            Line::Error(text) => self.0.put(message("error: ", &text), Output::Err),
            Line::Output(text) => {
                for row in filter::rows(&text) {
                    self.0.put(format!("{}\n", filter::isolate(&row)), Output::Out);
                }
            }
        }
    }

    fn backlog(&self) -> Option<&Backlog> {
        Some(self.0.backlog())
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

fn message(prefix: &str, text: &str) -> String {
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

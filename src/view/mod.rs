//! What a person sees, as a trait: terminal, plain, quiet, JSON and recording forms, and the one display filter.
//!
//! It owns how lines look and in which order they appear. It does not decide what is said, and does not read the
//! keyboard: that is [`crate::repl`], whose thread also draws the [`Terminal`] form.

pub mod filter;
pub mod wrap;

mod abilities;
mod backlog;
mod clock;
mod ink;
mod json;
mod line;
pub mod look;
mod mention;
#[cfg(test)]
pub(crate) mod paper;
mod plain;
mod quiet;
mod recording;
mod screen;
mod terminal;
pub(crate) mod title;
mod writer;

pub use abilities::is_coloured;
pub use backlog::Backlog;
#[cfg(test)]
pub(crate) use json::schema;
pub use json::{Json, written};
pub use line::{Bar, Direction, Event, Line, Manner, Privacy, Said};
pub use look::Look;
pub use plain::Plain;
pub use quiet::Quiet;
pub use recording::Recording;
pub use terminal::Terminal;

/// Where lines go.
pub trait View: Send + Sync {
    /// Shows a line, after all that were shown before.
    fn show(&self, line: Line);

    /// Shows the person's own line that the room has not echoed yet. `id` is its number in the outbox.
    fn pending(&self, id: u64, text: &str) {
        let _ = (id, text);
    }

    /// The pending line `id` was echoed or given up; it is shown no longer.
    fn settled(&self, id: u64) {
        let _ = id;
    }

    /// The person's name in the prompt from now on.
    fn name(&self, name: &str) {
        let _ = name;
    }

    /// The columns of the window, where there is one.
    fn columns(&self) -> Option<usize> {
        None
    }

    /// Whether a person sees rows above a prompt, so that what is under way need not be told in lines.
    fn has_status(&self) -> bool {
        false
    }

    /// Whether [`progress`](Self::progress) is looked at.
    fn wants_progress(&self) -> bool {
        self.has_status()
    }

    /// Whether a program reads it, which also gets the events that have no sentence for people.
    fn is_for_programs(&self) -> bool {
        false
    }

    /// Shows `row` above the prompt, in the place of the one last given for `key`, until it is `None`.
    fn status(&self, key: u64, row: Option<&str>) {
        let _ = (key, row);
    }

    /// Shows how far something is, in the place of what was last given for `key`, until it is `None`.
    fn progress(&self, key: u64, bar: Option<&Bar>) {
        let _ = (key, bar);
    }

    /// Nothing is under way any more.
    fn settle(&self) {}

    /// How lines look from now on.
    fn look(&self, look: &Look) {
        let _ = look;
    }

    /// The title of the window from now on, where there is one.
    fn title(&self, text: &str) {
        let _ = text;
    }

    /// Clears what a person sees. What they type stays.
    fn clear(&self) {}

    /// What is still to be written, for a form that must not outrun its reader. See `ready`, `drained` and `closed` of
    /// `dyn View`.
    fn backlog(&self) -> Option<&Backlog> {
        None
    }
}

impl dyn View + '_ {
    /// Waits until there is room for more lines. Whoever turns events into lines awaits it before each event, so that a
    /// slow reader of the output slows the room down rather than filling memory.
    pub async fn ready(&self) {
        if let Some(backlog) = self.backlog() {
            backlog.ready().await;
        }
    }

    /// Waits until every line is written, or can never be.
    pub async fn drained(&self) {
        if let Some(backlog) = self.backlog() {
            backlog.drained().await;
        }
    }

    /// Waits until nobody reads the output any more; forever for forms where that cannot happen.
    pub async fn closed(&self) {
        match self.backlog() {
            Some(backlog) => backlog.closed().await,
            None => std::future::pending().await,
        }
    }
}

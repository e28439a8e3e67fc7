//! What a person sees, as a trait: terminal, plain and recording forms, and the one display filter.

/// A line for the person. Everything in it may be of peer origin: every form passes it through the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Somebody said something.
    Said {
        /// The sender's name, or, for a private message of one's own, the recipient's.
        name: String,
        /// To whom.
        privacy: Privacy,
        /// Whether it is the person's own.
        own: bool,
        /// What; may have several rows.
        text: String,
    },
    /// The room or the program says something. Shown after `* `.
    Notice(String),
    /// The answer to a command, may have several rows.
    Output(String),
    /// Something did not work. Shown after `error: `.
    Error(String),
}

/// To whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// To everyone.
    Room,
    /// To one member only.
    Private,
}

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
}

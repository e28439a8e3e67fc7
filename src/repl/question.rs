//! What stands before a line that is read.

/// What stands before the line, and what that is.
pub(super) struct Question {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// The line to begin with.
    pub(super) line: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prompt,
    Question,
    Secret,
}

impl Question {
    pub(super) fn new(text: &str, kind: Kind) -> Self {
        Self { text: crate::view::filter::clean(text).into_owned(), kind, line: String::new() }
    }

    pub(super) fn prompt(text: String, line: String) -> Self {
        Self { text, kind: Kind::Prompt, line }
    }

    /// The same, with what is typed so far.
    pub(super) fn with(self, line: String) -> Self {
        Self { line, ..self }
    }

    /// What is asked when there is no answer yet. A prompt is made anew.
    pub(super) fn again(self) -> Option<Self> {
        (self.kind != Kind::Prompt || !self.line.is_empty()).then_some(self)
    }
}

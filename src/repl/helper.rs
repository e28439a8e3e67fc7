//! What rustyline calls back while a line is typed: completion, and the drawing of everything above the prompt.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustyline::{
    Cmd, ConditionalEventHandler, Context, Event, EventContext, Helper, RepeatCount, Result,
    completion::{Completer, FilenameCompleter, Pair},
    highlight::Highlighter,
    hint::Hinter,
    validate::Validator,
};

use super::{Complete, Shared, descriptors::Places, layout};
use crate::view::Terminal;

/// What is on the terminal now, as far as rustyline shows it to us.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) prompt: String,
    pub(super) line: String,
}

/// The helper of one editor.
pub(super) struct Drawer {
    pub(super) screen: Arc<Terminal>,
    pub(super) shared: Arc<Shared>,
    pub(super) complete: Arc<dyn Complete>,
    pub(super) files: FilenameCompleter,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) places: Arc<Mutex<Places>>,
}

/// A lock that a caught panic does not spoil.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Helper for Drawer {}

impl Validator for Drawer {}

/// There are no hints; but rustyline asks at every change, which is how an interrupted line is known.
impl Hinter for Drawer {
    type Hint = String;

    fn hint(&self, line: &str, _pos: usize, _ctx: &Context<'_>) -> Option<String> {
        let mut seen = lock(&self.seen);
        seen.line.clear();
        seen.line.push_str(line);
        None
    }
}

impl Highlighter for Drawer {
    /// Called at each refresh with the cursor at the first column of the prompt. rustyline lays out from the prompt
    /// alone, so what stands above it is out of its sight.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        if !self.shared.is_reading() {
            // The first drawing of a prompt: rustyline has made its descriptors and set its handlers.
            lock(&self.places).take();
            self.shared.set_reading(true);
        }
        prompt.clone_into(&mut lock(&self.seen).prompt);
        Cow::Owned(self.screen.draw(layout::columns()) + prompt)
    }

    /// Control characters that were typed or pasted take no column for rustyline, and must do nothing.
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
        if line.contains(harmful) { Cow::Owned(line.replace(harmful, "")) } else { Cow::Borrowed(line) }
    }
}

impl Completer for Drawer {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _ctx: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        if let Some(start) = self.complete.path_from(line, pos) {
            // An error here would end the line being typed; a folder that cannot be read just offers nothing.
            let found = line.get(start..).filter(|_| start <= pos);
            let found = found.and_then(|part| self.files.complete_path(part, pos - start).ok());
            return Ok(found.map_or((pos, Vec::new()), |(at, pairs)| (start + at, pairs)));
        }
        let (start, words) = self.complete.complete(line, pos);
        if start > pos || !line.is_char_boundary(start) {
            return Ok((pos, Vec::new()));
        }
        let pair = |word: String| Pair { display: word.clone(), replacement: word };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

/// Ctrl-Z: what the shell writes meanwhile must not be erased at the return.
pub(super) struct Suspend(pub(super) Arc<Terminal>);

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.forget();
        None
    }
}

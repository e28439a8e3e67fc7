//! What rustyline calls back while a line is typed: completion, and the drawing of everything above the prompt.

use std::{
    borrow::Cow,
    io::stdin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::sys::pthread::{pthread_kill, pthread_self};
use rustix::{
    process::{Signal, kill_current_process_group},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

use rustyline::{
    Cmd, ConditionalEventHandler, Context, Event, EventContext, GraphemeClusterMode, Helper, RepeatCount, Result,
    completion::{Completer, FilenameCompleter, Pair},
    highlight::Highlighter,
    hint::Hinter,
    validate::Validator,
};

use super::{Complete, Shared, descriptors::Places, editor::write, layout, restore};
use crate::{view::Terminal, words};

/// Bracketed paste, which rustyline turns on at each prompt only.
const PASTE_ON: &str = "\x1b[?2004h";

/// What is on the terminal now, as far as rustyline shows it to us.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) prompt: String,
    pub(super) line: String,
    /// Whether the line is nobody's to see once it is entered.
    pub(super) secret: bool,
}

impl Seen {
    /// How many rows of the window prompt and line leave; none if they do not fit themselves.
    pub(super) fn room(&self) -> Option<usize> {
        layout::room(&self.prompt, &self.line, GraphemeClusterMode::from_env())
    }
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
        let mut seen = lock(&self.seen);
        prompt.clone_into(&mut seen.prompt);
        let room = seen.room().unwrap_or(0);
        let mode = GraphemeClusterMode::from_env();
        let rows = |columns| layout::rows(prompt, &seen.line, columns, mode);
        let lost = self.screen.drawn_in().map_or(0, |before| rows(before).saturating_sub(rows(layout::columns())));
        self.screen.fit(room, lost);
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
            let typed = line.get(start..pos).unwrap_or_default();
            if !typed.starts_with(['"', '\'']) && words::split_unfinished(typed).len() > 1 {
                // A name with spaces, typed as it is: its words are one.
                let escaped = typed.replace(' ', "\\ ");
                let pairs = self.files.complete_path(&escaped, escaped.len()).map(|(_, pairs)| pairs);
                return Ok((start, pairs.unwrap_or_default()));
            }
            let found = line.get(start..).filter(|_| start <= pos);
            let found = found.and_then(|part| self.files.complete_path(part, pos - start).ok());
            return Ok(found.map_or((pos, Vec::new()), |(at, pairs)| (start + at, pairs)));
        }
        let (start, words) = self.complete.complete(line, pos);
        if start > pos || !line.is_char_boundary(start) {
            return Ok((pos, Vec::new()));
        }
        // The only word there is, at the end of the line: what comes next is another one.
        let end = if words.len() == 1 && pos == line.len() { " " } else { "" };
        let pair = |word: String| Pair { replacement: word.clone() + end, display: word };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

/// How long the editor stands still around a stop. The signal is to all threads and may stop this one a moment after it
/// was sent; rustyline's own Ctrl-Z would take the terminal back in that moment.
const STOPPING: Duration = Duration::from_millis(100);

/// Ctrl-Z: the terminal as it was, a stop of the whole job, and a prompt under what the shell wrote meanwhile. A secret
/// does not stay above the shell's lines.
pub(super) struct Suspend {
    pub(super) screen: Arc<Terminal>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) mode: GraphemeClusterMode,
}

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, cx: &EventContext<'_>) -> Option<Cmd> {
        let raw = tcgetattr(stdin()).ok()?;
        let columns = layout::columns();
        let seen = lock(&self.seen).clone();
        if seen.secret {
            let before = cx.line().get(..cx.pos()).unwrap_or_default();
            let below = layout::rows(&seen.prompt, before, columns, self.mode) - 1;
            write(&self.screen.erase(below));
        }
        restore::restore();
        let stopped = kill_current_process_group(Signal::TSTP);
        if stopped.is_ok() {
            thread::sleep(STOPPING);
        }
        // Without raw mode lines still arrive, only less comfortably.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &raw);
        self.screen.forget();
        // rustyline erases upwards from here as many rows as the line has: they must not be the shell's.
        let below = |columns| layout::rows(&seen.prompt, &seen.line, columns, self.mode) - 1;
        write(&format!("{}{PASTE_ON}", "\r\n".repeat(below(columns))));
        let now = layout::columns();
        let told = now != columns && tell_resized();
        // What is one row before and after is not drawn for the sake of another size.
        let draws = told && below(columns).max(below(now)) > 0;
        Some(if draws { Cmd::Noop } else { Cmd::Repaint })
    }
}

/// Makes rustyline measure the window and draw: who is stopped is not told of another size. The signal is for this thread,
/// so that it is heard before anything else is drawn for the old size.
fn tell_resized() -> bool {
    pthread_kill(pthread_self(), nix::sys::signal::SIGWINCH).is_ok()
}

#[cfg(test)]
mod tests {
    use rustyline::history::MemHistory;

    use super::*;

    struct Words;

    impl Complete for Words {
        fn complete(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
            match line {
                "broken" => (pos + 1, vec!["never".to_owned()]),
                _ => (0, vec!["help".to_owned()]),
            }
        }

        fn path_from(&self, line: &str, _pos: usize) -> Option<usize> {
            line.starts_with("put ").then_some(4)
        }
    }

    fn drawer() -> Drawer {
        Drawer {
            screen: Arc::new(Terminal::with_colour(false)),
            shared: Arc::default(),
            complete: Arc::new(Words),
            files: FilenameCompleter::new(),
            seen: Arc::default(),
            places: Arc::default(),
        }
    }

    fn offered(line: &str) -> (usize, Vec<String>) {
        let history = MemHistory::new();
        let (start, pairs) = drawer().complete(line, line.len(), &Context::new(&history)).unwrap();
        (start, pairs.into_iter().map(|pair| pair.replacement).collect())
    }

    #[test]
    fn words_come_from_outside_and_paths_from_the_disk() {
        let folder = std::env::temp_dir().join(format!("pchat-complete-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("my file.txt"), "").unwrap();
        assert_eq!(offered("h"), (0, vec!["help ".to_owned()]));
        let (start, paths) = offered(&format!("put {}/my", folder.display()));
        assert_eq!(start, 4);
        assert_eq!(paths, [format!("{}/my\\ file.txt", folder.display())]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_offer_outside_the_line_is_none() {
        assert_eq!(offered("broken"), (6, Vec::new()));
    }

    #[test]
    fn case_76_pasted_controls_reach_the_line_and_not_the_terminal() {
        assert_eq!(drawer().highlight("a\x1b[2J\0\nb\tc", 0), "a[2J\nb\tc");
    }

    #[test]
    fn an_interrupted_line_is_known_by_its_last_change() {
        let (drawer, history) = (drawer(), MemHistory::new());
        drawer.hint("half a li", 9, &Context::new(&history));
        assert_eq!(lock(&drawer.seen).line, "half a li");
    }
}

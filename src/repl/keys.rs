//! Keys that rustyline knows nothing of, or not enough.

use std::{
    io::stdin,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use nix::sys::{
    pthread::{pthread_kill, pthread_self},
    signal::{SIGINT, SIGWINCH, SigSet},
};
use rustix::{
    process::{Signal, kill_current_process_group},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, GraphemeClusterMode, Helper, KeyCode,
    KeyEvent, Modifiers, Movement, RepeatCount, history::History,
};

use super::{
    editor::write,
    helper::lock,
    layout, restore,
    seen::{Seen, Turn},
};
use crate::view::Terminal;

/// Bracketed paste, which rustyline turns on at each prompt only.
pub(super) const PASTE_ON: &str = "\x1b[?2004h";
pub(super) const PASTE_OFF: &str = "\x1b[?2004l";

/// Gives the keys of `editor` their meanings.
pub(super) fn bind<H: Helper, I: History>(editor: &mut Editor<H, I>, seen: &Arc<Mutex<Seen>>, suspend: Suspend) {
    let plain = |code| KeyEvent(code, Modifiers::NONE);
    let mut bind = |key: KeyEvent, act: Act| {
        let handler = Key { act, seen: seen.clone() };
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(handler)));
    };
    bind(plain(KeyCode::BackTab), Act::Back);
    bind(plain(KeyCode::Up), Act::Up);
    bind(plain(KeyCode::Down), Act::Down);
    bind(plain(KeyCode::Esc), Act::Leave);
    bind(KeyEvent::ctrl('G'), Act::Leave);
    bind(KeyEvent::ctrl('R'), Act::Search);
    bind(plain(KeyCode::BracketedPasteStart), Act::Paste);
    // With a lone escape before it a paste is another key, and what is pasted is keys.
    bind(KeyEvent(KeyCode::BracketedPasteStart, Modifiers::ALT), Act::BeginPaste);
    bind(plain(KeyCode::BracketedPasteEnd), Act::EndPaste);
    bind(plain(KeyCode::Enter), Act::Enter);
    bind(KeyEvent::ctrl('J'), Act::Enter);
    for key in [plain(KeyCode::Right), plain(KeyCode::End), KeyEvent::ctrl('E'), KeyEvent::ctrl('F')] {
        bind(key, Act::TakeHint);
    }
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), EventHandler::Simple(new_row()));
    editor.bind_sequence(KeyEvent(KeyCode::Char('J'), Modifiers::CTRL_ALT), EventHandler::Simple(new_row()));
    // In readline Alt-< and Alt-> move in the history. In a message of several rows this is what one looks for.
    let alt = |key| KeyEvent(KeyCode::Char(key), Modifiers::ALT);
    let ctrl = |key| KeyEvent(key, Modifiers::CTRL);
    for (key, to) in [
        (alt('<'), Movement::BeginningOfBuffer),
        (ctrl(KeyCode::Home), Movement::BeginningOfBuffer),
        (alt('>'), Movement::EndOfBuffer),
        (ctrl(KeyCode::End), Movement::EndOfBuffer),
    ] {
        editor.bind_sequence(key, EventHandler::Simple(Cmd::Move(to)));
    }
    // Each of these takes the next key for itself, and that may be the beginning of a paste, whose lines would be run then.
    let prefixes = [KeyEvent::ctrl('V'), KeyEvent::ctrl('Q'), KeyEvent::ctrl('X'), KeyEvent::ctrl(']')];
    for key in prefixes.into_iter().chain([KeyEvent(KeyCode::Char(']'), Modifiers::CTRL_ALT)]) {
        editor.bind_sequence(key, EventHandler::Simple(Cmd::Noop));
    }
    editor.bind_sequence(KeyEvent::ctrl('Z'), EventHandler::Conditional(Box::new(suspend)));
}

/// Another row of the same line. `Newline` ends the line first, and of `SelfInsert` rustyline makes what was inserted last.
fn new_row() -> Cmd {
    Cmd::Insert(1, "\n".to_owned())
}

/// What a key does.
#[derive(Clone, Copy)]
enum Act {
    /// One back in the menu.
    Back,
    /// One back in the menu, if something of it is chosen. Otherwise it goes to the history.
    Up,
    /// One further in the menu.
    Down,
    /// Closes the menu.
    Leave,
    Search,
    /// Reads a paste to its end.
    Paste,
    /// From here to the end of the paste, ends of lines enter nothing.
    BeginPaste,
    EndPaste,
    Enter,
    /// Takes the rest of a word that the hint shows.
    TakeHint,
}

struct Key {
    act: Act,
    seen: Arc<Mutex<Seen>>,
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, cx: &EventContext<'_>) -> Option<Cmd> {
        let mut seen = lock(&self.seen);
        let menu = seen.menu.as_ref().filter(|menu| menu.is_at(cx.line(), cx.pos()));
        let (open, chosen) = (menu.is_some(), menu.is_some_and(|menu| menu.has_chosen()));
        let turn = match self.act {
            Act::Back if open => Turn::Back,
            Act::Up if chosen => Turn::Back,
            Act::Down if open => Turn::Forward,
            Act::Leave if open => {
                seen.dismissed = true;
                Turn::Leave
            }
            Act::Up | Act::Down => {
                // A menu that opened at an old line would catch the next arrow.
                seen.dismissed = true;
                seen.menu = None;
                return None;
            }
            Act::Search => {
                seen.searching = true;
                return None;
            }
            Act::Paste => {
                seen.paste = true;
                return None;
            }
            Act::BeginPaste => {
                seen.pasting.get_or_insert_with(|| cx.line().to_owned());
                return Some(Cmd::Noop);
            }
            Act::EndPaste => {
                seen.pasting = None;
                return Some(Cmd::Noop);
            }
            Act::Enter if seen.pasting.is_some() => return Some(new_row()),
            Act::TakeHint if cx.pos() == cx.line().len() => {
                return seen.offered.take().map(|rest| Cmd::Insert(1, rest));
            }
            Act::Back | Act::Leave | Act::Enter | Act::TakeHint => return None,
        };
        seen.turn = turn;
        Some(Cmd::Complete)
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
        let (prompt, line, secret) = {
            let mut seen = lock(&self.seen);
            // Its rows go out of reach with the others.
            seen.menu = None;
            if !seen.secret {
                seen.menu_rows = 0;
            }
            (seen.prompt.clone(), seen.line.clone(), seen.secret)
        };
        if secret {
            let before = cx.line().get(..cx.pos()).unwrap_or_default();
            let below = layout::rows(&prompt, before, columns, self.mode) - 1;
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
        let below = |columns| layout::rows(&prompt, &line, columns, self.mode) - 1;
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
    let resized = SigSet::from(SIGWINCH);
    // It comes before the end of the call.
    resized.thread_unblock().and_then(|()| pthread_kill(pthread_self(), SIGWINCH)).is_ok()
        & resized.thread_block().is_ok()
}

/// Signals that rustyline hears are for other threads: its handlers serve all, and a signal that comes to the thread that
/// reads ends the reading of a paste, whose rest would be keys then, and its lines be run.
pub(super) fn hear_no_signals() {
    // A thread that hears them reads as well, but for that.
    let _ = SigSet::from_iter([SIGINT, SIGWINCH]).thread_block();
}

//! The line editor: what a person types, line by line. It owns the keyboard, the prompt, the history and the one thread
//! that draws the [`Terminal`] view. It knows no command: what a line means and what completes it come from outside.
//!
//! One line goes out at a time, and the thread waits for its [`Reply`] before it shows the next prompt. Everything that
//! is shown meanwhile is drawn by that thread too, inside rustyline's own refresh (the prompt's highlighter), so that
//! no line being typed is ever torn; others only queue and wake it.

mod descriptors;
mod drain;
mod dumb;
mod editor;
mod files;
mod helper;
mod history;
mod keys;
mod layout;
mod lines;
mod menu;
mod paint;
mod question;
mod restore;
mod seen;

use std::{
    fmt,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, timeout},
};

pub use lines::{LinesHandle, lines};

use crate::{
    registry::{Candidate, Hint, Mark},
    view::Terminal,
};

/// How long [`ReplHandle::stop`] waits for the thread. In a search or a completion the editor hears no signal; the
/// program must still be gone within two seconds of a SIGTERM.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// How often a signal is repeated that came just before the editor began to listen.
const SIGNAL_AGAIN: Duration = Duration::from_millis(20);

/// What the editor is started with.
pub struct ReplConfig {
    /// Where the history is kept; none keeps it in memory.
    pub history: Option<PathBuf>,
    /// What helps with the line.
    pub assist: Arc<dyn Assist>,
    /// What is asked before anything else, as by [`Next::AskSecret`].
    pub question: Option<String>,
}

/// What helps a person to type. It runs in the editor's thread, which draws nothing meanwhile, so it must not wait long;
/// all but [`complete`](Self::complete) runs at each key, and must not wait for the room at all.
pub trait Assist: Send + Sync {
    /// Where in `line` the word at `pos` begins, and what may stand there instead.
    fn complete(&self, line: &str, pos: usize) -> (usize, Vec<Candidate>);

    /// Where the path at `pos` begins, when the word there is one: then file names are offered instead.
    fn path_from(&self, line: &str, pos: usize) -> Option<usize>;

    /// What may follow `line`.
    fn hint(&self, line: &str) -> Option<Hint>;

    /// What the parts of `line` are, in order, if they are no text.
    fn marks(&self, line: &str) -> Vec<(Range<usize>, Mark)>;
}

/// What the person did.
pub enum Typed {
    /// A line, or several that were pasted at once with `\n` between them.
    Line {
        /// As typed.
        text: String,
        /// What happens next. Dropping it is [`Reply::default`].
        reply: oneshot::Sender<Reply>,
    },
    /// Ctrl-D, Ctrl-C twice, or the terminal is gone.
    Quit {
        /// As for a line; [`Next::Stop`] if the program does leave.
        reply: oneshot::Sender<Reply>,
    },
}

/// Without the text, which may be a secret.
impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line { .. } => "Line",
            Self::Quit { .. } => "Quit",
        })
    }
}

/// What the editor does after a line.
#[derive(Debug, Default)]
pub struct Reply {
    /// What it shows next.
    pub next: Next,
    /// Whether the line goes into the history. Private lines and answers do not.
    pub remember: bool,
    /// Whether the line stays in the scrollback as typed. A message does not: its echo shows it in the room's order.
    pub echo: bool,
}

/// What the editor shows next.
#[derive(Debug, Default)]
pub enum Next {
    /// The prompt.
    #[default]
    Prompt,
    /// The prompt, with the line that was just entered, to be changed or entered again.
    Again,
    /// This question in place of the prompt; the next line is its answer.
    Ask(String),
    /// The same, but the answer is nobody's to see: it does not stay in the scrollback, and Ctrl-C is no answer but the
    /// wish to leave.
    AskSecret(String),
    /// Nothing: the thread ends.
    Stop,
}

/// What the thread shares with the handle, the helper and the waker.
#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    stop: Notify,
    /// Whether rustyline has the terminal in raw mode with its signal handler in place.
    reading: AtomicBool,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn is_reading(&self) -> bool {
        self.reading.load(Ordering::SeqCst)
    }

    fn set_reading(&self, reading: bool) {
        self.reading.store(reading, Ordering::SeqCst);
    }
}

/// The way to end the editor from outside.
pub struct ReplHandle {
    shared: Arc<Shared>,
    screen: Arc<Terminal>,
    /// Closed when the thread is gone.
    gone: watch::Receiver<()>,
    stop_dumb: std::os::unix::net::UnixStream,
}

/// Starts the editor's thread. From now on `screen` is drawn, and typed lines arrive at the receiver.
///
/// While a line is typed, Ctrl-C is a key; between prompts it is SIGINT to the process, for the program to hear.
///
/// It also registers tokio's handler for SIGINT: [`ReplHandle::stop`] sends that signal to this process, and between two
/// prompts its default action would end the program. And it sets a panic hook that restores the terminal first.
///
/// # Errors
/// When standard input or output is no terminal, outside a tokio runtime, and when the system gives no thread.
pub fn start(config: ReplConfig, screen: Arc<Terminal>) -> Result<(ReplHandle, mpsc::Receiver<Typed>)> {
    if !rustix::termios::isatty(std::io::stdin()) || !rustix::termios::isatty(std::io::stdout()) {
        bail!("standard input and output are not a terminal");
    }
    drop(signal(SignalKind::interrupt()).context("could not handle SIGINT")?);
    restore::remember().context("could not read the state of the terminal")?;

    let shared = Arc::new(Shared::default());
    // One: the thread waits for the reply to a line before it can send another.
    let (typed, lines) = mpsc::channel(1);
    let (alive, gone) = watch::channel(());
    let (stop_dumb, stopped) = std::os::unix::net::UnixStream::pair().context("could not make a socket pair")?;
    let (thread_shared, thread_screen) = (shared.clone(), screen.clone());
    thread::Builder::new()
        .name("editor".to_owned())
        .spawn(move || {
            let _alive = alive;
            let link = editor::Link { shared: thread_shared, screen: thread_screen, typed };
            if editor::run(&config, &link).is_none() {
                dumb::run(&link, config.question.as_deref(), &stopped);
            }
        })
        .context("could not start the editor's thread")?;
    Ok((ReplHandle { shared, screen, gone, stop_dumb }, lines))
}

/// Writes what `screen` holds, for a program that ends before it has started an editor.
pub fn draw(screen: &Terminal) {
    editor::write(&screen.drain(layout::columns()));
}

impl ReplHandle {
    /// Ends the editor, whatever it is doing: the remaining lines are drawn, the history is saved and the terminal is
    /// as before. Returns when the thread is gone; after half a second it restores the terminal and
    /// draws them itself.
    pub async fn stop(&self) {
        self.order();
        let end = Instant::now() + STOP_WITHIN;
        let mut gone = self.gone.clone();
        while Instant::now() < end {
            self.wake();
            if let Ok(Err(_)) = timeout(SIGNAL_AGAIN, gone.changed()).await {
                return editor::write(&self.screen.drain(layout::columns()));
            }
        }
        restore::restore();
        draw(&self.screen);
    }

    /// No prompt follows from now on.
    fn order(&self) {
        self.screen.rest();
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.stop.notify_one();
        // A reader that is gone needs no word.
        let _ = std::io::Write::write(&mut &self.stop_dumb, b"s");
    }

    /// Ends the prompt that is there.
    fn wake(&self) {
        if self.shared.is_reading() {
            let _ = kill_process(getpid(), Signal::INT);
        }
    }

    /// Passes on a Ctrl-C that came between two prompts, where it is a signal and not a key, to the next prompt. Returns
    /// whether one came in time: while a command takes long there is none.
    pub async fn interrupt(&self) -> bool {
        let end = Instant::now() + STOP_WITHIN;
        while Instant::now() < end {
            if self.shared.is_reading() {
                return kill_process(getpid(), Signal::INT).is_ok();
            }
            tokio::time::sleep(SIGNAL_AGAIN).await;
        }
        false
    }

    /// Waits until the thread is gone.
    pub async fn gone(&self) {
        let mut gone = self.gone.clone();
        while gone.changed().await.is_ok() {}
    }
}

/// The end of a program that panics does not pass through [`ReplHandle::stop`], and the next prompt would take the terminal
/// that the hook has given back.
impl Drop for ReplHandle {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        self.order();
        let end = std::time::Instant::now() + STOP_WITHIN;
        while self.gone.has_changed().is_ok() {
            if std::time::Instant::now() >= end {
                return restore::restore();
            }
            self.wake();
            thread::sleep(SIGNAL_AGAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    mod lines;

    use super::*;

    #[test]
    fn what_was_typed_is_not_in_what_debugging_prints() {
        let (reply, _) = oneshot::channel();
        let line = Typed::Line { text: "zoo abandon lens".to_owned(), reply };
        assert_eq!(format!("{line:?}"), "Line");
    }
}

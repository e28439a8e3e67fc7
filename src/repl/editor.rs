//! The thread that owns the keyboard and draws: one prompt, one line, one reply, and again.

use std::{
    io::{ErrorKind, Write},
    sync::{Arc, Mutex, mpsc as std_mpsc},
    thread,
    time::Duration,
};

use rustyline::{
    ColorMode, CompletionType, Config, Editor, ExternalPrinter, GraphemeClusterMode, error::ReadlineError,
    history::MemHistory,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Next, ReplConfig, Reply, Shared, Typed,
    descriptors::Places,
    drain::drain,
    helper::{Drawer, lock},
    history::{self, History},
    keys::{self, Suspend},
    layout,
    question::{Kind, Question},
    restore,
    seen::Seen,
};
use crate::view::{Line, Terminal, View};

/// A line may be this long; more is a paste gone wrong.
const LINE_BYTES: usize = 1 << 20;

/// A reply usually comes at once; a command that takes longer gets its line shown and its output drawn meanwhile.
const SLOW: Duration = Duration::from_millis(150);

/// The editor may fail for want of descriptors while a room fills; so often and so long it tries again.
const FAILURES: u32 = 20;
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

/// How long an escape sequence may take to arrive whole, in milliseconds. Longer than that, and it was the key.
const ESCAPE_MS: u16 = 100;

/// The row above the prompt that answers the first Ctrl-C. Keys of others count from 0.
const LEAVE_HINT: u64 = u64::MAX;

/// Makes the editor refresh without a visible trace: up one row and down again.
const WAKE: &str = "\x1b[A\n";

/// What ties the thread to the rest.
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) screen: Arc<Terminal>,
    pub(super) typed: mpsc::Sender<Typed>,
}

impl Link {
    pub(super) fn error(&self, text: String) {
        self.screen.show(Line::Error(text));
    }
}

/// What a prompt led to.
enum Outcome {
    Line(String),
    Interrupted {
        empty: bool,
    },
    Eof,
    /// Bytes that are no text.
    NoText {
        /// What was typed before.
        line: String,
        in_paste: bool,
    },
    Failed,
    Gone,
}

type Printer = Box<dyn ExternalPrinter + Send>;

struct Session<'a> {
    config: &'a ReplConfig,
    link: &'a Link,
    editor: Editor<Drawer, MemHistory>,
    /// Wakes this editor.
    printer: Arc<Mutex<Printer>>,
    /// Whether the editor has read a secret. What was killed meanwhile can be yanked at any later line of its.
    spoiled: bool,
    history: History,
    seen: Arc<Mutex<Seen>>,
    places: Arc<Mutex<Places>>,
    mode: GraphemeClusterMode,
    runtime: tokio::runtime::Runtime,
    failures: u32,
}

/// Edits lines until told to stop. `None` when the terminal cannot do more than print.
pub(super) fn run(config: &ReplConfig, link: &Link) -> Option<()> {
    keys::hear_no_signals();
    let mut session = Session::new(config, link)?;
    session.edit(config.question.as_ref().map(|text| Question::new(text, Kind::Secret)));
    session.finish();
    Some(())
}

impl<'a> Session<'a> {
    fn new(config: &'a ReplConfig, link: &'a Link) -> Option<Self> {
        let (seen, places) = <(Arc<Mutex<Seen>>, Arc<Mutex<Places>>)>::default();
        let mode = GraphemeClusterMode::from_env();
        let (mut editor, printer) = make(config, link, (&seen, &places), mode).ok()?;
        let (history, entries) = History::open(config.history.as_deref());
        match entries {
            Ok(entries) => entries.into_iter().for_each(|entry| drop(editor.add_history_entry(entry))),
            Err(e) => link.screen.show(Line::Notice(format!("the history is not kept: {e}"))),
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
        let printer = Arc::new(Mutex::new(printer));
        wake_by(printer.clone(), link, seen.clone())?;
        lock(&places).take();
        Some(Self { config, link, editor, printer, spoiled: false, history, seen, places, mode, runtime, failures: 0 })
    }

    fn edit(&mut self, first: Option<Question>) {
        let mut question = first;
        let mut leaving = false;
        while !self.link.shared.is_stopping() {
            let asking = question.take().unwrap_or_else(|| self.prompt(String::new()));
            let kind = asking.kind;
            let asked = kind == Kind::Question;
            let outcome = self.read(&asking);
            let asked_before = std::mem::take(&mut leaving);
            if asked_before {
                self.link.screen.status(LEAVE_HINT, None);
            }
            let next = match outcome {
                Outcome::Line(text) if text.len() > LINE_BYTES => {
                    self.link.error("that is too long for one line".to_owned());
                    self.clear();
                    question = asking.again();
                    continue;
                }
                // What is not shown has no prompt.
                Outcome::Line(text) if kind == Kind::Secret => self.submit("", &text),
                Outcome::Line(text) => match self.submit(&asking.text, &text) {
                    Next::Again => {
                        question = Some(self.prompt(text));
                        continue;
                    }
                    next => next,
                },
                Outcome::Interrupted { .. } | Outcome::Eof if asked => self.give_no_answer(),
                Outcome::Interrupted { .. } if kind == Kind::Secret => self.quit(),
                Outcome::Interrupted { empty } if !empty || !asked_before => {
                    leaving = empty;
                    if empty {
                        self.link.screen.status(LEAVE_HINT, Some("(Ctrl-C again, or Ctrl-D, to leave)"));
                    }
                    self.clear();
                    Next::Prompt
                }
                Outcome::Interrupted { .. } | Outcome::Eof => self.quit(),
                Outcome::NoText { line, in_paste } => {
                    self.clear();
                    // It is told with the next prompt: who has read of it may type again.
                    drain(in_paste, || self.link.shared.is_stopping());
                    question = asking.with(line).again();
                    continue;
                }
                Outcome::Failed => {
                    self.clear();
                    thread::sleep(FAILURE_PAUSE);
                    question = asking.again();
                    continue;
                }
                Outcome::Gone => {
                    self.quit();
                    return;
                }
            };
            match next {
                Next::Prompt | Next::Again => {}
                Next::Ask(text) => question = Some(Question::new(&text, Kind::Question)),
                Next::AskSecret(text) => question = Some(Question::new(&text, Kind::Secret)),
                Next::Stop => return,
            }
        }
    }

    fn prompt(&self, line: String) -> Question {
        Question::prompt(self.link.screen.prompt(layout::columns()), line)
    }

    /// Shows the prompt and reads one line. The cursor is under the line afterwards, which still stands there.
    fn read(&mut self, asking: &Question) -> Outcome {
        let secret = asking.kind == Kind::Secret;
        *lock(&self.seen) = Seen::before(secret);
        lock(&self.places).vacate();
        // A shell that the program was stopped in may have turned it on again.
        restore::echo(false);
        let read = match self.renew(secret) {
            Ok(()) => restore::catch(|| self.editor.readline_with_initial(&asking.text, (&asking.line, ""))),
            Err(e) => Some(Err(e)),
        };
        let began = self.link.shared.is_reading();
        self.link.shared.set_reading(false);
        // What is pasted before the next prompt waits for it, and is one line there, too.
        write(keys::PASTE_ON);
        lock(&self.places).take();
        if let Some(Err(ReadlineError::Io(e))) = &read
            && e.kind() == ErrorKind::InvalidData
        {
            self.link.error("that is no text, and nothing of it is taken".to_owned());
            let mut seen = lock(&self.seen);
            let pasting = seen.pasting.take();
            let in_paste = seen.paste || pasting.is_some();
            // A search shows another line.
            let own = seen.own_prompt && !secret;
            let line = if own { pasting.unwrap_or_else(|| seen.line.clone()) } else { String::new() };
            return Outcome::NoText { line, in_paste };
        }
        if let Some(Err(e)) = &read
            && !matches!(e, ReadlineError::Interrupted | ReadlineError::Eof)
            && self.failures == 0
        {
            self.link.error(format!("the line could not be read: {e}"));
        } else if read.is_none() && self.failures == 0 {
            self.link.error("the line could not be edited; was it the content of a file?".to_owned());
        }
        let outcome = match read {
            Some(Ok(line)) => Outcome::Line(line),
            Some(Err(ReadlineError::Interrupted)) if self.link.shared.is_stopping() => {
                Outcome::Interrupted { empty: false }
            }
            Some(Err(ReadlineError::Interrupted)) => Outcome::Interrupted { empty: lock(&self.seen).line.is_empty() },
            Some(Err(ReadlineError::Eof)) => Outcome::Eof,
            Some(Err(_)) | None if self.failures < FAILURES => Outcome::Failed,
            Some(Err(_)) | None => Outcome::Gone,
        };
        match outcome {
            Outcome::Failed => self.failures += 1,
            _ => self.failures = 0,
        }
        if !began {
            lock(&self.seen).prompt.clear();
        }
        outcome
    }

    /// Another editor after the secrets, with the same history: this one cannot forget what was killed.
    fn renew(&mut self, secret: bool) -> rustyline::Result<()> {
        if secret || !self.spoiled {
            self.spoiled |= secret;
            return Ok(());
        }
        let (mut editor, printer) = make(self.config, self.link, (&self.seen, &self.places), self.mode)?;
        for entry in self.editor.history() {
            editor.add_history_entry(entry.as_str())?;
        }
        // The old one ends first: a wake may wait for it, with the lock held.
        self.editor = editor;
        *lock(&self.printer) = printer;
        self.spoiled = false;
        Ok(())
    }

    fn submit(&mut self, prompt: &str, text: &str) -> Next {
        let (reply, answer) = oneshot::channel();
        if self.link.typed.blocking_send(Typed::Line { text: text.to_owned(), reply }).is_err() {
            return Next::Stop;
        }
        let reply = self.wait(prompt, text, answer);
        if reply.remember
            && self.editor.add_history_entry(text).unwrap_or(false)
            && let Err(e) = self.history.add(text)
        {
            self.link.screen.show(Line::Notice(format!("the history is not kept: {e}")));
        }
        reply.next
    }

    /// Whoever asked something hears that the person does not answer.
    fn give_no_answer(&mut self) -> Next {
        let (reply, answer) = oneshot::channel();
        self.clear();
        match self.link.typed.blocking_send(Typed::Line { text: String::new(), reply }) {
            Ok(()) => self.wait("", "", answer).next,
            Err(_) => Next::Stop,
        }
    }

    fn quit(&mut self) -> Next {
        let (reply, answer) = oneshot::channel();
        self.clear();
        match self.link.typed.blocking_send(Typed::Quit { reply }) {
            Ok(()) => self.wait("", "", answer).next,
            Err(_) => Next::Stop,
        }
    }

    /// Waits for the reply; what is to be shown meanwhile is shown.
    fn wait(&mut self, prompt: &str, text: &str, mut answer: oneshot::Receiver<Reply>) -> Reply {
        let (screen, shared) = (&self.link.screen, &self.link.shared);
        let quick = self.runtime.block_on(async {
            tokio::select! {
                biased;
                reply = &mut answer => Some(reply.unwrap_or_default()),
                () = shared.stop.notified() => Some(Reply { next: Next::Stop, ..Reply::default() }),
                () = tokio::time::sleep(SLOW) => None,
            }
        });
        let width = layout::columns();
        let typed = |echo: bool| if echo { screen.typed(prompt, text, width) } else { String::new() };
        if let Some(reply) = quick {
            write(&(self.erase() + &typed(reply.echo && !prompt.is_empty()) + &screen.drain(width)));
            return reply;
        }
        write(&(self.erase() + &typed(!prompt.is_empty()) + &screen.drain(width)));
        loop {
            let reply = self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    reply = &mut answer => Some(reply.unwrap_or_default()),
                    () = shared.stop.notified() => Some(Reply { next: Next::Stop, ..Reply::default() }),
                    () = screen.until_changed() => None,
                }
            });
            write(&screen.drain(layout::columns()));
            if let Some(reply) = reply {
                return reply;
            }
        }
    }

    /// What removes the prompt, the line and the rows above, once.
    fn erase(&self) -> String {
        let seen = std::mem::take(&mut *lock(&self.seen));
        if seen.prompt.is_empty() {
            return self.link.screen.erase(0);
        }
        let below = layout::rows(&seen.prompt, &seen.line, layout::columns(), self.mode);
        self.link.screen.erase(below + seen.menu_rows)
    }

    fn clear(&self) {
        write(&self.erase());
    }

    fn finish(self) {
        write(
            &(self.erase()
                + &self.link.screen.drain(layout::columns())
                + &crate::view::title::undo()
                + keys::PASTE_OFF),
        );
        restore::echo(true);
        if let Err(e) = self.history.close() {
            tracing::debug!(error = %e, "could not shorten the history");
        }
    }
}

/// An editor without history, and what wakes it.
fn make(
    config: &ReplConfig,
    link: &Link,
    (seen, places): (&Arc<Mutex<Seen>>, &Arc<Mutex<Places>>),
    mode: GraphemeClusterMode,
) -> rustyline::Result<(Editor<Drawer, MemHistory>, Printer)> {
    let settings = Config::builder()
        .max_history_size(history::ENTRIES)?
        .auto_add_history(false)
        // Of one candidate this inserts it and goes on; more it never gets. The other ways read keys until something is
        // chosen, and nothing is drawn meanwhile.
        .completion_type(CompletionType::List)
        .keyseq_timeout(Some(ESCAPE_MS))
        // The drawing happens in the highlighter, which runs only with colours on; NO_COLOR is the view's matter.
        .color_mode(ColorMode::Forced)
        .grapheme_cluster_mode(mode)
        .tab_stop(layout::TAB)
        .build();
    let mut editor = Editor::with_history(settings.clone(), MemHistory::with_config(&settings))?;
    let printer = editor.create_external_printer()?;
    editor.set_helper(Some(Drawer {
        screen: link.screen.clone(),
        shared: link.shared.clone(),
        assist: config.assist.clone(),
        seen: seen.clone(),
        places: places.clone(),
        mode,
    }));
    let suspend = Suspend { screen: link.screen.clone(), seen: seen.clone(), mode };
    keys::bind(&mut editor, seen, suspend);
    Ok((editor, Box::new(printer)))
}

/// Starts the thread that wakes the editor: a wake waits while the editor searches, and nobody else may.
///
/// While the line being typed fills the window, nothing could be seen above it, and each drawing would leave a copy of
/// what scrolls out: lines wait until it is entered, or fits.
fn wake_by(printer: Arc<Mutex<Printer>>, link: &Link, seen: Arc<Mutex<Seen>>) -> Option<()> {
    let (wake, wakes) = std_mpsc::sync_channel(1);
    let shared = link.shared.clone();
    let wakes = move || {
        for () in wakes {
            let room = lock(&seen).room();
            // Without a prompt there is nothing to refresh, and the next one draws everything.
            if shared.is_reading() && room.is_some() {
                // It fails if that editor has just ended; then the next one draws everything, too.
                let _ = lock(&printer).print(WAKE.to_owned());
            }
        }
    };
    thread::Builder::new().name("waker".to_owned()).spawn(wakes).ok()?;
    // A full channel already holds a wake.
    link.screen.on_change(move || {
        let _ = wake.try_send(());
    });
    Some(())
}

pub(super) fn write(text: &str) {
    if !text.is_empty() {
        let mut out = std::io::stdout().lock();
        // A terminal that takes no text gives no line either: the next prompt says so.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

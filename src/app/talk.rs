//! Talking in a room, once there is a session: input in, events out, and the order of leaving.

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Screen,
    assist::Helper,
    doorstep::{self, Ask},
    doubts::Doubts,
    event::{self, Listener, OnMoved, Stage},
    leaving::Leaving,
    line::{Asking, Done, Question, Reader},
    piping::piped,
};
use crate::{
    command::{Context, Flow},
    registry::Registry,
    repl::{self, LinesHandle, Next, ReplConfig, ReplHandle, Reply, Typed},
    session::{Ending, Handle, SessionEvent, WhenFull},
    settings,
    size::counted,
    stream::Streams,
    transfer::{desk::Desk, settings::Settings},
    trust::{Fingerprint, People},
    view::Line,
};

/// How long leaving may take.
struct Patience {
    /// For the room to acknowledge what was said.
    words: Duration,
    /// For the session to end after that, and then for the output to be written.
    end: Duration,
}

/// When a person leaves.
const PATIENT: Patience = Patience { words: Duration::from_millis(1_500), end: Duration::from_millis(2_500) };

/// How long an errand may go on when the room has ended: it may need no more of it.
const GRACE: Duration = Duration::from_secs(1);

/// At a signal: whatever is stuck, the program is gone within two seconds.
const HURRIED: Patience = Patience { words: Duration::from_millis(700), end: Duration::from_millis(600) };

/// How long a disk has to take the last lines of what is written down.
const WRITING: Duration = Duration::from_millis(500);

/// What a pipe's end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// Leave, once everything said is acknowledged, or after this time.
    Leave(Duration),
    /// Stay until told to go.
    Stay,
}

/// How what is typed or piped is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// Whether every line is a message.
    pub(super) text: bool,
    /// Whether each line of a pipe is a request of a program.
    pub(super) json: bool,
    pub(super) at_end: AtEnd,
}

/// Something to be done in the room, after which the program leaves.
#[async_trait]
pub(super) trait Errand: Send {
    /// Does it, once we are in. Returns whether something failed, which has been told.
    async fn run(self: Box<Self>, reader: &Reader) -> bool;
}

/// Hears that the program is stopped.
pub(super) type OnStopped = Box<dyn FnOnce() + Send>;

/// What it takes to talk.
pub(super) struct Talk {
    pub(super) screen: Screen,
    pub(super) session: Handle,
    pub(super) events: mpsc::Receiver<SessionEvent>,
    pub(super) on_moved: Option<OnMoved>,
    /// Hears that the program is stopped by somebody who has not said that it is to leave for good.
    pub(super) on_stopped: Option<OnStopped>,
    pub(super) streams: Streams,
    pub(super) people: People,
    pub(super) settings: Arc<settings::Settings>,
    /// Without, nothing is read.
    pub(super) lines: Option<Lines>,
    pub(super) errand: Option<Box<dyn Errand>>,
    /// Whether it is well if the room ends it.
    pub(super) may_end: bool,
    pub(super) files: Settings,
    pub(super) history: std::path::PathBuf,
    /// What a person is asked at the door.
    pub(super) doorstep: Option<mpsc::Receiver<Ask>>,
}

/// Why a signal ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// Somebody at the keyboard wants to go.
    Meant,
    /// The program is stopped, or its terminal is gone: it may be started again at once.
    Sent,
}

/// The signals that end the program.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            // Its default action would leave the terminal as the editor has it.
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for any of them.
    pub(super) async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
            _ = self.quit.recv() => {}
        }
    }

    /// Waits for a signal to go. Ctrl-C between two prompts of an editor is a key that came too early.
    async fn go(&mut self, editor: &OnceLock<ReplHandle>) -> Going {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => match editor.get() {
                    Some(editor) if editor.interrupt().await => {}
                    _ => return Going::Meant,
                },
                // Ctrl-\ while no editor reads keys.
                _ = self.quit.recv() => return Going::Meant,
                _ = self.terminate.recv() => return Going::Sent,
                _ = self.hangup.recv() => return Going::Sent,
            }
        }
    }
}

/// Talks until it is over, and leaves in good order.
pub(super) async fn run(talk: Talk) -> Result<ExitCode> {
    let person = talk.screen.has_person();
    let Talk { screen: Screen { view, terminal, .. }, session, events, on_moved, on_stopped, .. } = talk;
    let Talk { streams, people, settings, lines: input, errand, may_end, files, history, doorstep, .. } = talk;
    // Until the room has its word, the prompt shows the name wished for.
    view.name(&session.me().name);
    let registry = Registry::new(crate::commands::ALL);
    let cancel = CancellationToken::new();
    let when_full = if person { WhenFull::Fail } else { WhenFull::Wait };
    let cx = Context::new(session.clone(), view.clone(), crate::commands::ALL, when_full, cancel.clone());
    let cx = cx.with_streams(streams).with_people(people).with_settings(settings);
    Desk::of(&cx).set(files);
    let text = input.is_none_or(|input| input.text);
    let reader = Reader { registry, session: session.clone(), cx: cx.clone(), text };
    let mut signals = Signals::listen()?;
    let listener = Listener::new(registry, cx.clone(), view.clone(), on_moved);
    let refused = listener.refused.clone();
    let mut stage = listener.stage.subscribe();
    let mut inside = listener.stage.subscribe();
    let (ending, mut ended) = watch::channel(None);
    let listening = tokio::spawn(listen(listener, events, ending));

    let editor = OnceLock::new();
    let plain = OnceLock::<LinesHandle>::new();
    // To the end: what was pasted may still be on its way to somebody.
    let mut doubts = Doubts::default();
    let mut failed = false;
    let read = async {
        if person {
            // Nobody is asked anything in one's own room.
            let mut asks = doorstep.unwrap_or_else(|| mpsc::channel(1).1);
            // There is nothing to type for before the room has answered.
            let first = tokio::select! {
                answered = stage.wait_for(|stage| *stage > Stage::Outside) => match answered {
                    Ok(_) => None,
                    Err(_) => return Ok(false),
                },
                Some(first) = asks.recv() => Some(first),
            };
            let asking = Asking::default();
            let question = first.as_ref().map(|_| doorstep::QUESTION.to_owned());
            if first.is_some() {
                asking.set(Question::Code);
            }
            let mut lines = if let Some(terminal) = terminal.clone() {
                let assist = Arc::new(Helper {
                    registry,
                    asking: asking.clone(),
                    session: session.clone(),
                    cx: cx.clone(),
                    text,
                    runtime: tokio::runtime::Handle::current(),
                });
                let config = ReplConfig { history: Some(history), assist, question };
                let (handle, lines) = repl::start(config, terminal)?;
                let _ = editor.set(handle);
                lines
            } else {
                let (handle, lines) = repl::lines(view.clone(), question)?;
                let _ = plain.set(handle);
                lines
            };
            if let Some(first) = first
                && !doorstep::ask(first, &mut asks, &mut lines, &mut stage, (&reader.cx, &asking)).await
            {
                return Ok(false);
            }
            typed(&reader, &asking, &mut doubts, lines).await;
            return anyhow::Ok(false);
        }
        match input {
            Some(input) => piped(&reader, stage, input).await,
            None => std::future::pending().await,
        }
    };
    let has_errand = errand.is_some();
    let errand = async {
        match errand {
            // An error means that the session is over, which is noticed elsewhere.
            Some(errand) if inside.wait_for(|stage| *stage == Stage::Inside).await.is_ok() => errand.run(&reader).await,
            _ => std::future::pending().await,
        }
    };
    tokio::pin!(errand);
    let mut unfinished = false;
    let patience = tokio::select! {
        _ = ended.wait_for(Option::is_some) => {
            let done = if has_errand { timeout(GRACE, &mut errand).await.ok() } else { None };
            unfinished = done.is_none() && !may_end;
            failed = done.unwrap_or(unfinished);
            PATIENT
        }
        read = read => {
            failed = read?;
            PATIENT
        }
        errand = &mut errand => {
            failed = errand;
            PATIENT
        }
        going = signals.go(&editor) => {
            failed = has_errand;
            if let (Going::Sent, Some(on_stopped)) = (going, on_stopped) {
                on_stopped();
            }
            if plain.get().is_some() {
                // The terminal has echoed ^C, and what follows begins a line.
                view.show(Line::Output(String::new()));
            }
            HURRIED
        }
        () = view.closed() => PATIENT,
    };
    let ending = leave(&session, &mut ended, &patience, &cancel).await;
    // What the room acknowledged after that has come too late to be known here.
    let (undelivered, lines) = (session.unacknowledged(), session.unacknowledged_lines());
    cancel.cancel();
    let _ = timeout(patience.end, cx.finish()).await;
    listening.abort();
    // What panicked there was told when it did.
    failed |= listening.await.is_err_and(|error| error.is_panic());
    view.settle();
    if let Some((text, failure)) = event::ending(&ending, &Fingerprint::of(&session.me().key)) {
        failed |= failure;
        if failure || unfinished { cx.error(text) } else { cx.event(event::closed(&ending, text)) }
    }
    // A person has read of it, and may have said it again.
    failed |= terminal.is_none() && refused.load(Relaxed);
    if undelivered > 0 {
        failed = true;
        let text = format!("{} not delivered", counted(undelivered as u64, "line"));
        // Whoever typed them has them nowhere else.
        let typed = (terminal.is_some() || plain.get().is_some()) && !lines.is_empty();
        cx.error(if typed { format!("{text}:\n{}", lines.join("\n")) } else { text });
    }
    // What is written down of the talk ends with its last line.
    let tape = cx.tape().clone();
    let _ = tokio::task::spawn_blocking(move || tape.close(WRITING)).await;
    match (editor.into_inner(), terminal) {
        (Some(editor), _) => editor.stop().await,
        (None, Some(terminal)) => repl::draw(&terminal),
        (None, None) => {}
    }
    if let Some(plain) = plain.into_inner() {
        plain.stop().await;
    }
    let _ = timeout(patience.end, view.drained()).await;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Handles events until the session ends.
async fn listen(
    mut listener: Listener,
    mut events: mpsc::Receiver<SessionEvent>,
    ending: watch::Sender<Option<Ending>>,
) {
    let view = listener.view.clone();
    loop {
        // Before the event is taken: while the output is stuck, the room shall keep what comes.
        view.ready().await;
        let event = events.recv().await;
        let over = match event {
            Some(event) => listener.event(event).await,
            None => Some(Ending::Left),
        };
        if over.is_some() {
            ending.send_replace(over);
            return;
        }
    }
}

/// Leaves the room, unless the session has ended by itself, and returns how it ended.
async fn leave(
    session: &Handle,
    ended: &mut watch::Receiver<Option<Ending>>,
    patience: &Patience,
    cancel: &CancellationToken,
) -> Ending {
    let over = async |ended: &mut watch::Receiver<Option<Ending>>| match ended.wait_for(Option::is_some).await {
        Ok(ending) => ending.clone().unwrap_or(Ending::Left),
        Err(_) => Ending::Left,
    };
    tokio::select! {
        ending = over(ended) => return ending,
        _ = timeout(patience.words, session.drained()) => {}
    }
    // Before the room hears of it: what it then cuts off is no news.
    cancel.cancel();
    session.leave();
    timeout(patience.end, over(ended)).await.unwrap_or(Ending::Left)
}

/// Reads what a person types, until they want to go.
async fn typed(reader: &Reader, asking: &Asking, doubts: &mut Doubts, mut lines: mpsc::Receiver<Typed>) {
    let mut asker = None;
    let mut leaving = Leaving::default();
    while let Some(typed) = lines.recv().await {
        let (text, reply) = match typed {
            Typed::Line { text, reply } => (text, reply),
            Typed::Quit { reply } => {
                let stop = leaving.is_meant(&reader.cx).await;
                let next = if stop { Next::Stop } else { Next::Prompt };
                let _ = reply.send(Reply { next, ..Reply::default() });
                if stop {
                    return;
                }
                asker = None;
                asking.set(Question::None);
                continue;
            }
        };
        if doubts.is_asking() {
            doubts.answered(&text, reader).await;
            asking.set(Question::None);
            let _ = reply.send(Reply { echo: true, ..Reply::default() });
            continue;
        }
        if asker.is_none()
            && let Some(doubt) = doubts.about(&text, reader).await
        {
            asking.set(if doubts.is_asking() { Question::Choice } else { Question::None });
            let _ = reply.send(doubt);
            continue;
        }
        let done = match asker.take() {
            Some(asker) => reader.answer(asker, &text).await,
            None => reader.line(&text).await,
        };
        let Done { mut flow, remember, echo, .. } = done;
        if flow == Flow::Quit && !leaving.is_meant(&reader.cx).await {
            flow = Flow::Continue;
        }
        asker = done.asker;
        asking.set(asker.map_or(Question::None, Question::Command));
        let next = match flow {
            Flow::Continue => Next::Prompt,
            Flow::Quit => Next::Stop,
            Flow::Ask(question) => Next::Ask(question.to_owned()),
        };
        let _ = reply.send(Reply { next, remember, echo });
        if flow == Flow::Quit {
            return;
        }
    }
}

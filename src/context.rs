//! What a command's handler may do.

mod figures;
mod people;

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    command::Entry,
    session::{self, AskError, Draft, Member, WhenFull},
    settings::Settings,
    stream::{Scope, Stream, StreamError, Streams},
    tape::Tape,
    trust::{Fingerprint, Mark, People},
    view::{Bar, Event, Line, Look, Manner, Privacy, Said, View},
    wire::{Answer, FEATURE_OPEN, FEATURE_STREAMS, KnockRow, MAX_PURPOSE_LEN, Request, To, Token, Whom},
};

/// The session's store of typed state, one value a type.
type State = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What every context of a session shares.
struct Shared {
    session: session::Handle,
    view: Arc<dyn View>,
    entries: &'static [Entry],
    when_full: WhenFull,
    state: Mutex<State>,
    streams: OnceLock<Streams>,
    people: OnceLock<People>,
    settings: OnceLock<Arc<Settings>>,
    tape: Tape,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Shared {
    fn scope(&self) -> Scope<'_> {
        Scope { tasks: &self.tasks, cancel: &self.cancel }
    }
}

/// On whose behalf a handler runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A line of the person, or a task of its own: it may wait for the room.
    Person,
    /// The person's answer to a question of the command: it may wait, too.
    Answer,
    /// An event of the session: waiting for the room here would wait for itself.
    Event,
}

/// A handler's hands: the room, the view, and the session's state. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    command: &'static str,
    role: Role,
    /// The typed line that is being handled.
    line: Option<Arc<str>>,
    shared: Arc<Shared>,
}

impl Context {
    /// A context for a session. [`for_line`](Self::for_line) and [`for_event`](Self::for_event) make those
    /// that handlers get.
    pub fn new(
        session: session::Handle,
        view: Arc<dyn View>,
        entries: &'static [Entry],
        when_full: WhenFull,
        cancel: CancellationToken,
    ) -> Self {
        let (state, streams, people, tasks) = (Mutex::default(), OnceLock::new(), OnceLock::new(), TaskTracker::new());
        let (settings, tape) = (OnceLock::new(), Tape::default());
        let shared =
            Shared { session, view, entries, when_full, state, streams, people, settings, tape, tasks, cancel };
        Self { command: "", role: Role::Person, line: None, shared: Arc::new(shared) }
    }

    /// With streams. Without, none can be opened and none is accepted.
    pub fn with_streams(self, streams: Streams) -> Self {
        let set = self.shared.streams.set(streams);
        debug_assert!(set.is_ok(), "a session has streams once");
        self
    }

    /// With what the person has set. Without, nothing can be.
    pub fn with_settings(self, settings: Arc<Settings>) -> Self {
        let set = self.shared.settings.set(settings);
        debug_assert!(set.is_ok(), "a session has its settings once");
        self
    }

    /// What the person has set, here and for good.
    pub fn settings(&self) -> Arc<Settings> {
        self.shared.settings.get_or_init(Arc::default).clone()
    }

    /// How lines look from now on.
    pub fn look(&self, look: &Look) {
        self.shared.view.look(look);
    }

    /// The context in which `entry` handles a line of the person.
    pub fn for_line(&self, entry: &Entry) -> Self {
        Self { command: entry.name, role: Role::Person, line: None, shared: self.shared.clone() }
    }

    /// The same, and `line` is what was typed: should the room not take what is sent on its account, it is told.
    pub(crate) fn typed(self, line: &str) -> Self {
        Self { line: Some(line.into()), ..self }
    }

    /// The context in which `entry` handles an event.
    pub fn for_event(&self, entry: &Entry) -> Self {
        Self { command: entry.name, role: Role::Event, line: None, shared: self.shared.clone() }
    }

    /// The same, for work beside the handlers, which may wait for the room.
    pub(crate) fn for_task(&self) -> Self {
        Self { role: Role::Person, line: None, ..self.clone() }
    }

    /// Sends a message of this command to everyone. Returns its number, which the echo carries.
    ///
    /// # Errors
    ///
    /// If the payload is too long, too much is waiting to be sent, or the session is over.
    pub async fn send(&self, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        self.send_envelope(To::Everyone, payload.into(), None).await
    }

    /// As [`send`](Self::send), for what is worth telling to those who come later, too: the room remembers the last of
    /// such messages. They reach newcomers as [`past`](crate::command::Message::past), in commands that say
    /// [`PAST`](crate::command::Command::PAST).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn say(&self, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        let draft = Draft::Remember { command: self.command.to_owned(), payload: payload.into() };
        self.send_draft(draft).await
    }

    /// Sends a message of this command to one member only. The room can read it, the other members cannot.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_to(&self, member: &Member, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        let to = To::Member { key: member.key, instance: member.instance };
        self.send_envelope(to, payload.into(), None).await
    }

    /// Sends a message to everyone that the room keeps for those who come later, until it is withdrawn or
    /// this member leaves. `tag` is the sender's own mark for it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn keep(&self, tag: u32, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        self.send_envelope(To::Everyone, payload.into(), Some(tag)).await
    }

    /// As [`keep`](Self::keep), for one member only. The room forgets it when either of the two leaves.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn keep_for(&self, member: &Member, tag: u32, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        let to = To::Member { key: member.key, instance: member.instance };
        self.send_envelope(to, payload.into(), Some(tag)).await
    }

    /// Takes back what was kept under `tag`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn withdraw(&self, tag: u32) -> anyhow::Result<u64> {
        self.send_draft(Draft::Withdraw { tag }).await
    }

    async fn send_envelope(&self, to: To, payload: Bytes, tag: Option<u32>) -> anyhow::Result<u64> {
        self.send_draft(Draft::Say { to, command: self.command.to_owned(), payload, tag }).await
    }

    async fn send_draft(&self, draft: Draft) -> anyhow::Result<u64> {
        Ok(self.shared.session.send_line(draft, self.line.clone(), self.when_full()).await?)
    }

    fn when_full(&self) -> WhenFull {
        match self.role {
            Role::Person | Role::Answer => self.shared.when_full,
            Role::Event => WhenFull::Fail,
        }
    }

    /// Asks the room. A denial is an error.
    ///
    /// # Errors
    ///
    /// If the room denies it, the link is broken, or a handler of an event asks: it would wait for itself, so
    /// it has to [`spawn`](Self::spawn) what asks.
    pub async fn ask(&self, request: Request) -> anyhow::Result<Answer> {
        if self.role == Role::Event {
            bail!("the room cannot be asked while a message is being received");
        }
        match self.shared.session.ask(request).await? {
            Answer::Denied(reason) => bail!(reason),
            answer => Ok(answer),
        }
    }

    /// The present member of that name, asked of the room if not known here.
    ///
    /// # Errors
    ///
    /// If nobody has that name or the room cannot be asked.
    pub async fn find(&self, name: &str) -> anyhow::Result<Member> {
        self.present(name).await?.with_context(|| format!("nobody here is called {name}"))
    }

    /// Whose key a name means, for what is done to keys: that of the present member, whatever it is called by the time
    /// the room hears of it, or else of whomever the room knows by that name.
    ///
    /// # Errors
    ///
    /// If the room cannot be asked.
    pub async fn whom(&self, name: &str) -> anyhow::Result<Whom> {
        let present = self.present(name).await?;
        Ok(present.map_or_else(|| Whom::Named(name.to_owned()), |member| Whom::Member(member.number)))
    }

    async fn present(&self, name: &str) -> anyhow::Result<Option<Member>> {
        if let Some(member) = self.shared.session.known(name) {
            return Ok(Some(member));
        }
        match self.ask(Request::Find { name: name.to_owned() }).await? {
            Answer::Found(found) => Ok(found),
            _ => bail!("the room gave an answer to another question"),
        }
    }

    /// Whether the room has answered to everything that was sent.
    pub fn all_acknowledged(&self) -> bool {
        self.shared.session.unacknowledged() == 0
    }

    /// Who one is in the room.
    pub fn me(&self) -> Member {
        self.shared.session.me()
    }

    /// The members that are known here: all of them in a small room, those who said something in a large one.
    pub fn members(&self) -> Vec<Member> {
        self.shared.session.members()
    }

    /// All members, unless they are too many to be known.
    pub(crate) fn all_members(&self) -> Option<Vec<Member>> {
        self.shared.session.knows_all().then(|| self.members())
    }

    /// Those at the door of whom the room has told us.
    pub fn knocks(&self) -> Vec<KnockRow> {
        self.shared.session.knocks()
    }

    /// All commands, by name.
    pub fn entries(&self) -> &'static [Entry] {
        self.shared.entries
    }

    /// Shows a message as its sender's line; one's own only where own lines are shown.
    pub fn show_message(&self, message: &super::command::Message, text: impl Into<String>) {
        self.show_said(message, Manner::Says, text.into());
    }

    /// Shows a message as what its sender does: `~ bob waves`.
    pub fn show_action(&self, message: &super::command::Message, text: impl Into<String>) {
        self.show_said(message, Manner::Does, text.into());
    }

    fn show_said(&self, message: &super::command::Message, manner: Manner, text: String) {
        let named = match (&message.private, message.own) {
            (Some(recipient), true) => recipient,
            _ => &message.from,
        };
        self.show(Line::Said(Said {
            name: named.name.clone(),
            key: Fingerprint::of(&named.key),
            verified: self.people().is(&named.key, Mark::Verified),
            privacy: if message.private.is_some() { Privacy::Private } else { Privacy::Room },
            own: message.own,
            manner,
            at: message.at,
            past: message.past,
            text,
        }));
    }

    /// Names this person so in the prompt.
    pub fn show_name(&self, name: &str) {
        self.shared.view.name(name);
    }

    /// Shows one's own line as not yet echoed; `n` is what [`send`](Self::send) returned.
    pub fn show_pending(&self, n: u64, text: &str) {
        self.shared.view.pending(n, text);
    }

    /// The columns of the window in which this is read, where there is one.
    pub fn columns(&self) -> Option<usize> {
        self.shared.view.columns()
    }

    /// Whether a person sits at a terminal and sees the rows of [`status`](Self::status).
    pub fn has_status(&self) -> bool {
        self.shared.view.has_status()
    }

    /// Shows `row` above the prompt, in the place of the one last given for `key`, until it is `None`.
    pub fn status(&self, key: u64, row: Option<&str>) {
        self.shared.view.status(key, row);
    }

    /// Shows how far something is, in the place of what was last given for `key`, until it is `None`.
    pub fn progress(&self, key: u64, bar: Option<&Bar>) {
        self.shared.view.progress(key, bar);
    }

    /// Whether somebody looks at [`progress`](Self::progress).
    pub fn wants_progress(&self) -> bool {
        self.shared.view.wants_progress()
    }

    /// The title of the window from now on, where there is one.
    pub(crate) fn title(&self, text: &str) {
        self.shared.view.title(text);
    }

    /// Clears what the person sees, but for what they type.
    pub fn clear(&self) {
        self.shared.view.clear();
    }

    /// Shows something that happened, which scripts read as named values. One without a sentence is for programs alone.
    pub fn event(&self, event: Event) {
        if !event.text.is_empty() || self.shared.view.is_for_programs() {
            self.show(Line::Event(event));
        }
    }

    /// Shows a notice.
    pub fn notice(&self, text: impl Into<String>) {
        self.show(Line::Notice(text.into()));
    }

    /// Shows the answer to a command.
    pub fn print(&self, text: impl Into<String>) {
        self.show(Line::Output(text.into()));
    }

    /// Shows an error.
    pub fn error(&self, text: impl Into<String>) {
        self.show(Line::Error(text.into()));
    }

    /// Shows a line.
    pub fn show(&self, line: Line) {
        self.shared.tape.note(&line);
        self.shared.view.show(line);
    }

    /// What was shown lately.
    pub fn tape(&self) -> &Tape {
        &self.shared.tape
    }

    /// The session's one value of type `T`, made on first use. Use a type of your own.
    pub fn state<T: Default + Send + 'static>(&self) -> Arc<Mutex<T>> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = state.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(Mutex::new(T::default())));
        slot.clone().downcast().expect("a slot holds the type it is filed under")
    }

    /// Runs `work` beside the prompt until it is done or the session is over.
    pub fn spawn<F>(&self, work: impl FnOnce(Context) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let cx = self.for_task();
        let cancel = self.shared.cancel.clone();
        let done = work(cx.clone());
        self.shared.tasks.spawn(async move {
            if let Some(Err(error)) = cancel.run_until_cancelled(done).await {
                cx.error(format!("{error:#}"));
            }
        });
    }

    /// Whether the room lets everybody in, so that its members are strangers.
    pub fn room_is_open(&self) -> bool {
        self.shared.session.room_features() & FEATURE_OPEN != 0
    }

    /// Opens a stream to a member, for this command's [`stream`](crate::command::Command::stream) there. `purpose`
    /// says what for, in [`MAX_PURPOSE_LEN`] bytes at the most. A stream is there before the other end has looked at its
    /// purpose.
    ///
    /// # Errors
    ///
    /// See [`StreamError`].
    pub async fn open_stream(&self, member: &Member, purpose: impl Into<Bytes>) -> Result<Stream, StreamError> {
        let purpose = purpose.into();
        let never = |reason: String| Err(StreamError::Final(reason));
        if self.role == Role::Event {
            return never("a stream cannot be opened while a message is being received".to_owned());
        }
        if purpose.len() > MAX_PURPOSE_LEN {
            return never(format!("a purpose of {} bytes is too long, {MAX_PURPOSE_LEN} fit", purpose.len()));
        }
        let Some(streams) = self.shared.streams.get() else { return never("there are no streams here".to_owned()) };
        if self.shared.session.room_features() & FEATURE_STREAMS == 0 {
            return never("this room carries no streams".to_owned());
        }
        let request = Request::Stream { key: member.key, instance: member.instance };
        let token = match self.shared.session.ask(request).await {
            Ok(Answer::Stream { token }) => token,
            Ok(Answer::NoStream { temporary: false, reason }) => return never(reason),
            Ok(Answer::NoStream { reason, .. } | Answer::Denied(reason)) => return Err(StreamError::Temporary(reason)),
            Ok(_) => return never("the room gave an answer to another question".to_owned()),
            Err(error @ AskError::Cut) => return Err(StreamError::Temporary(error.to_string())),
            Err(error @ AskError::Over) => return never(error.to_string()),
        };
        streams.open(member.clone(), token, (self.command, purpose), self.shared.scope()).await
    }

    /// Takes a stream of which the room has told, beside everything else, and gives it to its command.
    pub(crate) fn accept_stream(&self, from: Member, token: Token) {
        let Some(ticket) = self.shared.streams.get().and_then(|streams| streams.ticket(&from)) else {
            return tracing::debug!(member = from.number, "a stream too many");
        };
        let cx = self.clone();
        let accepted = async move {
            // Held until the command has done what it does at once, so that what it may start is limited, too.
            let _ticket = ticket;
            let Some(streams) = cx.shared.streams.get() else { return };
            let (opened, command) = match streams.accept(from, token, cx.shared.scope()).await {
                Ok(accepted) => accepted,
                Err(error) => return tracing::debug!(%error, "a stream that was not accepted"),
            };
            let Some(entry) = cx.shared.entries.iter().find(|entry| entry.name == command) else {
                return tracing::debug!(command, "a stream for an unknown command");
            };
            if !entry.hears_ignored && cx.ignores(&opened.stream.peer().key) {
                return tracing::debug!(command, "a stream of somebody ignored");
            }
            if let Err(error) = entry.stream(opened, &mut cx.for_line(entry)).await {
                cx.error(format!("{command}: {error:#}"));
            }
        };
        let cancel = self.shared.cancel.clone();
        self.shared.tasks.spawn(async move { cancel.run_until_cancelled(accepted).await });
    }

    /// Runs blocking work on a thread of its own. An error of it is shown. When the session ends, its streams close
    /// and [`finish`](Self::finish) waits for it.
    pub fn thread<F>(&self, work: F)
    where
        F: FnOnce(Self) -> anyhow::Result<()> + Send + 'static,
    {
        let cx = self.for_task();
        let counted = self.shared.tasks.token();
        let runtime = tokio::runtime::Handle::try_current();
        let run = move || {
            let _counted = counted;
            // So that the work can spawn and wait for what is not blocking.
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            let done = work(cx.clone());
            // What breaks off because the session is over says nothing.
            if let Err(error) = done
                && !cx.shared.cancel.is_cancelled()
            {
                cx.error(format!("{error:#}"));
            }
        };
        if let Err(error) = thread::Builder::new().name(format!("pchat-{}", self.command)).spawn(run) {
            self.error(format!("no thread could be started: {error}"));
        }
    }

    /// Waits until everything that was given to [`spawn`](Self::spawn) and [`thread`](Self::thread) has ended.
    pub async fn finish(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests;

//! What a command's handler may do.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    command::Entry,
    session::{self, Draft, Member, WhenFull},
    stream::{Stream, StreamError},
    view::{Line, Privacy, View},
    wire::{Answer, KnockRow, Request, To},
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
    tasks: TaskTracker,
    cancel: CancellationToken,
}

/// On whose behalf a handler runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A line of the person, or a task of its own: it may wait for the room.
    Person,
    /// An event of the session: waiting for the room here would wait for itself.
    Event,
}

/// A handler's hands: the room, the view, and the session's state. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    command: &'static str,
    role: Role,
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
        let shared =
            Shared { session, view, entries, when_full, state: Mutex::default(), tasks: TaskTracker::new(), cancel };
        Self { command: "", role: Role::Person, shared: Arc::new(shared) }
    }

    /// The context in which `entry` handles a line of the person.
    pub fn for_line(&self, entry: &Entry) -> Self {
        Self { command: entry.name, role: Role::Person, shared: self.shared.clone() }
    }

    /// The context in which `entry` handles an event.
    pub fn for_event(&self, entry: &Entry) -> Self {
        Self { command: entry.name, role: Role::Event, shared: self.shared.clone() }
    }

    /// Sends a message of this command to everyone. Returns its number, which the echo carries.
    ///
    /// # Errors
    ///
    /// If the payload is too long, too much is waiting to be sent, or the session is over.
    pub async fn send(&self, payload: impl Into<Bytes>) -> anyhow::Result<u64> {
        self.send_envelope(To::Everyone, payload.into(), None).await
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
        Ok(self.shared.session.send(Draft::Withdraw { tag }, self.when_full()).await?)
    }

    async fn send_envelope(&self, to: To, payload: Bytes, tag: Option<u32>) -> anyhow::Result<u64> {
        let draft = Draft::Say { to, command: self.command.to_owned(), payload, tag };
        Ok(self.shared.session.send(draft, self.when_full()).await?)
    }

    fn when_full(&self) -> WhenFull {
        match self.role {
            Role::Person => self.shared.when_full,
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
        if let Some(member) = self.shared.session.known(name) {
            return Ok(member);
        }
        match self.ask(Request::Find { name: name.to_owned() }).await? {
            Answer::Found(found) => found.with_context(|| format!("nobody here is called {name}")),
            _ => bail!("the room gave an answer to another question"),
        }
    }

    /// Who one is in the room.
    pub fn me(&self) -> Member {
        self.shared.session.me()
    }

    /// The members that are known here: all of them in a small room, those who said something in a large one.
    pub fn members(&self) -> Vec<Member> {
        self.shared.session.members()
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
        let named = match (&message.private, message.own) {
            (Some(recipient), true) => recipient,
            _ => &message.from,
        };
        let privacy = if message.private.is_some() { Privacy::Private } else { Privacy::Room };
        self.show(Line::Said { name: named.name.clone(), privacy, own: message.own, text: text.into() });
    }

    /// Shows one's own line as not yet echoed; `n` is what [`send`](Self::send) returned.
    pub fn show_pending(&self, n: u64, text: &str) {
        self.shared.view.pending(n, text);
    }

    /// Whether a person sits at a terminal and sees the rows of [`status`](Self::status).
    pub fn has_status(&self) -> bool {
        self.shared.view.has_status()
    }

    /// Shows `row` above the prompt, in the place of the one last given for `key`, until it is `None`.
    pub fn status(&self, key: u64, row: Option<&str>) {
        self.shared.view.status(key, row);
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
        self.shared.view.show(line);
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
        let cx = Self { role: Role::Person, ..self.clone() };
        let cancel = self.shared.cancel.clone();
        let done = work(cx.clone());
        self.shared.tasks.spawn(async move {
            if let Some(Err(error)) = cancel.run_until_cancelled(done).await {
                cx.error(format!("{error:#}"));
            }
        });
    }

    /// Opens a stream to a member, for this command's [`stream`](crate::command::Command::stream) there. `purpose`
    /// says what for, in [`MAX_PURPOSE_LEN`](crate::wire::MAX_PURPOSE_LEN) bytes at the most.
    ///
    /// # Errors
    ///
    /// See [`StreamError`].
    pub async fn open_stream(&self, member: &Member, purpose: impl Into<Bytes>) -> Result<Stream, StreamError> {
        let _ = (member, purpose.into());
        Err(StreamError::Final("not built".to_owned()))
    }

    /// Runs blocking work on a thread of its own. An error of it is shown. When the session ends, its streams close
    /// and [`finish`](Self::finish) waits for it.
    pub fn thread<F>(&self, work: F)
    where
        F: FnOnce(Self) -> anyhow::Result<()> + Send + 'static,
    {
        let _ = work;
    }

    /// Waits until everything that was given to [`spawn`](Self::spawn) and [`thread`](Self::thread) has ended.
    pub async fn finish(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

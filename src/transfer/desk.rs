//! The session's offers and transfers: what is up, what is being sent and received, and what a person wants of each.
//!
//! It decides and tells; threads of `serve` and `fetch` move the bytes. All commands of one session share one desk.
//! Its lock is held for single steps, never while something is waited for.

mod giver;
mod incoming;
mod outcome;
mod outgoing;
mod overview;
mod receiving;
mod serving;
mod spinner;
mod status;
mod told;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::{downloads::Downloads, manifest::Manifest, message::Message, pace::Pace, settings::Settings};
use crate::limits::file::{AT_ONCE, PARTIAL_LIFE};
use crate::{
    command::{self, Context, Withdrawal},
    session::Member,
    size::{Rate, Size},
    wire::PublicKey,
};
use giver::tell;
use incoming::Theirs;
pub use outcome::{Account, Up};
use outgoing::Mine;
pub use overview::Count;

/// How long a transfer waits for its owner to come back after the room has restarted.
const REUNION: Duration = Duration::from_secs(60);

/// What a person may type next. Only commands know how they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// To answer an offer, of a folder or a file.
    Answer {
        /// The offer's number.
        number: u32,
        /// Whether its files can be listed.
        folder: bool,
    },
    /// To go on with a paused transfer.
    GoOn(u32),
    /// To decline an offer.
    Decline(u32),
    /// To end a transfer under way.
    End(u32),
    /// To take an own offer back.
    TakeBack(u32),
}

/// How commands put a hint.
pub type Wording = fn(Hint) -> String;

/// The desk of a session. Cheap to clone.
#[derive(Clone, Default)]
pub struct Desk(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Notify,
    /// The limit for all transfers together.
    pace: Arc<Pace>,
    slots: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), pace: Arc::default(), slots: Semaphore::new(AT_ONCE) }
    }
}

#[derive(Default)]
struct State {
    settings: Option<Settings>,
    /// The context of the command whose messages and streams these are.
    cx: Option<Context>,
    wording: Option<Wording>,
    downloads: Option<Arc<Downloads>>,
    /// One's own offers by their mark.
    mine: BTreeMap<u32, Mine>,
    /// Others' offers in the order in which they came.
    theirs: BTreeMap<u64, Theirs>,
    last_id: u64,
    /// What was received from others without asking, as it counts.
    accepted: u64,
    /// Whom streams are being served to, once for each.
    serving: Vec<PublicKey>,
    /// Sources that are being looked through.
    looking: usize,
    /// Whether somebody draws the rows of what is under way.
    drawn: bool,
    /// The list of files asked for last.
    listed: Option<(u64, Arc<Manifest>)>,
    /// When something last began, ended or was offered.
    active: Option<Instant>,
}

impl State {
    fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The offer of somebody else under this number.
    fn theirs(&mut self, number: u32) -> Option<(u64, &mut Theirs)> {
        let found = self.theirs.iter_mut().rev().find(|(_, theirs)| theirs.number == number && theirs.up);
        found.map(|(id, theirs)| (*id, theirs))
    }

    /// One's own offer under this number.
    fn mine(&mut self, number: u32) -> Option<(u32, &mut Mine)> {
        self.mine.iter_mut().find(|(_, mine)| mine.number == Some(number)).map(|(tag, mine)| (*tag, mine))
    }
}

/// Whether both are one member. Its number is another one once the room has restarted.
fn same(one: &Member, other: &Member) -> bool {
    (one.key, one.instance) == (other.key, other.instance)
}

fn no_offer(number: u32) -> anyhow::Error {
    anyhow::anyhow!("no offer has the number {number}")
}

impl Desk {
    /// The desk of this session.
    pub fn of(cx: &Context) -> Self {
        cx.state::<Self>().lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what the person has set.
    pub fn set(&self, settings: Settings) {
        self.with(|state| state.settings = Some(settings));
    }

    /// Sets what is received without asking from now on.
    pub fn accept_by_itself(&self, auto_accept: super::settings::AutoAccept) {
        self.with(|state| state.settings.iter_mut().for_each(|settings| settings.auto_accept = auto_accept));
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.notify_waiters();
        result
    }

    /// Something began, ended or was offered.
    fn mark(&self) {
        self.with(|state| state.active = Some(Instant::now()));
    }

    /// The context in which others are told about files; `cx` may be that of any command.
    fn context(&self, cx: &Context) -> Context {
        self.with_quietly(|state| state.cx.clone()).unwrap_or_else(|| cx.clone())
    }

    /// What is said and streamed from now on is of the command of `cx`, and what a person may type is put like this.
    pub fn speak_as(&self, cx: &Context, wording: Wording) {
        self.with_quietly(|state| {
            state.cx.get_or_insert_with(|| cx.for_task());
            state.wording = Some(wording);
        });
    }

    fn hint(&self, hint: Hint) -> String {
        self.with_quietly(|state| state.wording).map_or_else(String::new, |wording| wording(hint))
    }

    /// Takes a message about files.
    pub fn received(&self, message: &command::Message, cx: &Context) {
        let private = message.private.is_some();
        match Message::decode(&message.payload) {
            Some(Message::Offer { tag, offer }) => match message.kept {
                Some(number) if message.own => self.numbered(tag, number, cx),
                Some(number) => self.offered((number, tag), message, offer, cx),
                None => {}
            },
            Some(Message::Report { tag, report }) if private && !message.own => {
                self.reported(&message.from, tag, report, cx);
            }
            Some(Message::Resumed { tag }) if private && !message.own => self.resumed_there(&message.from, tag, cx),
            Some(_) => {}
            None => {
                let text = format!("{} sent something about a file that makes no sense", message.from.name);
                tell(&message.from, text, cx);
            }
        }
    }

    /// Something is not up any more.
    pub fn withdrawn(&self, withdrawal: &Withdrawal, cx: &Context) {
        let own = same(&withdrawal.from, &cx.me());
        if own { self.own_withdrawn(withdrawal, cx) } else { self.their_withdrawn(withdrawal, cx) }
    }

    /// The download folder, opened when it is first needed.
    ///
    /// # Errors
    ///
    /// If it cannot be used; it is tried again the next time.
    async fn downloads(&self) -> Result<Arc<Downloads>> {
        let (open, path) = self.with(|state| {
            (state.downloads.clone(), state.settings.as_ref().map(|settings| settings.downloads.clone()))
        });
        if let Some(open) = open {
            return Ok(open);
        }
        let path = path.context("no download folder is set")?;
        let opened = spawn_blocking(move || {
            let downloads = Downloads::open(&path)?;
            // What cannot be thrown away now is thrown away another time.
            if let Err(error) = downloads.sweep(PARTIAL_LIFE) {
                tracing::warn!(%error, "old partial files stay");
            }
            anyhow::Ok(Arc::new(downloads))
        });
        let opened = opened.await??;
        Ok(self.with(|state| state.downloads.get_or_insert(opened).clone()))
    }

    /// The download folder, or another one from now on.
    ///
    /// # Errors
    ///
    /// If it cannot be used; the one before stays.
    pub async fn use_downloads(&self, path: Option<std::path::PathBuf>, cx: &Context) -> Result<()> {
        if let Some(path) = path {
            let path = std::path::absolute(path)?;
            let opened = path.clone();
            let opened = spawn_blocking(move || Downloads::open(&opened)).await??;
            self.with(|state| {
                if let Some(settings) = &mut state.settings {
                    settings.downloads = path;
                }
                state.downloads = Some(Arc::new(opened));
            });
        }
        let downloads = self.downloads().await?;
        let (shown, free) = (downloads.path().display().to_string(), downloads.clone());
        let free = spawn_blocking(move || free.free()).await?;
        let free = free.map_or_else(
            |error| format!("could not read how much is free: {error}"),
            |free| format!("{} free", Size(free)),
        );
        cx.print(format!("{} ({free})", crate::view::filter::clean(&shown)));
        Ok(())
    }

    /// Changes the speed of one offer's transfers or of all together, or tells it.
    ///
    /// # Errors
    ///
    /// If there is no such offer.
    pub fn limit(&self, number: Option<u32>, rate: Option<Rate>, cx: &Context) -> Result<()> {
        let (pace, what) = match number {
            None => (self.0.pace.clone(), "all transfers together".to_owned()),
            Some(number) => {
                let found = self.with(|state| {
                    let mine = state.mine(number).map(|(_, mine)| (mine.pace.clone(), mine.offer.shown()));
                    mine.or_else(|| state.theirs(number).map(|(_, theirs)| (theirs.pace.clone(), theirs.offer.shown())))
                });
                found.ok_or_else(|| no_offer(number))?
            }
        };
        if let Some(Rate(rate)) = rate {
            pace.set(rate);
        }
        cx.print(format!("limit of {what}: {}", Rate(pace.rate())));
        Ok(())
    }

    /// Pauses an offer: one's own for everyone who fetches it, somebody else's for oneself.
    ///
    /// # Errors
    ///
    /// If there is no such offer, or nothing of it to pause.
    pub fn pause(&self, number: u32, cx: &Context) -> Result<()> {
        if self.with(|state| state.mine(number).is_some()) {
            return self.pause_sending(number, cx);
        }
        self.pause_receiving(number)
    }

    /// Goes on with what is paused or failed.
    ///
    /// # Errors
    ///
    /// If there is no such offer, or nothing of it is paused.
    pub async fn resume(&self, number: u32, cx: &Context) -> Result<()> {
        if self.with(|state| state.mine(number).is_some()) {
            return self.resume_sending(number, cx).await;
        }
        self.resume_receiving(number, cx).await
    }

    /// Ends transfers for good: of one's own offer all, or those to one member; of somebody else's one's own.
    ///
    /// # Errors
    ///
    /// If there is no such offer, or nothing of it is under way.
    pub fn cancel(&self, number: u32, receiver: Option<&Member>, cx: &Context) -> Result<()> {
        if self.with(|state| state.mine(number).is_some()) {
            return self.cancel_sending(number, receiver, cx);
        }
        if receiver.is_some() {
            bail!("only the one who offers {number} can cancel it for somebody");
        }
        self.cancel_receiving(number)
    }

    /// Waits until everything that was offered has reached those who are there, or nobody has fetched anything for
    /// `patience`, and until what is being received is received. Returns what nobody took.
    pub async fn finish(&self, patience: Duration, cx: &Context) -> Vec<String> {
        self.mark();
        loop {
            let changed = self.0.changed.notified();
            let (busy, open, active) = self.with_quietly(|state| {
                let busy = state.looking > 0
                    || state.mine.values().any(Mine::is_busy)
                    || state.theirs.values().any(|theirs| theirs.is_busy() || theirs.telling);
                let present = cx.members();
                let open = state.mine.values().any(|mine| mine.is_open_to(&present, &cx.me()));
                (busy, open, state.active.unwrap_or_else(Instant::now))
            });
            if !busy && !open {
                break;
            }
            if busy {
                changed.await;
            } else if timeout_at(active + patience, changed).await.is_err() && Instant::now() >= active + patience {
                break;
            }
        }
        self.with_quietly(|state| {
            state.mine.values().filter(|mine| !mine.was_taken()).map(|mine| mine.offer.shown()).collect()
        })
    }

    /// As [`with`](Self::with), without telling anybody.
    fn with_quietly<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;

//! One's own offers, and those who fetch them.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use tokio::{task::spawn_blocking, time::sleep};

use super::{Desk, Hint, State, no_offer};
use crate::{
    args,
    command::{Context, Opened, Stream, Withdrawal},
    session::Member,
    transfer::{
        control::{Control, Wish},
        manifest::{Entry, Manifest},
        message::{Contents, Message, Offer, Report},
        meter::Meter,
        pace::Pace,
        record::{Purpose, Stop, Then},
        serve::{self, Job, Served},
        size::grouped,
        source::{Kind, Source},
    },
    view::filter::clean,
    wire::{self, MAX_KEPT},
};

/// Streams that are served at once, each by a thread with a buffer.
const MAX_STREAMS: usize = 64;

/// Streams that one member has at once: what it receives at once, and what broke and is not yet noticed.
const MAX_STREAMS_OF_ONE: usize = 8;

/// From how many streams on each takes less memory.
const THRIFTY_FROM: usize = 8;

/// How many receivers of an offer are remembered.
const MAX_RECEIVERS: usize = 1024;

/// After how long looking through a folder is told and goes on beside the prompt.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a stream that is told to stop may take to say so to its receiver.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// One's own offer.
pub(super) struct Mine {
    pub(super) number: Option<u32>,
    pub(super) offer: Offer,
    pub(super) to: Option<Member>,
    pub(super) pace: Arc<Pace>,
    pub(super) receivers: Vec<Receiver>,
    pub(super) paused: bool,
    source: Arc<Source>,
    /// Whether it is being taken back.
    withdrawing: bool,
}

/// Somebody who fetches an offer.
pub(super) struct Receiver {
    pub(super) id: u64,
    pub(super) who: Member,
    pub(super) state: Fate,
    pub(super) meter: Arc<Meter>,
    control: Arc<Control>,
}

/// How a receiver fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Sending,
    /// All is sent; its word is awaited.
    Sent,
    /// The stream broke; it will come again.
    Broken,
    Told(Report),
    /// We stopped it.
    Stopped,
}

impl Receiver {
    fn is_busy(&self) -> bool {
        // One that has everything and never says so is not waited for without end.
        self.state == Fate::Sending
    }
}

impl Mine {
    pub(super) fn is_busy(&self) -> bool {
        self.receivers.iter().any(Receiver::is_busy)
    }

    /// Whether somebody who is there could still fetch it.
    pub(super) fn is_open_to(&self, present: &[Member], me: &Member) -> bool {
        let done = |member: &Member| {
            let receiver = self.receivers.iter().find(|receiver| receiver.who.number == member.number);
            receiver.is_some_and(|receiver| {
                matches!(receiver.state, Fate::Stopped | Fate::Told(_))
                    && !matches!(receiver.state, Fate::Told(Report::Paused(_)))
            })
        };
        let wanted = |member: &&Member| self.to.as_ref().is_none_or(|to| to.number == member.number);
        present.iter().filter(|member| member.number != me.number).filter(wanted).any(|member| !done(member))
    }

    /// Whether anybody has it, or said that they do not want it.
    pub(super) fn was_taken(&self) -> bool {
        self.receivers
            .iter()
            .any(|receiver| matches!(receiver.state, Fate::Told(Report::Saved | Report::Present | Report::Declined)))
    }

    fn of(source: Source, to: Option<Member>) -> Self {
        Self {
            number: None,
            offer: describe(&source),
            to,
            pace: Arc::default(),
            receivers: Vec::new(),
            paused: false,
            source: Arc::new(source),
            withdrawing: false,
        }
    }

    pub(super) fn manifest(&self) -> Arc<Manifest> {
        self.source.manifest().clone()
    }

    fn stop(&self, wish: Wish, only: Option<&Member>, cx: &Context) -> usize {
        let meant = |receiver: &&Receiver| only.is_none_or(|only| only.number == receiver.who.number);
        let mut stopped = 0;
        for receiver in self.receivers.iter().filter(meant).filter(|receiver| receiver.state == Fate::Sending) {
            stopped += 1;
            let control = receiver.control.clone();
            control.want(wish);
            cx.spawn(async move |_| {
                sleep(LAST_WORDS).await;
                control.interrupt();
                Ok(())
            });
        }
        stopped
    }
}

/// What others are told of a source.
fn describe(source: &Source) -> Offer {
    let manifest = source.manifest();
    let folder = (source.kind() == Kind::Folder).then(|| {
        let mut contents = Contents { files: manifest.files(), folders: manifest.folders(), names: Vec::new() };
        let mut depth = 0;
        for entry in manifest.entries() {
            match entry {
                Entry::Folder { name } => {
                    if depth == 0 {
                        contents.name(format!("{name}/"));
                    }
                    depth += 1;
                }
                Entry::File(file) if depth == 0 => contents.name(file.name.to_owned()),
                Entry::File(_) => {}
                Entry::Up => depth -= 1,
            }
        }
        contents
    });
    Offer { name: source.name().to_owned(), bytes: manifest.total(), folder }
}

impl State {
    /// A mark that none of our offers has, and most likely no kept message of another command either.
    fn tag(&self) -> u32 {
        let random = RandomState::new().build_hasher().finish() as u32;
        (0..).map(|step| random.wrapping_add(step)).find(|tag| !self.mine.contains_key(tag)).unwrap_or(random)
    }
}

impl Desk {
    /// Offers a file or folder, to everyone or to one member.
    ///
    /// # Errors
    ///
    /// If it cannot be read or the room takes no more. Looking through a large folder goes on beside the prompt; what is
    /// wrong then is shown.
    pub async fn offer(&self, typed: &str, to: Option<Member>, cx: &Context) -> Result<()> {
        let up = self.with_quietly(|state| state.mine.len());
        ensure!(up < MAX_KEPT, "{up} offers of yours are up already, and the room keeps no more; take one back first");
        let path = args::path(typed);
        self.with(|state| state.looking += 1);
        let looking = Looking(self.clone());
        let mut walk = spawn_blocking(move || Source::open(&path, &|| false));
        tokio::select! {
            source = &mut walk => self.put_up(source??, to, cx).await,
            () = sleep(PATIENCE) => {
                cx.notice(format!("looking through {}", clean(typed)));
                let desk = self.clone();
                cx.spawn(async move |cx| {
                    let _looking = looking;
                    desk.put_up(walk.await??, to, &cx).await
                });
                Ok(())
            }
        }
    }

    async fn put_up(&self, source: Source, to: Option<Member>, cx: &Context) -> Result<()> {
        let report = source.report();
        if !report.lines.is_empty() {
            let lines: Vec<_> = report.lines.iter().map(|line| clean(line)).collect();
            let more = (report.skipped + report.renamed).saturating_sub(lines.len() as u64);
            let more = if more > 0 { format!("\nand {} more", grouped(more)) } else { String::new() };
            cx.notice(format!("{} is not sent as it is:\n{}{more}", clean(source.name()), lines.join("\n")));
        }
        let mine = Mine::of(source, to.clone());
        let offer = mine.offer.clone();
        let tag = self.with(|state| {
            let tag = state.tag();
            state.mine.insert(tag, mine);
            tag
        });
        let payload = Message::Offer { tag, offer }.encode();
        let sent = match &to {
            Some(member) => cx.keep_for(member, tag, payload).await,
            None => cx.keep(tag, payload).await,
        };
        if let Err(error) = sent {
            self.with(|state| state.mine.remove(&tag));
            return Err(error);
        }
        self.mark();
        Ok(())
    }

    /// The room has given one's own offer a number.
    pub(super) fn numbered(&self, tag: u32, number: u32, cx: &Context) {
        let told = self.with(|state| {
            let mine = state.mine.get_mut(&tag)?;
            let before = mine.number.replace(number);
            let whom = mine.to.as_ref().map_or("everyone", |to| &to.name);
            Some(match before {
                None => format!("offer {number}: {} for {whom}", mine.offer.describe()),
                Some(_) => format!("{} is offer {number} now", mine.offer.shown()),
            })
        });
        match told {
            Some(told) => cx.notice(told),
            // Of another run of this program: it is gone with that.
            None => tracing::debug!(tag, "an own offer that is not known"),
        }
    }

    /// Takes an offer back.
    ///
    /// # Errors
    ///
    /// If there is no such offer of one's own, or the session is over.
    pub async fn withdraw(&self, number: u32, cx: &Context) -> Result<()> {
        let tag = self.with(|state| {
            let (tag, mine) = state.mine(number)?;
            mine.withdrawing = true;
            mine.stop(Wish::Withdraw, None, cx);
            Some(tag)
        });
        match tag {
            Some(tag) => cx.withdraw(tag).await.map(|_| ()),
            None if self.with_quietly(|state| state.theirs(number).is_some()) => {
                bail!("offer {number} is not yours; {}", self.hint(Hint::Decline(number)))
            }
            None => Err(no_offer(number)),
        }
    }

    pub(super) fn own_withdrawn(&self, withdrawal: &Withdrawal, cx: &Context) {
        let gone = self.with(|state| {
            let (tag, mine) = state.mine(withdrawal.number)?;
            if mine.withdrawing {
                return state.mine.remove(&tag);
            }
            // It will be set again, under another number.
            mine.number = (!withdrawal.restart).then_some(withdrawal.number);
            None
        });
        if let Some(mine) = gone {
            cx.notice(format!("offer {} ({}) is taken back", withdrawal.number, mine.offer.shown()));
        }
    }

    /// A receiver tells how it fares.
    pub(super) fn reported(&self, from: &Member, tag: u32, report: Report, cx: &Context) {
        let told = self.with(|state| {
            let id = state.id();
            let mine = state.mine.get_mut(&tag)?;
            if mine.to.as_ref().is_some_and(|to| to.key != from.key) {
                return None;
            }
            let name = mine.offer.shown();
            let state = Fate::Told(report.clone());
            let full = mine.receivers.len() >= MAX_RECEIVERS;
            match mine.receivers.iter_mut().find(|receiver| receiver.who.number == from.number) {
                Some(receiver) if receiver.state == state => return None,
                Some(receiver) => receiver.state = state,
                None if !full => {
                    let (meter, control) = (Arc::default(), Arc::default());
                    mine.receivers.push(Receiver { id, who: from.clone(), state, meter, control });
                }
                None => return None,
            }
            Some(name)
        });
        let Some(name) = told else { return };
        self.mark();
        let who = &from.name;
        cx.notice(match report {
            Report::Saved => format!("{who} saved {name}"),
            Report::Present => format!("{who} has {name} already"),
            Report::Declined => format!("{who} declined {name}"),
            Report::Paused(reason) if reason.is_empty() => format!("{who} paused {name}"),
            Report::Paused(reason) => format!("{name} waits at {who}: {reason}"),
            Report::Cancelled => format!("{who} cancelled {name}"),
            Report::Failed(reason) => format!("{who} could not receive {name}: {reason}"),
        });
    }

    /// Serves a stream that somebody has opened to fetch an offer.
    pub fn serve(&self, opened: Opened, cx: &Context) {
        let Opened { stream, purpose } = opened;
        // A stranger's nonsense is not worth an answer.
        let Ok(purpose) = wire::decode::<Purpose>(&purpose) else { return };
        let desk = self.clone();
        match self.admit(purpose, &stream) {
            Err((why, reason)) => cx.thread(move |_| {
                serve::refuse(stream, why, reason);
                Ok(())
            }),
            Ok((id, job)) => {
                if id.is_some() {
                    self.show(cx);
                    self.mark();
                    if !cx.has_status() {
                        cx.notice(format!("{} receives {}", stream.peer().name, job.name));
                    }
                }
                cx.thread(move |cx| {
                    let served = serve::serve(stream, &job);
                    desk.served(id, purpose.tag, &job, served, &cx);
                    Ok(())
                });
            }
        }
    }

    fn admit(&self, purpose: Purpose, stream: &Stream) -> Result<(Option<u64>, Job), (Stop, &'static str)> {
        let peer = stream.peer();
        self.with(|state| {
            let running: Vec<&Receiver> =
                state.mine.values().flat_map(|mine| &mine.receivers).filter(|r| r.state == Fate::Sending).collect();
            let of_peer = running.iter().filter(|receiver| receiver.who.number == peer.number).count();
            let busy = running.len() >= MAX_STREAMS || of_peer >= MAX_STREAMS_OF_ONE;
            let thrifty = running.len() >= THRIFTY_FROM;
            let id = state.id();
            let mine = state.mine.get_mut(&purpose.tag).filter(|mine| !mine.withdrawing);
            let mine = mine.filter(|mine| mine.to.as_ref().is_none_or(|to| to.key == peer.key));
            let mine = mine.ok_or((Stop::Unknown, "it is not offered any more"))?;
            if busy {
                return Err((Stop::Busy, "too many are being served"));
            }
            let (meter, control) = (Arc::<Meter>::default(), Arc::<Control>::default());
            control.uses(Some(stream.closer()));
            let job = Job {
                name: mine.offer.shown(),
                source: mine.source.clone(),
                then: purpose.then,
                paces: [mine.pace.clone(), self.0.pace.clone()],
                meter: meter.clone(),
                control: control.clone(),
                thrifty,
            };
            if purpose.then == Then::List {
                return Ok((None, job));
            }
            if mine.paused {
                return Err((Stop::Paused, "its owner has paused it"));
            }
            let receiver = Receiver { id, who: peer.clone(), state: Fate::Sending, meter, control };
            let full = mine.receivers.len() >= MAX_RECEIVERS;
            match mine.receivers.iter_mut().find(|receiver| receiver.who.number == peer.number) {
                Some(before) => {
                    // It comes again: the stream before is broken, whether we have noticed or not.
                    before.control.interrupt();
                    *before = receiver;
                }
                None if !full => mine.receivers.push(receiver),
                None => return Err((Stop::Busy, "too many fetch it")),
            }
            Ok((Some(id), job))
        })
    }

    /// A stream is over.
    fn served(&self, id: Option<u64>, tag: u32, job: &Job, served: Served, cx: &Context) {
        job.control.uses(None);
        let failed = self.with(|state| {
            let receivers = state.mine.get_mut(&tag).map(|mine| &mut mine.receivers)?;
            let receiver = receivers.iter_mut().find(|receiver| Some(receiver.id) == id)?;
            // What the receiver itself has told by now counts more.
            if receiver.state == Fate::Sending {
                receiver.state = match &served {
                    Served::All => Fate::Sent,
                    Served::Stopped | Served::Unreadable(_) => Fate::Stopped,
                    Served::Broken(_) => Fate::Broken,
                };
            }
            match served {
                Served::Unreadable(reason) => Some((receiver.who.name.clone(), reason)),
                Served::Broken(error) => {
                    tracing::info!(%error, "a stream of files broke");
                    None
                }
                _ => None,
            }
        });
        if let Some((who, reason)) = failed {
            cx.error(format!("{} does not reach {who}: {reason}", job.name));
        }
        self.mark();
    }

    pub(super) fn pause_sending(&self, number: u32, cx: &Context) -> Result<()> {
        let name = self.with(|state| {
            let (_, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            ensure!(!std::mem::replace(&mut mine.paused, true), "offer {number} is paused already");
            mine.stop(Wish::Pause, None, cx);
            Ok(mine.offer.shown())
        })?;
        cx.notice(format!("{name} is paused for everyone; {}", self.hint(Hint::GoOn(number))));
        Ok(())
    }

    pub(super) async fn resume_sending(&self, number: u32, cx: &Context) -> Result<()> {
        let (tag, name, waiting) = self.with(|state| {
            let (tag, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            ensure!(std::mem::replace(&mut mine.paused, false), "offer {number} is not paused");
            let waiting =
                mine.receivers.iter().filter(|receiver| matches!(receiver.state, Fate::Stopped | Fate::Broken));
            let waiting: Vec<Member> = waiting.map(|receiver| receiver.who.clone()).collect();
            Ok((tag, mine.offer.shown(), waiting))
        })?;
        cx.notice(format!("{name} goes on"));
        for member in waiting {
            self.context(cx).send_to(&member, Message::Resumed { tag }.encode()).await?;
        }
        Ok(())
    }

    pub(super) fn cancel_sending(&self, number: u32, receiver: Option<&Member>, cx: &Context) -> Result<()> {
        let (stopped, name) = self.with(|state| {
            let (_, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            Ok::<_, anyhow::Error>((mine.stop(Wish::Cancel, receiver, cx), mine.offer.shown()))
        })?;
        ensure!(stopped > 0, "nobody is receiving {name}; {}", self.hint(Hint::TakeBack(number)));
        Ok(())
    }
}

/// Keeps [`State::looking`] right.
struct Looking(Desk);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.with(|state| state.looking -= 1);
    }
}

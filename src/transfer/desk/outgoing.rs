//! One's own offers, and those who fetch them.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{Desk, Hint, State, no_offer, same, spinner::spin, told};
pub(super) use crate::limits::file::MAX_RECEIVERS;
use crate::{
    args,
    command::{Context, Withdrawal},
    session::Member,
    size::grouped,
    transfer::{
        control::{Control, Wish},
        manifest::Manifest,
        message::{Message, Offer, Report},
        meter::Meter,
        pace::Pace,
        source::Source,
    },
    view::filter::clean,
    wire::MAX_KEPT,
};

/// After this time an answer of the room that has come has also been dealt with.
const ANSWERED: Duration = Duration::from_secs(10);

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
    pub(super) source: Arc<Source>,
    /// When the room was asked to keep it.
    pub(super) since: Instant,
    /// Whether it is being taken back.
    pub(super) withdrawing: bool,
}

/// Somebody who fetches an offer.
pub(super) struct Receiver {
    pub(super) id: u64,
    pub(super) who: Member,
    pub(super) state: Fate,
    pub(super) meter: Arc<Meter>,
    pub(super) control: Arc<Control>,
    /// Whether its stream is there. What it tells of itself is another matter.
    pub(super) live: bool,
    /// Whether it has still to hear that we cancelled it.
    pub(super) owed: bool,
    /// Whether it counts in the bar: it began since somebody last did while nobody else was being sent it.
    pub(super) counts: bool,
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
        self.live && self.state == Fate::Sending
    }
}

impl Mine {
    pub(super) fn is_busy(&self) -> bool {
        self.receivers.iter().any(Receiver::is_busy)
    }

    /// Whether somebody who is there could still fetch it.
    pub(super) fn is_open_to(&self, present: &[Member], me: &Member) -> bool {
        let done = |member: &Member| {
            let receiver = self.receivers.iter().find(|receiver| same(&receiver.who, member));
            receiver.is_some_and(|receiver| {
                matches!(receiver.state, Fate::Stopped | Fate::Told(_))
                    && !matches!(receiver.state, Fate::Told(Report::Paused(_)))
            })
        };
        let wanted = |member: &&Member| self.to.as_ref().is_none_or(|to| same(to, member));
        present.iter().filter(|member| !same(member, me)).filter(wanted).any(|member| !done(member))
    }

    /// Whether anybody has it, or said that they do not want it.
    pub(super) fn was_taken(&self) -> bool {
        self.receivers
            .iter()
            .any(|receiver| matches!(receiver.state, Fate::Told(Report::Saved | Report::Present | Report::Declined)))
    }

    pub(super) fn of(source: Source, to: Option<Member>) -> Self {
        Self {
            number: None,
            offer: Offer::of(&source),
            to,
            pace: Arc::default(),
            receivers: Vec::new(),
            paused: false,
            source: Arc::new(source),
            since: Instant::now(),
            withdrawing: false,
        }
    }

    pub(super) fn manifest(&self) -> Arc<Manifest> {
        self.source.manifest().clone()
    }

    /// Stops sending it, and says to whom.
    fn stop(&mut self, wish: Wish, only: Option<&Member>, cx: &Context) -> Vec<Member> {
        let meant = |receiver: &&mut Receiver| only.is_none_or(|only| same(only, &receiver.who));
        let mut stopped = Vec::new();
        for receiver in
            self.receivers.iter_mut().filter(meant).filter(|receiver| receiver.live && receiver.control.wish() != wish)
        {
            stopped.push(receiver.who.clone());
            receiver.owed = wish == Wish::Cancel;
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
        let up = self.with(|state| {
            if cx.all_acknowledged() {
                // The room has answered about it, and gave it no number: it was refused.
                state.mine.retain(|_, mine| mine.number.is_some() || mine.since.elapsed() < ANSWERED);
            }
            state.mine.len()
        });
        ensure!(up < MAX_KEPT, "{up} offers of yours are up already, and the room keeps no more; take one back first");
        let path = args::path(typed);
        self.with(|state| state.looking += 1);
        let looking = Looking(self.clone());
        let mut walk = spawn_blocking(move || Source::open(&path, &|| false));
        tokio::select! {
            source = &mut walk => self.put_up(source??, to, cx).await,
            () = sleep(PATIENCE) => {
                let text = format!("looking through {}", clean(typed));
                let desk = self.clone();
                cx.spawn(async move |cx| {
                    let _looking = looking;
                    let source = spin(walk, &text, &cx).await;
                    desk.put_up(source??, to, &cx).await
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
            let event = match before {
                None => mine.event("offer", format!("offer {number}: {} for {whom}", mine.offer.describe())),
                Some(_) => mine.event("renumbered", format!("{} is offer {number} now", mine.offer.shown())),
            };
            let event = event.with("own", true).with("private", mine.to.is_some());
            Some(match &mine.to {
                Some(to) => told::to(event, to),
                None => event,
            })
        });
        match told {
            Some(told) => cx.event(told),
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
            Some(tag) => {
                let asked = cx.withdraw(tag).await;
                if asked.is_err() {
                    // It is still up, and those who come are served.
                    self.with(|state| state.mine.get_mut(&tag).map(|mine| mine.withdrawing = false));
                }
                asked.map(|_| ())
            }
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
            let text = format!("offer {} ({}) is taken back", withdrawal.number, mine.offer.shown());
            cx.event(mine.event("withdrawn", text).with("own", true));
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
            let about = (mine.number, mine.offer.clone());
            let state = Fate::Told(report.clone());
            let full = mine.receivers.len() >= MAX_RECEIVERS;
            match mine.receivers.iter_mut().find(|receiver| same(&receiver.who, from)) {
                Some(receiver) if receiver.state == state => return None,
                Some(receiver) => receiver.state = state,
                None if !full => {
                    let (meter, control) = (Arc::default(), Arc::default());
                    let who = from.clone();
                    mine.receivers.push(Receiver {
                        id,
                        who,
                        state,
                        meter,
                        control,
                        live: false,
                        owed: false,
                        counts: false,
                    });
                }
                None => return None,
            }
            Some(about)
        });
        let Some((number, offer)) = told else { return };
        self.mark();
        told::report(report, from, (number, &offer), cx);
    }

    pub(super) fn pause_sending(&self, number: u32, cx: &Context) -> Result<()> {
        let go_on = self.hint(Hint::GoOn(number));
        let event = self.with(|state| {
            let (_, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            ensure!(!std::mem::replace(&mut mine.paused, true), "offer {number} is paused already");
            mine.stop(Wish::Pause, None, cx);
            let text = format!("{} is paused for everyone; {go_on}", mine.offer.shown());
            Ok(mine.event("paused", text).with("own", true))
        })?;
        cx.event(event);
        Ok(())
    }

    pub(super) async fn resume_sending(&self, number: u32, cx: &Context) -> Result<()> {
        let (tag, event, waiting) = self.with(|state| {
            let (tag, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            ensure!(std::mem::replace(&mut mine.paused, false), "offer {number} is not paused");
            // One that has not noticed yet that it is paused hears of both.
            let waits = |receiver: &&Receiver| match receiver.state {
                Fate::Stopped | Fate::Broken => true,
                _ => receiver.live && receiver.control.wish() == Wish::Pause,
            };
            let waiting = mine.receivers.iter().filter(waits);
            let waiting: Vec<Member> = waiting.map(|receiver| receiver.who.clone()).collect();
            let event = mine.event("resumed", format!("{} goes on", mine.offer.shown())).with("own", true);
            Ok((tag, event, waiting))
        })?;
        cx.event(event);
        for member in waiting {
            self.context(cx).send_to(&member, Message::Resumed { tag }.encode()).await?;
        }
        Ok(())
    }

    pub(super) fn cancel_sending(&self, number: u32, receiver: Option<&Member>, cx: &Context) -> Result<()> {
        let event = self.with(|state| {
            let (_, mine) = state.mine(number).ok_or_else(|| no_offer(number))?;
            let stopped = mine.stop(Wish::Cancel, receiver, cx);
            Ok::<_, anyhow::Error>(mine.cancelled(&stopped))
        })?;
        match event {
            Ok(event) => cx.event(event),
            Err(name) => bail!("nobody is receiving {name}; {}", self.hint(Hint::TakeBack(number))),
        }
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

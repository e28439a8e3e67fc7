//! Others' offers: what is received without asking, what a person says about the rest.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Result, bail, ensure};
use tokio::task::spawn_blocking;

use super::{
    Desk, Hint, REUNION, State,
    giver::{Giver, tell, tell_event},
    no_offer, same, told,
};
use crate::limits::file::{MAX_OFFERS, MAX_OVER, MAX_PARTIAL};
use crate::{
    command::{self, Context, Event, Withdrawal},
    session::Member,
    size::Size,
    transfer::{
        control::{Control, Wish},
        message::{Message, Offer, Report},
        meter::Meter,
        name::{Place, received},
        pace::Pace,
    },
    view::filter::clean,
};

/// Somebody else's offer.
pub(super) struct Theirs {
    pub(super) number: u32,
    pub(super) from: Member,
    pub(super) tag: u32,
    pub(super) offer: Offer,
    /// Whether it is for this member alone.
    pub(super) private: bool,
    /// Whether the room keeps it.
    pub(super) up: bool,
    /// Whether it went with a room that restarted, so that its owner may be back with it at any moment.
    awaited: bool,
    /// Whether nothing was said of it, because its owner is not to be seen: then nobody has read its number.
    pub(super) hidden: bool,
    pub(super) state: Course,
    pub(super) patterns: Vec<String>,
    pub(super) pace: Arc<Pace>,
    pub(super) meter: Arc<Meter>,
    pub(super) control: Arc<Control>,
    /// Whether its owner is still to be told how it ended.
    pub(super) telling: bool,
    /// Whether the owner has said that it goes on while it was being received.
    pub(super) resumed: bool,
    pub(super) cx: Context,
}

/// How far somebody else's offer is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// The person has not said yet.
    Asked,
    /// Others are received first.
    Waiting,
    Receiving,
    /// The stream broke; it is tried again.
    Broken,
    /// It waits for the person; one line says why, empty if they want so.
    Paused(String),
    /// It waits for its owner.
    PausedThere,
    Saved(PathBuf),
    /// The same is there already.
    Present(PathBuf),
    Declined,
    Cancelled,
    Failed(String),
}

impl Theirs {
    /// Whether it is being received, or will be without anybody doing anything.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.state, Course::Waiting | Course::Receiving | Course::Broken)
    }

    /// Whether nothing more happens to it.
    fn is_over(&self) -> bool {
        !self.up && !self.is_busy()
    }

    /// Whether it waits for an owner who has had to start their program anew, and offers the same again.
    fn is_offered_anew(&self, from: &Member, offer: &Offer, private: bool) -> bool {
        let open = self.is_busy() || matches!(self.state, Course::Asked | Course::Paused(_));
        self.awaited && open && self.from.key == from.key && self.offer == *offer && self.private == private
    }

    /// An event about it.
    pub(super) fn event(&self, kind: &'static str, text: impl Into<String>) -> Event {
        told::from(told::about(kind, text, Some(self.number), &self.offer), &self.from)
    }

    /// Name, size and owner.
    pub(super) fn describe(&self) -> String {
        format!("{} of {}", self.offer.describe(), self.from.name)
    }
}

impl State {
    /// Forgets offers that are over, the oldest first, and says whether there is room for another.
    fn make_room(&mut self) -> bool {
        let over: Vec<u64> = self.theirs.iter().filter(|(_, theirs)| theirs.is_over()).map(|(id, _)| *id).collect();
        for id in over.iter().take(over.len().saturating_sub(MAX_OVER)) {
            self.theirs.remove(id);
        }
        self.theirs.len() < MAX_OFFERS
    }
}

impl Desk {
    /// Somebody offers something.
    pub(super) fn offered(&self, (number, tag): (u32, u32), message: &command::Message, offer: Offer, cx: &Context) {
        let (from, private) = (&message.from, message.private.is_some());
        let name = offer.shown();
        if let Err(error) = received(&offer.name, Place::Top) {
            let text = format!("{} offers something under a name that is refused: {error}", from.name);
            return tell(from, text, cx);
        }
        let again = self.with(|state| {
            let same = |theirs: &Theirs| theirs.tag == tag && same(&theirs.from, from) && theirs.offer == offer;
            let found = state.theirs.iter().rev().find(|(_, theirs)| same(theirs));
            let found = found.or_else(|| {
                state.theirs.iter().rev().find(|(_, theirs)| theirs.is_offered_anew(from, &offer, private))
            });
            let id = *found?.0;
            let theirs = state.theirs.get_mut(&id)?;
            (theirs.up, theirs.awaited) = (true, false);
            theirs.from = from.clone();
            theirs.tag = tag;
            // One that waits for its owner's return tries at once.
            theirs.control.want(theirs.control.wish());
            let over =
                matches!(theirs.state, Course::Saved(_) | Course::Present(_) | Course::Declined | Course::Cancelled);
            let news = std::mem::replace(&mut theirs.number, number) != number && !over;
            let text = || format!("{} is offer {number} now", theirs.describe());
            Some(news.then(|| theirs.event("renumbered", text())))
        });
        if let Some(event) = again {
            event.into_iter().for_each(|event| tell_event(from, event, cx));
            // What is paused is shown again.
            return self.show(cx);
        }
        let taken = self.with_quietly(|state| state.theirs(number).is_some() || state.mine(number).is_some());
        if taken {
            // What a person has read under a number is what they get by it.
            let text = format!("{} offers {name} under a number that is taken: it is left out", from.name);
            return tell(from, text, cx);
        }
        let giver = Giver::of(from, cx);
        let known = self.with(|state| {
            if !state.make_room() {
                return None;
            }
            let id = state.id();
            let takes = state.takes(&offer, giver, cx.room_is_open());
            let theirs = Theirs {
                number,
                from: from.clone(),
                tag,
                offer: offer.clone(),
                private,
                up: true,
                awaited: false,
                hidden: giver == Giver::Ignored,
                state: Course::Asked,
                patterns: Vec::new(),
                pace: Arc::default(),
                meter: Arc::default(),
                control: Arc::default(),
                telling: false,
                resumed: false,
                cx: cx.for_task(),
            };
            state.theirs.insert(id, theirs);
            Some((id, takes))
        });
        let Some((id, takes)) = known else {
            let text = format!("{} offers {name}, which is one offer too many to remember", from.name);
            return tell(from, text, cx);
        };
        self.mark();
        if !takes && self.declines_all() && giver != Giver::Ignored {
            let desk = self.clone();
            return cx.spawn(async move |cx| {
                // It may have been taken back meanwhile.
                if let Err(error) = desk.decline(number, &cx).await {
                    tracing::debug!(%error, "an offer was not declined");
                }
                Ok(())
            });
        }
        if !takes {
            return self.ask(id, cx);
        }
        let text = format!("{} offers {}: offer {number}, which is being received", from.name, offer.describe());
        self.tell_of_offer(id, text, true, cx);
        let desk = self.clone();
        cx.spawn(async move |cx| {
            match desk.has_room(id, giver.reserve()).await {
                Ok(()) => drop(desk.start(id, Vec::new(), |course| *course == Course::Asked)),
                Err(error) => {
                    cx.error(format!("offer {number} is not received without asking: {error:#}"));
                    desk.ask(id, &cx);
                }
            }
            Ok(())
        });
    }

    /// Asks about an offer.
    pub(super) fn ask(&self, id: u64, cx: &Context) {
        self.tell_of_offer(id, self.question(id), false, cx);
    }

    fn tell_of_offer(&self, id: u64, text: String, receiving: bool, cx: &Context) {
        let found = self.with_quietly(|state| {
            let theirs = state.theirs.get(&id)?;
            let event = theirs.event("offer", text).with("own", false).with("private", theirs.private);
            let event = event.with("receiving", receiving);
            Some((theirs.from.clone(), event))
        });
        found.into_iter().for_each(|(from, event)| tell_event(&from, event, cx));
    }

    /// The line that asks about an offer.
    pub(super) fn question(&self, id: u64) -> String {
        self.with_quietly(|state| {
            let Some(theirs) = state.theirs.get(&id) else { return String::new() };
            let (from, number, what) = (&theirs.from.name, theirs.number, theirs.offer.describe());
            let whom = if theirs.private { " to you alone" } else { "" };
            let contents = theirs.offer.contents().map_or_else(String::new, |names| format!("\n{names}"));
            let hint = Hint::Answer { number, folder: theirs.offer.folder.is_some() };
            let hint = state.wording.map_or_else(|| format!("offer {number}"), |wording| wording(hint));
            format!("{from} offers {what}{whom}: {hint}{contents}")
        })
    }

    /// The lines that ask, of all offers that wait for an answer and may be seen.
    pub fn questions(&self) -> Vec<(u32, String)> {
        let asked = self.with_quietly(|state| {
            let seen = |theirs: &Theirs| !theirs.hidden && !theirs.cx.ignores(&theirs.from.key);
            let asked = state.theirs.iter().filter(|(_, theirs)| theirs.up && theirs.state == Course::Asked);
            let asked = asked.filter(|(_, theirs)| seen(theirs));
            asked.map(|(id, theirs)| (*id, theirs.number)).collect::<Vec<_>>()
        });
        asked.into_iter().map(|(id, number)| (number, self.question(id))).collect()
    }

    /// Whether there is room on the disk for what is offered, and `reserve` besides.
    async fn has_room(&self, id: u64, reserve: u64) -> Result<()> {
        let downloads = self.downloads().await?;
        let bytes = self.with_quietly(|state| state.theirs.get(&id).map_or(0, |theirs| theirs.offer.bytes));
        let (free, partial) =
            spawn_blocking(move || anyhow::Ok((downloads.free()?, downloads.partials()?.1))).await??;
        if bytes.saturating_add(reserve) > free {
            bail!("it takes {}, and {} is free where it would go", Size(bytes), Size(free));
        }
        ensure!(reserve == 0 || partial < MAX_PARTIAL, "unfinished files take {} already", Size(partial));
        Ok(())
    }

    /// Receives an offer, or what of it the patterns name.
    ///
    /// # Errors
    ///
    /// If there is no such offer, it is being received, or there is no room for it.
    pub async fn accept(&self, number: u32, patterns: Vec<String>) -> Result<()> {
        let id = self.with_quietly(|state| {
            if state.mine(number).is_some() {
                bail!("offer {number} is your own");
            }
            let (id, theirs) = state.theirs(number).ok_or_else(|| no_offer(number))?;
            ensure!(!theirs.is_busy(), "{} is being received already", theirs.offer.shown());
            ensure!(
                patterns.is_empty() || theirs.offer.folder.is_some(),
                "{} is a single file: there is nothing to choose from",
                theirs.offer.shown()
            );
            Ok(id)
        })?;
        // What is there already of it is not counted: a resume of what almost fits must not be refused.
        if patterns.is_empty()
            && !self.with_quietly(|state| {
                state.theirs.get(&id).is_some_and(|theirs| matches!(theirs.state, Course::Paused(_)))
            })
        {
            self.has_room(id, 0).await?;
        }
        // It may have been taken back meanwhile, or begun.
        ensure!(self.start(id, patterns, |_| true), no_offer(number));
        Ok(())
    }

    /// Says that an offer is not wanted.
    ///
    /// # Errors
    ///
    /// If there is no such offer, or it is being received.
    pub async fn decline(&self, number: u32, cx: &Context) -> Result<()> {
        let (take_back, end) = (self.hint(Hint::TakeBack(number)), self.hint(Hint::End(number)));
        let (from, tag) = self.with(|state| {
            if state.mine(number).is_some() {
                bail!("offer {number} is your own; {take_back}");
            }
            let (_, theirs) = state.theirs(number).ok_or_else(|| no_offer(number))?;
            ensure!(!theirs.is_busy(), "{} is being received; {end}", theirs.offer.shown());
            theirs.state = Course::Declined;
            Ok((theirs.from.clone(), theirs.tag))
        })?;
        self.context(cx).send_to(&from, Message::report(tag, Report::Declined).encode()).await?;
        Ok(())
    }

    pub(super) fn their_withdrawn(&self, withdrawal: &Withdrawal, cx: &Context) {
        let id = self.with(|state| {
            let (id, theirs) = state.theirs(withdrawal.number)?;
            (theirs.up, theirs.awaited) = (false, withdrawal.restart);
            Some(id)
        });
        let Some(id) = id else { return };
        if !withdrawal.restart {
            return self.give_up(id, cx);
        }
        let desk = self.clone();
        cx.spawn(async move |cx| {
            tokio::time::sleep(REUNION).await;
            if desk.with_quietly(|state| state.theirs.get(&id).is_some_and(|theirs| !theirs.up)) {
                desk.give_up(id, &cx);
            }
            Ok(())
        });
    }

    /// An offer is gone for good.
    fn give_up(&self, id: u64, cx: &Context) {
        let told = self.with(|state| {
            let theirs = state.theirs.get_mut(&id)?;
            theirs.awaited = false;
            if theirs.is_busy() {
                theirs.control.want(Wish::Withdraw);
                theirs.control.interrupt();
                return None;
            }
            let open = matches!(theirs.state, Course::Asked | Course::Paused(_) | Course::PausedThere);
            let text = || format!("offer {} ({}) is not up any more", theirs.number, theirs.describe());
            open.then(|| (theirs.from.clone(), theirs.event("withdrawn", text())))
        });
        if let Some((from, told)) = told {
            tell_event(&from, told, cx);
        }
    }

    /// The owner goes on with what they had paused.
    pub(super) fn resumed_there(&self, from: &Member, tag: u32, _cx: &Context) {
        let id = self.with_quietly(|state| {
            let mut theirs = state.theirs.iter_mut();
            let (id, theirs) = theirs.find(|(_, theirs)| theirs.tag == tag && theirs.up && same(&theirs.from, from))?;
            theirs.resumed = theirs.is_busy();
            Some((*id, theirs.patterns.clone()))
        });
        if let Some((id, patterns)) = id {
            self.start(id, patterns, |course| *course == Course::PausedThere);
        }
    }

    pub(super) fn pause_receiving(&self, number: u32) -> Result<()> {
        self.wish(number, Wish::Pause)
    }

    pub(super) fn cancel_receiving(&self, number: u32) -> Result<()> {
        self.wish(number, Wish::Cancel)
    }

    fn wish(&self, number: u32, wish: Wish) -> Result<()> {
        self.with(|state| {
            let (_, theirs) = state.theirs(number).ok_or_else(|| no_offer(number))?;
            ensure!(theirs.is_busy(), "{} is not being received", theirs.offer.shown());
            theirs.control.want(wish);
            theirs.control.interrupt();
            Ok(())
        })
    }

    pub(super) async fn resume_receiving(&self, number: u32, _cx: &Context) -> Result<()> {
        let patterns = self.with_quietly(|state| {
            let (_, theirs) = state.theirs(number).ok_or_else(|| no_offer(number))?;
            ensure!(
                matches!(theirs.state, Course::Paused(_) | Course::PausedThere | Course::Failed(_) | Course::Cancelled),
                "{} is not paused",
                theirs.offer.shown()
            );
            Ok(theirs.patterns.clone())
        })?;
        self.accept(number, patterns).await
    }
}

/// The path of something saved, for people.
pub(super) fn shown(path: &std::path::Path) -> String {
    clean(&path.display().to_string()).into_owned()
}

//! How offers came out, for programs that wait for it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{
    Desk, State,
    incoming::{Course, Theirs},
    outgoing::{Fate, Mine},
    same,
};
use crate::{command::Context, transfer::message::Report, view::filter::clean};

/// How one's own offer fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, for people.
    pub name: String,
    /// How many have it.
    pub reached: usize,
    /// Who of those who are there did not want it.
    pub declined: Vec<String>,
    /// Who of those who are there neither has it nor declined it, and why if they said so.
    pub missing: Vec<(String, String)>,
}

/// Somebody else's offer that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The room's number for it.
    pub number: u32,
    /// Name, size and owner, for people.
    pub text: String,
    /// Whether it is a folder.
    pub folder: bool,
}

impl Mine {
    fn reached(&self) -> usize {
        let has = |fate: &Fate| matches!(fate, Fate::Told(Report::Saved | Report::Present));
        self.receivers.iter().filter(|receiver| has(&receiver.state)).count()
    }

    fn account(&self, cx: &Context) -> Account {
        let (mut declined, mut missing) = (Vec::new(), Vec::new());
        let me = cx.me();
        let wanted = |member: &&crate::session::Member| self.to.as_ref().is_none_or(|to| same(to, member));
        for member in cx.members().iter().filter(|member| !same(member, &me)).filter(wanted) {
            let fate = self.receivers.iter().find(|receiver| same(&receiver.who, member));
            match fate.map(|receiver| &receiver.state) {
                Some(Fate::Told(Report::Saved | Report::Present)) => {}
                Some(Fate::Told(Report::Declined)) => declined.push(member.name.clone()),
                Some(Fate::Told(Report::Failed(reason) | Report::Paused(reason))) => {
                    missing.push((member.name.clone(), clean(reason).into_owned()));
                }
                _ => missing.push((member.name.clone(), String::new())),
            }
        }
        Account { name: self.offer.shown(), reached: self.reached(), declined, missing }
    }
}

impl Theirs {
    /// How it ended, if it has.
    fn outcome(&self) -> Option<Result<PathBuf>> {
        let failed = |why: &str| Some(Err(anyhow::anyhow!("{} was not received: {why}", self.describe())));
        match &self.state {
            _ if self.telling => None,
            Course::Saved(path) | Course::Present(path) => Some(Ok(path.clone())),
            Course::Failed(reason) => failed(reason),
            Course::Paused(reason) => failed(reason),
            Course::Declined => failed("it was declined"),
            Course::Cancelled => failed("it was cancelled"),
            Course::PausedThere if !self.up => failed("it is not offered any more"),
            Course::Asked | Course::Waiting | Course::Receiving | Course::Broken | Course::PausedThere => None,
        }
    }
}

impl Desk {
    /// How one's own offers fared with those who are there.
    pub fn accounts(&self, cx: &Context) -> Vec<Account> {
        self.with_quietly(|state| state.mine.values().map(|mine| mine.account(cx)).collect())
    }

    /// Waits until each of `offers` own offers has reached so many, and until nobody is receiving one.
    ///
    /// # Errors
    ///
    /// If there are fewer offers than that.
    pub async fn reached(&self, offers: usize, times: usize) -> Result<()> {
        self.until(|state| {
            if state.looking == 0 && state.mine.len() < offers {
                return Some(Err(anyhow::anyhow!("not everything could be offered")));
            }
            let enough = state.mine.len() == offers && state.mine.values().all(|mine| mine.reached() >= times);
            (enough && !state.mine.values().any(Mine::is_busy)).then_some(Ok(()))
        })
        .await
    }

    /// Others' offers that are up and may be seen, by number.
    pub fn offers(&self) -> Vec<Up> {
        let mut up = self.with_quietly(|state| {
            let seen = state.theirs.values().filter(|theirs| theirs.up && !theirs.hidden);
            let seen = seen.map(|theirs| Up {
                number: theirs.number,
                text: theirs.describe(),
                folder: theirs.offer.folder.is_some(),
            });
            seen.collect::<Vec<_>>()
        });
        up.sort_by_key(|up| up.number);
        up
    }

    /// Waits until `find` finds something among the offers that are up. The caller sets the time limit.
    pub async fn offer_where<T>(&self, find: impl Fn(&[Up]) -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            if let Some(found) = find(&self.offers()) {
                return found;
            }
            changed.await;
        }
    }

    /// Waits until what is being received under this number is there, and the owner has been told. Returns where it is.
    ///
    /// # Errors
    ///
    /// If it does not come to be there.
    pub async fn outcome(&self, number: u32) -> Result<PathBuf> {
        let Some(id) = self.with_quietly(|state| state.theirs(number).map(|(id, _)| id)) else {
            bail!("no offer has the number {number}");
        };
        self.until(|state| match state.theirs.get(&id) {
            Some(theirs) => theirs.outcome(),
            None => Some(Err(anyhow::anyhow!("it is not offered any more"))),
        })
        .await
    }

    async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            if let Some(found) = self.with_quietly(|state| look(state)) {
                return found;
            }
            changed.await;
        }
    }
}

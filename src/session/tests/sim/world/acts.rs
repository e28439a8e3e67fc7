//! What the people of the simulation do.

use super::{Fate, HOST, MOST_KEPT, Sent, World};
use crate::{
    room::tests::peer::key,
    session::*,
    wire::{Answer, Request, To, Whom},
};

/// How somebody says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session::tests::sim) enum Manner {
    Plain,
    /// Those who come later are to be told, if it is for everyone.
    Remembered,
    /// The room is to keep it, under a new mark.
    Kept,
}

impl World {
    /// Somebody says something, to all or to one.
    pub(in crate::session::tests::sim) async fn say(&self, run: usize, to: Option<usize>, len: u64, manner: Manner) {
        let remember = manner == Manner::Remembered && to.is_none();
        let (draft, text, tag, handle) = {
            let mut inner = self.inner();
            let whom = to
                .map(|to| &inner.runs[to])
                .map_or(To::Everyone, |to| To::Member { key: key(to.key()), instance: to.instance });
            let slot = inner.runs[run].slot;
            let kept: u32 = inner.runs.iter().filter(|other| other.slot == slot).map(|other| other.last_tag).sum();
            // More would be read later than anybody here has patience for.
            let may_keep = kept < MOST_KEPT;
            let run_of = &mut inner.runs[run];
            let text = format!("r{run}.{} {}", run_of.sent.len() + 1, "x".repeat(len as usize));
            let tag = (manner == Manner::Kept && may_keep).then(|| {
                run_of.last_tag += 1;
                run_of.last_tag
            });
            let (command, payload) = ("chat".to_owned(), text.clone().into());
            let draft = match remember {
                true => Draft::Remember { command, payload },
                false => Draft::Say { to: whom, command, payload, tag },
            };
            (draft, text, tag, run_of.handle.clone())
        };
        let Ok(n) = handle.send(draft, WhenFull::Fail).await else { return };
        let mut inner = self.inner();
        inner.runs[run].sent.push(Sent { n, to, text, tag, remember, withdraws: false });
        inner.runs[run].tags.extend(tag);
    }

    /// Somebody takes back the oldest of what is kept for them.
    pub(in crate::session::tests::sim) async fn withdraw(&self, run: usize) {
        let (tag, handle) = {
            let inner = self.inner();
            (inner.runs[run].tags.first().copied(), inner.runs[run].handle.clone())
        };
        let Some(tag) = tag else { return };
        let Ok(n) = handle.send(Draft::Withdraw { tag }, WhenFull::Fail).await else { return };
        let mut inner = self.inner();
        inner.runs[run].tags.remove(&tag);
        let to = inner.runs[run].sent.iter().find(|sent| sent.tag == Some(tag)).and_then(|sent| sent.to);
        let sent = Sent { n, to, text: String::new(), tag: Some(tag), remember: false, withdraws: true };
        inner.runs[run].sent.push(sent);
    }

    pub(in crate::session::tests::sim) fn leave(&self, slot: usize) {
        let Some(run) = self.awake(slot) else { return };
        let mut inner = self.inner();
        inner.runs[run].fate = Fate::Left;
        inner.runs[run].handle.leave();
    }

    /// Asks the room, and waits for nothing.
    fn ask(&self, run: usize, request: Request) {
        let handle = self.inner().runs[run].handle.clone();
        self.tasks.spawn(async move { handle.ask(request).await });
    }

    /// The number of whoever is in the present room at that slot.
    fn number(&self, slot: usize) -> Option<u32> {
        let run = self.present(slot)?;
        let (truth, room) = (self.truth.lock().unwrap(), self.room());
        truth.stays[run].last().filter(|stay| stay.room == room).map(|stay| stay.number)
    }

    pub(in crate::session::tests::sim) fn kick(&self, slot: usize) {
        let (Some(run), Some(host), Some(member)) = (self.present(slot), self.awake(HOST), self.number(slot)) else {
            return;
        };
        self.inner().runs[run].kicked = true;
        self.ask(host, Request::Kick { member, reason: String::new() });
    }

    /// The host lets somebody say nothing to everyone any more, or again.
    pub(in crate::session::tests::sim) fn mute(&self, slot: usize, muted: bool) {
        if let (Some(host), Some(member)) = (self.awake(HOST), self.number(slot)) {
            self.ask(host, Request::Mute { whom: Whom::Member(member), muted });
        }
    }

    pub(in crate::session::tests::sim) fn lock(&self, locked: bool) {
        if let Some(host) = self.awake(HOST) {
            self.ask(host, Request::Lock { locked });
        }
    }

    pub(in crate::session::tests::sim) fn nick(&self, slot: usize, name: String) {
        if let Some(run) = self.awake(slot) {
            self.ask(run, Request::Nick { name });
        }
    }

    /// The host takes back the lock, and the mutes of those who are there.
    pub(in crate::session::tests::sim) async fn pardon(&self) -> Option<String> {
        let numbers: Vec<u32> = (1..self.slots()).filter_map(|slot| self.number(slot)).collect();
        let unmute = numbers.into_iter().map(|number| Request::Mute { whom: Whom::Member(number), muted: false });
        for request in [Request::Lock { locked: false }].into_iter().chain(unmute) {
            let mut tries = 0;
            loop {
                // Its program may have begun again.
                let handle = self.present(HOST).map(|host| self.inner().runs[host].handle.clone());
                if let Some(handle) = handle
                    && matches!(handle.ask(request.clone()).await, Ok(Answer::Done | Answer::Denied(_)))
                {
                    break;
                }
                // The host's own link may be coming back.
                tries += 1;
                if tries > 40 {
                    return Some(format!("the host is not heard: {request:?}"));
                }
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
        }
        None
    }
}

//! What the host alone may do: put out, ban, mute, lock, and change the code. All of it is about keys.

use tokio::time::Instant;

use super::{
    Guests,
    ask::{Errand, Outcome, Wish, denied},
    journal::Record,
    log::{Audience, Needs},
    names::NameError,
    seat::LinkControl,
    state::State,
};
use crate::limits::room::MAX_MUTED;
use crate::{
    code::Code,
    wire::{
        Answer, BanRow, CodeChange, Departure, Event, Introduction, MAX_NAME_LEN, MAX_REASON_LEN, PAGE_ROWS, PublicKey,
        Term, Whom,
    },
};

/// Why a key is out.
#[derive(Debug)]
pub(super) struct Ban {
    pub(super) name: String,
    /// Until when, nothing for good.
    pub(super) until: Option<Instant>,
}

impl Ban {
    pub(super) fn for_good(name: &str) -> Self {
        Self { name: name.to_owned(), until: None }
    }

    /// Seconds that are left of it.
    pub(super) fn secs(&self, now: Instant) -> Option<u64> {
        self.until.map(|until| until.saturating_duration_since(now).as_secs() + 1)
    }
}

impl Errand {
    /// Does it, off the room's thread. Gives the key that was found, if one was looked for.
    pub(super) fn run(self, guests: &dyn Guests) -> anyhow::Result<Option<PublicKey>> {
        match self {
            Self::LetIn { key, name } | Self::Invite(Introduction { key, name, .. }) => guests.let_in(&key, &name)?,
            Self::PutOut { key } => guests.put_out(&key)?,
            Self::Rename { key, name, .. } => {
                if guests.key_of(&name)?.is_some_and(|known| known != key) {
                    return Err(NameError::Taken(name).into());
                }
            }
            Self::Ban { key, name } => guests.ban(&key, &name)?,
            Self::Unban { key } => guests.unban(&key)?,
            Self::Find { name, .. } => return guests.key_of(&name),
        }
        Ok(None)
    }
}

/// Whose key is meant, as far as the room itself knows.
enum Meant {
    Key(PublicKey, String),
    /// Nobody who is here; perhaps somebody on the list, or else who had that name here.
    Named(String, Option<PublicKey>),
}

fn shortened(mut reason: String) -> String {
    while reason.len() > MAX_REASON_LEN {
        reason.pop();
    }
    reason
}

impl State {
    fn name_of(&self, number: u32) -> String {
        self.seats.get(&number).map(|seat| seat.who.name.clone()).unwrap_or_default()
    }

    fn meant(&self, whom: Whom) -> Result<Meant, &'static str> {
        let name = match whom {
            Whom::Member(number) => {
                let seat = self.seats.get(&number).ok_or("they are not here")?;
                return Ok(Meant::Key(seat.who.key, seat.who.name.clone()));
            }
            Whom::Named(name) if name.len() > MAX_NAME_LEN => return Err("nobody has such a name"),
            Whom::Named(name) => name,
        };
        if let Some(index) = self.knock_of(&name) {
            return Ok(Meant::Key(self.knocks[index].caller.key, name));
        }
        let seen = self.names.holder(&name);
        Ok(match self.named(&name).map(|seat| seat.who.key) {
            Some(key) => Meant::Key(key, name),
            None => Meant::Named(name, seen),
        })
    }

    pub(super) fn kick(&mut self, by: u32, member: u32, reason: String, now: Instant) -> Outcome {
        let Some(who) = self.seats.get(&member).map(|seat| seat.who.clone()) else {
            return denied("they are not here");
        };
        if who.key == self.config.owner {
            return denied("the host cannot be put out of the room");
        }
        let until = Some(now + self.config.timing.ban);
        self.put_out(&self.name_of(by), who.key, Ban { name: who.name, until }, reason, now);
        Outcome::First(Errand::PutOut { key: who.key })
    }

    /// Does what is wished for somebody, once it is known whose key is meant.
    pub(super) fn wish(&mut self, by: u32, whom: Whom, wish: Wish, now: Instant) -> Outcome {
        let by = self.name_of(by);
        match self.meant(whom) {
            Err(reason) => denied(reason),
            Ok(Meant::Key(key, name)) => self.fulfil(by, key, name, wish, now),
            // A name on the list goes before one that was only seen here.
            Ok(Meant::Named(name, seen)) => Outcome::First(Errand::Find { by, name, seen, wish }),
        }
    }

    /// Does what is wished for a key.
    pub(super) fn fulfil(&mut self, by: String, key: PublicKey, name: String, wish: Wish, now: Instant) -> Outcome {
        match wish {
            Wish::Ban { .. } if key == self.config.owner => denied("the host cannot be banned"),
            Wish::Ban { reason } => {
                // Here at once, whatever becomes of the list.
                self.put_out(&by, key, Ban::for_good(&name), reason, now);
                Outcome::First(Errand::Ban { key, name })
            }
            Wish::Mute { muted } => Outcome::Now(self.silence(&by, key, muted, now)),
        }
    }

    /// Ends all that a key has here, at the door too.
    fn put_out(&mut self, by: &str, key: PublicKey, ban: Ban, reason: String, now: Instant) {
        let reason = shortened(reason);
        let term = if ban.until.is_some() { Term::Minutes } else { Term::Good };
        // Putting somebody out for minutes who is out for good is no pardon.
        let for_good = self.bans.get(&key).is_some_and(|ban| ban.until.is_none());
        if term == Term::Good || !for_good {
            // Those for good have a list of their own.
            if let Some(secs) = ban.secs(now) {
                self.note(|| Record::out(key, &ban.name, secs));
            }
            self.bans.insert(key, ban);
        }
        self.note(|| Record::Forget(key));
        self.end_knocks_of(key, now);
        // What they said is not for those who come later.
        self.log.write().forget_words(&key);
        // None of them hears of the end of another one.
        self.seats_of(key).filter_map(|seat| seat.link.as_ref()).for_each(LinkControl::silence);
        let seats: Vec<u32> = self.seats_of(key).map(|seat| seat.who.number).collect();
        for number in seats {
            let how = Departure::Kicked { by: by.to_owned(), reason: reason.clone(), term };
            self.depart(number, how, now);
        }
    }

    pub(super) fn unban(&mut self, key: PublicKey, now: Instant) -> Outcome {
        match self.bans.get(&key) {
            Some(ban) if ban.until.is_none() => Outcome::First(Errand::Unban { key }),
            Some(ban) if ban.until.is_some_and(|until| until > now) => {
                self.bans.remove(&key);
                self.note(|| Record::In(key));
                Outcome::Now(Answer::Done)
            }
            _ => denied("that key is not put out"),
        }
    }

    pub(super) fn banned(&self, after: Option<PublicKey>, now: Instant) -> Answer {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut rest = self.bans.range((after.map_or(Unbounded, Excluded), Unbounded));
        let row = |(key, ban): (&PublicKey, &Ban)| BanRow { key: *key, name: ban.name.clone(), secs: ban.secs(now) };
        let rows = rest.by_ref().take(PAGE_ROWS).map(row).collect();
        Answer::Bans { rows, more: rest.next().is_some() }
    }

    /// Lets a key say nothing to everyone any more, or again.
    fn silence(&mut self, by: &str, key: PublicKey, muted: bool, now: Instant) -> Answer {
        if key == self.config.owner {
            return Answer::Denied("the host cannot be muted".to_owned());
        }
        if muted && self.muted.len() >= MAX_MUTED {
            return Answer::Denied("too many are muted already".to_owned());
        }
        let changed = if muted { self.muted.insert(key) } else { self.muted.remove(&key) };
        if !changed {
            let already = if muted { "they are muted already" } else { "they are not muted" };
            return Answer::Denied(already.to_owned());
        }
        self.note(|| Record::Muted(key, muted));
        let told: Vec<(u32, Needs)> = self.seats_of(key).map(|seat| (seat.who.number, seat.needs())).collect();
        for (member, needs) in told {
            self.record(Event::Muted { member, by: by.to_owned(), muted }, Audience::All, needs, now);
        }
        Answer::Done
    }

    pub(super) fn lock(&mut self, by: u32, locked: bool, now: Instant) -> Outcome {
        if self.locked == locked {
            return denied(if locked { "the room is locked already" } else { "the room is not locked" });
        }
        self.locked = locked;
        self.note(|| Record::Locked(locked));
        let by = self.name_of(by);
        self.record(Event::Locked { by, locked }, Audience::All, Needs::Nobody, now);
        Outcome::Now(Answer::Done)
    }

    pub(super) fn change_code(&mut self, change: CodeChange) -> Outcome {
        match change {
            CodeChange::Keep => {}
            CodeChange::Off => self.codes.set(None),
            CodeChange::New => match Code::generate() {
                Ok(code) => self.codes.set(Some(code.into())),
                Err(error) => return denied(error.to_string()),
            },
        }
        Outcome::Now(Answer::Code(self.codes.shown()))
    }

    /// The key of somebody who came in with the code is on the list now, or could not be saved there.
    pub(super) fn invited(&mut self, who: &Introduction, unlisted: Option<String>, now: Instant) -> Answer {
        // Also if they have left again: their key may come back.
        self.tell_rulers(&Event::Invited { member: who.clone(), unlisted: unlisted.map(shortened) }, now);
        Answer::Done
    }
}

//! What the room answers when it is asked.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::{
    NAMED_CROWD,
    log::{Audience, Needs},
    names::normal_form,
    seat::Seat,
    state::State,
};
use crate::wire::{Answer, Event, Introduction, MAX_NAME_LEN, PAGE_ROWS, PublicKey, Request, WhoRow};

/// What a request comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is answered.
    Now(Answer),
    /// The list of keys let in is read or changed first, off the room's thread.
    First(Errand),
    /// Another port is bound first.
    Move(u16),
}

/// What is done with the list of keys let in.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// Put on it, and let in.
    LetIn { key: PublicKey, name: String },
    /// Taken off it; they have been put out already.
    PutOut { key: PublicKey },
    /// Asked whether a name is somebody else's there, before a member takes it.
    Rename { member: u32, key: PublicKey, name: String },
    /// Put on it, since they came in with the code.
    Invite(Introduction),
    /// Taken off it and out for good; they have been put out already.
    Ban { key: PublicKey, name: String },
    /// Out no longer.
    Unban { key: PublicKey },
    /// Asked whose name it is there, or else who was seen with it, for whom something is wished.
    Find { by: String, name: String, seen: Option<PublicKey>, wish: Wish },
}

/// What the host wishes for a key.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// That it is out for good, and why.
    Ban { reason: String },
    /// That it says nothing to everyone any more, or may again.
    Mute { muted: bool },
}

pub(super) fn denied(reason: impl Into<String>) -> Outcome {
    Outcome::Now(Answer::Denied(reason.into()))
}

/// That nobody of that name waits. A name that nobody can have is not repeated: the answer must fit a frame.
fn no_knock(name: &str) -> Outcome {
    let name = if name.len() <= MAX_NAME_LEN { name } else { "that" };
    denied(format!("nobody called {name} waits at the door"))
}

/// What the host alone may do is denied to everybody else here, not in their programs.
const NOT_YOURS: &str = "only the host of the room can do that";

/// What somebody hears who may not speak to everyone, and so not by their name.
const SILENT: &str = "a name is read by everyone, and the host has muted you";

impl State {
    /// Answers a member.
    pub(super) fn ask(&mut self, asker: u32, request: Request, now: Instant) -> Outcome {
        let Some(seat) = self.seats.get(&asker) else { return denied("you are not in the room") };
        let key = seat.who.key;
        let rules = self.may_rule(key);
        match request {
            Request::Who { after } => Outcome::Now(self.who(after, now)),
            Request::Names { prefix } => Outcome::Now(self.names_with(&prefix)),
            Request::Find { name } => Outcome::Now(Answer::Found(self.named(&name).map(|seat| seat.who.clone()))),
            Request::Place => Outcome::Now(self.place()),
            Request::Nick { .. } if self.muted.contains(&key) => denied(SILENT),
            Request::Nick { name } => match normal_form(&name) {
                Ok(name) => Outcome::First(Errand::Rename { member: asker, key, name }),
                Err(error) => denied(error.to_string()),
            },
            Request::Stream { key, instance } => Outcome::Now(self.open_stream(asker, key, instance, now)),
            Request::Carried => Outcome::Now(self.carried_by(asker)),
            Request::Status => Outcome::Now(Answer::Status(Box::new(self.status(rules, now)))),
            _ if !rules => denied(NOT_YOURS),
            Request::Kick { member, reason } => self.kick(asker, member, reason, now),
            Request::Knocks => Outcome::Now(Answer::Knocks(self.knocks.iter().map(|knock| knock.row()).collect())),
            Request::Admit { name } => match self.knock_of(&name) {
                Some(index) => {
                    let knock = &self.knocks[index];
                    Outcome::First(Errand::LetIn { key: knock.caller.key, name: knock.name.clone() })
                }
                None => no_knock(&name),
            },
            Request::Decline { name } => match self.knock_of(&name) {
                Some(index) => {
                    self.send_away(index, now);
                    Outcome::Now(Answer::Done)
                }
                None => no_knock(&name),
            },
            Request::Move { port } if port != 0 && port == self.config.port => {
                denied("the room is at that port already")
            }
            Request::Move { port } => Outcome::Move(port),
            Request::Code(change) => self.change_code(change),
            Request::Ban { whom, reason } => self.wish(asker, whom, Wish::Ban { reason }, now),
            Request::Unban { key } => self.unban(key, now),
            Request::Bans { after } => Outcome::Now(self.banned(after, now)),
            Request::Mute { whom, muted } => self.wish(asker, whom, Wish::Mute { muted }, now),
            Request::Lock { locked } => self.lock(asker, locked, now),
        }
    }

    pub(super) fn place(&self) -> Answer {
        Answer::Place { port: self.config.port, addresses: self.config.addresses.iter().take(16).copied().collect() }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Seat> {
        let wanted = name.to_lowercase();
        self.seats.values().find(|seat| seat.who.name.to_lowercase() == wanted)
    }

    pub(super) fn knock_of(&self, name: &str) -> Option<usize> {
        let wanted = name.to_lowercase();
        self.knocks.iter().position(|knock| knock.name.to_lowercase() == wanted)
    }

    fn who(&self, after: u32, now: Instant) -> Answer {
        let mut rest = self.seats.range(after.saturating_add(1)..).map(|(_, seat)| seat);
        let rows = rest.by_ref().take(PAGE_ROWS).map(|seat| {
            let rtt = seat.link.as_ref().map_or(0, |link| link.shared.rtt.load(Relaxed));
            WhoRow {
                member: seat.who.clone(),
                address: seat.address,
                since_secs: now.duration_since(seat.since).as_secs(),
                rtt_micros: (rtt > 0).then_some(rtt),
                host: seat.host,
                away: seat.broken.is_some(),
                muted: self.muted.contains(&seat.who.key),
            }
        });
        let rows = rows.collect();
        Answer::Who { rows, more: rest.next().is_some() }
    }

    fn names_with(&self, prefix: &str) -> Answer {
        let prefix = prefix.to_lowercase();
        let names = self.seats.values().map(|seat| &seat.who.name);
        let mut names: Vec<String> =
            names.filter(|name| name.to_lowercase().starts_with(&prefix)).take(PAGE_ROWS).cloned().collect();
        names.sort();
        Answer::Names(names)
    }

    /// Gives a member another name, which is nobody else's on the list of keys let in.
    pub(super) fn rename(&mut self, member: u32, wish: &str, now: Instant) -> Answer {
        let Some(seat) = self.seats.get_mut(&member) else {
            return Answer::Denied("you are not in the room".to_owned());
        };
        // While the list was asked, the host may have muted them.
        if self.muted.contains(&seat.who.key) {
            return Answer::Denied(SILENT.to_owned());
        }
        if seat.who.name == wish {
            return Answer::Name(seat.who.name.clone());
        }
        if !seat.renames.passes(now) {
            return Answer::Denied("you have changed your name too often; try again in a while".to_owned());
        }
        // One's own present name is in nobody's way, so that its case can be changed.
        let old = seat.who.name.clone();
        let key = seat.who.key;
        self.names.release(&old, now);
        let name = match self.names.take(wish, key) {
            Ok(name) => name,
            Err(error) => {
                if self.names.take(&old, key).is_err() {
                    tracing::error!(name = old, "a name was lost in a change that did not come about");
                }
                return Answer::Denied(error.to_string());
            }
        };
        seat.renames.take(now);
        let needs = seat.needs();
        seat.who.name.clone_from(&name);
        seat.frame = Seat::introduce(&seat.who);
        let (kept, present) = (seat.kept.values().copied().collect::<Vec<_>>(), seat.needs());
        let mut ring = self.log.write();
        kept.into_iter().for_each(|number| ring.reintroduce(number, present.clone()));
        drop(ring);
        self.record(Event::Renamed { member, name: name.clone() }, Audience::All, needs, now);
        Answer::Name(name)
    }

    /// The room is at another port now.
    pub(super) fn moved(&mut self, port: u16, now: Instant) {
        self.config.port = port;
        self.record(Event::Moved { port }, Audience::All, Needs::Nobody, now);
    }

    /// Whether there are so many that comings and goings are only counted.
    pub(super) fn crowded(&self) -> bool {
        self.seats.len() > NAMED_CROWD
    }
}

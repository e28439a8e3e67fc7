//! Who gets in: the order of admission, and those who knock.

use tokio::{sync::oneshot, time::Instant};

use super::{
    MAX_KNOCKS, MAX_KNOCKS_FROM_ONE, MAX_OF_ONE_KEY,
    log::{Audience, Needs},
    names::{NameError, normal_form},
    state::{Caller, Reply, State, Verdict},
};
use crate::{
    source::Source,
    wire::{Departure, Event, Hello, KnockRow, Otherwise, PublicKey, Refusal},
};

/// What the list of keys let in before says of a caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    /// Whether the key is on it.
    pub(super) key: bool,
    /// Whether the name it wishes for is on it with another key.
    pub(super) name_of_another: bool,
}

/// Somebody at the door.
#[derive(Debug)]
pub(super) struct Knock {
    pub(super) ticket: u64,
    pub(super) name: String,
    pub(super) caller: Caller,
    pub(super) hello: Hello,
    pub(super) claims: Option<String>,
    pub(super) since: Instant,
    pub(super) verdict: oneshot::Sender<Verdict>,
    /// Whether the host's user was told.
    told: bool,
}

impl Knock {
    pub(super) fn row(&self) -> KnockRow {
        KnockRow {
            name: self.name.clone(),
            key: self.caller.key,
            address: self.caller.address,
            claims: self.claims.clone(),
        }
    }
}

fn refused_name(error: &NameError) -> Verdict {
    Verdict::Refused(Refusal::Name(error.to_string()))
}

impl State {
    /// Judges a caller who has said Hello, in the order: banned, too often, its own seat, locked, as many as one key
    /// may have, room for one more, the code if one is brought, the host's own key, let in before, open, knock.
    pub(super) fn arrive(&mut self, caller: &Caller, hello: &Hello, listed: &Listed, now: Instant) -> Verdict {
        if hello.next == 0 {
            return Verdict::Violation;
        }
        if let Some(ban) = self.bans.get(&caller.key) {
            return Verdict::Refused(Refusal::Banned { secs: ban.secs(now) });
        }
        // Whoever proves the code has come once, and is judged twice.
        if !caller.inside
            && !caller.invited
            && let Some(wait) = self.comings.wait(caller.key, self.config.rate, now)
        {
            return Verdict::Refused(Refusal::TooOften { secs: wait.as_secs() + 1 });
        }
        if let Some(&number) = self.by_id.get(&(caller.key, hello.instance)) {
            if !caller.inside && self.seats.get(&number).is_some_and(|seat| seat.host) {
                return Verdict::Refused(Refusal::Yourself);
            }
            match self.return_to(number, caller, hello, now) {
                Some(seated) => return Verdict::Seated(Box::new(seated)),
                // It knows of more than the journal does, which was not written to its end: it begins again.
                None if self.restored => self.depart(number, Departure::Lost, now),
                None => return Verdict::Violation,
            }
        }
        let own = self.seats_of(caller.key).count();
        if self.locked && !self.may_rule(caller.key) && own == 0 {
            return Verdict::Refused(Refusal::Locked);
        }
        if own >= MAX_OF_ONE_KEY && !self.give_up_oldest(caller.key, now) {
            return Verdict::Refused(Refusal::Enough { limit: MAX_OF_ONE_KEY as u32 });
        }
        if self.is_full() {
            return Verdict::Refused(Refusal::Full { limit: self.config.max_members });
        }
        // Whoever brings a code wants to see that the room knows it, too, even where it is not needed.
        if let Otherwise::Code(element) = hello.otherwise
            && !caller.invited
        {
            return Verdict::Prove(element);
        }
        if self.known(caller.key, listed) || self.config.open || caller.invited {
            // Whoever is in by another way knocks no more: an answer to that would seat it twice.
            self.end_knocks_of(caller.key, now);
            return match self.names.take_like(&hello.name, caller.key, listed.name_of_another) {
                Ok(name) => Verdict::Seated(Box::new(self.enter(caller, hello, name, now))),
                Err(error) => refused_name(&error),
            };
        }
        match hello.otherwise {
            Otherwise::Knock => self.knock(caller, hello, listed, now),
            Otherwise::Nothing | Otherwise::Code(_) => Verdict::Refused(Refusal::Stranger),
        }
    }

    /// Gives up the seat of a key whose connection has been broken longest, if there is one: a program that was killed
    /// does not come back to it. Returns whether there was one.
    fn give_up_oldest(&mut self, key: PublicKey, now: Instant) -> bool {
        let broken = self.seats_of(key).filter_map(|seat| Some((seat.broken?, seat)));
        let Some(number) = broken.min_by_key(|(since, _)| *since).map(|(_, seat)| seat.who.number) else {
            return false;
        };
        self.depart(number, Departure::Lost, now);
        true
    }

    fn is_full(&self) -> bool {
        self.seats.len() >= self.config.max_members as usize
    }

    /// Whether a key comes in by itself.
    pub(super) fn known(&self, key: PublicKey, listed: &Listed) -> bool {
        key == self.config.owner || listed.key
    }

    /// Whether a caller at a port that the room has left is told where it went.
    pub(super) fn may_know_place(&self, caller: &Caller, hello: &Hello, listed: &Listed) -> bool {
        self.config.open || self.known(caller.key, listed) || self.by_id.contains_key(&(caller.key, hello.instance))
    }

    /// Whether a key may admit, expel and move.
    pub(super) fn may_rule(&self, key: PublicKey) -> bool {
        key == self.config.owner
    }

    fn knock(&mut self, caller: &Caller, hello: &Hello, listed: &Listed, now: Instant) -> Verdict {
        if let Err(error) = normal_form(&hello.name) {
            return refused_name(&error);
        }
        let mut seats = self.seats.values();
        if !seats.any(|seat| self.may_rule(seat.who.key) && seat.askable && seat.link.is_some()) {
            return Verdict::Refused(Refusal::NobodyToAsk);
        }
        // A key that knocks again has lost the first connection, or it would not.
        self.end_knocks_of(caller.key, now);
        let from_here = caller.address.map(Source::from);
        let same = self.knocks.iter().filter(|knock| knock.caller.address.map(Source::from) == from_here).count();
        if self.knocks.len() >= MAX_KNOCKS || same >= MAX_KNOCKS_FROM_ONE {
            return Verdict::Refused(Refusal::Crowded);
        }
        let name = match self.names.take_like(&hello.name, caller.key, listed.name_of_another) {
            Ok(name) => name,
            Err(error) => return refused_name(&error),
        };
        self.last_ticket += 1;
        let (verdict, receiver) = oneshot::channel();
        let claims = listed.name_of_another.then(|| normal_form(&hello.name).unwrap_or_default());
        let (caller, hello) = (caller.clone(), hello.clone());
        let ticket = self.last_ticket;
        let waiting = Verdict::Waiting { name: name.clone(), ticket, verdict: receiver };
        self.knocks.push(Knock { ticket, name, caller, hello, claims, since: now, verdict, told: false });
        self.tell_knocks(now);
        waiting
    }

    /// Tells the host's user of a new knock, not more often than a person can read.
    fn tell_knocks(&mut self, now: Instant) {
        let pause = self.config.timing.knock_notice;
        if self.knock_noticed.is_some_and(|noticed| now.duration_since(noticed) < pause) {
            return;
        }
        let untold = self.knocks.iter().filter(|knock| !knock.told).count() as u32;
        let Some(knock) = self.knocks.iter_mut().find(|knock| !knock.told) else { return };
        let KnockRow { name, key, address, claims } = knock.row();
        // The notice counts the others, so they have been told of, too.
        self.knocks.iter_mut().for_each(|knock| knock.told = true);
        self.knock_noticed = Some(now);
        self.tell_rulers(&Event::Knock { name, key, address, claims, more: untold - 1 }, now);
    }

    pub(super) fn tell_rulers(&mut self, event: &Event, now: Instant) {
        let rulers: Vec<u32> =
            self.seats.values().filter(|seat| self.may_rule(seat.who.key)).map(|seat| seat.who.number).collect();
        for ruler in rulers {
            self.record(event.clone(), Audience::One(ruler), Needs::Nobody, now);
        }
    }

    /// Somebody at the door is sent away.
    pub(super) fn send_away(&mut self, index: usize, now: Instant) {
        let knock = self.knocks.remove(index);
        self.names.give_back(&knock.name);
        let _ = knock.verdict.send(Verdict::Refused(Refusal::Declined));
        // Of whom nobody heard, nobody needs to hear: coming and going at the door must not be heard more often
        // than notices of knocks.
        if knock.told {
            self.tell_rulers(&Event::KnockOver { name: knock.name, entered: false }, now);
        }
    }

    /// Whoever waits at the door with that key is sent away.
    pub(super) fn end_knocks_of(&mut self, key: PublicKey, now: Instant) {
        while let Some(index) = self.knocks.iter().position(|knock| knock.caller.key == key) {
            self.send_away(index, now);
        }
    }

    /// Somebody at the door is let in, under the name that was announced.
    pub(super) fn let_in(&mut self, index: usize, now: Instant) {
        let Knock { name, caller, hello, verdict, .. } = self.knocks.remove(index);
        self.tell_rulers(&Event::KnockOver { name: name.clone(), entered: true }, now);
        if verdict.is_closed() {
            self.names.give_back(&name);
            return;
        }
        let refusal = if self.is_full() {
            Some(Refusal::Full { limit: self.config.max_members })
        } else if self.by_id.contains_key(&(caller.key, hello.instance)) {
            // It came in by another way meanwhile.
            Some(Refusal::Declined)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.names.give_back(&name);
            let _ = verdict.send(Verdict::Refused(refusal));
            return;
        }
        let seated = self.enter(&caller, &hello, name, now);
        let seat = Some((seated.welcome.number, seated.shared.id));
        self.replies.push(Reply::Verdict(verdict, Verdict::Seated(Box::new(seated)), seat));
    }

    /// The connection of somebody at the door broke.
    pub(super) fn knock_broke(&mut self, ticket: u64, now: Instant) {
        if let Some(index) = self.knocks.iter().position(|knock| knock.ticket == ticket) {
            self.send_away(index, now);
        }
    }

    /// Declines those whom nobody answered, and tells of those not told of yet.
    pub(super) fn answer_old_knocks(&mut self, now: Instant) {
        let life = self.config.timing.knock_life;
        while let Some(index) = self.knocks.iter().position(|knock| now.duration_since(knock.since) >= life) {
            self.send_away(index, now);
        }
        self.tell_knocks(now);
    }
}

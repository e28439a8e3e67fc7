//! What the room does with envelopes: number, order, pass on, keep.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::{
    journal::Record,
    log::{Audience, Needs},
    state::State,
};
use crate::wire::{
    Body, Envelope, Event, Kept, MAX_KEPT, MAX_KEPT_IN_ROOM, MAX_KEPT_LEN, MAX_PAYLOAD_LEN, Past, Said, To,
    is_command_name,
};

/// What somebody hears who may not speak to everyone.
const MUTED: &str = "not said: the host has muted you";

/// The sender broke the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation;

fn well_formed(said: &Said, limit: usize) -> bool {
    is_command_name(&said.command) && said.payload.len() <= limit
}

impl State {
    /// Takes an envelope from a member's present link.
    pub(super) fn relay(&mut self, from: u32, link: u64, envelope: Envelope, now: Instant) -> Result<(), Violation> {
        self.take_in(from, link, envelope, now)?;
        // Not before it is in the log: a gap acknowledges all that is accepted and not in the log any more.
        if let Some(seat) = self.linked(from, link)
            && let Some(link) = &seat.link
        {
            link.shared.accepted.store(seat.accepted, Relaxed);
        }
        Ok(())
    }

    fn take_in(&mut self, from: u32, link: u64, envelope: Envelope, now: Instant) -> Result<(), Violation> {
        // What an older link of this seat had under way comes again by the newer one.
        let Some(seat) = self.linked(from, link) else { return Ok(()) };
        let Envelope { n, prev, to, body } = envelope;
        if seat.accepted.checked_add(1) != Some(n) || prev >= n {
            return Err(Violation);
        }
        match &body {
            Body::Say(said) | Body::Remember(said) if !well_formed(said, MAX_PAYLOAD_LEN) => return Err(Violation),
            Body::Keep { said, .. } if !well_formed(said, MAX_KEPT_LEN) => return Err(Violation),
            _ => {}
        }
        seat.accepted = n;
        let prev = if to == To::Everyone { seat.public.follow(n, prev) } else { prev };
        let needs = seat.needs();
        let key = seat.who.key;
        if let Body::Withdraw { tag } = body {
            self.take_back(from, n, prev, tag, now)?;
            // For whom it was says the event; whom its envelope was to does not show there.
            let public = self.seats.get(&from).map(|seat| seat.public).unwrap_or_default();
            self.note(|| Record::Public(from, public));
            return Ok(());
        }
        if to == To::Everyone && self.muted.contains(&key) {
            return self.refuse(from, n, MUTED, now);
        }
        let recipient = match to {
            To::Everyone => None,
            To::Member { key, instance } => match self.by_id.get(&(key, instance)) {
                Some(&number) if number != from => Some(number),
                Some(_) => return self.refuse(from, n, "that is you", now),
                None => return self.refuse(from, n, "not delivered: they are not here any more", now),
            },
        };
        let bytes = match &body {
            Body::Say(said) | Body::Remember(said) | Body::Keep { said, .. } => said.payload.len(),
            Body::Withdraw { .. } => 0,
        };
        let audience = recipient.map_or(Audience::All, |recipient| Audience::Two(from, recipient));
        let event = |said, kept| Event::Said { from, n, prev, to: recipient, kept, said };
        match body {
            Body::Say(said) => {
                self.record(event(said, None), audience, needs, now);
            }
            Body::Remember(said) => {
                let past = self.past(from, n, &said).filter(|_| recipient.is_none());
                self.record_as(event(said, None), audience, needs, past, now);
            }
            Body::Keep { tag, said } => {
                let number = match self.keep(from, tag) {
                    Ok(number) => number,
                    Err(reason) => return self.refuse(from, n, reason, now),
                };
                self.record_kept(number, event(said, Some(Kept { number, tag })), audience, needs, now);
            }
            Body::Withdraw { .. } => {}
        }
        if recipient.is_none() {
            self.said.count(bytes);
        }
        Ok(())
    }

    /// What those who come later are told of something said, unless they are told nothing.
    fn past(&self, from: u32, n: u64, said: &Said) -> Option<Past> {
        let who = &self.seats.get(&from).filter(|_| self.config.backlog > 0)?.who;
        let (key, instance, name) = (who.key, who.instance, who.name.clone());
        Some(Past { key, instance, name, n, age_secs: 0, said: said.clone() })
    }

    /// Takes back something kept, before those who were entitled to it.
    fn take_back(&mut self, from: u32, n: u64, prev: u64, tag: u32, now: Instant) -> Result<(), Violation> {
        let seat = self.seats.get_mut(&from);
        let kept = seat.and_then(|seat| Some((seat.kept.remove(&tag)?, seat.needs())));
        let Some((number, needs)) = kept else {
            return self.refuse(from, n, "nothing is kept under that mark", now);
        };
        self.kept_in_room -= 1;
        let audience = self.log.write().withdraw(number).unwrap_or(Audience::One(from));
        let to = match audience {
            Audience::Two(_, to) => Some(to),
            _ => None,
        };
        // Whoever has gone is told nothing, and counted for no more.
        let gone = to.is_some_and(|to| !self.seats.contains_key(&to));
        let audience = if gone { Audience::One(from) } else { audience };
        self.record(Event::Withdrawn { from, n, prev, to, kept: Kept { number, tag } }, audience, needs, now);
        Ok(())
    }

    /// Finds a number for something to be kept, or says why it is not.
    fn keep(&mut self, from: u32, tag: u32) -> Result<u32, &'static str> {
        let full = self.kept_in_room >= MAX_KEPT_IN_ROOM;
        let seat = self.seats.get_mut(&from).ok_or("you are not in the room")?;
        if seat.kept.contains_key(&tag) {
            return Err("something is kept under that mark already");
        }
        if full || seat.kept.len() >= MAX_KEPT {
            return Err("the room keeps no more; take something back first");
        }
        self.last_kept += 1;
        self.kept_in_room += 1;
        seat.kept.insert(tag, self.last_kept);
        Ok(self.last_kept)
    }

    /// Tells the sender that an envelope went nowhere, which acknowledges it all the same.
    fn refuse(&mut self, from: u32, n: u64, reason: &str, now: Instant) -> Result<(), Violation> {
        if let Some(seat) = self.seats.get_mut(&from) {
            seat.public.refuse(n);
            let public = seat.public;
            self.note(|| Record::Public(from, public));
        }
        self.record(Event::Refused { n, reason: reason.to_owned() }, Audience::One(from), Needs::Nobody, now);
        Ok(())
    }
}

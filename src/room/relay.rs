//! What the room does with envelopes: number, order, pass on, keep.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::{
    log::{Audience, Needs},
    state::State,
};
use crate::wire::{
    Body, Envelope, Event, Kept, MAX_COMMAND_LEN, MAX_KEPT, MAX_KEPT_IN_ROOM, MAX_KEPT_LEN, MAX_PAYLOAD_LEN, Said, To,
};

/// The sender broke the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation;

fn well_formed(said: &Said, limit: usize) -> bool {
    let name = said.command.as_bytes();
    (1..=MAX_COMMAND_LEN).contains(&name.len())
        && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && said.payload.len() <= limit
}

impl State {
    /// Takes an envelope from a member's present link.
    pub(super) fn relay(&mut self, from: u32, link: u64, envelope: Envelope, now: Instant) -> Result<(), Violation> {
        // What an older link of this seat had under way comes again by the newer one.
        let Some(seat) = self.linked(from, link) else { return Ok(()) };
        let Envelope { n, prev, to, body } = envelope;
        if Some(n) != seat.accepted.checked_add(1) || prev >= n {
            return Err(Violation);
        }
        match &body {
            Body::Say(said) if !well_formed(said, MAX_PAYLOAD_LEN) => return Err(Violation),
            Body::Keep { said, .. } if !well_formed(said, MAX_KEPT_LEN) => return Err(Violation),
            _ => {}
        }
        seat.accepted = n;
        let needs = seat.needs();
        if let Some(link) = &seat.link {
            link.shared.accepted.store(n, Relaxed);
        }
        let recipient = match to {
            To::Everyone => None,
            To::Member { key, instance } => match self.by_id.get(&(key, instance)) {
                Some(&number) if number != from => Some(number),
                Some(_) => return Ok(self.refuse(from, n, "that is you", now)),
                None => return Ok(self.refuse(from, n, "not delivered: they are not here any more", now)),
            },
        };
        let audience = recipient.map_or(Audience::All, |recipient| Audience::Two(from, recipient));
        match body {
            Body::Say(said) => {
                let event = Event::Said { from, n, prev, to: recipient, kept: None, said };
                self.record(event, audience, needs, now);
            }
            Body::Keep { tag, said } => self.keep(
                from,
                Event::Said { from, n, prev, to: recipient, kept: Some(Kept { number: 0, tag }), said },
                audience,
                needs,
                now,
            ),
            Body::Withdraw { tag } => {
                let Some(number) = self.seats.get_mut(&from).and_then(|seat| seat.kept.remove(&tag)) else {
                    return Ok(self.refuse(from, n, "nothing is kept under that mark", now));
                };
                self.kept_in_room -= 1;
                self.log.write().withdraw(number);
                self.record(Event::Withdrawn { from, n, prev, kept: Kept { number, tag } }, audience, needs, now);
            }
        }
        Ok(())
    }

    fn keep(&mut self, from: u32, mut event: Event, audience: Audience, needs: Needs, now: Instant) {
        let Event::Said { n, kept: Some(kept), .. } = &mut event else { return };
        let n = *n;
        let Some(seat) = self.seats.get_mut(&from) else { return };
        if seat.kept.contains_key(&kept.tag) {
            return self.refuse(from, n, "something is kept under that mark already", now);
        }
        if seat.kept.len() >= MAX_KEPT || self.kept_in_room >= MAX_KEPT_IN_ROOM {
            return self.refuse(from, n, "the room keeps no more; take something back first", now);
        }
        self.last_kept += 1;
        kept.number = self.last_kept;
        seat.kept.insert(kept.tag, kept.number);
        self.kept_in_room += 1;
        self.record_kept(self.last_kept, event, audience, needs, now);
    }

    fn refuse(&mut self, from: u32, n: u64, reason: &str, now: Instant) {
        self.record(Event::Refused { n, reason: reason.to_owned() }, Audience::One(from), Needs::Nobody, now);
    }
}

//! What this member has sent and the room has not acknowledged yet.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{Draft, Member};
use crate::limits::session::MAX_RECIPIENTS;
pub(super) use crate::limits::session::{MAX_ON_WAY_BYTES, MAX_WAITING, MAX_WAITING_BYTES};
use crate::{
    recent::Recent,
    wire::{Body, Envelope, Instance, PublicKey, Said, To},
};

/// Bytes that an envelope takes on its way, about.
fn cost(envelope: &Envelope) -> usize {
    let payload = match &envelope.body {
        Body::Say(said) | Body::Keep { said, .. } | Body::Remember(said) => said.payload.len(),
        Body::Withdraw { .. } => 0,
    };
    payload + ENVELOPE_BYTES
}

/// What an envelope takes beside its payload, at the most.
const ENVELOPE_BYTES: usize = 128;

/// The last number given out for each recipient. For one that is forgotten that is 0, which makes no claim.
#[derive(Debug)]
struct Previous {
    to_all: u64,
    to_one: Recent<(PublicKey, Instance), u64>,
}

impl Default for Previous {
    fn default() -> Self {
        Self { to_all: 0, to_one: Recent::new(MAX_RECIPIENTS) }
    }
}

impl Previous {
    /// Gives out a number, and the one before it.
    fn replace(&mut self, to: To, n: u64) -> u64 {
        match to {
            To::Everyone => std::mem::replace(&mut self.to_all, n),
            To::Member { key, instance } => {
                let who = (key, instance);
                let prev = self.to_one.get(who).copied().unwrap_or(0);
                self.to_one.put(who, n);
                prev
            }
        }
    }
}

/// The unacknowledged envelopes in the order of their numbers, and what the room keeps for this member.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Envelope>,
    bytes: usize,
    /// What was typed, where something waits on account of it.
    lines: BTreeMap<u64, Arc<str>>,
    /// Highest number given out.
    last: u64,
    /// Highest number written to the present link.
    sent: u64,
    /// What is on its way over the present link, in bytes.
    on_way: usize,
    prev: Previous,
    /// What the room keeps for us, to be set again after it restarted.
    kept: BTreeMap<u32, (u64, To, Said)>,
    /// Members who were there before the room restarted and are not back yet: what is for one of them waits, and what
    /// follows it, since a room that does not know them would refuse it.
    expected: HashSet<To>,
}

impl Outbox {
    /// Numbers a draft and takes it in, unless too much is waiting.
    pub(super) fn push(&mut self, draft: &Draft) -> Option<u64> {
        let full = self.waiting.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES;
        (!full).then(|| self.append(draft))
    }

    /// Number `n` was sent on account of this line.
    pub(super) fn typed(&mut self, n: u64, line: Option<Arc<str>>) {
        self.lines.extend(line.map(|line| (n, line)));
    }

    /// The line on whose account number `n` waits.
    pub(super) fn line(&self, n: u64) -> Option<Arc<str>> {
        self.lines.get(&n).cloned()
    }

    /// The lines on whose account something waits.
    pub(super) fn lines(&self) -> Vec<Arc<str>> {
        let mut lines: Vec<_> = self.lines.values().cloned().collect();
        // One may have sent several.
        lines.dedup_by(|one, other| Arc::ptr_eq(one, other));
        lines
    }

    fn append(&mut self, draft: &Draft) -> u64 {
        self.last += 1;
        let n = self.last;
        let (to, body) = match draft {
            Draft::Say { to, command, payload, tag } => {
                let said = Said { command: command.clone(), payload: payload.clone() };
                self.bytes += payload.len();
                match tag {
                    None => (*to, Body::Say(said)),
                    Some(tag) => {
                        self.kept.insert(*tag, (n, *to, said.clone()));
                        (*to, Body::Keep { tag: *tag, said })
                    }
                }
            }
            Draft::Remember { command, payload } => {
                let said = Said { command: command.clone(), payload: payload.clone() };
                self.bytes += payload.len();
                (To::Everyone, Body::Remember(said))
            }
            Draft::Withdraw { tag } => {
                // Those who got it get this, and nobody else, or the numbers of others would have a hole.
                let to = self.kept.remove(tag).map_or(To::Everyone, |(_, to, _)| to);
                (to, Body::Withdraw { tag: *tag })
            }
        };
        let prev = self.prev.replace(to, n);
        self.waiting.push_back(Envelope { n, prev, to, body });
        n
    }

    /// How many envelopes wait for the room.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The highest number given out.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether nothing up to `n` is still to be written to the present link.
    pub(super) fn is_written(&self, n: u64) -> bool {
        self.next().max(self.sent + 1) > n
    }

    /// The lowest number that may still be sent.
    pub(super) fn next(&self) -> u64 {
        self.waiting.front().map_or(self.last + 1, |envelope| envelope.n)
    }

    /// The next envelope for the present link, which counts as sent from now on. None while as much is on its way as the
    /// system buffers anyway: a room that reads later is not to be taken for one that reads no more.
    pub(super) fn take_unsent(&mut self) -> Option<Envelope> {
        let first = self.waiting.front()?.n;
        let index = usize::try_from((self.sent + 1).max(first) - first).ok()?;
        let envelope = self.waiting.get(index)?;
        if self.expected.contains(&envelope.to) {
            return None;
        }
        if index > 0 && self.on_way + cost(envelope) > MAX_ON_WAY_BYTES {
            return None;
        }
        self.sent = envelope.n;
        self.on_way += cost(envelope);
        Some(envelope.clone())
    }

    /// A new link begins, at whose other end everything up to `accepted` has arrived.
    pub(super) fn resume(&mut self, accepted: u64) {
        self.sent = accepted;
        self.on_way = self.waiting.iter().take_while(|envelope| envelope.n <= accepted).map(cost).sum();
    }

    /// The room began anew: what it kept for us is set again, after whatever waits already.
    pub(super) fn set_again(&mut self) {
        let first = self.next();
        let lost: Vec<_> =
            self.kept.iter().filter(|(_, kept)| kept.0 < first).map(|(tag, kept)| (*tag, kept.clone())).collect();
        for (tag, (_, to, Said { command, payload })) in lost {
            self.append(&Draft::Say { to, command, payload, tag: Some(tag) });
        }
    }

    /// The room began anew, and these will be back, too.
    pub(super) fn expect(&mut self, members: impl Iterator<Item = (PublicKey, Instance)>) {
        self.expected = members.map(|(key, instance)| To::Member { key, instance }).collect();
    }

    /// Somebody is there. Returns whether that was waited for.
    pub(super) fn is_there(&mut self, key: PublicKey, instance: Instance) -> bool {
        self.expected.remove(&To::Member { key, instance })
    }

    /// Nobody is waited for any more. Returns whether somebody was.
    pub(super) fn expect_nobody(&mut self) -> bool {
        !std::mem::take(&mut self.expected).is_empty()
    }

    /// Everything up to `n` has come back or will not. Returns whether that was news.
    pub(super) fn acknowledge(&mut self, n: u64) -> bool {
        let before = self.waiting.len();
        while let Some(envelope) = self.waiting.pop_front_if(|envelope| envelope.n <= n) {
            if envelope.n <= self.sent {
                self.on_way = self.on_way.saturating_sub(cost(&envelope));
            }
            if let Body::Say(said) | Body::Keep { said, .. } | Body::Remember(said) = &envelope.body {
                self.bytes -= said.payload.len();
            }
        }
        while self.lines.first_key_value().is_some_and(|(&first, _)| first <= n) {
            self.lines.pop_first();
        }
        self.waiting.len() < before
    }

    /// Whether envelope `n` waits and takes back something kept.
    pub(super) fn withdraws(&self, n: u64) -> bool {
        self.waiting.iter().any(|envelope| envelope.n == n && matches!(envelope.body, Body::Withdraw { .. }))
    }

    /// Whether `n` was ever given out: the room can acknowledge nothing else.
    pub(super) fn gave_out(&self, n: u64) -> bool {
        n <= self.last
    }

    /// The room has refused number `n`, which still waits here: if it was for everyone, nobody is to miss it. The
    /// room passes over it for as long as we have this seat; in another one, only we know.
    pub(super) fn refused(&mut self, n: u64) {
        let refused = self.waiting.iter().find(|envelope| envelope.n == n && envelope.to == To::Everyone);
        let Some(before) = refused.map(|envelope| envelope.prev) else { return };
        let next = self.waiting.iter_mut().filter(|envelope| envelope.to == To::Everyone && envelope.prev == n);
        next.for_each(|envelope| envelope.prev = before);
        if self.prev.to_all == n {
            self.prev.to_all = before;
        }
    }

    /// A member has gone: nothing more is sent to it.
    pub(super) fn forget(&mut self, member: &Member) {
        self.prev.to_one.remove((member.key, member.instance));
    }

    /// What waits, in bytes too, how many recipients are remembered, and what is kept for us.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize, usize, usize) {
        (self.waiting.len(), self.bytes, self.prev.to_one.len(), self.kept.len())
    }

    /// The room no longer keeps what it was given as number `n`.
    pub(super) fn not_kept(&mut self, n: u64) {
        self.kept.retain(|_, (at, ..)| *at != n);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn line(text: &str) -> Draft {
        say(To::Everyone, text, None)
    }

    fn say(to: To, text: &str, tag: Option<u32>) -> Draft {
        Draft::Say { to, command: "text".into(), payload: Bytes::copy_from_slice(text.as_bytes()), tag }
    }

    fn unsent(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.take_unsent()).map(|envelope| envelope.n).collect()
    }

    #[test]
    fn typed_lines_are_there_until_all_that_was_sent_for_them_is_acknowledged() {
        let mut outbox = Outbox::default();
        for n in 1..=4 {
            assert_eq!(outbox.push(&line("x")), Some(n));
        }
        let both: Arc<str> = "sends two".into();
        outbox.typed(1, Some(both.clone()));
        outbox.typed(2, Some(both.clone()));
        outbox.typed(3, None);
        outbox.typed(4, Some("last".into()));
        assert_eq!(outbox.lines(), [both.clone(), "last".into()]);
        outbox.acknowledge(1);
        assert_eq!((outbox.line(1), outbox.line(2), outbox.line(3)), (None, Some(both), None));
        outbox.acknowledge(3);
        assert_eq!(outbox.lines(), ["last".into()]);
        outbox.acknowledge(4);
        assert!(outbox.lines().is_empty());
    }

    #[test]
    fn numbers_are_consecutive_and_prev_counts_by_recipient() {
        let bob = To::Member { key: PublicKey([1; 32]), instance: Instance([1; 16]) };
        let mut outbox = Outbox::default();
        for draft in [line("a"), say(bob, "b", None), line("c"), say(bob, "d", None)] {
            outbox.push(&draft);
        }
        let numbers: Vec<_> = std::iter::from_fn(|| outbox.take_unsent()).map(|e| (e.n, e.prev)).collect();
        assert_eq!(numbers, [(1, 0), (2, 0), (3, 1), (4, 2)]);
    }

    #[test]
    fn whoever_has_gone_is_forgotten_and_so_is_whom_nothing_was_sent_to_for_long() {
        let member = |of: u32| {
            let mut instance = [0; 16];
            instance[..4].copy_from_slice(&of.to_be_bytes());
            Member { number: of, key: PublicKey([1; 32]), instance: Instance(instance), name: String::new() }
        };
        let to = |of| To::Member { key: member(of).key, instance: member(of).instance };
        let mut outbox = Outbox::default();
        for of in 0..2 * MAX_RECIPIENTS as u32 {
            let n = outbox.push(&say(to(of), "x", None)).expect("there is room");
            outbox.acknowledge(n);
        }
        assert_eq!(outbox.prev.to_one.len(), MAX_RECIPIENTS);
        let (last, first) = (2 * MAX_RECIPIENTS as u32 - 1, 0);
        outbox.push(&say(to(last), "y", None));
        outbox.push(&say(to(first), "y", None));
        outbox.forget(&member(last));
        outbox.push(&say(to(last), "z", None));
        let prev: Vec<_> = outbox.waiting.iter().map(|envelope| envelope.prev).collect();
        assert_eq!(prev, [2 * MAX_RECIPIENTS as u64, 0, 0], "a number before it is told of the first one only");
        for of in 0..=last {
            outbox.forget(&member(of));
        }
        assert_eq!(outbox.prev.to_one.len(), 0);
    }

    #[test]
    fn a_new_link_gets_what_the_room_has_not_accepted() {
        let mut outbox = Outbox::default();
        for text in ["a", "b", "c", "d"] {
            outbox.push(&line(text));
        }
        assert_eq!(unsent(&mut outbox), [1, 2, 3, 4]);
        outbox.acknowledge(1);
        outbox.resume(2);
        assert_eq!(unsent(&mut outbox), [3, 4]);
        assert_eq!(outbox.len(), 3, "2 is accepted but not echoed: it is kept until it is");
        outbox.acknowledge(4);
        assert_eq!((outbox.len(), outbox.next()), (0, 5));
    }

    #[test]
    fn it_fills_by_count_and_by_bytes_and_empties_again() {
        let mut outbox = Outbox::default();
        for n in 1..=MAX_WAITING as u64 {
            assert_eq!(outbox.push(&line("x")), Some(n));
        }
        assert_eq!(outbox.push(&line("x")), None);
        outbox.acknowledge(1);
        assert_eq!(outbox.push(&line("x")), Some(257));

        let mut outbox = Outbox::default();
        let big = "x".repeat(12 * 1024);
        while outbox.push(&line(&big)).is_some() {}
        assert!(outbox.len() < 30);
        outbox.acknowledge(u64::MAX);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn what_is_refused_to_everyone_is_passed_over_by_what_follows_in_another_seat_too() {
        let bob = To::Member { key: PublicKey([1; 32]), instance: Instance([1; 16]) };
        let mut outbox = Outbox::default();
        for draft in [line("a"), line("b"), say(bob, "c", None), line("d"), line("e")] {
            outbox.push(&draft);
        }
        outbox.acknowledge(1);
        for n in [2, 3, 4] {
            outbox.refused(n);
            outbox.acknowledge(n);
        }
        outbox.resume(4);
        assert_eq!(outbox.take_unsent().map(|again| (again.n, again.prev)), Some((5, 1)));
        outbox.refused(5);
        outbox.acknowledge(5);
        outbox.push(&line("f"));
        outbox.push(&say(bob, "g", None));
        let numbers: Vec<_> = std::iter::from_fn(|| outbox.take_unsent()).map(|e| (e.n, e.prev)).collect();
        assert_eq!(numbers, [(6, 1), (7, 3)]);
    }

    #[test]
    fn what_is_kept_for_one_member_is_set_again_for_that_member_alone() {
        let bob = To::Member { key: PublicKey([1; 32]), instance: Instance([1; 16]) };
        let mut outbox = Outbox::default();
        outbox.push(&say(bob, "for bob", Some(1)));
        unsent(&mut outbox);
        outbox.acknowledge(1);
        outbox.resume(1);
        outbox.set_again();
        assert_eq!(outbox.take_unsent().map(|again| (again.n, again.to)), Some((2, bob)));
    }

    #[test]
    fn after_a_restart_of_the_room_kept_envelopes_are_set_again_once() {
        let mut outbox = Outbox::default();
        outbox.push(&say(To::Everyone, "old", Some(1)));
        outbox.push(&say(To::Everyone, "gone", Some(2)));
        outbox.push(&Draft::Withdraw { tag: 2 });
        assert_eq!(unsent(&mut outbox), [1, 2, 3]);
        outbox.acknowledge(3);
        outbox.push(&say(To::Everyone, "waits", Some(3)));
        outbox.resume(outbox.next() - 1);
        outbox.set_again();
        let again: Vec<_> = std::iter::from_fn(|| outbox.take_unsent()).map(|e| e.body).collect();
        let tags: Vec<_> = again.iter().map(|body| if let Body::Keep { tag, .. } = body { *tag } else { 0 }).collect();
        assert_eq!(tags, [3, 1]);
    }

    #[test]
    fn what_is_for_somebody_who_is_not_back_yet_waits_with_what_follows() {
        let [bob, carol] = [1, 2].map(|of| (PublicKey([of; 32]), Instance([of; 16])));
        let to = |(key, instance)| To::Member { key, instance };
        let mut outbox = Outbox::default();
        for (to, text) in [(To::Everyone, "a"), (to(bob), "b"), (To::Everyone, "c"), (to(carol), "d")] {
            outbox.push(&say(to, text, None));
        }
        outbox.expect([bob, carol].into_iter());
        assert_eq!(unsent(&mut outbox), [1]);
        assert!(outbox.is_there(bob.0, bob.1) && !outbox.is_there(bob.0, bob.1));
        assert_eq!(unsent(&mut outbox), [2, 3]);
        assert!(outbox.expect_nobody() && !outbox.expect_nobody());
        assert_eq!(unsent(&mut outbox), [4]);
    }
}

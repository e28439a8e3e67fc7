//! Who is out, who is silent, and who is here, as the room's log tells it event by event.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Duration, Instant};

use crate::wire::*;

/// Nearer to the end of the minutes than this, it is not known whether somebody is still out.
const NEARLY: Duration = Duration::from_secs(5);

/// How long somebody is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Out {
    For,
    Until(Instant),
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// Those who are here, by number.
    pub(super) seats: BTreeMap<u32, PublicKey>,
    pub(super) out: BTreeMap<PublicKey, Out>,
    pub(super) muted: BTreeSet<PublicKey>,
    /// Of each seat that the host ended, the first event that says that its key is out.
    pub(super) falls: BTreeMap<u32, u64>,
    /// The last such end of each key.
    pub(super) fallen: BTreeMap<PublicKey, u64>,
    /// Which event each text was said in.
    pub(super) said: BTreeMap<String, u64>,
    /// The highest number of an envelope that each seat was heard with.
    pub(super) heard: BTreeMap<u32, u64>,
}

impl Model {
    /// Whether a key is out now; nothing if that is about to change.
    pub(super) fn is_out(&self, key: &PublicKey) -> Option<bool> {
        match self.out.get(key) {
            None => Some(false),
            Some(Out::For) => Some(true),
            Some(Out::Until(until)) => {
                let now = Instant::now();
                if now + NEARLY < *until {
                    return Some(true);
                }
                (now > *until + NEARLY).then_some(false)
            }
        }
    }

    /// Forgets those whose minutes are over.
    pub(super) fn pass(&mut self) {
        let over: Vec<_> = self.out.keys().filter(|key| self.is_out(key) == Some(false)).copied().collect();
        for key in over {
            self.out.remove(&key);
        }
    }

    /// Takes the next event of the log, and says what is wrong with it.
    pub(super) fn take(&mut self, seq: u64, event: &Event) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("event {seq}, {event:?}: {why}"));
        if let Some(number) = actor(event)
            && number != 1
        {
            let Some(key) = self.seats.get(&number) else { return wrong("of somebody who is not here") };
            if self.out.contains_key(key) {
                return wrong("of somebody who was put out");
            }
            if self.muted.contains(key) && to_all(event) {
                return wrong("of somebody who is muted");
            }
        }
        match event {
            Event::Said { from, n, said, .. } => {
                self.said.insert(String::from_utf8_lossy(&said.payload).into_owned(), seq);
                let last = self.heard.insert(*from, *n);
                if last.is_some_and(|last| last >= *n) {
                    return wrong("again, or out of order");
                }
            }
            Event::Joined(who) | Event::Invited { member: who, .. } => {
                if self.out.contains_key(&who.key) {
                    return wrong("in, and was put out");
                }
                if matches!(event, Event::Joined(_)) {
                    self.seats.insert(who.number, who.key);
                }
            }
            Event::Knock { key, .. } if self.out.contains_key(key) => return wrong("at the door, and was put out"),
            Event::Left { member, how } => {
                let Some(key) = self.seats.remove(member) else { return wrong("who was not here") };
                if let Departure::Kicked { term, .. } = how {
                    self.fall(*member, key, *term, seq);
                }
            }
            Event::Muted { member, muted, .. } => {
                let Some(key) = self.seats.get(member) else { return wrong("who is not here") };
                if *muted {
                    self.muted.insert(*key)
                } else {
                    self.muted.remove(key)
                };
            }
            _ => {}
        }
        Ok(())
    }

    fn fall(&mut self, member: u32, key: PublicKey, term: Term, seq: u64) {
        // The other seats of the key go at the same moment.
        let at = self.fallen.get(&key).copied().filter(|_| self.out.contains_key(&key)).unwrap_or(seq);
        self.fallen.insert(key, at);
        self.falls.insert(member, at);
        self.put_out(key, term);
    }

    /// A key is out from now on, if it was not for longer.
    pub(super) fn put_out(&mut self, key: PublicKey, term: Term) {
        let out = match term {
            Term::Good => Out::For,
            Term::Minutes => Out::Until(Instant::now() + Duration::from_secs(600)),
        };
        if self.out.get(&key) != Some(&Out::For) {
            self.out.insert(key, out);
        }
    }
}

/// Whose deed an event tells of.
fn actor(event: &Event) -> Option<u32> {
    match event {
        Event::Said { from, .. } | Event::Withdrawn { from, .. } | Event::Stream { from, .. } => Some(*from),
        Event::Renamed { member, .. } | Event::Away { member } | Event::Back { member } => Some(*member),
        _ => None,
    }
}

/// Whether everybody reads what somebody means to be read.
fn to_all(event: &Event) -> bool {
    matches!(event, Event::Said { to: None, .. } | Event::Renamed { .. })
}

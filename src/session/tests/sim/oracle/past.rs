//! What one run heard of the time before it came.

use super::{Sender, id, reader::Reader, track::Track};
use crate::session::{Incoming, tests::sim::world::Sent};

impl Reader<'_, '_> {
    /// Something of the past.
    pub(super) fn told(&mut self, message: &Incoming) {
        self.judge.seen.count("past", 1);
        let sender = (message.from.key, message.from.instance);
        let n = message.n;
        let curious = self.judge.inner.runs[self.at].curious;
        let Some(past) = self.past.as_mut().filter(|_| curious) else {
            return self.wrong(format!("{n} of {sender:?} is of the past, and comes out of its time"));
        };
        past.push((sender, n));
        let Some(run) = self.judge.run_of(sender).filter(|run| *run != self.at) else {
            return self.wrong("it is told its own past, or nobody's");
        };
        let same = |sent: &Sent| sent.remember && sent.to.is_none() && sent.text.as_bytes() == &message.payload[..];
        if !self.judge.sent(run, n).is_some_and(same) || message.private.is_some() || message.own {
            self.wrong(format!("nobody was to be told {n} of run {run}"));
        }
        let track = self.tracks.entry(sender).or_default();
        let late = n <= track.past || n <= track.highest && !track.open.remove(&n);
        if n > track.highest {
            (track.past, track.sure) = (track.past.max(n), false);
        }
        // What else was said around it is not known.
        track.stated[0] = true;
        if !self.heard.insert((sender, n)) || late {
            self.wrong(format!("{n} of run {run} is told of the past, and was heard"));
        }
    }

    /// All that the room told of the past was to be heard by now, or what came of it before the link broke.
    pub(super) fn past_is_over(&mut self, all: bool) {
        let (Some(heard), Some(stay)) = (self.past.take(), self.stay) else { return };
        let me = id(&self.judge.inner.runs[self.at]);
        let mut told: Vec<(Sender, u64)> = Vec::new();
        for past in &stay.past {
            let sender = (past.key, past.instance);
            let known = heard.contains(&(sender, past.n)) || !self.heard.contains(&(sender, past.n));
            let closed = |track: &Track| past.n <= track.highest && !track.open.contains(&past.n);
            let seen = self.tracks.get(&sender).is_some_and(closed) && !heard.contains(&(sender, past.n));
            let twice = told.iter().any(|(other, n)| *other == sender && past.n <= *n);
            if sender != me && known && !seen && !twice {
                told.push((sender, past.n));
            }
        }
        let before = |(sender, n): &(Sender, u64)| {
            heard.contains(&(*sender, *n)) || self.tracks.get(sender).is_none_or(|track| *n > track.past)
        };
        told.retain(before);
        if told != heard && (all || !told.starts_with(&heard)) {
            let numbers = |lines: &[(Sender, u64)]| lines.iter().map(|line| line.1).collect::<Vec<_>>();
            let (told, heard) = (numbers(&told), numbers(&heard));
            self.wrong(format!("it is told {told:?} of the past, and hears {heard:?}"));
        }
    }
}

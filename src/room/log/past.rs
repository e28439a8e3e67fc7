//! What newcomers are told of what was said: the last of the messages whose senders asked for it.

use std::collections::VecDeque;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::wire::{FromRoom, MAX_PAST, MAX_PAST_BYTES, Past, PublicKey, encode_into};

/// The last messages to everyone, the oldest first out.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    most: usize,
    pub(super) lines: VecDeque<Line>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) when: Instant,
    /// With an age of 0.
    pub(super) past: Past,
}

impl Backlog {
    /// One that holds so many.
    pub(super) fn of(most: usize) -> Self {
        Self { most: most.min(MAX_PAST), ..Self::default() }
    }

    pub(super) fn push(&mut self, seq: u64, past: Past, when: Instant) {
        self.bytes += past.cost();
        self.lines.push_back(Line { seq, when, past });
        while self.lines.len() > self.most || self.bytes > MAX_PAST_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.past.cost();
        }
    }

    /// How many it holds, and how many at the most.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.lines.len(), self.most)
    }

    /// How many it holds, and their bytes.
    #[cfg(test)]
    pub(super) fn census(&self) -> (usize, usize) {
        (self.lines.len(), self.bytes)
    }

    /// Forgets what a key has said.
    pub(super) fn forget(&mut self, key: &PublicKey) {
        self.lines.retain(|line| line.past.key != *key);
        self.bytes = self.lines.iter().map(|line| line.past.cost()).sum();
    }

    /// Writes those with a number above `after` and below `before`.
    pub(super) fn tell(&self, after: u64, before: u64, now: Instant, out: &mut BytesMut) {
        for Line { when, past, .. } in self.lines.iter().filter(|line| line.seq > after && line.seq < before) {
            let past = Past { age_secs: now.duration_since(*when).as_secs(), ..past.clone() };
            if let Err(error) = encode_into(&FromRoom::Past(past), out) {
                tracing::error!(%error, "a line of the past does not fit a frame");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::{Instance, MAX_PAYLOAD_LEN, Said, decode};

    fn line(of: u8, len: usize) -> Past {
        let said = Said { command: "chat".into(), payload: Bytes::from(vec![b'x'; len]) };
        Past { key: PublicKey([of; 32]), instance: Instance([of; 16]), name: "bob".into(), n: 1, age_secs: 0, said }
    }

    fn told(backlog: &Backlog, after: u64, before: u64, now: Instant) -> Vec<Past> {
        let mut out = BytesMut::new();
        backlog.tell(after, before, now, &mut out);
        let mut told = Vec::new();
        while !out.is_empty() {
            let len = u32::from_be_bytes(*out.first_chunk().unwrap()) as usize;
            let frame = out.split_to(4 + len);
            let Ok(FromRoom::Past(past)) = decode(&frame[4..]) else { panic!("another frame") };
            told.push(past);
        }
        told
    }

    #[test]
    fn the_last_ones_are_told_with_their_age_and_none_of_another_time() {
        let start = Instant::now();
        let mut backlog = Backlog::of(3);
        for seq in 1..=5 {
            backlog.push(seq, line(seq as u8, 1), start + std::time::Duration::from_secs(seq));
        }
        let now = start + std::time::Duration::from_secs(9);
        let ages = |after, before| told(&backlog, after, before, now).iter().map(|p| p.age_secs).collect::<Vec<_>>();
        assert_eq!(ages(0, 99), [6, 5, 4]);
        assert_eq!(ages(3, 5), [5]);
        assert_eq!(ages(5, 99), [0; 0]);
    }

    #[test]
    fn the_longest_lines_are_bounded_by_their_bytes_and_what_a_key_said_can_be_forgotten() {
        let now = Instant::now();
        let mut backlog = Backlog::of(MAX_PAST);
        for seq in 1..=1_000 {
            backlog.push(seq, line((seq % 2) as u8, MAX_PAYLOAD_LEN), now);
        }
        let told_now = told(&backlog, 0, u64::MAX, now);
        assert!(told_now.len() > 15 && told_now.iter().map(Past::cost).sum::<usize>() <= MAX_PAST_BYTES);
        assert_eq!(told_now.iter().map(Past::cost).sum::<usize>(), backlog.bytes);
        backlog.forget(&PublicKey([1; 32]));
        assert!(told(&backlog, 0, u64::MAX, now).iter().all(|past| past.key == PublicKey([0; 32])));
        assert_eq!(backlog.bytes, told(&backlog, 0, u64::MAX, now).iter().map(Past::cost).sum::<usize>());
    }

    #[test]
    fn a_room_that_tells_nothing_holds_nothing() {
        let mut backlog = Backlog::of(0);
        backlog.push(1, line(1, 1), Instant::now());
        assert_eq!((backlog.lines.len(), backlog.bytes), (0, 0));
    }
}

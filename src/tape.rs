//! What was shown lately: for those who read back, and for one who writes it down.
//!
//! Every line that a person is shown passes here, as it is: whoever shows it again filters it again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    limits::tape::{BYTES, LINES, WRITTEN},
    view::Line,
};

/// A line with the time at which it was said or shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// When.
    pub at: Timestamp,
    /// What.
    pub line: Line,
}

impl Shown {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let values = match &self.line {
            Line::Event(event) => {
                event.values.iter().map(|(name, value)| name.len() + value.as_str().map_or(16, str::len) + 64).sum()
            }
            Line::Said(said) => said.name.len(),
            _ => 0,
        };
        values + self.line.text().len() + size_of::<Self>()
    }
}

/// The lines of a session, the last ones. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    shown: VecDeque<Arc<Shown>>,
    bytes: usize,
    /// In whose room it is.
    host: String,
    writer: Option<Writer>,
}

/// The way to whoever writes it down.
struct Writer {
    queue: mpsc::SyncSender<Heard>,
    /// How many found the queue full.
    missed: usize,
    /// Ends when the other end has written all.
    done: mpsc::Receiver<()>,
}

/// What whoever writes it down gets.
#[derive(Debug)]
pub struct Heard {
    /// How many before this one are missing, since they came faster than they could be written.
    pub missed: usize,
    /// The line.
    pub shown: Arc<Shown>,
}

/// What whoever writes it down reads from. Dropping it says that all is written.
#[derive(Debug)]
pub struct Follower {
    heard: mpsc::Receiver<Heard>,
    _done: mpsc::SyncSender<()>,
}

impl Iterator for Follower {
    type Item = Heard;

    /// Waits for the next line. Nothing once the tape is closed.
    fn next(&mut self) -> Option<Heard> {
        self.heard.recv().ok()
    }
}

impl Tape {
    /// Notes a line. The answers to commands and errors are between the person and the program: they are not noted.
    pub(crate) fn note(&self, line: &Line) {
        if matches!(line, Line::Output(_) | Line::Error(_)) {
            return;
        }
        let at = if let Line::Said(said) = line { said.at } else { Timestamp::now() };
        let shown = Arc::new(Shown { at, line: line.clone() });
        let mut lines = self.lines();
        lines.bytes += shown.bytes();
        lines.shown.push_back(shown.clone());
        while lines.shown.len() > LINES || lines.bytes > BYTES {
            let Some(oldest) = lines.shown.pop_front() else { break };
            lines.bytes -= oldest.bytes();
        }
        if let Some(writer) = &mut lines.writer {
            match writer.queue.try_send(Heard { missed: writer.missed, shown }) {
                Ok(()) => writer.missed = 0,
                // The disk is slow: the talk does not wait for it.
                Err(mpsc::TrySendError::Full(_)) => writer.missed += 1,
                Err(mpsc::TrySendError::Disconnected(_)) => lines.writer = None,
            }
        }
    }

    /// The last `count` lines that somebody said, the oldest first.
    pub fn said(&self, count: usize) -> Vec<Arc<Shown>> {
        let lines = self.lines();
        let said = lines.shown.iter().rev().filter(|shown| matches!(shown.line, Line::Said(_)));
        let mut last: Vec<_> = said.take(count).cloned().collect();
        last.reverse();
        last
    }

    /// What is shown from now on, in the place of whoever got it until now.
    pub fn follow(&self) -> Follower {
        let (queue, heard) = mpsc::sync_channel(WRITTEN);
        let (written, done) = mpsc::sync_channel(0);
        self.lines().writer = Some(Writer { queue, missed: 0, done });
        Follower { heard, _done: written }
    }

    /// Whether somebody writes it down.
    pub fn is_followed(&self) -> bool {
        self.lines().writer.is_some()
    }

    /// Ends what [`follow`](Self::follow) gives, and waits until all of it is written, but not for longer than this.
    pub fn close(&self, patience: Duration) {
        let Some(Writer { queue, done, .. }) = self.lines().writer.take() else { return };
        drop(queue);
        // Nothing is ever sent: either the other end goes, or the time does.
        let _ = done.recv_timeout(patience);
    }

    /// In whose room it is from now on.
    pub(crate) fn enter(&self, host: &str) {
        host.clone_into(&mut self.lines().host);
    }

    /// The name of the one in whose room it is.
    pub fn host(&self) -> String {
        self.lines().host.clone()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{
        trust::Fingerprint,
        view::{Manner, Privacy, Said},
        wire::PublicKey,
    };

    fn said(text: &str) -> Line {
        let key = Fingerprint::of(&PublicKey([0; 32]));
        let (privacy, manner, at) = (Privacy::Room, Manner::Says, Timestamp::UNIX_EPOCH);
        let (name, text) = ("bob".to_owned(), text.to_owned());
        Line::Said(Said { name, key, verified: false, privacy, own: false, manner, at, past: false, text })
    }

    fn texts(tape: &Tape, count: usize) -> Vec<String> {
        tape.said(count).iter().map(|shown| shown.line.text().to_owned()).collect()
    }

    #[test]
    fn the_last_things_said_are_remembered_and_nothing_else_is_given() {
        let tape = Tape::default();
        tape.note(&said("one"));
        tape.note(&Line::Notice("a notice".into()));
        tape.note(&said("two\x1b"));
        tape.note(&Line::Output("a list".into()));
        tape.note(&said("three"));
        assert_eq!(texts(&tape, 2), ["two\x1b", "three"]);
        assert_eq!(texts(&tape, 20), ["one", "two\x1b", "three"]);
    }

    #[test]
    fn it_is_bounded_by_lines_and_by_bytes() {
        let tape = Tape::default();
        for n in 0..LINES + 10 {
            tape.note(&said(&n.to_string()));
        }
        let all = texts(&tape, usize::MAX);
        assert_eq!((all.len(), all[0].as_str()), (LINES, "10"));
        for _ in 0..1_000 {
            tape.note(&said(&"x".repeat(4096)));
        }
        let lines = tape.lines();
        assert!(lines.bytes <= BYTES && lines.shown.len() > 200, "{} in {}", lines.shown.len(), lines.bytes);
        assert_eq!(lines.bytes, lines.shown.iter().map(|shown| shown.bytes()).sum::<usize>());
    }

    #[test]
    fn a_writer_that_is_too_slow_is_told_what_it_missed_and_holds_up_nobody() {
        let tape = Tape::default();
        let mut follower = tape.follow();
        for n in 0..WRITTEN + 7 {
            tape.note(&said(&n.to_string()));
        }
        assert_eq!(follower.next().map(|heard| heard.missed), Some(0));
        tape.note(&said("after"));
        let last = follower.by_ref().take(WRITTEN).last().expect("it was told");
        assert_eq!((last.missed, last.shown.line.text()), (7, "after"));
    }

    #[test]
    fn the_end_waits_until_all_is_written_but_not_for_ever() {
        let tape = Tape::default();
        let follower = tape.follow();
        tape.note(&said("last"));
        let written =
            thread::spawn(move || follower.map(|heard| heard.shown.line.text().to_owned()).collect::<Vec<_>>());
        tape.close(Duration::from_secs(60));
        assert_eq!(written.join().unwrap(), ["last"]);
        assert!(!tape.is_followed());
        let _stuck = tape.follow();
        tape.close(Duration::from_millis(1));
    }
}

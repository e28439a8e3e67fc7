//! The handle to a session: what its owner and the commands may do.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{Connection, Member, outbox::Outbox, roster::Roster};
use crate::wire::{Answer, KnockRow, MAX_COMMAND_LEN, MAX_KEPT_LEN, MAX_PAYLOAD_LEN, Request, To};

/// Something to send.
#[derive(Clone, Debug)]
pub enum Draft {
    /// A command's message.
    Say {
        /// For whom.
        to: To,
        /// The command whose handler gets it.
        command: String,
        /// What it says.
        payload: Bytes,
        /// The sender's mark, if the room shall keep it for those who come later.
        tag: Option<u32>,
    },
    /// A command's message to everyone, which those who come later are told, too.
    Remember {
        /// The command whose handler gets it.
        command: String,
        /// What it says.
        payload: Bytes,
    },
    /// Take back what was kept.
    Withdraw {
        /// The mark it was kept under.
        tag: u32,
    },
}

/// What [`Handle::send`] does while the outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits: the sender is a pipe.
    Wait,
    /// It fails: the sender is a person who wants to know, or must not wait.
    Fail,
}

/// Why something was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It cannot travel in one frame.
    #[error("{len} bytes are too long, {limit} fit")]
    TooLong {
        /// Its length.
        len: usize,
        /// The most that fits.
        limit: usize,
    },
    /// Too much is waiting for the room already.
    #[error("not sent: {waiting} lines still wait for the room; try again when it answers")]
    Full {
        /// How many lines wait.
        waiting: usize,
    },
    /// The room has not let us in yet.
    #[error("not sent: you are not in the room yet")]
    NotIn,
    /// The session is over.
    #[error("the room is closed")]
    Over,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no link, or it broke before the answer came.
    #[error("not connected to the room at the moment")]
    Cut,
    /// The session is over.
    #[error("the room is closed")]
    Over,
}

/// A question on its way to the room.
pub(super) struct Question {
    pub(super) request: Request,
    /// The last number given out before it: the room hears what was said first, first.
    pub(super) after: u64,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What the actor and its handles share: small, and never locked across an await.
pub(super) struct Shared {
    pub(super) outbox: Mutex<Outbox>,
    pub(super) roster: Mutex<Roster>,
    /// Something was put into the outbox.
    pub(super) filled: Notify,
    /// The number of envelopes in the outbox, for those who wait for space or for its end.
    pub(super) waiting: watch::Sender<usize>,
    /// Set once the session is over.
    pub(super) over: watch::Sender<bool>,
    /// Set once the owner wants to leave.
    pub(super) leave: watch::Sender<bool>,
    /// What the room can and is, as it said last.
    pub(super) features: AtomicU64,
    pub(super) connection: Mutex<Connection>,
    #[cfg(test)]
    pub(super) census: Mutex<super::census::Census>,
}

impl Shared {
    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle to a session. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) questions: mpsc::Sender<Question>,
}

impl Handle {
    /// Puts something into the outbox, from which it goes to the room as soon as there is a link, exactly
    /// once. Returns the number that its echo carries.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. After an error nothing was sent.
    pub async fn send(&self, draft: Draft, when_full: WhenFull) -> Result<u64, SendError> {
        self.send_line(draft, None, when_full).await
    }

    /// The same, of a typed line, which is given back if the room does not take it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_line(&self, draft: Draft, line: Option<Arc<str>>, when_full: WhenFull) -> Result<u64, SendError> {
        check(&draft)?;
        if self.me().number == 0 {
            return Err(SendError::NotIn);
        }
        let mut waiting = self.shared.waiting.subscribe();
        let mut over = self.shared.over.subscribe();
        loop {
            if *over.borrow_and_update() {
                return Err(SendError::Over);
            }
            waiting.borrow_and_update();
            {
                let mut outbox = self.shared.outbox();
                if let Some(n) = outbox.push(&draft) {
                    outbox.typed(n, line);
                    self.shared.waiting.send_replace(outbox.len());
                    self.shared.filled.notify_one();
                    return Ok(n);
                }
                if when_full == WhenFull::Fail {
                    return Err(SendError::Full { waiting: outbox.len() });
                }
            }
            tokio::select! {
                _ = waiting.changed() => {}
                _ = over.changed() => {}
            }
        }
    }

    /// Asks the room, after everything that was sent before.
    ///
    /// # Errors
    ///
    /// See [`AskError`]. After an error it is not known whether the room acted.
    pub async fn ask(&self, request: Request) -> Result<Answer, AskError> {
        let (reply, answer) = oneshot::channel();
        let after = self.shared.outbox().last();
        self.questions.send(Question { request, after, reply }).await.map_err(|_| AskError::Over)?;
        answer.await.map_err(|_| if *self.shared.over.borrow() { AskError::Over } else { AskError::Cut })
    }

    /// Who this member is.
    pub fn me(&self) -> Member {
        self.shared.roster().me().clone()
    }

    /// The members known here, by number.
    pub fn members(&self) -> Vec<Member> {
        self.shared.roster().members()
    }

    /// Whether [`members`](Self::members) are all there are: in a large room they are not.
    pub fn knows_all(&self) -> bool {
        self.shared.roster().is_complete()
    }

    /// The member of that name, if it is known here.
    pub fn known(&self, name: &str) -> Option<Member> {
        self.shared.roster().named(name)
    }

    /// Those at the door of whom the room has told us.
    pub fn knocks(&self) -> Vec<KnockRow> {
        self.shared.roster().knocks().to_vec()
    }

    /// The numbers of what the room keeps, in ascending order.
    pub fn kept(&self) -> Vec<u32> {
        self.shared.roster().kept()
    }

    /// What the room can and is, such as [`FEATURE_OPEN`](crate::wire::FEATURE_OPEN); nothing before it has let us in.
    pub fn room_features(&self) -> u64 {
        self.shared.features.load(Relaxed)
    }

    /// Since when, and how often, this member has been connected.
    pub fn connection(&self) -> Connection {
        *self.shared.connection()
    }

    /// How many envelopes the room has not acknowledged yet.
    pub fn unacknowledged(&self) -> usize {
        *self.shared.waiting.borrow()
    }

    /// The typed lines on whose account they were sent.
    pub fn unacknowledged_lines(&self) -> Vec<Arc<str>> {
        self.shared.outbox().lines()
    }

    /// Waits until everything sent is acknowledged, or the session is over.
    pub async fn drained(&self) {
        let mut waiting = self.shared.waiting.subscribe();
        let mut over = self.shared.over.subscribe();
        tokio::select! {
            _ = waiting.wait_for(|waiting| *waiting == 0) => {}
            _ = over.wait_for(|over| *over) => {}
        }
    }

    /// Leaves the room. [`SessionEvent::Ended`](super::SessionEvent::Ended) follows, after the room has been
    /// told or the deadline for that is over.
    pub fn leave(&self) {
        self.shared.leave.send_replace(true);
    }
}

/// Whether a draft can travel at all.
fn check(draft: &Draft) -> Result<(), SendError> {
    let (command, payload, limit) = match draft {
        Draft::Say { command, payload, tag: Some(_), .. } => (command, payload, MAX_KEPT_LEN),
        Draft::Say { command, payload, .. } | Draft::Remember { command, payload } => {
            (command, payload, MAX_PAYLOAD_LEN)
        }
        Draft::Withdraw { .. } => return Ok(()),
    };
    if payload.len() > limit {
        return Err(SendError::TooLong { len: payload.len(), limit });
    }
    debug_assert!(command.len() <= MAX_COMMAND_LEN, "the registry checks the length of names");
    Ok(())
}

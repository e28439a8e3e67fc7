//! What a person wants of a transfer under way, told to the thread that moves its bytes.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use tokio::sync::Notify;

use crate::stream::Closer;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    Go,
    /// Stop for now and keep what is there.
    Pause,
    /// Stop for good.
    Cancel,
    /// Stop: it is not offered any more.
    Withdraw,
}

const WISHES: [Wish; 4] = [Wish::Go, Wish::Pause, Wish::Cancel, Wish::Withdraw];

/// The wish for one transfer, and the way to interrupt it.
#[derive(Default)]
pub struct Control {
    wish: AtomicU8,
    closer: Mutex<Option<Closer>>,
    changed: Notify,
}

impl Control {
    /// What is wanted now.
    pub fn wish(&self) -> Wish {
        WISHES[usize::from(self.wish.load(SeqCst))]
    }

    /// Wants something else from now on. The thread notices between two pieces; one that waits for the other end does
    /// not, see [`interrupt`](Self::interrupt).
    pub fn want(&self, wish: Wish) {
        self.wish.store(wish as u8, SeqCst);
        self.changed.notify_one();
    }

    /// The stream that is used from now on, or none.
    pub fn uses(&self, closer: Option<Closer>) {
        *self.closer() = closer;
    }

    /// Closes the stream in use, so that a thread that waits for the other end goes on.
    pub fn interrupt(&self) {
        if let Some(closer) = self.closer().as_ref() {
            closer.close();
        }
    }

    /// Waits for another wish.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn closer(&self) -> std::sync::MutexGuard<'_, Option<Closer>> {
        self.closer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

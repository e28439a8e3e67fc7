//! How much is still to be written, and the waits on it. The lines themselves are held by whoever writes them.

use std::sync::Mutex;

use crate::limits::screen::{BYTES, LINES};
use tokio::sync::Notify;

/// What was given to a writer and is not written yet.
#[derive(Debug, Default)]
pub struct Backlog {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    lines: usize,
    bytes: usize,
    closed: bool,
}

impl Backlog {
    /// Waits until there is room for more.
    pub async fn ready(&self) {
        self.until(|s| s.closed || (s.lines < LINES && s.bytes < BYTES)).await;
    }

    /// Waits until everything is written, or can never be.
    pub async fn drained(&self) {
        self.until(|s| s.closed || s.lines == 0).await;
    }

    /// Waits until the reader of the output is gone.
    pub async fn closed(&self) {
        self.until(|s| s.closed).await;
    }

    /// Whether the reader of the output is gone.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn add(&self, bytes: usize) {
        let mut state = self.state();
        state.lines += 1;
        state.bytes += bytes;
    }

    pub(super) fn written(&self, bytes: usize) {
        {
            let mut state = self.state();
            state.lines -= 1;
            state.bytes -= bytes;
        }
        self.changed.notify_waiters();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
    }

    async fn until(&self, done: impl Fn(State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if done(*self.state()) {
                return;
            }
            changed.await;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

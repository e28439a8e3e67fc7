//! The ring as the room and its links share it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use super::{LogLimits, Ring};

/// The ring as the room and its links share it.
#[derive(Debug)]
pub(in crate::room) struct Log {
    ring: RwLock<Ring>,
    head: watch::Sender<u64>,
}

impl Log {
    pub(in crate::room) fn new(limits: LogLimits, backlog: usize) -> Arc<Self> {
        Self::of(Ring::new(limits, backlog))
    }

    /// One that goes on.
    pub(in crate::room) fn of(ring: Ring) -> Arc<Self> {
        let head = watch::Sender::new(ring.head());
        Arc::new(Self { ring: RwLock::new(ring), head })
    }

    /// The ring, for reading. Held for a copy of bounded length, never across an await.
    pub(in crate::room) fn read(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ring, for the room actor alone.
    pub(in crate::room) fn write(&self) -> RwLockWriteGuard<'_, Ring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the links that there is something new.
    pub(in crate::room) fn publish(&self) {
        let head = self.read().head();
        self.head.send_if_modified(|told| std::mem::replace(told, head) != head);
    }

    /// Lets the links read up to an event, and tells them.
    pub(in crate::room) fn reveal(&self, seq: u64) {
        self.write().reveal(seq);
        self.head.send_if_modified(|told| std::mem::replace(told, seq) != seq);
    }

    /// What wakes a link.
    pub(in crate::room) fn subscribe(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}

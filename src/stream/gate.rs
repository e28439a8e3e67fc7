//! How many streams a session accepts at a time: a room may tell of any number.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::stream::{MAX_ACCEPTS, MAX_ACCEPTS_FROM_ONE};
use crate::wire::PublicKey;

/// Who is being accepted, once for each stream.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Vec<PublicKey>>);

/// A place in the gate, given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    key: PublicKey,
}

impl Gate {
    pub(super) fn enter(self: &Arc<Self>, key: PublicKey) -> Option<Ticket> {
        let mut inside = self.inside();
        let same = inside.iter().filter(|other| **other == key).count();
        if inside.len() >= MAX_ACCEPTS || same >= MAX_ACCEPTS_FROM_ONE {
            return None;
        }
        inside.push(key);
        Some(Ticket { gate: self.clone(), key })
    }

    fn inside(&self) -> MutexGuard<'_, Vec<PublicKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inside = self.gate.inside();
        if let Some(index) = inside.iter().position(|key| *key == self.key) {
            inside.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_and_all_together_have_so_many_places_and_give_them_back() {
        let gate = Arc::<Gate>::default();
        let key = |of: usize| PublicKey([of as u8; 32]);
        let mut tickets: Vec<_> = (0..MAX_ACCEPTS_FROM_ONE).map(|_| gate.enter(key(0)).unwrap()).collect();
        assert!(gate.enter(key(0)).is_none());
        tickets.extend((MAX_ACCEPTS_FROM_ONE..MAX_ACCEPTS).map(|of| gate.enter(key(of)).unwrap()));
        assert!(gate.enter(key(200)).is_none());
        tickets.pop();
        assert!(gate.enter(key(200)).is_some());
        tickets.clear();
        assert!(gate.inside().is_empty());
    }
}

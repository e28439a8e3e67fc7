//! What is remembered of each key that comes or is here, whichever of its members it speaks by.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{
    bucket::Bucket,
    pace::{Pace, SharedPace},
};
use crate::limits::room::{COMES_EVERY, COMINGS_AT_ONCE, MAX_COMINGS};
use crate::wire::PublicKey;

/// How often each key comes, and how fast it is read from, whichever of its members it speaks by.
#[derive(Default)]
pub(super) struct Comings(FxHashMap<PublicKey, Known>);

struct Known {
    comes: Bucket,
    pace: SharedPace,
}

impl Known {
    fn new(rate: Option<u32>, now: Instant) -> Self {
        let pace = Arc::new(Mutex::new(Pace::new(rate, now)));
        Self { comes: Bucket::every(COMES_EVERY, COMINGS_AT_ONCE, now), pace }
    }

    /// Whether forgetting it changes nothing: nobody is read from, and a new one would be the same.
    fn is_spent(&self, now: Instant) -> bool {
        let unused = Arc::strong_count(&self.pace) == 1;
        unused && self.comes.is_full(now) && self.pace.lock().unwrap_or_else(PoisonError::into_inner).is_full(now)
    }
}

impl Comings {
    /// Counts a coming. How long the key has to wait, if it comes too often.
    pub(super) fn wait(&mut self, key: PublicKey, rate: Option<u32>, now: Instant) -> Option<Duration> {
        if self.0.len() >= MAX_COMINGS && !self.0.contains_key(&key) {
            return None;
        }
        let bucket = &mut self.0.entry(key).or_insert_with(|| Known::new(rate, now)).comes;
        if bucket.passes(now) {
            bucket.take(now);
            return None;
        }
        Some(COMES_EVERY)
    }

    /// How fast a key that has a seat is read from.
    pub(super) fn pace(&mut self, key: PublicKey, rate: Option<u32>, now: Instant) -> SharedPace {
        self.0.entry(key).or_insert_with(|| Known::new(rate, now)).pace.clone()
    }

    /// How many keys are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets keys that have not come for a while, nor said anything.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, known| !known.is_spent(now));
    }
}

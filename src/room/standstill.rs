//! What it means that the program of the room stood still: it was stopped, or its machine slept while its clock did not.
//!
//! Nobody could come back meanwhile, be let in or hear anything, so the time is not held against them. What is about a
//! span of everybody's time, such as how long somebody is out, goes on.

use std::time::Duration;

use tokio::time::Instant;

use super::state::State;
use crate::link::STANDSTILL;

/// The regular looks of the room at what time brings.
pub(super) struct Ticks {
    every: Duration,
    last: Instant,
}

impl Ticks {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, last: Instant::now() }
    }

    /// A look that is due: what time brings, unless it passed without us.
    pub(super) fn tick(&mut self, state: &mut State) {
        let now = Instant::now();
        let late = now.duration_since(std::mem::replace(&mut self.last, now)).saturating_sub(self.every);
        if late > STANDSTILL {
            tracing::info!(?late, "the room stood still");
            state.stood_still(late, now);
        }
        state.tick(now);
    }
}

impl State {
    /// Nothing happened here for so long until now.
    fn stood_still(&mut self, span: Duration, now: Instant) {
        // What happened since, in the moment before this look, cannot have happened later than now.
        let later = |since: &mut Instant| *since = since.checked_add(span).map_or(now, |later| later.min(now));
        self.seats.values_mut().filter_map(|seat| seat.broken.as_mut()).for_each(later);
        self.knocks.iter_mut().for_each(|knock| later(&mut knock.since));
        self.log.write().times().for_each(later);
    }
}

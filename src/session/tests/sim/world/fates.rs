//! What befalls the programs of the simulation.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::{Fate, HOST, Place, World};
use crate::session::tests::sim::wire::{Cut, DRIVER, FAR, NEAR};

impl World {
    /// The room's machine or program dies.
    pub(in crate::session::tests::sim) fn crash(&self, how: Cut) {
        let (place, wires) = {
            let mut inner = self.inner();
            let wires: Vec<_> = inner.runs.iter().flat_map(|run| run.wires.last().cloned()).collect();
            (inner.place.take(), wires)
        };
        self.kill(HOST, Cut::Reset);
        wires.iter().for_each(|wire| wire.lock().unwrap().kill(FAR, how));
        if let Some(Place { crash, .. }) = place {
            crash.cancel();
        }
        if let Some(disk) = &self.troubles.journal {
            disk.lose_power();
        }
    }

    /// A program stops until then: the host's with the room.
    pub(in crate::session::tests::sim) fn suspend(self: &Arc<Self>, slot: usize, until: Instant) {
        let Some(run) = self.awake(slot) else { return };
        let gate = {
            let mut inner = self.inner();
            inner.suspended += 1;
            inner.runs[run].gate.clone()
        };
        gate.shut();
        let until = self.clock.slot(until, DRIVER);
        self.tasks.spawn(async move {
            sleep_until(until).await;
            gate.open();
        });
    }

    /// A member's program dies, which the room hears of or not.
    pub(in crate::session::tests::sim) fn kill(&self, slot: usize, how: Cut) {
        let Some(run) = self.present(slot) else { return };
        let wires = {
            let mut inner = self.inner();
            inner.runs[run].fate = Fate::Killed;
            inner.runs[run].wires.clone()
        };
        wires.iter().for_each(|wire| wire.lock().unwrap().kill(NEAR, how));
    }
}

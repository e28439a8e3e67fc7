//! How a member gets to its room.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Fate, HOST, Place, World, slot_key};
use crate::{
    dice::Dice,
    gauge::Gauged,
    room::{Peer, Via, tests::peer::key},
    session::{
        Dial, DialError, Dialed,
        tests::sim::{
            truth::Ear,
            wire::{Cut, End, Wire},
        },
    },
};

/// The way of one run to whatever room there is.
pub(super) struct Line {
    pub(super) world: Arc<World>,
    pub(super) slot: usize,
    pub(super) run: usize,
    pub(super) dice: Dice,
    pub(super) links: u64,
}

impl Line {
    /// How the next link breaks by itself, if it does.
    fn trigger(&mut self) -> Option<(usize, u64, Cut)> {
        let cuts = &self.world.troubles.cuts;
        let mut inner = self.world.inner();
        let slot = &mut inner.slots[self.slot];
        if self.slot == HOST || slot.cuts == 0 || cuts.is_empty() {
            return None;
        }
        slot.cuts -= 1;
        let of = self.dice.below(2) as usize;
        // A first link that breaks before it is in ends the session, which is seldom what is to be seen.
        let least = if self.links == 1 && self.dice.below(8) > 0 { 400 } else { 0 };
        let after = least + self.dice.below([90, 200, 3_000, 20_000][self.dice.clone().below(4) as usize]);
        Some((of, after, cuts[self.dice.below(cuts.len() as u64) as usize]))
    }
}

#[async_trait]
impl Dial for Line {
    type Stream = Gauged<End>;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        let (weather, outage, dead) = {
            let inner = self.world.inner();
            let slot = &inner.slots[self.slot];
            (slot.weather, slot.outage, inner.runs[self.run].fate == Fate::Killed)
        };
        if dead {
            return std::future::pending().await;
        }
        if outage.is_some_and(|until| Instant::now() < until) {
            sleep(Duration::from_secs(5)).await;
            return Err(DialError::Temporary("no answer".into()));
        }
        let trip = weather.delay + self.dice.below(weather.jitter + 1);
        self.links += 1;
        let there = Instant::now() + Duration::from_millis(trip);
        sleep_until(self.world.clock.dialed(there, self.slot, self.links)).await;
        let (room, place, calm) = {
            let inner = self.world.inner();
            (inner.room, inner.place.clone(), inner.calm)
        };
        let Some(Place { room: handle, crash, gate }) = place else {
            return Err(DialError::Temporary("refused".into()));
        };
        if gate.is_shut() {
            // The system takes the connection, and nobody is there for the handshake.
            sleep(Duration::from_secs(10)).await;
            return Err(DialError::Temporary("no answer".into()));
        }
        let who = (key(slot_key(self.slot)), self.world.inner().runs[self.run].instance);
        let ear = Box::new(Ear::new(&self.world.truth, self.run, room, who));
        let weather = if calm { weather.calm() } else { weather };
        let (near, far, wire) = Wire::pair(&self.world, (self.slot, self.run, self.links), weather, ear);
        wire.lock().unwrap().trigger = self.trigger().filter(|_| !calm);
        self.world.inner().runs[self.run].wires.push(wire);
        let (near, far) = (Gauged::new(near), Gauged::new(far));
        let peer = Peer {
            key: key(slot_key(self.slot)),
            address: None,
            gauge: far.gauge(),
            via: if self.slot == HOST { Via::Inside } else { Via::Port },
            exporter: [0; 32],
            deadline: Instant::now() + Duration::from_secs(10),
            turn: None,
        };
        self.world.tasks.spawn(gate.behind(async move {
            crash.run_until_cancelled(handle.serve(far, peer)).await;
        }));
        let gauge = near.gauge();
        Ok(Dialed { stream: near, gauge, exporter: [0; 32], host: key(1), known: true })
    }
}

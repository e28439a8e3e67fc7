//! The simulated world: one room at a time, its host's member, those who come and go, and what befalls them.

mod line;

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::line::Line;
use super::{
    truth::Truth,
    wire::{Clock, Cut, FAR, NEAR, SharedWire, Weather},
};
use crate::{
    room::{self, RoomConfig, RoomHandle, tests::peer::key},
    session::{tests::net::Dice, *},
    wire::{Epoch, FEATURE_ASKABLE, Instance, Request, To},
};

/// How much one person wants kept: more than a room keeps for one, and not so much that it reads later.
const MOST_KEPT: u32 = 14;

/// The host's slot.
pub(super) const HOST: usize = 0;

/// What a run of a member's program came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Here,
    Left,
    Killed,
    /// Its session ended by itself.
    Over,
}

/// What was sent, as its sender numbered it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) n: u64,
    /// The run it was for, nothing for everyone.
    pub(super) to: Option<usize>,
    pub(super) text: String,
    /// The mark of what is to be kept.
    pub(super) tag: Option<u32>,
    /// Whether it takes back what has that mark.
    pub(super) withdraws: bool,
}

/// One run of a member's program.
pub(super) struct Run {
    pub(super) slot: usize,
    pub(super) instance: Instance,
    pub(super) handle: Handle,
    pub(super) fate: Fate,
    /// Whether the host has put it out.
    pub(super) kicked: bool,
    pub(super) heard: Vec<(u64, SessionEvent)>,
    pub(super) sent: Vec<Sent>,
    /// The marks of what it wants kept.
    pub(super) tags: BTreeSet<u32>,
    last_tag: u32,
    wires: Vec<SharedWire>,
    /// Until when its owner takes no events.
    stall: Option<Instant>,
}

impl Run {
    pub(super) fn key(&self) -> u8 {
        slot_key(self.slot)
    }
}

pub(super) fn slot_key(slot: usize) -> u8 {
    slot as u8 + 1
}

/// A person with a key, a connection of some quality, and one program at a time.
pub(super) struct Slot {
    pub(super) run: Option<usize>,
    weather: Weather,
    outage: Option<Instant>,
    /// How many more links break by themselves.
    cuts: u32,
}

pub(super) struct Inner {
    pub(super) runs: Vec<Run>,
    pub(super) slots: Vec<Slot>,
    place: Option<(RoomHandle, CancellationToken)>,
    /// How many rooms there have been.
    pub(super) room: usize,
    calm: bool,
}

/// What may go wrong in one run of the simulation.
pub(super) struct Troubles {
    pub(super) config: RoomConfig,
    pub(super) cuts: Vec<Cut>,
    pub(super) kinds: Vec<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Cut,
    Outage,
    Stall,
    Idle,
    Leave,
    Kill,
    Kick,
    HostCrash,
    Flood,
}

pub(super) struct World {
    pub(super) clock: Arc<Clock>,
    pub(super) truth: Arc<Mutex<Truth>>,
    inner: Mutex<Inner>,
    pub(super) troubles: Troubles,
    tasks: TaskTracker,
    seed: u64,
}

impl World {
    pub(super) fn new(seed: u64, troubles: Troubles, weathers: Vec<(Weather, u32)>) -> Arc<Self> {
        let slot = |(weather, cuts)| Slot { run: None, weather, outage: None, cuts };
        let inner = Inner {
            runs: Vec::new(),
            slots: weathers.into_iter().map(slot).collect(),
            place: None,
            room: 0,
            calm: false,
        };
        Arc::new(Self {
            clock: Arc::new(Clock::new()),
            truth: Arc::default(),
            inner: Mutex::new(inner),
            troubles,
            tasks: TaskTracker::new(),
            seed,
        })
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Dice of their own for everything that rolls, so that no order of tasks changes what falls.
    pub(super) fn dice(&self, what: u64) -> Dice {
        let mut dice = Dice::new(self.seed.wrapping_mul(1_000_003).wrapping_add(what));
        for _ in 0..4 {
            dice.below(2);
        }
        dice
    }

    /// Opens the next room, and its host's member comes in.
    pub(super) fn open(self: &Arc<Self>) {
        {
            let mut inner = self.inner();
            inner.room += 1;
            let room = room::start(self.troubles.config.clone(), Epoch([inner.room as u8; 16]), &self.tasks);
            inner.place = Some((room, CancellationToken::new()));
        }
        self.enter(HOST);
    }

    /// The room's machine or program dies.
    pub(super) fn crash(&self, how: Cut) {
        let (place, wires) = {
            let mut inner = self.inner();
            let wires: Vec<_> = inner.runs.iter().flat_map(|run| run.wires.last().cloned()).collect();
            (inner.place.take(), wires)
        };
        self.kill(HOST, Cut::Reset);
        wires.iter().for_each(|wire| wire.lock().unwrap().kill(FAR, how));
        if let Some((_, crash)) = place {
            crash.cancel();
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.inner().place.is_some()
    }

    /// Somebody starts the program.
    pub(super) fn enter(self: &Arc<Self>, slot: usize) {
        let mut inner = self.inner();
        let run = inner.runs.len();
        let mut dice = self.dice(1_000 + run as u64);
        let instance = Instance(std::array::from_fn(|_| dice.below(256) as u8));
        let config = SessionConfig {
            key: key(slot_key(slot)),
            instance,
            name: format!("mem-{}", (b'a' + slot as u8) as char),
            features: FEATURE_ASKABLE,
            timing: Timing::default(),
        };
        let line = Line { world: self.clone(), slot, run, dice, links: 0 };
        let (handle, mut events) = start(config, line, &self.tasks);
        inner.slots[slot].run = Some(run);
        inner.runs.push(Run {
            slot,
            instance,
            handle,
            fate: Fate::Here,
            kicked: false,
            heard: Vec::new(),
            sent: Vec::new(),
            tags: BTreeSet::new(),
            last_tag: 0,
            wires: Vec::new(),
            stall: None,
        });
        self.truth.lock().unwrap().stays.push(Vec::new());
        let world = self.clone();
        self.tasks.spawn(async move {
            loop {
                let stall = world.inner().runs[run].stall.take();
                if let Some(until) = stall {
                    sleep_until(until).await;
                }
                let Some(event) = events.recv().await else { return };
                let at = world.clock.millis();
                let mut inner = world.inner();
                if inner.runs[run].fate == Fate::Killed {
                    return;
                }
                if matches!(event, SessionEvent::Ended(_)) && inner.runs[run].fate == Fate::Here {
                    inner.runs[run].fate = Fate::Over;
                }
                inner.runs[run].heard.push((at, event));
            }
        });
    }

    /// The run of a slot that is there.
    pub(super) fn present(&self, slot: usize) -> Option<usize> {
        let inner = self.inner();
        inner.slots[slot].run.filter(|run| inner.runs[*run].fate == Fate::Here)
    }

    /// Somebody says something, to all or to one; or has it kept under a new mark.
    pub(super) async fn say(&self, run: usize, to: Option<usize>, len: u64, keep: bool) {
        let (draft, text, tag, handle) = {
            let mut inner = self.inner();
            let whom = to
                .map(|to| &inner.runs[to])
                .map_or(To::Everyone, |to| To::Member { key: key(to.key()), instance: to.instance });
            let slot = inner.runs[run].slot;
            let kept: u32 = inner.runs.iter().filter(|other| other.slot == slot).map(|other| other.last_tag).sum();
            let may_keep = kept < MOST_KEPT;
            let run_of = &mut inner.runs[run];
            let text = format!("r{run}.{} {}", run_of.sent.len() + 1, "x".repeat(len as usize));
            // More would be read later than anybody here has patience for.
            let tag = (keep && may_keep).then(|| {
                run_of.last_tag += 1;
                run_of.last_tag
            });
            let payload = text.clone().into();
            (Draft::Say { to: whom, command: "chat".into(), payload, tag }, text, tag, run_of.handle.clone())
        };
        let Ok(n) = handle.send(draft, WhenFull::Fail).await else { return };
        let mut inner = self.inner();
        inner.runs[run].sent.push(Sent { n, to, text, tag, withdraws: false });
        inner.runs[run].tags.extend(tag);
    }

    /// Somebody takes back the oldest of what is kept for them.
    pub(super) async fn withdraw(&self, run: usize) {
        let (tag, handle) = {
            let inner = self.inner();
            (inner.runs[run].tags.first().copied(), inner.runs[run].handle.clone())
        };
        let Some(tag) = tag else { return };
        let Ok(n) = handle.send(Draft::Withdraw { tag }, WhenFull::Fail).await else { return };
        let mut inner = self.inner();
        inner.runs[run].tags.remove(&tag);
        let to = inner.runs[run].sent.iter().find(|sent| sent.tag == Some(tag)).and_then(|sent| sent.to);
        inner.runs[run].sent.push(Sent { n, to, text: String::new(), tag: Some(tag), withdraws: true });
    }

    pub(super) fn leave(&self, slot: usize) {
        let Some(run) = self.present(slot) else { return };
        let mut inner = self.inner();
        inner.runs[run].fate = Fate::Left;
        inner.runs[run].handle.leave();
    }

    /// A member's program dies, which the room hears of or not.
    pub(super) fn kill(&self, slot: usize, how: Cut) {
        let Some(run) = self.present(slot) else { return };
        let wires = {
            let mut inner = self.inner();
            inner.runs[run].fate = Fate::Killed;
            inner.runs[run].wires.clone()
        };
        wires.iter().for_each(|wire| wire.lock().unwrap().kill(NEAR, how));
    }

    pub(super) fn kick(&self, slot: usize) {
        let (Some(run), Some(host)) = (self.present(slot), self.present(HOST)) else { return };
        let stay = self.truth.lock().unwrap().stays[run].last().cloned();
        let handle = {
            let mut inner = self.inner();
            let Some(stay) = stay.filter(|stay| stay.room == inner.room) else { return };
            inner.runs[run].kicked = true;
            (inner.runs[host].handle.clone(), stay.number)
        };
        let (handle, member) = handle;
        self.tasks.spawn(async move { handle.ask(Request::Kick { member, reason: String::new() }).await });
    }

    /// Something befalls the present link of a slot.
    pub(super) fn cut(&self, slot: usize, cut: Cut) {
        if let Some(wire) = self.wire(slot) {
            wire.lock().unwrap().cut(cut);
        }
    }

    pub(super) fn idle(&self, slot: usize, of: usize, until: Instant) {
        if let Some(wire) = self.wire(slot) {
            wire.lock().unwrap().idle(of, until);
        }
    }

    fn wire(&self, slot: usize) -> Option<SharedWire> {
        let run = self.present(slot)?;
        self.inner().runs[run].wires.last().cloned()
    }

    pub(super) fn stall(&self, slot: usize, until: Instant) {
        if let Some(run) = self.present(slot) {
            self.inner().runs[run].stall = Some(until);
        }
    }

    pub(super) fn outage(&self, slot: usize, until: Instant) {
        self.inner().slots[slot].outage = Some(until);
    }

    /// From now on nothing new goes wrong, and whoever is missing comes.
    pub(super) fn calm(self: &Arc<Self>) {
        let wires: Vec<_> = {
            let mut inner = self.inner();
            inner.calm = true;
            inner.slots.iter_mut().for_each(|slot| slot.outage = None);
            inner.runs.iter().flat_map(|run| run.wires.clone()).collect()
        };
        wires.iter().for_each(|wire| wire.lock().unwrap().calm());
        if !self.is_open() {
            self.open();
        }
    }

    /// Everybody who is there.
    pub(super) fn all_present(&self) -> Vec<usize> {
        let slots = self.inner().slots.len();
        (0..slots).filter_map(|slot| self.present(slot)).collect()
    }

    /// Who is not in the room, if anybody.
    pub(super) fn cut_off(&self) -> Option<String> {
        let present = self.all_present();
        let (truth, inner) = (self.truth.lock().unwrap(), self.inner());
        let out = |at: &usize| {
            let run = &inner.runs[*at];
            let link = run.heard.iter().rev().find_map(|(_, event)| match event {
                SessionEvent::Cut { .. } => Some(false),
                SessionEvent::Restored { .. } | SessionEvent::Entered { .. } => Some(true),
                _ => None,
            });
            link != Some(true) || truth.stays[*at].last().is_none_or(|stay| stay.room != inner.room)
        };
        present.into_iter().find(out).map(|at| format!("run {at} is not in the room"))
    }

    /// Who has lines that wait, if anybody.
    pub(super) fn unsettled(&self) -> Option<String> {
        let present = self.all_present();
        let inner = self.inner();
        let waits = |at: &usize| inner.runs[*at].handle.unacknowledged() > 0;
        let at = present.into_iter().find(waits)?;
        Some(format!("{} lines of run {at} wait", inner.runs[at].handle.unacknowledged()))
    }

    /// A number that two runs of one seed have in common, if they went the same way.
    pub(super) fn trace(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for run in &self.inner().runs {
            format!("{:?} {:?}", run.heard, run.fate).hash(&mut hasher);
        }
        hasher.finish()
    }
}

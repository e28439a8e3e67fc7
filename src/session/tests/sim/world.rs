//! The simulated world: one room at a time, its host's member, those who come and go, and what befalls them.

mod acts;
mod fates;
mod gate;
mod line;

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) use self::acts::Manner;
use self::{gate::Gate, line::Line};
use super::{
    truth::Truth,
    wire::{Clock, Cut, SharedWire, Weather},
};
use crate::{
    dice::Dice,
    room::{self, RoomConfig, RoomHandle, journal::memory::Platter, tests::peer::key},
    session::{actor::prepare, *},
    wire::{Epoch, FEATURE_ASKABLE, FEATURE_BACKLOG, Instance},
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
    /// Whether those who come later are to be told.
    pub(super) remember: bool,
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
    /// Whether it wants to hear of the past.
    pub(super) curious: bool,
    pub(super) heard: Vec<(u64, SessionEvent)>,
    pub(super) sent: Vec<Sent>,
    /// The marks of what it wants kept.
    pub(super) tags: BTreeSet<u32>,
    last_tag: u32,
    wires: Vec<SharedWire>,
    /// Until when its owner takes no events.
    stall: Option<Instant>,
    gate: Gate,
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
    place: Option<Place>,
    /// How many rooms there have been.
    pub(super) room: usize,
    calm: bool,
    opens: Option<Instant>,
    /// How often a room went on from its journal, and how often a program was suspended.
    pub(super) went_on: u64,
    pub(super) suspended: u64,
}

/// A program that keeps a room.
#[derive(Clone)]
struct Place {
    room: RoomHandle,
    crash: CancellationToken,
    gate: Gate,
}

/// What may go wrong in one run of the simulation.
pub(super) struct Troubles {
    pub(super) config: RoomConfig,
    /// Where the room's journal is, if it keeps one.
    pub(super) journal: Option<Platter>,
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
    Mute,
    Lock,
    Nick,
    Suspend,
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
            opens: None,
            went_on: 0,
            suspended: 0,
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
        Dice::stirred(self.seed.wrapping_mul(1_000_003).wrapping_add(what))
    }

    /// Opens the next room, and its host's member comes in.
    pub(super) fn open(self: &Arc<Self>) {
        {
            let mut inner = self.inner();
            let epoch = Epoch([inner.room as u8 + 1; 16]);
            let config = self.troubles.config.clone();
            let saved = self.troubles.journal.as_ref().map(|disk| disk.saved(epoch, config.log, config.backlog));
            match saved.as_ref().is_some_and(|saved| saved.restored.found) {
                true => inner.went_on += 1,
                false => inner.room += 1,
            }
            let (room, actor) = room::at_rest(config, saved.ok_or(epoch), &self.tasks);
            let gate = Gate::default();
            self.tasks.spawn(gate.behind(actor));
            inner.place = Some(Place { room, crash: CancellationToken::new(), gate });
        }
        self.enter(HOST);
    }

    /// The room is opened again then.
    pub(super) fn opens_at(&self, at: Instant) {
        self.inner().opens = Some(at);
    }

    pub(super) fn open_if_due(self: &Arc<Self>) {
        let due = self.inner().opens.take_if(|at| *at <= Instant::now()).is_some();
        if due {
            self.open();
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
        let curious = dice.below(3) > 0;
        let config = SessionConfig {
            key: key(slot_key(slot)),
            instance,
            name: format!("mem-{}", (b'a' + slot as u8) as char),
            features: FEATURE_ASKABLE | if curious { FEATURE_BACKLOG } else { 0 },
            timing: Timing::default(),
        };
        let line = Line { world: self.clone(), slot, run, dice, links: 0 };
        // The host's member is part of the program that keeps the room.
        let gate = match &inner.place {
            Some(place) if slot == HOST => place.gate.clone(),
            _ => Gate::default(),
        };
        let (handle, mut events, actor) = prepare(config, line);
        self.tasks.spawn(gate.behind(actor));
        inner.slots[slot].run = Some(run);
        inner.runs.push(Run {
            slot,
            instance,
            handle,
            fate: Fate::Here,
            kicked: false,
            curious,
            heard: Vec::new(),
            sent: Vec::new(),
            tags: BTreeSet::new(),
            last_tag: 0,
            wires: Vec::new(),
            stall: None,
            gate: gate.clone(),
        });
        self.truth.lock().unwrap().stays.push(Vec::new());
        let world = self.clone();
        self.tasks.spawn(async move {
            loop {
                let stall = world.inner().runs[run].stall.take();
                if let Some(until) = stall {
                    sleep_until(until).await;
                }
                gate.passed().await;
                let Some(event) = events.recv().await else { return };
                let at = world.clock.millis();
                let over = {
                    let mut inner = world.inner();
                    let run = &mut inner.runs[run];
                    if run.fate == Fate::Killed {
                        return;
                    }
                    let over = matches!(event, SessionEvent::Ended(_)) && run.fate == Fate::Here;
                    if over {
                        run.fate = Fate::Over;
                    }
                    run.heard.push((at, event));
                    over
                };
                if over && slot == HOST {
                    // It was suspended before it was in. The program ends with its session, and is started again.
                    world.crash(Cut::Fin);
                    world.open();
                }
            }
        });
    }

    /// The run of a slot that is there.
    pub(super) fn present(&self, slot: usize) -> Option<usize> {
        let inner = self.inner();
        inner.slots[slot].run.filter(|run| inner.runs[*run].fate == Fate::Here)
    }

    /// The run of a slot whose program runs.
    pub(super) fn awake(&self, slot: usize) -> Option<usize> {
        self.present(slot).filter(|run| !self.inner().runs[*run].gate.is_shut())
    }

    pub(super) fn slots(&self) -> usize {
        self.inner().slots.len()
    }

    pub(super) fn room(&self) -> usize {
        self.inner().room
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
            inner.runs.iter().for_each(|run| run.gate.open());
            inner.runs.iter().flat_map(|run| run.wires.clone()).collect()
        };
        wires.iter().for_each(|wire| wire.lock().unwrap().calm());
        if !self.is_open() {
            self.open();
        }
    }

    /// Everybody who is there.
    pub(super) fn all_present(&self) -> Vec<usize> {
        (0..self.slots()).filter_map(|slot| self.present(slot)).collect()
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

    /// How many lines wait for the room, and whose, if any do.
    pub(super) fn unsettled(&self) -> Option<(usize, String)> {
        let present = self.all_present();
        let inner = self.inner();
        let waits = present.into_iter().map(|at| (at, inner.runs[at].handle.unacknowledged()));
        let waits: Vec<_> = waits.filter(|(_, lines)| *lines > 0).collect();
        let whose = || waits.iter().map(|(at, lines)| format!("{lines} lines of run {at} wait"));
        (!waits.is_empty()).then(|| (waits.iter().map(|wait| wait.1).sum(), whose().collect::<Vec<_>>().join(", ")))
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

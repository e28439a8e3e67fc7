//! A simulated connection: bytes that take their time, and what breaks it. It behaves as TCP does on a bad network: what
//! a hole swallows comes when the hole is over, in order, or never; and an end may learn of a break late, or not at all.

mod end;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    task::Waker,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

pub(super) use self::end::End;

use super::world::World;
use crate::dice::Dice;

/// The milliseconds are dealt out to the ways in turn, so that what one arrival causes is over before the next one, in
/// whatever order the runtime wakes the tasks: a seed is to tell everything.
const TURNS: u64 = 32;

/// The turn of whoever makes the trouble.
pub(super) const DRIVER: u64 = 31;

/// The turn of one way of one link. The room's own ticks fall on the multiples of 8.
fn turn(slot: usize, link: u64, of: usize) -> u64 {
    let way = slot as u64 * 4 + link % 2 * 2 + of as u64;
    way + way / 7 + 1
}

/// Tells the time.
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The first millisecond from then on that belongs to this turn.
    pub(super) fn slot(&self, at: Instant, turn: u64) -> Instant {
        let millis = at.saturating_duration_since(self.start).as_micros().div_ceil(1000) as u64;
        self.start + Duration::from_millis(millis + (turn + TURNS - millis % TURNS) % TURNS)
    }

    /// The first millisecond in which a link can come about.
    pub(super) fn dialed(&self, at: Instant, slot: usize, link: u64) -> Instant {
        self.slot(at, turn(slot, link, NEAR))
    }

    /// Milliseconds since the beginning.
    pub(super) fn millis(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}

/// How good a connection is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) delay: u64,
    pub(super) jitter: u64,
    /// Bytes a second from the room, if that is little.
    pub(super) rate: Option<u64>,
    /// Most bytes in one piece.
    pub(super) piece: u64,
    /// Bytes under way at the most.
    pub(super) window: usize,
}

impl Weather {
    /// As far away as before, and otherwise good.
    pub(super) fn calm(self) -> Self {
        Self { rate: None, piece: 1 << 16, window: 1 << 16, ..self }
    }
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Both ends read what is under way, and then the end.
    Fin,
    /// What is under way is lost.
    Reset,
    /// Only one end hears of it.
    HalfReset(usize),
    /// Nothing arrives any more, at either end.
    Silence,
    /// Nothing arrives at this end any more.
    HalfSilence(usize),
    /// Nothing arrives for so many milliseconds at the ends of this set, and then all of it.
    Hole(u8, u64),
}

struct Parcel {
    at: Instant,
    bytes: Vec<u8>,
    read: usize,
}

/// One direction, which belongs to the end that writes.
struct Way {
    turn: u64,
    dice: Dice,
    flight: VecDeque<Parcel>,
    /// Bytes in flight.
    held: usize,
    written: u64,
    read: u64,
    /// When the last byte arrives.
    last: Instant,
    /// Until when a slow line is busy with what it was given.
    busy: Instant,
    hole: Option<Instant>,
    fin: Option<Instant>,
    /// Nothing arrives any more.
    dead: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The member's end.
pub(super) const NEAR: usize = 0;
/// The room's end.
pub(super) const FAR: usize = 1;

pub(super) struct Wire {
    ways: [Way; 2],
    /// When an end learns that the connection was reset.
    reset: [Option<Instant>; 2],
    /// Whose program has stopped: it neither reads nor writes.
    frozen: [bool; 2],
    /// Until when an end does not read.
    lazy: [Option<Instant>; 2],
    /// What is written from now on goes nowhere.
    severed: bool,
    /// What happens once so many bytes were written by an end.
    pub(super) trigger: Option<(usize, u64, Cut)>,
    pub(super) weather: Weather,
    clock: Arc<Clock>,
}

pub(super) type SharedWire = Arc<Mutex<Wire>>;

impl Wire {
    pub(super) fn pair(
        world: &World,
        (slot, run, link): (usize, usize, u64),
        weather: Weather,
        tap: Box<dyn Tap>,
    ) -> (End, End, SharedWire) {
        let now = Instant::now();
        let way = |of| Way {
            turn: turn(slot, link, of),
            dice: world.dice(1_000_000 + (run as u64 * 1_000 + link) * 2 + of as u64),
            flight: VecDeque::new(),
            held: 0,
            written: 0,
            read: 0,
            last: now,
            busy: now,
            hole: None,
            fin: None,
            dead: false,
            reader: None,
            writer: None,
        };
        let wire = Arc::new(Mutex::new(Self {
            ways: [way(NEAR), way(FAR)],
            reset: [None; 2],
            frozen: [false; 2],
            lazy: [None; 2],
            severed: false,
            trigger: None,
            weather,
            clock: world.clock.clone(),
        }));
        let end = |of| End { wire: wire.clone(), of, alarms: [0, 1].map(|_| Box::pin(sleep_until(now))), tap: None };
        let (mut near, mut far) = (end(NEAR), end(FAR));
        let tap = Arc::new(Mutex::new(tap));
        near.tap = Some(tap.clone());
        far.tap = Some(tap);
        (near, far, wire)
    }

    fn wake(&mut self) {
        for way in &mut self.ways {
            way.reader.take().into_iter().chain(way.writer.take()).for_each(Waker::wake);
        }
    }

    /// What falls at this time and place of a way: how many rolls were before it must not matter, since whether two
    /// frames are one write or two depends on the runtime.
    fn roll(&self, of: usize, below: u64) -> u64 {
        let way = &self.ways[of];
        let mut dice = way.dice.at(self.clock.millis());
        dice.below(below)
    }

    fn later(&self, of: usize) -> Duration {
        Duration::from_millis(self.weather.delay + self.roll(of, self.weather.jitter + 1))
    }

    /// When what an end writes now arrives.
    fn arrival(&mut self, of: usize, bytes: usize) -> Instant {
        let now = Instant::now();
        let mut at = now + self.later(of);
        let way = &mut self.ways[of];
        if let Some(rate) = self.weather.rate.filter(|_| of == FAR) {
            way.busy = way.busy.max(now) + Duration::from_micros(bytes as u64 * 1_000_000 / rate);
            at = at.max(way.busy);
        }
        at = at.max(way.last).max(way.hole.unwrap_or(now));
        way.last = self.clock.slot(at, way.turn);
        way.last
    }

    /// Something happens to the connection.
    pub(super) fn cut(&mut self, cut: Cut) {
        match cut {
            Cut::Hole(ends, millis) => {
                let until = Instant::now() + Duration::from_millis(millis);
                for of in [NEAR, FAR] {
                    if ends & (1 << (1 - of)) == 0 {
                        continue;
                    }
                    let clock = self.clock.clone();
                    let way = &mut self.ways[of];
                    way.hole = Some(until);
                    let late = way.flight.iter_mut().map(|parcel| &mut parcel.at).chain(way.fin.as_mut());
                    for at in late.filter(|at| **at < until) {
                        *at = clock.slot(until, way.turn);
                        way.last = way.last.max(*at);
                    }
                }
            }
            Cut::Fin => {
                self.severed = true;
                for of in [NEAR, FAR] {
                    let at = self.arrival(of, 0);
                    self.ways[of].fin.get_or_insert(at);
                }
            }
            Cut::Reset => [NEAR, FAR].into_iter().for_each(|of| self.reset(of)),
            Cut::HalfReset(of) => {
                self.reset(of);
                self.ways[of].dead = true;
            }
            Cut::Silence => self.ways.iter_mut().for_each(|way| way.dead = true),
            Cut::HalfSilence(of) => self.ways[1 - of].dead = true,
        }
        self.wake();
    }

    /// An end learns that there is no connection any more.
    fn reset(&mut self, of: usize) {
        self.severed = true;
        let at = Instant::now() + self.later(1 - of);
        self.reset[of] = Some(self.clock.slot(at, self.ways[1 - of].turn));
    }

    /// A program dies; the other end hears of it or does not.
    pub(super) fn kill(&mut self, of: usize, cut: Cut) {
        self.frozen[of] = true;
        match cut {
            Cut::Silence => self.ways[of].dead = true,
            Cut::Reset => self.reset(1 - of),
            _ => self.close(of),
        }
        self.wake();
    }

    /// An end reads nothing for a while.
    pub(super) fn idle(&mut self, of: usize, until: Instant) {
        self.lazy[of] = Some(until);
        self.wake();
    }

    /// Nothing new goes wrong any more.
    pub(super) fn calm(&mut self) {
        self.trigger = None;
        self.lazy = [None; 2];
        self.weather = self.weather.calm();
        self.wake();
    }

    fn close(&mut self, of: usize) {
        if self.ways[of].fin.is_none() {
            let at = self.arrival(of, 0);
            self.ways[of].fin = Some(at);
        }
        self.wake();
    }

    fn broken(&self, of: usize) -> Option<io::Error> {
        let now = Instant::now();
        self.reset[of].filter(|at| *at <= now).map(|_| io::ErrorKind::ConnectionReset.into())
    }
}

/// Hears what both ends write, and how much of it the member's end has read.
pub(super) trait Tap: Send {
    fn wrote(&mut self, bytes: &[u8]);
    /// What the member's end writes.
    fn said(&mut self, bytes: &[u8]);
    fn read(&mut self, total: u64);
}

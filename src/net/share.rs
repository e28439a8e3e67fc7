//! Shares of the door: how many connections that have not proved themselves are held, in all and for each
//! source, and who gives way to whom.
//!
//! A connection waits in a *place* until its first byte says what it is and then for its *turn*, in which the TLS
//! handshake happens. All of it is one table of a few hundred rows behind a lock that is held for one step.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::source::Source;

/// How many of each there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) waiting: usize,
    pub(super) waiting_a_source: usize,
    pub(super) waiting_a_source_when_full: usize,
    pub(super) turns: usize,
    pub(super) turns_a_source: usize,
    /// Turns, and places, above those, for favoured sources.
    pub(super) reserve: usize,
    /// After how long a connection gives way to one that waits.
    pub(super) give_way: Duration,
}

/// All shares of a room's door.
#[derive(Debug)]
pub(super) struct Shares {
    limits: Limits,
    table: Mutex<Table>,
    /// Tells those that wait for a place of every change.
    changed: Notify,
}

/// All connections that hold a place or a turn, in the order in which they came.
#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<u64, Row>,
    last: u64,
}

#[derive(Debug)]
struct Row {
    source: Source,
    favoured: bool,
    stage: Stage,
    /// When it got its place or, after that, its turn.
    since: Instant,
    /// Cancelled when it has to give way.
    leave: CancellationToken,
}

#[derive(Debug)]
enum Stage {
    /// Not a byte has come.
    Silent,
    /// It has said what it is.
    Speaks,
    /// It waits for its turn.
    Queued(oneshot::Sender<()>),
    /// It has its turn, perhaps one of the reserve.
    Turn { reserved: bool },
}

impl Row {
    fn has_turn(&self) -> bool {
        matches!(self.stage, Stage::Turn { .. })
    }

    fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued(_))
    }

    fn is_leaving(&self) -> bool {
        self.leave.is_cancelled()
    }
}

/// What comes of asking for a place.
enum Asked {
    Placed(Place),
    /// Its source has too many.
    Excess,
    /// All are taken; something changes by then at the latest.
    Full(Instant),
}

impl Shares {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default(), changed: Notify::new() })
    }

    /// How many connections hold a place or a turn.
    pub(super) fn count(&self) -> usize {
        self.table().rows.len()
    }

    /// The place of an accepted connection, nothing if its source has too many. Waits while all places are taken
    /// and nobody has to give way.
    pub(super) async fn place(self: &Arc<Self>, source: Source, favoured: bool) -> Option<Place> {
        loop {
            let changed = self.changed.notified();
            match self.ask(source, favoured) {
                Asked::Placed(place) => return Some(place),
                Asked::Excess => return None,
                Asked::Full(until) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(until) => {}
                },
            }
        }
    }

    fn ask(self: &Arc<Self>, source: Source, favoured: bool) -> Asked {
        let (limits, now) = (&self.limits, Instant::now());
        let mut table = self.table();
        let waiting = table.rows.values().filter(|row| !row.has_turn());
        let (all, own) = waiting.fold((0, 0), |(all, own), row| (all + 1, own + usize::from(row.source == source)));
        // A crowd from one address may have what nobody else needs; one more share stays free for others.
        if own >= limits.waiting_a_source && all + limits.waiting_a_source >= limits.waiting {
            return Asked::Excess;
        }
        if all >= limits.waiting + if favoured { limits.reserve } else { 0 } {
            if own >= limits.waiting_a_source_when_full {
                return Asked::Excess;
            }
            return Asked::Full(table.make_room(now, limits.give_way));
        }
        table.last += 1;
        let (id, leave) = (table.last, CancellationToken::new());
        let row = Row { source, favoured, stage: Stage::Silent, since: now, leave: leave.clone() };
        table.rows.insert(id, row);
        Asked::Placed(Place(Ticket { shares: Arc::clone(self), id, leave }))
    }

    /// Changes something, and gives out what has become free by it.
    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table();
        change(&mut table);
        table.grant(&self.limits, Instant::now());
        drop(table);
        self.changed.notify_waiters();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change is made in one step: a panic elsewhere leaves the table right.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.table().rows.is_empty()
    }
}

impl Table {
    /// All places are taken: has one connection give way, unless one does already or none has to. Says until when it
    /// is of no use to ask again, unless something changes.
    fn make_room(&mut self, now: Instant, give_way: Duration) -> Instant {
        let waiting = || self.rows.iter().filter(|(_, row)| !row.has_turn());
        if waiting().any(|(_, row)| row.is_leaving()) {
            return now + give_way;
        }
        let silent = waiting().filter(|(_, row)| matches!(row.stage, Stage::Silent));
        let stuck = waiting().filter(|(_, row)| row.since + give_way <= now);
        match oldest_of_greediest(silent).or_else(|| oldest_of_greediest(stuck)) {
            Some(row) => row.leave.cancel(),
            None => return waiting().map(|(_, row)| row.since + give_way).min().unwrap_or(now + give_way),
        }
        now + give_way
    }

    /// Gives out the turns that are free: first to sources that have the fewest, so that whoever takes all it can get
    /// is behind everybody else, and then in the order in which they came.
    fn grant(&mut self, limits: &Limits, now: Instant) {
        while self.rows.values().any(Row::is_queued) {
            let held = self.turns_of_sources();
            let held = |row: &Row| held.get(&row.source).copied().unwrap_or_default();
            let taken = |of_reserve| {
                let has_one = |row: &&Row| matches!(row.stage, Stage::Turn { reserved } if reserved == of_reserve);
                self.rows.values().filter(has_one).count()
            };
            let (one_is_free, one_is_reserved) = (taken(false) < limits.turns, taken(true) < limits.reserve);
            let may = |row: &Row| {
                let one_for_it = one_is_free || row.favoured && one_is_reserved;
                row.is_queued() && one_for_it && held(row) < limits.turns_a_source
            };
            let next = self.rows.iter().filter(|(_, row)| may(row)).min_by_key(|(id, row)| (held(row), **id));
            let Some(row) = next.map(|(id, _)| *id).and_then(|id| self.rows.get_mut(&id)) else { return };
            row.since = now;
            if let Stage::Queued(granted) = std::mem::replace(&mut row.stage, Stage::Turn { reserved: !one_is_free }) {
                // If nobody waits for it any more, the row is about to go.
                let _ = granted.send(());
            }
        }
    }

    /// One waits for its turn: those that have had theirs for long give way, no more of them than wait for what they
    /// have. Says when to look again.
    fn press(&mut self, id: u64, limits: &Limits, now: Instant) -> Instant {
        let look_again = now + limits.give_way / 4;
        let Some(waiter) = self.rows.get(&id).filter(|row| row.is_queued()) else { return look_again };
        let held = self.turns_of_sources();
        let has_all = |row: &Row| held.get(&row.source).is_some_and(|turns| *turns >= limits.turns_a_source);
        // Where its own source has all it may have, it is of no use that others go.
        let own = has_all(waiter);
        let in_the_way = |row: &&Row| match row.stage {
            Stage::Turn { .. } if own => row.source == waiter.source,
            Stage::Turn { reserved } => waiter.favoured || !reserved,
            _ => false,
        };
        let would_take_it = |row: &&Row| match own {
            true => row.is_queued() && row.source == waiter.source,
            false => row.is_queued() && !has_all(row),
        };
        let mut wanted = self.rows.values().filter(would_take_it).count();
        let (leaving, mut staying): (Vec<&Row>, Vec<&Row>) =
            self.rows.values().filter(in_the_way).partition(|row| row.is_leaving());
        wanted = wanted.saturating_sub(leaving.len());
        staying.sort_by_key(|row| row.since);
        for row in staying {
            let due = row.since + limits.give_way;
            if due > now {
                return look_again.min(due);
            }
            if wanted == 0 {
                break;
            }
            row.leave.cancel();
            wanted -= 1;
        }
        look_again
    }

    fn turns_of_sources(&self) -> HashMap<Source, usize> {
        let mut turns = HashMap::new();
        for row in self.rows.values().filter(|row| row.has_turn()) {
            *turns.entry(row.source).or_default() += 1;
        }
        turns
    }
}

/// The oldest of the source that has the most of these, and among several such sources of the one that came first.
fn oldest_of_greediest<'a>(rows: impl Iterator<Item = (&'a u64, &'a Row)>) -> Option<&'a Row> {
    let mut sources: HashMap<Source, (usize, Reverse<u64>, &Row)> = HashMap::new();
    for (id, row) in rows {
        sources.entry(row.source).or_insert((0, Reverse(*id), row)).0 += 1;
    }
    sources.into_values().max_by_key(|(count, first, _)| (*count, *first)).map(|(_, _, row)| row)
}

/// Keeps the row of a connection.
#[derive(Debug)]
struct Ticket {
    shares: Arc<Shares>,
    id: u64,
    leave: CancellationToken,
}

impl Ticket {
    fn stage(&self, stage: Stage) {
        self.shares.change(|table| {
            if let Some(row) = table.rows.get_mut(&self.id) {
                row.stage = stage;
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shares.change(|table| {
            table.rows.remove(&self.id);
        });
    }
}

/// The place of a connection that waits.
#[derive(Debug)]
pub(super) struct Place(Ticket);

impl Place {
    /// What is cancelled when the connection has to give way, now or in its turn.
    pub(super) fn leave(&self) -> CancellationToken {
        self.0.leave.clone()
    }

    /// The first byte has come.
    pub(super) fn speaks(&self) {
        self.0.stage(Stage::Speaks);
    }

    /// Waits for the turn, in which the place is given back.
    pub(super) async fn turn(self) -> Share {
        let (grant, mut granted) = oneshot::channel();
        self.0.stage(Stage::Queued(grant));
        loop {
            let look_again = self.0.shares.table().press(self.0.id, &self.0.shares.limits, Instant::now());
            tokio::select! {
                biased;
                _ = &mut granted => return Share(self.0),
                () = sleep_until(look_again) => {}
            }
        }
    }
}

/// The turn of a connection; dropping it lets the next one in.
#[derive(Debug)]
pub(super) struct Share(Ticket);

impl Share {
    /// What is cancelled when the connection has to give way.
    pub(super) fn leave(&self) -> &CancellationToken {
        &self.0.leave
    }
}

#[cfg(test)]
mod tests;

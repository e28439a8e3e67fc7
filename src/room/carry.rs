//! The room's part in streams: who may open one, and where an end goes that arrives.
//!
//! The table is shared by the actor, which opens and ends streams, and by those who bring ends and see streams out. None
//! of it passes through the actor's queues, and no lock is held while anything is waited for.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{net::TcpStream, sync::oneshot, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{actor::RoomHandle, log::Audience, seat::Seat, state::State};
use crate::{
    stream::{
        Closer, Reached,
        pairing::{Arrival, Pairing, Party},
        relay::relay,
    },
    wire::{Answer, Event, Instance, PublicKey, Token},
};

/// An end of a stream that has arrived.
#[derive(Debug)]
pub(super) enum End {
    /// A connection.
    Socket(TcpStream),
    /// The room's own member, who waits for the other end's connection.
    Inside(oneshot::Sender<Reached>),
}

type Table = Arc<Mutex<Pairing<End>>>;

/// The streams of a room. Cheap to clone.
#[derive(Clone)]
pub(super) struct Carrier {
    table: Table,
    tasks: TaskTracker,
    /// Bytes that were passed on between members.
    carried: Arc<AtomicU64>,
}

/// Takes a stream off the table when dropped.
struct Running {
    table: Table,
    id: u64,
}

fn lock(table: &Table) -> MutexGuard<'_, Pairing<End>> {
    // Each change is made in one step: a panic elsewhere leaves the table right.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.table).over(self.id);
    }
}

impl Carrier {
    /// Carries at most so many streams at a time.
    pub(super) fn new(tasks: TaskTracker, most: usize) -> Self {
        Self { table: Arc::new(Mutex::new(Pairing::new(most))), tasks, carried: Arc::default() }
    }

    /// Bytes that were passed on between members, both ways.
    pub(super) fn carried_bytes(&self) -> u64 {
        self.carried.load(Relaxed)
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Pairing<End>> {
        lock(&self.table)
    }

    /// Takes an end. Says whether its token was good; if not, it is closed.
    fn arrive(&self, token: Token, end: End) -> bool {
        let inside = matches!(end, End::Inside(_));
        let arrival = self.table().arrive(token, inside, end, Instant::now());
        match arrival {
            Arrival::Waits => true,
            Arrival::Paired { id, stop, ends } => {
                let running = Running { table: self.table.clone(), id };
                match ends {
                    [End::Socket(one), End::Socket(other)] => self.carry(one, other, stop, running),
                    [End::Socket(socket), End::Inside(member)] | [End::Inside(member), End::Socket(socket)] => {
                        self.hand_over(socket, member, stop, running);
                    }
                    // Nobody opens a stream to oneself.
                    [End::Inside(_), End::Inside(_)] => {}
                }
                true
            }
            Arrival::Refused(_) => false,
        }
    }

    /// Copies between two members until one of them is done, or has to go.
    fn carry(&self, one: TcpStream, other: TcpStream, stop: CancellationToken, running: Running) {
        let carried = self.carried.clone();
        self.tasks.spawn(async move {
            let done = stop.run_until_cancelled(relay(one, other, carried)).await;
            tracing::debug!(stream = running.id, ?done, "a stream ends");
            // Named as a whole, or the task would hold its number only.
            drop(running);
        });
    }

    /// Gives the other end's connection to the room's own member.
    fn hand_over(
        &self,
        socket: TcpStream,
        member: oneshot::Sender<Reached>,
        stop: CancellationToken,
        running: Running,
    ) {
        let Ok(reached) = Reached::new(socket) else { return };
        let closer = Closer::of(&reached.socket);
        // Ends with the stream at the latest, whose number then goes off the table.
        self.tasks.spawn(async move {
            stop.cancelled().await;
            closer.close();
        });
        // If it waits no more, all of this is dropped.
        let _ = member.send(Reached { held: Some(Box::new(running)), ..reached });
    }
}

impl RoomHandle {
    /// Takes a connection that has presented `token`; closes it if the token is unknown, used or too late. Says whether
    /// it was good.
    pub fn stream(&self, socket: TcpStream, token: Token) -> bool {
        let good = self.streams.arrive(token, End::Socket(socket));
        if !good {
            tracing::debug!("a stream whose token is not good");
        }
        good
    }

    /// Takes the end of the room's own member, which has no connection to the room, and waits for the other end's.
    ///
    /// # Errors
    ///
    /// If the token is not good, or the other end does not come in time.
    pub async fn claim(&self, token: Token) -> io::Result<Reached> {
        let (member, reached) = oneshot::channel();
        if !self.streams.arrive(token, End::Inside(member)) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the room does not know of it any more"));
        }
        reached.await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the other end did not come"))
    }
}

fn no(temporary: bool, reason: impl Into<String>) -> Answer {
    Answer::NoStream { temporary, reason: reason.into() }
}

fn party(seat: &Seat) -> Party {
    Party { number: seat.who.number, key: seat.who.key, inside: seat.host }
}

fn token() -> Option<Token> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(Token(bytes))
}

impl State {
    /// A member wants to open a stream.
    pub(super) fn open_stream(&mut self, opener: u32, key: PublicKey, instance: Instance, now: Instant) -> Answer {
        let Some(from) = self.seats.get(&opener) else { return no(false, "you are not in the room") };
        let target = self.by_id.get(&(key, instance)).and_then(|number| self.seats.get(number));
        // In a room that has just restarted, those who were there come back one by one.
        let Some(target) = target else { return no(true, "they are not here at the moment") };
        if target.who.number == opener {
            return no(false, "that is you");
        }
        let name = &target.who.name;
        if target.link.is_none() {
            return no(true, format!("{name} is away at the moment"));
        }
        if !target.streams {
            return no(false, format!("the pchat of {name} takes no streams"));
        }
        let Some((own, theirs)) = token().zip(token()) else { return no(true, "the system gives no random numbers") };
        let opened = self.streams.table().open([party(from), party(target)], [own, theirs], now);
        if let Err(full) = opened {
            return no(true, full.to_string());
        }
        let (needs, target) = (from.needs(), target.who.number);
        self.record(Event::Stream { from: opener, token: theirs }, Audience::One(target), needs, now);
        Answer::Stream { token: own }
    }

    /// How many streams between others end when a member leaves.
    pub(super) fn carried_by(&self, member: u32) -> Answer {
        let keeps_the_room = self.seats.get(&member).is_some_and(|seat| seat.host);
        let carried = if keeps_the_room { self.streams.table().carried() } else { 0 };
        Answer::Carried(u32::try_from(carried).unwrap_or(u32::MAX))
    }
}

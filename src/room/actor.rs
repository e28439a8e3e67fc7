//! The actor that owns the room's state.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::task::TaskTracker;

use super::{
    Move, RoomConfig,
    admission::Listed,
    ask::{Errand, Outcome, denied},
    carry::Carrier,
    codes::Codes,
    figures::Door,
    journal::{Journal, Saved, Synced},
    log::Log,
    relay::Violation,
    seat::LinkEnd,
    standstill::Ticks,
    state::{Caller, Reply, State, Verdict},
};
use crate::limits::room::{MAX_REMEMBERED_NAMES, NAMES_AGAIN, NAMES_EVERY};
use crate::wire::{Answer, Departure, Envelope, Epoch, Event, Hello, Introduction, PublicKey, Refusal, Request};

/// Frames from links that wait for the actor: what a few busy links bring in one turn.
const INGEST: usize = 1024;

/// Frames taken in one turn, so that the links wait for the log only briefly.
const BATCH: usize = 64;

/// Time between two looks at old seats, knocks and events.
const TICK: Duration = Duration::from_secs(1);

/// Time between two looks whether slow members have caught up.
const RECHECK: Duration = Duration::from_millis(2);

/// What a link brings, in its order.
#[derive(Debug)]
pub(super) enum FromLink {
    Envelope(Envelope),
    Ask(Request, oneshot::Sender<Answer>),
    Leave,
    Broke,
}

/// What reaches the room beside the links' frames.
#[derive(Debug)]
pub(super) enum Control {
    Arrive {
        caller: Caller,
        hello: Hello,
        listed: Listed,
        old_port: bool,
        reply: oneshot::Sender<Verdict>,
    },
    KnockBroke {
        ticket: u64,
    },
    Run {
        errand: Errand,
        result: Result<Option<PublicKey>, String>,
        reply: oneshot::Sender<Answer>,
    },
    /// Those who may admit hear of this.
    TellRulers(Event),
    Moved {
        result: Result<u16, String>,
        reply: oneshot::Sender<Answer>,
    },
    Close,
    /// What a checkpoint would be now.
    #[cfg(test)]
    Checkpoint(oneshot::Sender<Vec<Vec<u8>>>),
    /// A test counts what the room holds.
    #[cfg(test)]
    Census(oneshot::Sender<super::census::Census>),
}

/// The handle to a room. Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle {
    /// How far its journal is, if it has one.
    synced: Option<Synced>,
    pub(super) control: mpsc::Sender<Control>,
    pub(super) ingest: mpsc::Sender<(u32, u64, FromLink)>,
    pub(super) log: Arc<Log>,
    pub(super) config: Arc<RoomConfig>,
    pub(super) streams: Carrier,
    pub(super) codes: Codes,
    pub(super) door: Door,
    closed: watch::Receiver<bool>,
    returns: Arc<AtomicBool>,
}

impl RoomHandle {
    /// The port that the room began with.
    pub fn port(&self) -> u16 {
        self.config.port
    }

    /// When it closes from now on, it is not for good: its members are told that it may be opened again.
    pub fn may_return(&self) {
        self.returns.store(true, Relaxed);
    }

    /// Closes the room: everybody is told who closed it.
    pub async fn close(&self) {
        let _ = self.control.send(Control::Close).await;
    }

    /// Waits for the moment from which the room's journal is not written any more, and says why. A room without a journal
    /// never has that moment.
    pub async fn journal_lost(&self) -> String {
        match self.synced.clone() {
            Some(mut synced) => synced.lost().await,
            None => std::future::pending().await,
        }
    }

    #[cfg(test)]
    pub(crate) async fn checkpoint(&self) -> Vec<Vec<u8>> {
        let (reply, checkpoint) = oneshot::channel();
        self.control.send(Control::Checkpoint(reply)).await.expect("the room is open");
        checkpoint.await.expect("it answers")
    }

    /// Waits until the room is closed.
    pub async fn closed(&self) {
        let mut closed = self.closed.clone();
        // An error means that the actor is gone, which is the same.
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

/// Opens a room with a log of its own `epoch`. Its tasks run in `tasks` and end after [`RoomHandle::close`].
pub fn start(config: RoomConfig, epoch: Epoch, tasks: &TaskTracker) -> RoomHandle {
    let new = |config, streams, codes| Ok::<_, Infallible>(State::new(config, epoch, streams, codes));
    let Ok((room, actor)) = launch(config, tasks, new);
    tasks.spawn(actor);
    room
}

/// Goes on with the room of a journal: with its epoch and its numbers, and with the seats of its members, who have as long
/// to come back as if their connections had broken now. Whatever leaves the room is on the disk before.
///
/// # Errors
///
/// If the system gives no thread to write with.
pub fn restore(config: RoomConfig, saved: Saved, tasks: &TaskTracker) -> io::Result<RoomHandle> {
    let restored = |config, streams, codes| State::restore(config, saved, streams, codes);
    let (room, actor) = launch(config, tasks, restored)?;
    tasks.spawn(actor);
    Ok(room)
}

/// A room as one of these opens it, whose actor its test runs, and stops as it likes.
#[cfg(test)]
pub(crate) fn at_rest(
    config: RoomConfig,
    begin: Result<Saved, Epoch>,
    tasks: &TaskTracker,
) -> (RoomHandle, impl Future<Output = ()> + Send + 'static) {
    let state = |config, streams, codes| match begin {
        Ok(saved) => State::restore(config, saved, streams, codes),
        Err(epoch) => Ok(State::new(config, epoch, streams, codes)),
    };
    launch(config, tasks, state).expect("memory gives a writer")
}

/// The room, and what is to be run for it.
fn launch<E, S>(
    mut config: RoomConfig,
    tasks: &TaskTracker,
    state: S,
) -> Result<(RoomHandle, impl Future<Output = ()> + Send + 'static + use<E, S>), E>
where
    S: FnOnce(RoomConfig, Carrier, Codes) -> Result<State, E>,
{
    let (control, control_queue) = mpsc::channel(INGEST);
    let (ingest, ingest_queue) = mpsc::channel(INGEST);
    let (closing, closed) = watch::channel(false);
    // Taken out of the configuration, which is not to keep it when there is another one.
    let codes = Codes::new(config.code.take());
    let shared = Arc::new(config.clone());
    let streams = Carrier::new(tasks.clone(), config.max_streams);
    let mut state = state(config, streams.clone(), codes.clone())?;
    let known = shared.guests.names();
    let remembered = known.is_some().then(Instant::now);
    // Whoever has a seat in a journal has a name.
    state.names.hold_for(known.unwrap_or_default(), Instant::now());
    let synced = state.journal.as_ref().map(Journal::progress);
    let (log, door) = (state.log.clone(), state.door.clone());
    let returns = Arc::<AtomicBool>::default();
    let handle = RoomHandle {
        synced: synced.clone(),
        control: control.clone(),
        ingest,
        log,
        config: shared,
        streams,
        codes,
        door,
        closed,
        returns: returns.clone(),
    };
    let (tasks_of, held) = (tasks.clone(), VecDeque::new());
    let actor = Actor { state, control, tasks: tasks_of, closing, returns, remembered, checked: (0, 0), held, synced };
    Ok((handle, actor.run(control_queue, ingest_queue)))
}

struct Actor {
    state: State,
    /// For the answers of what runs beside the actor.
    control: mpsc::Sender<Control>,
    tasks: TaskTracker,
    closing: watch::Sender<bool>,
    /// Whether the room may be opened again when it closes.
    returns: Arc<AtomicBool>,
    /// When the names were remembered for the next room, if they are.
    remembered: Option<Instant>,
    /// Where the log stood at the last look for slow members.
    checked: (u64, u64),
    /// What is to be said once the journal has all that was noted up to there.
    held: VecDeque<(u64, Reply)>,
    synced: Option<Synced>,
}

/// Waits for the journal to get on.
async fn gets_on(synced: &mut Option<Synced>) {
    match synced {
        Some(synced) => synced.changed().await,
        None => std::future::pending().await,
    }
}

impl Actor {
    async fn run(mut self, mut control: mpsc::Receiver<Control>, mut ingest: mpsc::Receiver<(u32, u64, FromLink)>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        let mut waiting = false;
        let mut ticks = Ticks::new(TICK);
        loop {
            tokio::select! {
                biased;
                Some(message) = control.recv() => {
                    if self.control(message) {
                        break;
                    }
                }
                _ = tick.tick() => {
                    ticks.tick(&mut self.state);
                    self.remember_names(NAMES_EVERY);
                }
                () = gets_on(&mut self.synced) => {}
                () = tokio::time::sleep(RECHECK), if waiting => waiting = self.state.must_wait(),
                count = ingest.recv_many(&mut batch, BATCH), if !waiting => {
                    // Nobody holds the room any more, neither its opener nor a link.
                    if count == 0 {
                        break;
                    }
                    let now = Instant::now();
                    let closed = batch.drain(..).any(|(number, link, frame)| self.frame(number, link, frame, now));
                    if closed {
                        break;
                    }
                    if self.state.log.read().moved_on(&mut self.checked) {
                        waiting = self.state.must_wait();
                    }
                }
            }
            self.state.commit();
            self.say();
        }
        self.close().await;
        // What still comes is answered, so that nobody waits for a room that is gone.
        control.close();
        while let Some(message) = control.recv().await {
            if let Control::Arrive { reply, .. } = message {
                let _ = reply.send(Verdict::Refused(Refusal::Closing));
            }
        }
    }

    /// Has the names remembered for the next room, if they have changed and `pause` is over since the last time, or if that is
    /// so long ago that they would be taken for those of another room.
    fn remember_names(&mut self, pause: Duration) {
        let Some(age) = self.remembered.map(|at| at.elapsed()).filter(|age| *age >= pause) else { return };
        if !self.state.names.has_changed() && age < NAMES_AGAIN {
            return;
        }
        self.remembered = Some(Instant::now());
        let guests = self.state.config.guests.clone();
        // Those who are here come first, whatever is left out.
        let here = self.state.seats.values().map(|seat| (seat.who.key, seat.who.name.clone()));
        let names: Vec<_> = here.chain(self.state.names.unused()).take(MAX_REMEMBERED_NAMES).collect();
        self.tasks.spawn_blocking(move || {
            if let Err(error) = guests.remember(&names) {
                tracing::warn!(%error, "the names are not remembered for the next room");
            }
        });
    }

    async fn close(&mut self) {
        self.remember_names(Duration::ZERO);
        let returns = self.returns.load(Relaxed);
        let host = self.state.host().filter(|_| !returns);
        let by = host.map(|host| host.who.name.clone()).unwrap_or_default();
        if !returns {
            self.state.give_up_seats();
        }
        // The links read to the end before their last word: all has to be there by then.
        self.settle().await;
        self.state.close(&by);
        self.state.commit();
        self.closing.send_replace(true);
    }

    /// Waits until all that was noted is in the journal.
    async fn settle(&mut self) {
        self.state.commit();
        if let Some((synced, journal)) = self.synced.as_mut().zip(self.state.journal.as_ref()) {
            synced.reach(journal.noted()).await;
        }
        self.say();
    }

    /// Says what may be said: nobody is to hear of what a crash might undo.
    fn say(&mut self) {
        let noted = self.state.journal.as_ref().map_or(0, Journal::noted);
        self.held.extend(self.state.replies.drain(..).map(|reply| (noted, reply)));
        let synced = self.synced.as_ref().map_or(u64::MAX, Synced::upto);
        while self.held.front().is_some_and(|(position, _)| *position <= synced) {
            let Some((_, reply)) = self.held.pop_front() else { return };
            if let Some((number, link)) = reply.say() {
                self.state.broke(number, link, Instant::now());
            }
        }
        if synced == u64::MAX && self.state.journal.take().is_some() {
            self.state.log.reveal(u64::MAX);
        }
    }

    fn answer(&mut self, reply: oneshot::Sender<Answer>, answer: Answer) {
        self.state.replies.push(Reply::Answer(reply, answer));
    }

    /// Handles a frame of a link. Returns whether the room is to close.
    fn frame(&mut self, number: u32, link: u64, frame: FromLink, now: Instant) -> bool {
        match frame {
            FromLink::Envelope(envelope) => {
                if self.state.relay(number, link, envelope, now) == Err(Violation)
                    && let Some(seat) = self.state.linked(number, link)
                    && let Some(control) = seat.link.take()
                {
                    control.end(LinkEnd::Violation);
                    seat.broken = Some(now);
                }
            }
            FromLink::Ask(request, reply) => {
                if self.state.linked(number, link).is_some() {
                    let outcome = self.state.ask(number, request, now);
                    self.outcome(outcome, reply);
                }
            }
            FromLink::Broke => self.state.broke(number, link, now),
            FromLink::Leave => {
                let Some(seat) = self.state.linked(number, link) else { return false };
                if seat.host {
                    return true;
                }
                self.state.depart(number, Departure::Quit, now);
            }
        }
        false
    }

    /// Handles a message beside the links' frames. Returns whether the room is to close.
    fn control(&mut self, message: Control) -> bool {
        let now = Instant::now();
        match message {
            Control::Arrive { caller, hello, listed, old_port, reply } => {
                let verdict = match (old_port, self.state.may_know_place(&caller, &hello, &listed)) {
                    (false, _) => self.state.arrive(&caller, &hello, &listed, now),
                    (true, true) => Verdict::Refused(Refusal::Moved { port: self.state.config.port }),
                    (true, false) => Verdict::Violation,
                };
                let seated = match &verdict {
                    Verdict::Seated(seated) => Some((seated.welcome.number, seated.shared.id)),
                    _ => None,
                };
                if let Verdict::Seated(seated) = &verdict
                    && caller.invited
                    && let Some(seat) = self.state.seats.get(&seated.welcome.number)
                {
                    self.run_errand(Errand::Invite(seat.who.clone()), oneshot::channel().0);
                }
                self.state.replies.push(Reply::Verdict(reply, verdict, seated));
            }
            Control::KnockBroke { ticket } => self.state.knock_broke(ticket, now),
            Control::Run { errand: Errand::Find { by, name, seen, wish }, result, reply } => {
                let outcome = match result.map(|listed| listed.or(seen)) {
                    Ok(Some(key)) => self.state.fulfil(by, key, name, wish, now),
                    Ok(None) => denied(format!("nobody called {name} is or was here")),
                    Err(reason) => denied(reason),
                };
                self.outcome(outcome, reply);
            }
            Control::Run { errand, result, reply } => {
                let answer = self.ran(&errand, result.map(drop), now);
                self.answer(reply, answer);
            }
            Control::Moved { result, reply } => {
                let answer = match result {
                    Ok(port) => {
                        self.state.moved(port, now);
                        self.state.place()
                    }
                    Err(reason) => Answer::Denied(reason),
                };
                self.answer(reply, answer);
            }
            Control::TellRulers(event) => self.state.tell_rulers(&event, now),
            Control::Close => return true,
            #[cfg(test)]
            Control::Checkpoint(reply) => drop(reply.send(self.state.checkpoint())),
            #[cfg(test)]
            Control::Census(reply) => self.state.take_census(reply),
        }
        false
    }

    fn ran(&mut self, errand: &Errand, result: Result<(), String>, now: Instant) -> Answer {
        match (errand, result) {
            (Errand::LetIn { name, .. }, Err(error)) => {
                Answer::Denied(format!("{name} still waits: the list of those let in was not saved: {error}"))
            }
            (Errand::PutOut { .. }, Err(error)) => Answer::Denied(format!(
                "they are out, but still on the list of those let in, which was not saved: {error}"
            )),
            // Put out meanwhile: being on the list again is not for them.
            (Errand::LetIn { key, .. } | Errand::Invite(Introduction { key, .. }), Ok(()))
                if self.state.bans.contains_key(key) =>
            {
                self.run_errand(Errand::PutOut { key: *key }, oneshot::channel().0);
                Answer::Denied("they were put out meanwhile".to_owned())
            }
            (Errand::LetIn { key, name }, Ok(())) => {
                // By key: the knock may have been lost and made again while the list was saved.
                match self.state.knocks.iter().position(|knock| knock.caller.key == *key) {
                    Some(index) => {
                        self.state.let_in(index, now);
                        Answer::Done
                    }
                    None => Answer::Denied(format!("{name} did not wait; they may come in at any time now")),
                }
            }
            (Errand::PutOut { .. } | Errand::Ban { .. } | Errand::Find { .. }, Ok(())) => Answer::Done,
            (Errand::Rename { member, name, .. }, Ok(())) => self.state.rename(*member, name, now),
            (Errand::Invite(who), result) => self.state.invited(who, result.err(), now),
            (Errand::Ban { .. }, Err(error)) => Answer::Denied(format!(
                "they are out until this room closes, but not for good, since that was not saved: {error}"
            )),
            (Errand::Unban { key }, Ok(())) => {
                self.state.bans.remove(key);
                Answer::Done
            }
            (_, Err(reason)) => Answer::Denied(reason),
        }
    }

    /// Reads or changes the list of keys beside the actor, which goes on when that is done.
    fn run_errand(&self, errand: Errand, reply: oneshot::Sender<Answer>) {
        let guests = self.state.config.guests.clone();
        let control = self.control.clone();
        self.tasks.spawn(async move {
            let job = errand.clone();
            let result = match tokio::task::spawn_blocking(move || job.run(&*guests)).await {
                Ok(result) => result.map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.to_string()),
            };
            let _ = control.send(Control::Run { errand, result, reply }).await;
        });
    }

    fn outcome(&mut self, outcome: Outcome, reply: oneshot::Sender<Answer>) {
        match outcome {
            Outcome::Now(answer) => self.answer(reply, answer),
            Outcome::First(errand) => self.run_errand(errand, reply),
            Outcome::Move(port) => {
                let mover = self.state.config.mover.clone();
                let control = self.control.clone();
                self.tasks.spawn(async move {
                    let (answer, bound) = oneshot::channel();
                    // An error holds the message and with it the other end of the reply, so it must not live on.
                    let asked = mover.send(Move { port, reply: answer }).await.is_ok();
                    let result = match if asked { bound.await.ok() } else { None } {
                        Some(result) => result,
                        None => Err("this room cannot move".to_owned()),
                    };
                    let _ = control.send(Control::Moved { result, reply }).await;
                });
            }
        }
    }
}

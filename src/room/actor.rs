//! The actor that owns the room's state.

use std::{sync::Arc, time::Duration};

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
    log::Log,
    relay::Violation,
    seat::LinkEnd,
    standstill::Ticks,
    state::{Caller, State, Verdict},
};
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
}

/// The handle to a room. Cheap to clone.
#[derive(Clone)]
pub struct RoomHandle {
    pub(super) control: mpsc::Sender<Control>,
    pub(super) ingest: mpsc::Sender<(u32, u64, FromLink)>,
    pub(super) log: Arc<Log>,
    pub(super) config: Arc<RoomConfig>,
    pub(super) streams: Carrier,
    pub(super) codes: Codes,
    closed: watch::Receiver<bool>,
}

impl RoomHandle {
    /// The port that the room began with.
    pub fn port(&self) -> u16 {
        self.config.port
    }

    /// Closes the room: everybody is told who closed it.
    pub async fn close(&self) {
        let _ = self.control.send(Control::Close).await;
    }

    /// Waits until the room is closed.
    pub async fn closed(&self) {
        let mut closed = self.closed.clone();
        // An error means that the actor is gone, which is the same.
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

/// Opens a room with a log of its own `epoch`. Its tasks run in `tasks` and end after [`RoomHandle::close`].
pub fn start(mut config: RoomConfig, epoch: Epoch, tasks: &TaskTracker) -> RoomHandle {
    let (control, control_queue) = mpsc::channel(INGEST);
    let (ingest, ingest_queue) = mpsc::channel(INGEST);
    let (closing, closed) = watch::channel(false);
    // Taken out of the configuration, which is not to keep it when there is another one.
    let codes = Codes::new(config.code.take());
    let shared = Arc::new(config.clone());
    let streams = Carrier::new(tasks.clone(), config.max_streams);
    let state = State::new(config, epoch, streams.clone(), codes.clone());
    let log = state.log.clone();
    let handle = RoomHandle { control: control.clone(), ingest, log, config: shared, streams, codes, closed };
    let actor = Actor { state, control, tasks: tasks.clone(), closing, checked: (0, 0) };
    tasks.spawn(actor.run(control_queue, ingest_queue));
    handle
}

struct Actor {
    state: State,
    /// For the answers of what runs beside the actor.
    control: mpsc::Sender<Control>,
    tasks: TaskTracker,
    closing: watch::Sender<bool>,
    /// Where the log stood at the last look for slow members.
    checked: (u64, u64),
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
                _ = tick.tick() => ticks.tick(&mut self.state),
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
            self.state.log.publish();
        }
        self.close();
        // What still comes is answered, so that nobody waits for a room that is gone.
        control.close();
        while let Some(message) = control.recv().await {
            if let Control::Arrive { reply, .. } = message {
                let _ = reply.send(Verdict::Refused(Refusal::Closing));
            }
        }
    }

    fn close(&mut self) {
        let by = self.state.host().map(|host| host.who.name.clone()).unwrap_or_default();
        self.state.close(&by);
        self.state.log.publish();
        self.closing.send_replace(true);
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
                if reply.send(verdict).is_err()
                    && let Some((number, link)) = seated
                {
                    self.state.broke(number, link, now);
                }
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
                let _ = reply.send(self.ran(&errand, result.map(drop), now));
            }
            Control::Moved { result, reply } => {
                let answer = match result {
                    Ok(port) => {
                        self.state.moved(port, now);
                        self.state.place()
                    }
                    Err(reason) => Answer::Denied(reason),
                };
                let _ = reply.send(answer);
            }
            Control::TellRulers(event) => self.state.tell_rulers(&event, now),
            Control::Close => return true,
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
            Outcome::Now(answer) => {
                let _ = reply.send(answer);
            }
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

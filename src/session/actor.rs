//! The actor that keeps a member in its room: dials, says Hello, runs the link, dials again.

use std::{
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::{
    Ending, Handle, SessionEvent,
    dial::Dial,
    enter::{Entered, NotIn},
    event::hand_over,
    handle::{Question, Shared},
    life::Life,
    link::{Link, Over},
    outbox::Outbox,
    roster::Roster,
    wake::{Doubts, Reading, Watch},
};
use crate::{
    limits::session::MAX_SUPERSEDED,
    wire::{Instance, PublicKey},
};

/// Events that wait for the owner: enough that a burst of lines does not stop the link for each.
const EVENTS: usize = 256;

/// Questions that wait for the link; a person asks one at a time.
const QUESTIONS: usize = 16;

/// The session's deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The room must answer a Hello within this time.
    pub hello: Duration,
    /// A room that sent nothing for so long is asked for a sign of life.
    pub ping: Duration,
    /// A room that sent nothing for so long is gone.
    pub dead: Duration,
    /// A room that sends nothing for so long after it was asked is gone, if there is a reason to doubt the connection.
    pub doubt: Duration,
    /// The longest first pause before dialling again. It doubles with each try.
    pub first_retry: Duration,
    /// The longest time from the beginning of one try to the next, if that one fails sooner, while the room is away for less
    /// than [`lately`](Self::lately): with it, everybody is back within seconds of a restart that took a while.
    pub later_retry: Duration,
    /// The longest of all.
    pub last_retry: Duration,
    /// How long a room that is away is expected back at any moment: as long as it keeps a seat.
    pub lately: Duration,
    /// How long what is for one member waits for their return, after the room has restarted.
    pub reunion: Duration,
    /// How long saying goodbye may take.
    pub farewell: Duration,
    /// What the clocks of this machine show, which tell that it slept.
    pub clocks: fn() -> Reading,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            ping: Duration::from_secs(15),
            dead: Duration::from_secs(45),
            doubt: Duration::from_secs(2),
            first_retry: Duration::from_millis(500),
            later_retry: Duration::from_secs(4),
            last_retry: Duration::from_secs(10),
            lately: Duration::from_secs(600),
            reunion: Duration::from_secs(12),
            farewell: Duration::from_secs(2),
            clocks: Reading::now,
        }
    }
}

/// Who enters a room, and how.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The key that the streams prove.
    pub key: PublicKey,
    /// This run of the program.
    pub instance: Instance,
    /// The name wished for.
    pub name: String,
    /// Abilities, see [`FEATURE_ASKABLE`](crate::wire::FEATURE_ASKABLE).
    pub features: u64,
    /// The deadlines.
    pub timing: Timing,
}

/// Enters a room over the streams that `dial` gives, and stays in it across broken links until the room ends
/// it or [`Handle::leave`] is called. A first try that fails ends the session.
pub fn start<D: Dial>(config: SessionConfig, dial: D, tasks: &TaskTracker) -> (Handle, mpsc::Receiver<SessionEvent>) {
    let (handle, owner, run) = prepare(config, dial);
    tasks.spawn(run);
    (handle, owner)
}

/// The same, of which the caller runs the actor.
pub(super) fn prepare<D: Dial>(
    config: SessionConfig,
    dial: D,
) -> (Handle, mpsc::Receiver<SessionEvent>, impl Future<Output = ()> + Send + 'static) {
    let (events, owner) = mpsc::channel(EVENTS);
    let (asking, questions) = mpsc::channel(QUESTIONS);
    let shared = Arc::new(Shared {
        outbox: Mutex::new(Outbox::default()),
        roster: Mutex::new(Roster::new(config.key, config.instance, config.name.clone())),
        filled: Notify::new(),
        waiting: watch::Sender::new(0),
        over: watch::Sender::new(false),
        leave: watch::Sender::new(false),
        features: 0.into(),
        connection: Mutex::default(),
        #[cfg(test)]
        census: Mutex::default(),
    });
    let handle = Handle { shared: shared.clone(), questions: asking };
    let life = Life::new(config.features);
    let actor = Actor { config, dial, shared, life, events, moves: 0, knocks: false, pauses: 0 };
    (handle, owner, actor.run(questions))
}

pub(super) struct Actor<D> {
    pub(super) config: SessionConfig,
    pub(super) dial: D,
    pub(super) shared: Arc<Shared>,
    pub(super) life: Life,
    pub(super) events: mpsc::Sender<SessionEvent>,
    /// How often the room has sent us to another port since it last let us in.
    pub(super) moves: u32,
    /// Whether the host is to be asked, now and whenever the connection breaks while we wait.
    pub(super) knocks: bool,
    /// How often it has paused before dialling again.
    pauses: u64,
}

impl<D: Dial> Actor<D> {
    async fn run(mut self, mut questions: mpsc::Receiver<Question>) {
        let ending = self.stay(&mut questions).await;
        self.shared.over.send_replace(true);
        questions.close();
        while questions.try_recv().is_ok() {}
        hand_over(&mut self.life.events, &self.events).await;
        let _ = self.events.send(SessionEvent::Ended(ending)).await;
    }

    /// Keeps the member in the room until it is over.
    async fn stay(&mut self, questions: &mut mpsc::Receiver<Question>) -> Ending {
        let (mut tries, mut superseded) = (0, 0);
        let mut here = Instant::now();
        let mut leave = self.shared.leave.subscribe();
        let mut watch = Watch::new(self.config.timing.clocks);
        loop {
            let (mut began, back) = (Instant::now(), self.life.resume().is_some());
            let entered = tokio::select! {
                biased;
                entered = self.enter() => entered,
                // What was begun before a sleep comes to nothing, late. At the door a person waits, who is not to knock twice.
                () = watch.standstill(), if back => {
                    tries = 0;
                    continue;
                }
                never = refuse(questions) => match never {},
                _ = leave.wait_for(|leave| *leave) => return Ending::Left,
            };
            let (reason, retry_in) = match entered {
                Err(NotIn::Moved) => continue,
                Err(NotIn::Unknown(refusal)) => return Ending::Refused(refusal),
                Err(NotIn::Never(ending)) => return ending,
                Err(NotIn::Later(reason)) if self.life.resume().is_none() => return Ending::Failed(reason),
                Err(NotIn::Later(reason)) => (reason, None),
                Ok(Entered { frames, write, gauge, trip, welcome }) => {
                    tracing::info!(member = welcome.number, members = welcome.members, "connected");
                    tries = 0;
                    self.moves = 0;
                    let link = Link::new(&self.shared, &self.config.timing, (gauge, trip), welcome.members);
                    if let Err(broken) = self.life.welcome(welcome, &self.shared) {
                        return Ending::Failed(broken.to_string());
                    }
                    self.shared.connection().begin();
                    let doubts = Doubts { watch: &mut watch, dial: &mut self.dial };
                    let over = link.run(&mut self.life, (&self.events, questions), (frames, write), doubts).await;
                    self.shared.connection().end();
                    here = Instant::now();
                    let lasted = std::mem::replace(&mut began, here).elapsed();
                    if lasted > self.config.timing.dead {
                        superseded = 0;
                    }
                    match over {
                        Over::Ended(ending) => return ending,
                        Over::Broke(reason) => (reason, None),
                        Over::Superseded if superseded < MAX_SUPERSEDED => {
                            superseded += 1;
                            ("the room took an older connection for the present one".to_owned(), None)
                        }
                        Over::Superseded => {
                            let reason =
                                "another connection of this very program takes this one's place again and again";
                            return Ending::Failed(reason.to_owned());
                        }
                        Over::Doubted(doubt) => (doubt.reason().to_owned(), Some(Duration::ZERO)),
                    }
                }
            };
            let retry_in = retry_in.unwrap_or_else(|| self.pause(tries, began.elapsed(), here.elapsed()));
            tries += 1;
            tracing::info!(reason, ?retry_in, tries, "not connected");
            self.life.events.push_back(SessionEvent::Cut { reason, retry_in });
            let wait = async {
                hand_over(&mut self.life.events, &self.events).await;
                tokio::time::sleep(retry_in).await;
            };
            tokio::select! {
                biased;
                () = wait => {}
                () = watch.standstill() => tries = 0,
                never = refuse(questions) => match never {},
                _ = leave.wait_for(|leave| *leave) => return Ending::Left,
            }
        }
    }

    /// The pause before the next try: anything up to a bound that doubles, so that those whom one fault cut off
    /// do not come back in one instant. The time that the last try took is part of it: a network that is back is to be
    /// found within 12 s.
    fn pause(&mut self, tries: u32, spent: Duration, away: Duration) -> Duration {
        let timing = &self.config.timing;
        let most = if away < timing.lately { timing.later_retry } else { timing.last_retry };
        let bound = timing.first_retry.saturating_mul(1 << tries.min(16)).min(most);
        let bound = bound.saturating_sub(spent).max(timing.first_retry);
        // The instance is random, so that no two programs have the same pauses, and a test has the same ones again.
        self.pauses += 1;
        let mut hasher = DefaultHasher::new();
        (self.config.instance, self.pauses).hash(&mut hasher);
        let random = hasher.finish();
        bound.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// Refuses questions for as long as there is no link.
async fn refuse(questions: &mut mpsc::Receiver<Question>) -> Infallible {
    while let Some(question) = questions.recv().await {
        drop(question);
    }
    std::future::pending().await
}

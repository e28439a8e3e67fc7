//! The actor that keeps a member in its room: dials, says Hello, runs the link, dials again.

use std::{
    convert::Infallible,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf},
    sync::{Notify, mpsc, watch},
    time::timeout,
};
use tokio_util::{codec::FramedRead, task::TaskTracker};

use super::{
    Ending, Handle, SessionEvent,
    event::hand_over,
    handle::{Question, Shared},
    life::Life,
    link::{Frames, Link, Over, broke},
    outbox::Outbox,
    roster::Roster,
};
use crate::{
    gauge::Gauge,
    link::FIRST_BUFFER,
    wire::{Codec, CodecError, FromRoom, Hello, Instance, MAX_FRAME_LEN, PublicKey, Refusal, ToRoom, Welcome, encode},
};

/// Events that wait for the owner: enough that a burst of lines does not stop the link for each.
const EVENTS: usize = 256;

/// Questions that wait for the link; a person asks one at a time.
const QUESTIONS: usize = 16;

/// How often a room may send us to another port before it has to let us in.
const MAX_MOVES: u32 = 4;

/// A stream to the room.
pub struct Dialed<S> {
    /// The stream, at whose other end the right room is proved to be.
    pub stream: S,
    /// When it last took bytes.
    pub gauge: Arc<Gauge>,
}

/// Why there is no stream to the room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Another try may succeed. One line says what happened.
    #[error("{0}")]
    Temporary(String),
    /// No try may succeed. One line or more say why.
    #[error("{0}")]
    Final(String),
}

/// Gives streams to one room.
#[async_trait]
pub trait Dial: Send + 'static {
    /// What it gives.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Dials once, within a deadline of its own.
    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError>;

    /// The room is at another port of the same address from now on.
    async fn moved(&mut self, port: u16) {
        let _ = port;
    }
}

/// The session's deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The room must answer a Hello within this time.
    pub hello: Duration,
    /// A room that sent nothing for so long is asked for a sign of life.
    pub ping: Duration,
    /// A room that sent nothing for so long is gone.
    pub dead: Duration,
    /// The longest first pause before dialling again. It doubles with each try.
    pub first_retry: Duration,
    /// The longest pause of all.
    pub last_retry: Duration,
    /// How long saying goodbye may take.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            ping: Duration::from_secs(15),
            dead: Duration::from_secs(45),
            first_retry: Duration::from_millis(500),
            last_retry: Duration::from_secs(10),
            farewell: Duration::from_secs(2),
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
    });
    let handle = Handle { shared: shared.clone(), questions: asking };
    let actor = Actor { config, dial, shared, life: Life::default(), events, moves: 0 };
    tasks.spawn(actor.run(questions));
    (handle, owner)
}

struct Actor<D> {
    config: SessionConfig,
    dial: D,
    shared: Arc<Shared>,
    life: Life,
    events: mpsc::Sender<SessionEvent>,
    /// How often the room has sent us to another port since it last let us in.
    moves: u32,
}

/// A link whose Hello was answered with Welcome.
struct Entered<S> {
    frames: Frames<S>,
    write: WriteHalf<S>,
    gauge: Arc<Gauge>,
    welcome: Welcome,
}

/// Why there is no link.
enum NotIn {
    /// Another try may succeed.
    Later(String),
    /// The room moved, so another try is due at once.
    Moved,
    Never(Ending),
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
        let mut tries = 0;
        let mut leave = self.shared.leave.subscribe();
        loop {
            let entered = tokio::select! {
                entered = self.enter() => entered,
                never = refuse(questions) => match never {},
                _ = leave.wait_for(|leave| *leave) => return Ending::Left,
            };
            let reason = match entered {
                Err(NotIn::Moved) => continue,
                Err(NotIn::Never(ending)) => return ending,
                Err(NotIn::Later(reason)) if self.life.resume().is_none() => return Ending::Failed(reason),
                Err(NotIn::Later(reason)) => reason,
                Ok(Entered { frames, write, gauge, welcome }) => {
                    tracing::info!(member = welcome.number, members = welcome.members, "connected");
                    tries = 0;
                    self.moves = 0;
                    let link = Link::new(&self.shared, &self.config.timing, gauge, welcome.members);
                    if let Err(broken) = self.life.welcome(welcome, &self.shared) {
                        return Ending::Failed(broken.to_string());
                    }
                    match link.run(&mut self.life, &self.events, questions, frames, write).await {
                        Over::Ended(ending) => return ending,
                        Over::Broke(reason) => reason,
                    }
                }
            };
            let retry_in = self.pause(tries);
            tries += 1;
            tracing::info!(reason, ?retry_in, tries, "not connected");
            self.life.events.push_back(SessionEvent::Cut { reason, retry_in });
            let wait = async {
                hand_over(&mut self.life.events, &self.events).await;
                tokio::time::sleep(retry_in).await;
            };
            tokio::select! {
                () = wait => {}
                never = refuse(questions) => match never {},
                _ = leave.wait_for(|leave| *leave) => return Ending::Left,
            }
        }
    }

    /// The pause before the next try: anything up to a bound that doubles, so that those whom one fault cut off
    /// do not come back in one instant.
    fn pause(&self, tries: u32) -> Duration {
        let timing = &self.config.timing;
        let bound = timing.first_retry.saturating_mul(1 << tries.min(16)).min(timing.last_retry);
        let random = RandomState::new().build_hasher().finish();
        bound.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// Dials, says Hello and waits for the verdict.
    async fn enter(&mut self) -> Result<Entered<D::Stream>, NotIn> {
        let Dialed { stream, gauge } = self.dial.dial().await.map_err(|error| match error {
            DialError::Temporary(reason) => NotIn::Later(reason),
            DialError::Final(reason) => NotIn::Never(Ending::Failed(reason)),
        })?;
        let (read, mut write) = tokio::io::split(stream);
        let mut frames = FramedRead::with_capacity(read, Codec::new(MAX_FRAME_LEN), FIRST_BUFFER);
        let hello = Hello {
            features: self.config.features,
            name: self.shared.roster().me().name.clone(),
            instance: self.config.instance,
            next: self.shared.outbox().next(),
            resume: self.life.resume(),
        };
        let answer = timeout(self.config.timing.hello, async {
            say(&ToRoom::Hello(hello), &mut write).await?;
            next(&mut frames).await
        });
        let mut answer = answer.await.unwrap_or_else(|_| Err(later("the room does not answer")))?;
        loop {
            match answer {
                FromRoom::Welcome(welcome) => return Ok(Entered { frames, write, gauge, welcome }),
                FromRoom::Refused(refusal) => return Err(self.refused(refusal).await),
                FromRoom::Waiting { name } => {
                    self.life.events.push_back(SessionEvent::Waiting { name });
                    hand_over(&mut self.life.events, &self.events).await;
                }
                FromRoom::Pong(_) => {}
                _ => return Err(NotIn::Never(Ending::Failed("the room breaks the protocol".to_owned()))),
            }
            answer = wait_at_the_door(&self.config.timing, &mut frames, &mut write).await?;
        }
    }

    /// What a refusal means for us.
    async fn refused(&mut self, refusal: Refusal) -> NotIn {
        let again = self.life.resume().is_some();
        match refusal {
            Refusal::Moved { port } if self.moves < MAX_MOVES => {
                self.moves += 1;
                self.dial.moved(port).await;
                NotIn::Moved
            }
            Refusal::Moved { .. } => NotIn::Never(Ending::Failed("the room sends us from port to port".to_owned())),
            Refusal::Full { .. } | Refusal::Crowded | Refusal::Closing if again => {
                NotIn::Later("the room has no place at the moment".to_owned())
            }
            refusal => NotIn::Never(Ending::Refused(refusal)),
        }
    }
}

/// Refuses questions for as long as there is no link.
async fn refuse(questions: &mut mpsc::Receiver<Question>) -> Infallible {
    while let Some(question) = questions.recv().await {
        drop(question);
    }
    std::future::pending().await
}

fn later(reason: &str) -> NotIn {
    NotIn::Later(reason.to_owned())
}

async fn say<S: AsyncWrite>(frame: &ToRoom, write: &mut WriteHalf<S>) -> Result<(), NotIn> {
    let written = async {
        let bytes = encode(frame).map_err(std::io::Error::other)?;
        write.write_all(&bytes).await?;
        write.flush().await
    };
    written.await.map_err(|error| NotIn::Later(broke(&error)))
}

async fn next<S: AsyncRead>(frames: &mut Frames<S>) -> Result<FromRoom, NotIn> {
    match frames.next().await {
        Some(Ok(frame)) => Ok(frame),
        Some(Err(CodecError::Io(error))) => Err(NotIn::Later(broke(&error))),
        Some(Err(error)) => Err(NotIn::Never(Ending::Failed(format!("the room breaks the protocol: {error}")))),
        None => Err(later("the room closed the connection")),
    }
}

/// The next frame while somebody at the host is being asked.
async fn wait_at_the_door<S>(
    timing: &Timing,
    frames: &mut Frames<S>,
    write: &mut WriteHalf<S>,
) -> Result<FromRoom, NotIn>
where
    S: AsyncRead + AsyncWrite,
{
    if let Ok(answer) = timeout(timing.ping, next(frames)).await {
        return answer;
    }
    let answer = timeout(timing.dead, async {
        say(&ToRoom::Ping(1), write).await?;
        next(frames).await
    });
    answer.await.unwrap_or_else(|_| Err(later("the room has fallen silent")))
}

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
    code::{
        Code,
        pake::{Doubting, Ends, Joiner},
    },
    gauge::Gauge,
    link::FIRST_BUFFER,
    wire::{
        Codec, CodecError, FromRoom, Hello, Instance, MAX_FRAME_LEN, Otherwise, PublicKey, Refusal, ToRoom, Welcome,
        encode,
    },
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
    /// What tells this connection from all others, see [`EXPORTER`](crate::wire::EXPORTER).
    pub exporter: [u8; 32],
    /// The key that the room's end has proved.
    pub host: PublicKey,
    /// Whether that key was known to be the right one before this program met it.
    pub known: bool,
}

/// What a person wants of a room that does not let them in by itself.
pub enum Wish {
    /// That its host is asked.
    Knock,
    /// To prove that they know its code.
    Code(Code),
    /// Nothing.
    Leave,
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

    /// What to say to a room that does not let us in by itself, which is why it has refused us:
    /// [`Refusal::Stranger`], [`Refusal::WrongCode`] or [`Refusal::Guesses`].
    ///
    /// # Errors
    ///
    /// One line that says why there is nothing to say.
    async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        let _ = refusal;
        Ok(Wish::Knock)
    }

    /// The room could not prove that it knows the code that it was shown: it may be somebody else's.
    async fn distrust(&mut self) {}

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
    let actor = Actor { config, dial, shared, life: Life::default(), events, moves: 0, knocks: false };
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
    /// Whether the host is to be asked, now and whenever the connection breaks while we wait.
    knocks: bool,
}

/// A link whose Hello was answered with Welcome.
struct Entered<S> {
    frames: Frames<S>,
    write: WriteHalf<S>,
    gauge: Arc<Gauge>,
    welcome: Welcome,
}

/// How far the proof of the code is.
enum Proof {
    /// There is none, or it is complete.
    None,
    /// Our element is in the Hello.
    Begun(Joiner),
    /// Our confirmation is sent.
    Shown(Doubting),
}

/// Why there is no link.
enum NotIn {
    /// Another try may succeed.
    Later(String),
    /// The room moved, so another try is due at once.
    Moved,
    /// The room does not let us in by itself.
    Unknown(Refusal),
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
                Err(NotIn::Unknown(refusal)) => return Ending::Refused(refusal),
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

    /// Comes in, with what the person wants if the room does not let us in by itself.
    async fn enter(&mut self) -> Result<Entered<D::Stream>, NotIn> {
        let mut code = None;
        loop {
            let refusal = match self.call(code.take()).await {
                Err(NotIn::Unknown(refusal)) if self.life.resume().is_none() => refusal,
                other => return other,
            };
            // A room that is asked to ask its host cannot say that it does not know us.
            if self.knocks {
                return Err(broken());
            }
            match self.dial.wish(&refusal).await {
                Ok(Wish::Knock) => self.knocks = true,
                Ok(Wish::Code(typed)) => code = Some(typed),
                Ok(Wish::Leave) => return Err(NotIn::Never(Ending::Left)),
                Err(reason) => return Err(NotIn::Never(Ending::Failed(reason))),
            }
        }
    }

    /// Dials, says Hello and waits for the verdict.
    async fn call(&mut self, code: Option<Code>) -> Result<Entered<D::Stream>, NotIn> {
        let Dialed { stream, gauge, exporter, host, known } = self.dial.dial().await.map_err(|error| match error {
            DialError::Temporary(reason) => NotIn::Later(reason),
            DialError::Final(reason) => NotIn::Never(Ending::Failed(reason)),
        })?;
        let ends = Ends { exporter, joiner: self.config.key, host };
        let (mut proof, otherwise) = match code {
            None if self.knocks => (Proof::None, Otherwise::Knock),
            None => (Proof::None, Otherwise::Nothing),
            Some(code) => {
                let (joiner, element) = Joiner::start(&code, &ends);
                (Proof::Begun(joiner), Otherwise::Code(element))
            }
        };
        let (read, mut write) = tokio::io::split(stream);
        let mut frames = FramedRead::with_capacity(read, Codec::new(MAX_FRAME_LEN), FIRST_BUFFER);
        let hello = Hello {
            features: self.config.features,
            name: self.shared.roster().me().name.clone(),
            instance: self.config.instance,
            next: self.shared.outbox().next(),
            resume: self.life.resume(),
            otherwise,
        };
        let answer = timeout(self.config.timing.hello, async {
            say(&ToRoom::Hello(hello), &mut write).await?;
            let answer = next(&mut frames).await?;
            let FromRoom::Code(element) = answer else { return Ok(answer) };
            let Proof::Begun(joiner) = std::mem::replace(&mut proof, Proof::None) else { return Err(broken()) };
            let Ok((doubting, confirmation)) = joiner.finish(&element) else { return Err(broken()) };
            proof = Proof::Shown(doubting);
            say(&ToRoom::Confirm(confirmation), &mut write).await?;
            next(&mut frames).await
        });
        let mut answer = answer.await.unwrap_or_else(|_| Err(later("the room does not answer")))?;
        loop {
            match answer {
                FromRoom::Welcome(welcome) => {
                    // Whoever lets us in by our key alone must be known by theirs.
                    if matches!(proof, Proof::Begun(_) | Proof::Shown(_)) && !known {
                        return Err(self.unproven().await);
                    }
                    return Ok(Entered { frames, write, gauge, welcome });
                }
                FromRoom::Confirmed(confirmation) => {
                    let Proof::Shown(doubting) = std::mem::replace(&mut proof, Proof::None) else {
                        return Err(broken());
                    };
                    if !doubting.believes(&confirmation) {
                        return Err(self.unproven().await);
                    }
                    self.life.events.push_back(SessionEvent::Proved);
                }
                FromRoom::Refused(refusal) => return Err(self.refused(refusal).await),
                FromRoom::Waiting { name } if self.knocks => {
                    self.life.events.push_back(SessionEvent::Waiting { name });
                    hand_over(&mut self.life.events, &self.events).await;
                }
                FromRoom::Pong(_) => {}
                _ => return Err(broken()),
            }
            answer = wait_at_the_door(&self.config.timing, &mut frames, &mut write).await?;
        }
    }

    /// The room wants us in, but has not shown that it knows the code.
    async fn unproven(&mut self) -> NotIn {
        self.dial.distrust().await;
        let reason = "whoever answers there does not know the code that you have, or would not prove it: it may not be \
                      the room you mean. Compare fingerprints with its host before you join without a code";
        NotIn::Never(Ending::Failed(reason.to_owned()))
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
            Refusal::TooOften { .. } if again => later("the room lets nobody come so often"),
            Refusal::Stranger | Refusal::WrongCode | Refusal::Guesses { .. } => NotIn::Unknown(refusal),
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

fn broken() -> NotIn {
    NotIn::Never(Ending::Failed("the room breaks the protocol".to_owned()))
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

//! How a session comes in: dials, says Hello, proves the code or knocks, and waits for the verdict.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf},
    time::{Instant, timeout},
};
use tokio_util::codec::FramedRead;

use super::{
    Ending, SessionEvent, Timing,
    actor::Actor,
    dial::{Dial, DialError, Dialed, Wish},
    event::hand_over,
    link::{Frames, broke},
};
use crate::limits::session::MAX_MOVES;
use crate::{
    code::{
        Code,
        pake::{Doubting, Ends, Joiner},
    },
    gauge::Gauge,
    link::FIRST_BUFFER,
    wire::{Codec, CodecError, FromRoom, Hello, MAX_FRAME_LEN, Otherwise, Refusal, ToRoom, Welcome, encode},
};

/// A link whose Hello was answered with Welcome.
pub(super) struct Entered<S> {
    pub(super) frames: Frames<S>,
    pub(super) write: WriteHalf<S>,
    pub(super) gauge: Arc<Gauge>,
    /// How long the room took for its first answer.
    pub(super) trip: Duration,
    pub(super) welcome: Welcome,
}

/// How far the proof of the code is.
enum Proof {
    /// There is none, or it is complete.
    None,
    /// Our element is in the Hello.
    Begun(Box<Joiner>),
    /// Our confirmation is sent.
    Shown(Box<Doubting>),
}

/// Why there is no link.
pub(super) enum NotIn {
    /// Another try may succeed.
    Later(String),
    /// The room moved, so another try is due at once.
    Moved,
    /// The room does not let us in by itself.
    Unknown(Refusal),
    Never(Ending),
}

impl<D: Dial> Actor<D> {
    /// Comes in, with what the person wants if the room does not let us in by itself.
    pub(super) async fn enter(&mut self) -> Result<Entered<D::Stream>, NotIn> {
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
        let code = match code {
            None if !known && !self.knocks => {
                self.dial.code().await.map_err(|reason| NotIn::Never(Ending::Failed(reason)))?
            }
            code => code,
        };
        let mut proved = false;
        let (mut proof, otherwise) = match code {
            None if self.knocks => (Proof::None, Otherwise::Knock),
            None => (Proof::None, Otherwise::Nothing),
            Some(code) => {
                let (joiner, element) = Joiner::start(&code, &ends);
                (Proof::Begun(Box::new(joiner)), Otherwise::Code(element))
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
        let (asked, mut trip) = (Instant::now(), Duration::ZERO);
        let answer = timeout(self.config.timing.hello, async {
            say(&ToRoom::Hello(hello), &mut write).await?;
            let answer = next(&mut frames).await?;
            trip = asked.elapsed();
            let FromRoom::Code(element) = answer else { return Ok(answer) };
            let Proof::Begun(joiner) = std::mem::replace(&mut proof, Proof::None) else { return Err(broken()) };
            let Ok((doubting, confirmation)) = joiner.finish(&element) else { return Err(broken()) };
            proof = Proof::Shown(Box::new(doubting));
            say(&ToRoom::Confirm(confirmation), &mut write).await?;
            next(&mut frames).await
        });
        let mut answer = answer.await.unwrap_or_else(|_| Err(later("the room does not answer")))?;
        loop {
            match answer {
                FromRoom::Welcome(welcome) => {
                    // A room that was shown a code has to know it, whatever else it may be.
                    if matches!(proof, Proof::Begun(_) | Proof::Shown(_)) {
                        return Err(unproven());
                    }
                    self.dial.entered(proved).await.map_err(|reason| NotIn::Never(Ending::Failed(reason)))?;
                    return Ok(Entered { frames, write, gauge, trip, welcome });
                }
                FromRoom::Confirmed(confirmation) => {
                    let Proof::Shown(doubting) = std::mem::replace(&mut proof, Proof::None) else {
                        return Err(broken());
                    };
                    if !doubting.believes(&confirmation) {
                        return Err(unproven());
                    }
                    proved = true;
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

    /// What a refusal means for us.
    async fn refused(&mut self, refusal: Refusal) -> NotIn {
        let again = self.life.resume().is_some();
        match refusal {
            Refusal::Moved { port: 0 } => broken(),
            Refusal::Moved { port } if self.moves < MAX_MOVES => {
                self.moves += 1;
                self.dial.moved(port).await;
                NotIn::Moved
            }
            // It cannot be reached where it says that it is, or it would not be asked again where it was.
            Refusal::Moved { .. } if again => {
                self.moves = 0;
                later("the room cannot be reached where it has moved to")
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

/// The room wants us in, but has not shown that it knows the code.
fn unproven() -> NotIn {
    let reason = "whoever answers there does not know the code that you have, or would not prove it: it may not be the room \
                  you mean. Compare fingerprints with its host before you join without a code";
    NotIn::Never(Ending::Failed(reason.to_owned()))
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

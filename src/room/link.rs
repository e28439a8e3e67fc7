//! One link, from its first frame to its last: Hello, perhaps a code, the verdict, and then what
//! [`seated`] does.

mod seated;

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::codec::FramedRead;

use seated::Link;

use super::{
    actor::{Control, FromLink, RoomHandle},
    admission::Listed,
    bucket::Bucket,
    names::normal_form,
    pace::PING_RATE,
    state::{Caller, Verdict},
};
use crate::{
    code::pake::{self, Ends},
    gauge::Gauge,
    link::{FIRST_BUFFER, Pulse, Replies},
    wire::{Codec, Element, FromRoom, Hello, MAX_FRAME_LEN, MAX_HELLO_LEN, PublicKey, Refusal, ToRoom, encode_into},
};

/// How a peer reached the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// In memory: it is the member of the process that keeps the room.
    Inside,
    /// By the room's port.
    Port,
    /// By a port that the room has left.
    OldPort,
}

/// The other end of a link, as far as the network and TLS tell.
pub struct Peer {
    /// The key it has proved.
    pub key: PublicKey,
    /// Where it comes from, unless it is in this process.
    pub address: Option<IpAddr>,
    /// When it last took bytes.
    pub gauge: Arc<Gauge>,
    /// How it got here.
    pub via: Via,
    /// What tells its connection from all others, see [`EXPORTER`](crate::wire::EXPORTER).
    pub exporter: [u8; 32],
    /// Until when it must have said Hello.
    pub deadline: Instant,
    /// Its share among those not admitted yet.
    pub turn: Option<Box<dyn Turn>>,
}

/// What a peer without a seat takes from others who want in. Kept as long as the peer is there; when it goes without
/// having been let in, it has come to nothing.
#[async_trait]
pub trait Turn: Send + Sync {
    /// Waits until the peer has to give way, because it takes long and others wait.
    async fn revoked(&self);

    /// The peer takes nothing from others any more, however long it is still to wait.
    fn free(&mut self);

    /// The peer has a seat.
    fn let_in(&mut self);
}

/// Waits until a peer has to give way, which one that takes nothing from others never does.
async fn revoked(turn: Option<&dyn Turn>) {
    match turn {
        Some(turn) => turn.revoked().await,
        None => std::future::pending().await,
    }
}

type Frames<S> = FramedRead<ReadHalf<S>, Codec<ToRoom>>;

/// What becomes of a caller who is to prove that it knows the code.
enum Proved {
    Knows,
    Not(Verdict),
}

impl RoomHandle {
    /// Speaks with one member over `stream` until the link is over.
    pub async fn serve<S>(&self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let Peer { key, address, gauge, via, exporter, deadline, mut turn } = peer;
        let (read, mut write) = tokio::io::split(stream);
        let mut frames = FramedRead::with_capacity(read, Codec::new(MAX_HELLO_LEN), FIRST_BUFFER);
        let first = tokio::select! {
            biased;
            first = timeout_at(deadline, frames.next()) => first,
            () = revoked(turn.as_deref()) => return tracing::debug!(?address, "gives way to others"),
        };
        let hello = match first {
            Ok(Some(Ok(ToRoom::Hello(hello)))) => hello,
            // What came instead is not told: it may be a line of talk.
            Ok(Some(Ok(_))) => return tracing::debug!(?address, "the first frame is no hello"),
            Ok(Some(Err(error))) => return tracing::debug!(?address, %error, "bad first frame"),
            Ok(None) => return tracing::debug!(?address, "closed without a hello"),
            Err(_) => return tracing::debug!(?address, "no hello in time"),
        };
        let mut caller = Caller { key, address, gauge, inside: via == Via::Inside, invited: false };
        let listed = self.listed(key, &hello.name).await;
        let mut verdict = self.judge(&caller, &hello, &listed, via).await;
        if let Verdict::Prove(element) = verdict {
            let ends = Ends { exporter, joiner: key, host: self.config.owner };
            let proved = tokio::select! {
                biased;
                proved = timeout_at(deadline, self.prove(address, &ends, &element, &mut frames, &mut write)) => proved,
                () = revoked(turn.as_deref()) => return tracing::debug!(?address, "gives way to others"),
            };
            verdict = match proved.unwrap_or(Proved::Not(Verdict::Violation)) {
                Proved::Not(verdict) => verdict,
                Proved::Knows => {
                    caller.invited = true;
                    self.judge(&caller, &hello, &listed, via).await
                }
            };
        }
        // Those who wait at the door are few; those who are being refused hold their turn, or there would be no end of them.
        if let (Verdict::Waiting { .. }, Some(turn)) = (&verdict, &mut turn) {
            turn.free();
        }
        match self.wait(verdict, &mut frames, &mut write).await {
            Some(Verdict::Seated(seated)) => {
                if let Some(turn) = &mut turn {
                    turn.let_in();
                }
                frames.decoder_mut().set_limit(MAX_FRAME_LEN);
                tracing::info!(member = seated.welcome.number, ?address, "link begins");
                let link = Link {
                    room: self,
                    number: seated.welcome.number,
                    shared: seated.shared,
                    replies: Replies::default(),
                    pulse: Pulse::default(),
                    measured: via != Via::Inside,
                };
                link.run(FromRoom::Welcome(seated.welcome), seated.cursor, seated.end, frames, write).await;
            }
            Some(Verdict::Refused(refusal)) => {
                self.last_words(FromRoom::Refused(refusal), &mut frames, &mut write).await
            }
            _ => {}
        }
    }

    /// What the list of those let in says of a key and of the name that it wishes for.
    async fn listed(&self, key: PublicKey, name: &str) -> Listed {
        let (guests, name) = (self.config.guests.clone(), name.to_owned());
        let look = move || {
            let name = normal_form(&name).unwrap_or(name);
            let another = guests.key_of(&name)?.is_some_and(|known| known != key);
            anyhow::Ok(Listed { key: guests.name_of(&key)?.is_some(), name_of_another: another })
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(listed)) => listed,
            failed => {
                // Who cannot be looked up is a stranger.
                tracing::warn!(?failed, "the list of keys let in before cannot be read");
                Listed::default()
            }
        }
    }

    /// Asks the actor about a Hello.
    async fn judge(&self, caller: &Caller, hello: &Hello, listed: &Listed, via: Via) -> Verdict {
        let (reply, verdict) = oneshot::channel();
        let (caller, hello, listed, old_port) = (caller.clone(), hello.clone(), listed.clone(), via == Via::OldPort);
        let arrive = Control::Arrive { caller, hello, listed, old_port, reply };
        // An error holds the message and with it the other end of the reply, so it must not live on.
        if self.control.send(arrive).await.is_err() {
            return Verdict::Refused(Refusal::Closing);
        }
        verdict.await.unwrap_or(Verdict::Refused(Refusal::Closing))
    }

    /// Has a caller prove that it knows the code.
    async fn prove<S>(
        &self,
        address: Option<IpAddr>,
        ends: &Ends,
        element: &Element,
        frames: &mut Frames<S>,
        write: &mut WriteHalf<S>,
    ) -> Proved
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let refused = |refusal| Proved::Not(Verdict::Refused(refusal));
        let guess = match self.codes.guess(address, Instant::now()) {
            Ok(guess) => guess,
            Err(wait) => return refused(Refusal::Guesses { secs: wait.as_secs() + 1 }),
        };
        let (hosting, answer) = pake::Host::start(guess.code.as_deref(), ends);
        let Ok(asking) = hosting.finish(element) else { return Proved::Not(Verdict::Violation) };
        if self.say(&FromRoom::Code(answer), write).await.is_err() {
            return Proved::Not(Verdict::Violation);
        }
        let Some(Ok(ToRoom::Confirm(confirmation))) = frames.next().await else {
            return Proved::Not(Verdict::Violation);
        };
        match asking.judge(&confirmation).filter(|_| self.codes.right(&guess)) {
            Some(confirmation) => match self.say(&FromRoom::Confirmed(confirmation), write).await {
                Ok(()) => Proved::Knows,
                Err(_) => Proved::Not(Verdict::Violation),
            },
            None => {
                if let Some(notice) = self.codes.wrong(&guess, Instant::now()) {
                    let _ = self.control.send(Control::TellRulers(notice)).await;
                }
                refused(Refusal::WrongCode)
            }
        }
    }

    /// Waits for the last word on somebody at the door.
    async fn wait<S>(&self, verdict: Verdict, frames: &mut Frames<S>, write: &mut WriteHalf<S>) -> Option<Verdict>
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let Verdict::Waiting { name, ticket, verdict: mut decision } = verdict else { return Some(verdict) };
        let mut signs = Bucket::new(PING_RATE.0, PING_RATE.1, Instant::now());
        let mut reply = Some(FromRoom::Waiting { name });
        loop {
            if let Some(frame) = reply.take()
                && self.say(&frame, write).await.is_err()
            {
                break;
            }
            tokio::select! {
                biased;
                verdict = &mut decision => return verdict.ok(),
                frame = frames.next() => match frame {
                    Some(Ok(ToRoom::Ping(number))) => {
                        if let Some(pass) = signs.take(Instant::now()) {
                            tokio::time::sleep_until(pass).await;
                        }
                        reply = Some(FromRoom::Pong(number));
                    }
                    Some(Ok(ToRoom::Pong(_))) => {}
                    _ => break,
                },
            }
        }
        decision.close();
        // It may have been let in at this very moment.
        if let Ok(Verdict::Seated(seated)) = decision.try_recv() {
            let _ = self.ingest.send((seated.welcome.number, seated.shared.id, FromLink::Broke)).await;
        }
        let _ = self.control.send(Control::KnockBroke { ticket }).await;
        None
    }

    async fn say<S>(&self, frame: &FromRoom, write: &mut WriteHalf<S>) -> std::io::Result<()>
    where
        S: AsyncWrite,
    {
        let mut bytes = BytesMut::new();
        encode_into(frame, &mut bytes).map_err(std::io::Error::other)?;
        let written = timeout(self.config.timing.write_stall, async {
            write.write_all(&bytes).await?;
            write.flush().await
        });
        written.await?
    }

    /// Says a last frame and closes, in such a way that the peer gets it whatever it still sends.
    async fn last_words<S>(&self, frame: FromRoom, frames: &mut Frames<S>, write: &mut WriteHalf<S>)
    where
        S: AsyncRead + AsyncWrite,
    {
        let farewell = timeout(self.config.timing.farewell, async {
            self.say(&frame, write).await?;
            write.shutdown().await?;
            // Closing a socket with unread bytes resets it, and a reset overtakes what was written.
            while let Some(Ok(_)) = frames.next().await {}
            std::io::Result::Ok(())
        });
        let _ = farewell.await;
    }
}

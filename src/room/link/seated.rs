//! The link of a seated member: events out and frames in.
//!
//! It is one task: its two halves and its watchdog take turns in it, which costs an idle member least
//! memory.

use std::{
    pin::pin,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
};

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf},
    sync::oneshot::{self, error::TryRecvError},
    time::{Instant, timeout},
};

use super::Frames;
use crate::{
    link::{Pulse, Replies, WRITE_BYTES, first_of, write_all},
    room::{
        actor::{FromLink, RoomHandle},
        log::{Cursor, Read},
        seat::{LinkEnd, LinkShared},
    },
    wire::{End, FromRoom, ToRoom},
};

/// How a link came to its end.
#[derive(Debug)]
enum Over {
    /// The member said that it goes.
    Left,
    /// The connection failed, fell silent, or brought nonsense.
    Broke(&'static str),
    /// The room ended it.
    Ended(Option<End>),
}

/// What it means that the room ends a link: a last word once all events are out, or the end at once.
fn heed(end: Option<LinkEnd>) -> Result<End, Over> {
    match end {
        // Everybody gets what was said before the room closed.
        Some(LinkEnd::Told(closed @ End::Closed { .. })) => Ok(closed),
        Some(LinkEnd::Told(end)) => Err(Over::Ended(Some(end))),
        Some(LinkEnd::Violation) => Err(Over::Ended(None)),
        None => Err(Over::Broke("the room has let it go")),
    }
}

/// One link of a seated member.
pub(super) struct Link<'a> {
    pub(super) room: &'a RoomHandle,
    pub(super) number: u32,
    pub(super) shared: Arc<LinkShared>,
    pub(super) replies: Replies<FromRoom>,
    pub(super) pulse: Pulse,
    /// Whether the round trip means anything.
    pub(super) measured: bool,
}

impl Link<'_> {
    pub(super) async fn run<S>(
        self,
        welcome: FromRoom,
        mut cursor: Cursor,
        mut end: oneshot::Receiver<LinkEnd>,
        mut frames: Frames<S>,
        mut write: WriteHalf<S>,
    ) where
        S: AsyncRead + AsyncWrite + Send,
    {
        self.replies.push(welcome).await;
        let over = {
            let read = pin!(self.read(&mut frames));
            let write = pin!(self.write(&mut write, &mut cursor, &mut end));
            first_of([read, write, pin!(self.watch())]).await
        };
        let why = match &over {
            Over::Left => "the member left",
            Over::Broke(why) => why,
            Over::Ended(_) => "the room ended it",
        };
        tracing::info!(member = self.number, why, "link ends");
        // Nobody waits for a link that reads no more; the actor could not even hear of its end then.
        self.shared.next.store(u64::MAX, Relaxed);
        match over {
            Over::Ended(Some(end)) => {
                if self.answer(&mut write).await {
                    self.room.last_words(FromRoom::Ended(end), &mut frames, &mut write).await;
                }
            }
            Over::Ended(None) => {}
            Over::Left => {
                let _ = timeout(self.room.config.timing.farewell, write.shutdown()).await;
            }
            Over::Broke(_) => self.tell(FromLink::Broke).await,
        }
    }

    /// Writes what the member has not been answered yet, which may be its Welcome: it comes before the last word. Returns
    /// whether the member takes it.
    async fn answer<S>(&self, out: &mut WriteHalf<S>) -> bool
    where
        S: AsyncWrite,
    {
        let mut bytes = BytesMut::new();
        self.replies.drain(&mut bytes);
        let written = timeout(self.room.config.timing.farewell, self.write_all(out, &bytes));
        matches!(written.await, Ok(Ok(())))
    }

    /// Hands a frame to the actor, later if it is busy.
    async fn tell(&self, frame: FromLink) {
        // An error means that the room is closed, which the other half notices.
        let _ = self.room.ingest.send((self.number, self.shared.id, frame)).await;
    }

    /// Frames in.
    async fn read<S>(&self, frames: &mut Frames<S>) -> Over
    where
        S: AsyncRead + AsyncWrite,
    {
        loop {
            self.pulse.listening();
            let frame = match frames.next().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    tracing::debug!(member = self.number, %error, "bad frame");
                    return Over::Broke("bad frame");
                }
                None => return Over::Broke("end of stream"),
            };
            self.pulse.heard();
            let now = Instant::now();
            let slowed = {
                let mut pace = self.shared.pace.lock().unwrap_or_else(PoisonError::into_inner);
                pace.pass(&frame, now).map(|pass| (pass, pace.is_notable(pass, now)))
            };
            if let Some((pass, notable)) = slowed {
                if notable {
                    self.replies.push(FromRoom::Slowed { rate: self.room.config.rate }).await;
                }
                tokio::time::sleep_until(pass).await;
            }
            match frame {
                ToRoom::Envelope(envelope) => self.tell(FromLink::Envelope(envelope)).await,
                ToRoom::Ask(request) => {
                    let (reply, answer) = oneshot::channel();
                    self.tell(FromLink::Ask(request, reply)).await;
                    let Ok(answer) = answer.await else { return std::future::pending().await };
                    self.replies.push(FromRoom::Answer(answer)).await;
                }
                ToRoom::Ping(number) => self.replies.push(FromRoom::Pong(number)).await,
                ToRoom::Pong(number) => {
                    if let Some(rtt) = self.pulse.pong(number)
                        && self.measured
                    {
                        self.shared.rtt.store(u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX), Relaxed);
                    }
                }
                ToRoom::Leave => {
                    self.tell(FromLink::Leave).await;
                    return Over::Left;
                }
                ToRoom::Hello(_) | ToRoom::Confirm(_) => return Over::Broke("a second entry"),
            }
        }
    }

    /// Events out.
    async fn write<S>(&self, out: &mut WriteHalf<S>, cursor: &mut Cursor, end: &mut oneshot::Receiver<LinkEnd>) -> Over
    where
        S: AsyncWrite,
    {
        let mut news = self.room.log.subscribe();
        let mut bytes = BytesMut::new();
        let mut last = None;
        loop {
            if last.is_none() {
                match end.try_recv() {
                    Err(TryRecvError::Empty) => {}
                    // After this it cannot be waited for any more.
                    ended => match heed(ended.ok()) {
                        Ok(closed) => last = Some(closed),
                        Err(over) => return over,
                    },
                }
            }
            news.borrow_and_update();
            self.replies.drain(&mut bytes);
            let read = {
                let ring = self.room.log.read();
                // Looked at under the lock: a gap acknowledges all that the ring has dropped by now.
                let accepted = self.shared.accepted.load(Relaxed);
                // So is this: whoever is put out gets no event that was recorded after that.
                if self.shared.over.load(Relaxed) {
                    Read::All
                } else {
                    ring.read(cursor, accepted, &mut bytes, WRITE_BYTES)
                }
            };
            self.shared.next.store(cursor.next(), Relaxed);
            if !bytes.is_empty() {
                if let Err(error) = self.write_all(out, &bytes).await {
                    tracing::debug!(member = self.number, %error, "cannot write");
                    return Over::Broke("cannot write");
                }
                bytes.clear();
                continue;
            }
            debug_assert_eq!(read, Read::All);
            if last.is_some() {
                return Over::Ended(last);
            }
            // A member that only listens keeps no buffer.
            bytes = BytesMut::new();
            tokio::select! {
                // Whichever it is, all of them are looked at before the next wait.
                biased;
                changed = news.changed() => {
                    if changed.is_err() {
                        return Over::Broke("the room is gone");
                    }
                }
                () = self.replies.ready() => {}
                ended = &mut *end => match heed(ended.ok()) {
                    Ok(closed) => last = Some(closed),
                    Err(over) => return over,
                },
            }
        }
    }

    async fn write_all<S>(&self, out: &mut WriteHalf<S>, bytes: &[u8]) -> std::io::Result<()>
    where
        S: AsyncWrite,
    {
        // Marked first: a write that has just begun has not stalled.
        self.shared.gauge.mark();
        self.shared.begun.mark();
        self.shared.writing.store(true, Relaxed);
        let written = write_all(out, bytes, &self.shared.gauge, self.room.config.timing.write_stall).await;
        self.shared.writing.store(false, Relaxed);
        written
    }

    /// Asks for a sign of life when the peer is silent, and gives it up when none comes.
    async fn watch(&self) -> Over {
        let timing = &self.room.config.timing;
        if self.measured {
            self.replies.push(FromRoom::Ping(self.pulse.ping())).await;
        }
        while let Some(number) = self.pulse.due(timing.ping, timing.dead).await {
            self.replies.push(FromRoom::Ping(number)).await;
        }
        Over::Broke("silent")
    }
}

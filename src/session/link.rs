//! One link of a session, from Welcome to its end: envelopes and questions out, frames in.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{Notify, mpsc, oneshot},
};
use tokio_util::codec::FramedRead;

use super::{
    Dial, Ending, SessionEvent, Timing,
    event::hand_over,
    handle::{Question, Shared},
    life::{Life, Todo},
    wake::{Doubt, Doubts},
};
use crate::{
    gauge::Gauge,
    link::{Pulse, Replies, WRITE_BYTES, first_of, write_all},
    wire::{Answer, Codec, CodecError, FromRoom, PAGE_ROWS, Request, ToRoom, encode_into},
};

pub(super) type Frames<S> = FramedRead<ReadHalf<S>, Codec<FromRoom>>;

/// How a link came to its end.
#[derive(Debug)]
pub(super) enum Over {
    /// It broke; one line says how.
    Broke(String),
    /// It was doubted, and there was no sign of life.
    Doubted(Doubt),
    /// The room prefers another connection of this program: one that was given up, and reached it late.
    Superseded,
    /// The session is over with it.
    Ended(Ending),
}

/// What a person reads of a room that goes and may come back.
const GONE: &str = "the host's program was stopped, and the room may come back";

/// What a person reads of a connection that broke.
pub(super) fn broke(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe => "the connection broke".to_owned(),
        TimedOut => "the room takes nothing any more".to_owned(),
        _ => format!("the connection broke: {error}"),
    }
}

/// Who waits for the answer under way.
enum Asker {
    Handle(oneshot::Sender<Answer>),
    /// The session itself, which fills its roster.
    Roster,
    /// Nobody any more: who left in a gap may be in the answer to what was asked before it.
    Nobody,
}

/// One link.
pub(super) struct Link<'a> {
    pub(super) shared: &'a Shared,
    pub(super) timing: &'a Timing,
    pub(super) gauge: Arc<Gauge>,
    asker: Mutex<Option<Asker>>,
    /// Whether the first page of members is to be asked for.
    want_roster: AtomicBool,
    /// The next question may be asked.
    answered: Notify,
    pulse: Pulse,
    replies: Replies<ToRoom>,
}

impl<'a> Link<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        timing: &'a Timing,
        (gauge, trip): (Arc<Gauge>, Duration),
        members: u32,
    ) -> Self {
        Self {
            shared,
            timing,
            gauge,
            asker: Mutex::default(),
            // Joining a large room costs no roster.
            want_roster: AtomicBool::new(members as usize <= PAGE_ROWS),
            answered: Notify::new(),
            pulse: Pulse::with_trip(trip),
            replies: Replies::default(),
        }
    }

    /// Runs the link until it is over.
    pub(super) async fn run<S, D: Dial>(
        &self,
        life: &mut Life,
        owner: (&mpsc::Sender<SessionEvent>, &mut mpsc::Receiver<Question>),
        (mut frames, mut write): (Frames<S>, WriteHalf<S>),
        doubts: Doubts<'_, D>,
    ) -> Over
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let (events, questions) = owner;
        let over = {
            let read = pin!(self.read(life, events, &mut frames));
            let write = pin!(self.write(questions, &mut write));
            let doubt = pin!(self.ask_in_doubt(doubts));
            first_of([read, write, pin!(self.watch()), doubt, pin!(self.last_moment())]).await
        };
        // Whichever way it ends, this is what was wanted.
        if *self.shared.leave.borrow() { Over::Ended(Ending::Left) } else { over }
    }

    /// Waits until the time for saying goodbye is over, whatever holds it up.
    async fn last_moment(&self) -> Over {
        let mut leave = self.shared.leave.subscribe();
        // The sender lives as long as we do.
        let _ = leave.wait_for(|leave| *leave).await;
        tokio::time::sleep(self.timing.farewell).await;
        Over::Ended(Ending::Left)
    }

    /// Asks for a sign of life when the room is silent, and gives it up when none comes.
    async fn watch(&self) -> Over {
        while let Some(number) = self.pulse.due(self.timing.ping, self.timing.dead).await {
            self.replies.push(ToRoom::Ping(number)).await;
        }
        Over::Broke("the room has fallen silent".to_owned())
    }

    /// Asks for a sign of life whenever the link is doubted, and gives it up if none comes soon.
    async fn ask_in_doubt<D: Dial>(&self, mut doubts: Doubts<'_, D>) -> Over {
        loop {
            let doubt = doubts.next().await;
            tracing::info!(?doubt, "is the room still there?");
            let number = self.pulse.ping();
            self.replies.push(ToRoom::Ping(number)).await;
            if !self.pulse.answers(number, self.timing.doubt, &self.gauge).await {
                return Over::Doubted(doubt);
            }
        }
    }

    /// Frames in.
    async fn read<S>(&self, life: &mut Life, events: &mpsc::Sender<SessionEvent>, frames: &mut Frames<S>) -> Over
    where
        S: AsyncRead,
    {
        loop {
            if !hand_over(&mut life.events, events).await {
                return Over::Ended(Ending::Left);
            }
            self.pulse.listening();
            let frame = match frames.next().await {
                Some(Ok(frame)) => frame,
                Some(Err(CodecError::Io(error))) => return Over::Broke(broke(&error)),
                Some(Err(error)) => {
                    return Over::Ended(Ending::Failed(format!("the room breaks the protocol: {error}")));
                }
                None => return Over::Broke(broke(&std::io::ErrorKind::UnexpectedEof.into())),
            };
            self.pulse.heard();
            let gap = matches!(frame, FromRoom::Gap(_));
            let todo = life.frame(frame, self.shared);
            #[cfg(test)]
            self.shared.note(life);
            match todo {
                Err(broken) => return Over::Ended(Ending::Failed(broken.to_string())),
                Ok(Todo::End(ending)) => return Over::Ended(ending),
                Ok(Todo::Gone) => return Over::Broke(GONE.to_owned()),
                Ok(Todo::Superseded) => return Over::Superseded,
                Ok(Todo::Pong(number)) => self.replies.push(ToRoom::Pong(number)).await,
                Ok(Todo::Answered(answer)) => self.answer(answer, life),
                Ok(Todo::Ponged(number)) => {
                    self.pulse.pong(number);
                }
                Ok(Todo::Nothing) if gap => {
                    if let Some(asker @ Asker::Roster) = &mut *self.asker() {
                        *asker = Asker::Nobody;
                    }
                    self.want_roster.store(true, Relaxed);
                    self.answered.notify_one();
                }
                Ok(Todo::Nothing) => {}
            }
        }
    }

    fn asker(&self) -> MutexGuard<'_, Option<Asker>> {
        self.asker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, answer: Answer, life: &mut Life) {
        let asker = self.asker().take();
        self.answered.notify_one();
        match (asker, answer) {
            (Some(Asker::Handle(reply)), answer) => {
                let _ = reply.send(answer);
            }
            (Some(Asker::Roster), Answer::Who { rows, more }) => life.page(rows, more, self.shared),
            (Some(Asker::Nobody), _) => {}
            _ => tracing::debug!("an answer to no question"),
        }
    }

    /// Envelopes, questions and signs of life out.
    async fn write<S>(&self, questions: &mut mpsc::Receiver<Question>, out: &mut WriteHalf<S>) -> Over
    where
        S: AsyncWrite,
    {
        let mut leave = self.shared.leave.subscribe();
        let mut bytes = BytesMut::new();
        let mut late = pin!(tokio::time::sleep(self.timing.reunion));
        let mut reunion = true;
        let mut asked: Option<Question> = None;
        loop {
            asked = asked.or_else(|| questions.try_recv().ok());
            self.replies.drain(&mut bytes);
            self.unsent(&mut bytes);
            let free = self.asker().is_none();
            if free && self.want_roster.swap(false, Relaxed) {
                self.ask(Request::Who { after: 0 }, Asker::Roster, &mut bytes);
            } else if free
                && let Some(Question { request, reply, .. }) =
                    asked.take_if(|asked| self.shared.outbox().is_written(asked.after))
            {
                self.ask(request, Asker::Handle(reply), &mut bytes);
            }
            let leaving = *leave.borrow_and_update();
            if leaving && bytes.is_empty() {
                return self.say_goodbye(out).await;
            }
            if !bytes.is_empty() {
                if let Err(error) = write_all(out, &bytes, &self.gauge, self.timing.dead).await {
                    return Over::Broke(broke(&error));
                }
                bytes.clear();
                continue;
            }
            tokio::select! {
                // Whichever it is, all of them are looked at before the next wait.
                biased;
                () = self.shared.filled.notified() => {}
                () = self.replies.ready() => {}
                () = self.answered.notified() => {}
                _ = leave.changed() => {}
                // It may have fired while a write was under way, so that whether it has says nothing of what was done then.
                () = &mut late, if reunion => {
                    reunion = false;
                    self.shared.outbox().expect_nobody();
                }
                // What was said before it may have come meanwhile, too, and goes first.
                Some(question) = questions.recv(), if asked.is_none() => asked = Some(question),
            }
        }
    }

    /// Encodes what the outbox has for this link.
    fn unsent(&self, bytes: &mut BytesMut) {
        let mut outbox = self.shared.outbox();
        while bytes.len() < WRITE_BYTES
            && let Some(envelope) = outbox.take_unsent()
        {
            encode_into(&ToRoom::Envelope(envelope), bytes).expect("a draft was checked to fit a frame");
        }
    }

    fn ask(&self, request: Request, asker: Asker, bytes: &mut BytesMut) {
        // A question that does not fit is dropped, which its asker notices.
        if encode_into(&ToRoom::Ask(request), bytes).is_ok() {
            *self.asker() = Some(asker);
        }
    }

    /// Tells the room that this member goes, and waits until it has heard.
    async fn say_goodbye<S>(&self, out: &mut WriteHalf<S>) -> Over
    where
        S: AsyncWrite,
    {
        let goodbye = async {
            let bytes = crate::wire::encode(&ToRoom::Leave).map_err(std::io::Error::other)?;
            out.write_all(&bytes).await?;
            out.flush().await?;
            out.shutdown().await
        };
        if goodbye.await.is_err() {
            return Over::Ended(Ending::Left);
        }
        // The reader sees the room close, or the last moment comes.
        std::future::pending().await
    }
}

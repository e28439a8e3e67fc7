//! Streams that break where a test wants it.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    dice::Dice,
    gauge::{Gauge, Gauged},
    room::{Peer, RoomHandle, Via, tests::peer::key},
    session::*,
    wire::{FEATURE_ASKABLE, Instance, To},
};

/// A stream that ends after some bytes in one or the other direction.
pub(super) struct Cut {
    inner: DuplexStream,
    left: usize,
}

impl Cut {
    fn spend(&mut self, bytes: usize) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(io::ErrorKind::ConnectionReset)?;
        Ok(())
    }
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; 4096];
        let mut part = ReadBuf::new(&mut bytes);
        let mut part = part.take(self.left.min(buf.remaining()));
        match Pin::new(&mut self.inner).poll_read(cx, &mut part) {
            Poll::Ready(Ok(())) => {
                self.left -= part.filled().len();
                buf.put_slice(part.filled());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let len = buf.len().min(self.left);
        if len == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..len]);
        if let Poll::Ready(Ok(count)) = written {
            self.spend(count)?;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The room that all dial, which a test may exchange for another, and what breaks all links to it.
pub(super) type Place = Arc<Mutex<(RoomHandle, CancellationToken)>>;

/// Dials a real room over memory.
pub(super) struct Line {
    pub(super) of: u8,
    pub(super) place: Place,
    pub(super) tasks: TaskTracker,
    pub(super) dice: Dice,
    pub(super) first: bool,
    /// How many more links are to be cut.
    pub(super) cuts: u32,
}

#[async_trait]
impl Dial for Line {
    type Stream = Cut;

    async fn dial(&mut self) -> Result<Dialed<Cut>, DialError> {
        let (near, far) = tokio::io::duplex(2048);
        let far = Gauged::new(far);
        let peer = Peer {
            key: key(self.of),
            address: None,
            gauge: far.gauge(),
            via: Via::Port,
            exporter: [0; 32],
            deadline: Instant::now() + Duration::from_secs(10),
            turn: None,
        };
        let (room, crash) = self.place.lock().unwrap().clone();
        self.tasks.spawn(async move {
            crash.run_until_cancelled(room.serve(far, peer)).await;
        });
        let left = match self.cuts {
            0 => usize::MAX,
            // A first link that breaks before it is in ends the session, and is no part of this.
            _ if self.first => 600 + self.dice.below(3000) as usize,
            _ => self.dice.below(3000) as usize,
        };
        self.first = false;
        self.cuts = self.cuts.saturating_sub(1);
        let (stream, gauge) = (Cut { inner: near, left }, Gauge::new());
        Ok(Dialed { stream, gauge, exporter: [0; 32], host: key(1), known: true })
    }
}

pub(super) fn config(of: u8) -> SessionConfig {
    SessionConfig {
        key: key(of),
        instance: Instance([of; 16]),
        name: format!("mem-{}", (b'a' + of) as char),
        features: FEATURE_ASKABLE,
        timing: Timing::default(),
    }
}

pub(super) fn line(to: To, text: &str, tag: Option<u32>) -> Draft {
    Draft::Say { to, command: "chat".into(), payload: text.to_owned().into(), tag }
}

/// The owner of a session, who writes down what it is told.
pub(super) struct Owner {
    pub(super) handle: Handle,
    pub(super) events: mpsc::Receiver<SessionEvent>,
    pub(super) heard: VecDeque<SessionEvent>,
}

impl Owner {
    pub(super) fn start<D: Dial>(config: SessionConfig, dial: D, tasks: &TaskTracker) -> Self {
        let (handle, events) = start(config, dial, tasks);
        Self { handle, events, heard: VecDeque::new() }
    }

    /// Listens until something happens, and returns it.
    pub(super) async fn until(&mut self, mut wanted: impl FnMut(&SessionEvent) -> bool) -> SessionEvent {
        let wait = async {
            loop {
                let event = self.events.recv().await.expect("the session lives");
                self.heard.push_back(event.clone());
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(Duration::from_secs(3600), wait).await.expect("it happens")
    }

    /// The texts heard so far: who said them, and whether privately.
    pub(super) fn texts(&self) -> Vec<(u8, bool, String)> {
        let text = |event: &SessionEvent| match event {
            SessionEvent::Message(m) => {
                Some((m.from.key.0[0], m.private.is_some(), String::from_utf8(m.payload.to_vec()).unwrap()))
            }
            _ => None,
        };
        self.heard.iter().filter_map(text).collect()
    }
}

//! Accepts connections and leads them as far as a proved key, or a token.
//!
//! Each accepted connection has one deadline, however often it sends a byte. It waits in a bounded place until its
//! first byte says what it is, and then for a turn in which the TLS handshake happens. The turn and the deadline
//! go along to the room, which has to let the connection through or close it within the deadline, and then
//! drops the turn. The end of a stream says with its first bytes whose it is, and needs no turn.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::share::{Limits, Place, Shares};
use super::tally::{Failure, Tally};
use super::{Stream, Turn, peer_key, socket, tls};
use crate::gauge::{Gauge, Gauged};
use crate::wire::{PublicKey, STREAM_HEAD_LEN, STREAM_MAGIC, Token};

/// First byte of a TLS connection: the type of a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// First pause after the system had no descriptor or memory for a connection.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause of that kind.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Shortest time between two lines in the log about connections that came to nothing.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Limits and times of a [`Door`].
#[derive(Clone, Copy, Debug)]
pub struct DoorConfig {
    /// Connections in the TLS handshake or not yet let through by the room, in all.
    pub handshakes: usize,
    /// The same for one source: an IPv4 address or an IPv6 network of 64 bits.
    pub handshakes_a_source: usize,
    /// Accepted connections that wait for their turn, in all; while there are so many, no more are accepted.
    pub waiting: usize,
    /// The same for one source; what comes above it is closed at once.
    pub waiting_a_source: usize,
    /// Time from accepting to being let through by the room.
    pub deadline: Duration,
    /// Time for the TLS handshake, from the beginning of the turn.
    pub tls: Duration,
}

impl DoorConfig {
    /// Handshakes in all: they cost a third of a millisecond each and are over within a round trip or two.
    pub const HANDSHAKES: usize = 32;

    /// Handshakes of one source, so that it takes eight of them to fill the door.
    pub const HANDSHAKES_A_SOURCE: usize = 4;

    /// Connections waiting in all: a descriptor and a few KiB each.
    pub const WAITING: usize = 256;

    /// Connections waiting of one source, behind which there may be a whole class.
    pub const WAITING_A_SOURCE: usize = 64;

    /// From accepting to being let through; bad radio links take two or three seconds.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// The TLS part of it.
    pub const TLS: Duration = Duration::from_secs(5);
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self {
            handshakes: Self::HANDSHAKES,
            handshakes_a_source: Self::HANDSHAKES_A_SOURCE,
            waiting: Self::WAITING,
            waiting_a_source: Self::WAITING_A_SOURCE,
            deadline: Self::DEADLINE,
            tls: Self::TLS,
        }
    }
}

/// A connection that has proved a key.
#[derive(Debug)]
pub struct Incoming {
    /// The connection.
    pub stream: Stream,
    /// Tells when it last took bytes.
    pub gauge: Arc<Gauge>,
    /// The key it proved.
    pub key: PublicKey,
    /// What tells the connection from all others, see [`EXPORTER`](crate::wire::EXPORTER).
    pub exporter: [u8; 32],
    /// Where it comes from; IPv4 always as such.
    pub address: IpAddr,
    /// The port of this machine at which it came in.
    pub port: u16,
    /// Its share of the door, to be dropped once it is let through.
    pub turn: Turn,
    /// When it has to be closed if it is not let through.
    pub deadline: Instant,
}

/// An end of a stream, of which nothing but the head has been read.
#[derive(Debug)]
pub struct End {
    /// The connection.
    pub socket: TcpStream,
    /// What it presents; whether it is good is for the room to say.
    pub token: Token,
}

/// Where a door's tasks are counted, and what ends them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Counts the tasks.
    pub tracker: TaskTracker,
    /// Ends them.
    pub token: CancellationToken,
}

/// The way in, shared by all listeners of a room.
#[derive(Clone)]
pub struct Door {
    tls: TlsAcceptor,
    config: DoorConfig,
    shares: Arc<Shares>,
    tally: Arc<Tally>,
    incoming: mpsc::Sender<Incoming>,
    ends: mpsc::Sender<End>,
    stop: Stop,
}

impl Door {
    /// A door that sends connections which have proved a key to `incoming`, and those of streams to `ends`. `stop` ends
    /// those under way.
    pub fn new(
        tls: TlsAcceptor,
        config: DoorConfig,
        incoming: mpsc::Sender<Incoming>,
        ends: mpsc::Sender<End>,
        stop: Stop,
    ) -> Self {
        let limits = Limits {
            waiting: config.waiting,
            waiting_a_source: config.waiting_a_source,
            turns: config.handshakes,
            turns_a_source: config.handshakes_a_source,
        };
        Self { tls, config, shares: Shares::new(limits), tally: Arc::default(), incoming, ends, stop }
    }

    /// Accepts connections until `closed` is cancelled, or everything is. Connections that are under way live on
    /// after `closed`.
    pub async fn serve(&self, listener: TcpListener, closed: CancellationToken) {
        self.accept_from(|cx| listener.poll_accept(cx), closed).await;
    }

    async fn accept_from<A>(&self, mut accept: A, closed: CancellationToken)
    where
        A: FnMut(&mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>,
    {
        let mut report = interval_at(Instant::now() + REPORT_EVERY, REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = FIRST_PAUSE;
        loop {
            let next = async {
                let slot = self.shares.slot().await;
                (slot, std::future::poll_fn(&mut accept).await)
            };
            let (slot, accepted) = tokio::select! {
                biased;
                () = closed.cancelled() => break,
                () = self.stop.token.cancelled() => break,
                _ = report.tick() => {
                    self.tally.report();
                    continue;
                }
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    match self.shares.place(peer.ip().into(), slot) {
                        Some(place) => self.receive(stream, peer.ip().to_canonical(), place),
                        None => self.tally.count(Failure::Excess),
                    }
                }
                Err(error) if concerns_one_connection(&error) => self.tally.count(Failure::Foreign),
                Err(error) => {
                    tracing::warn!(%error, ?pause, "could not accept a connection");
                    tokio::select! {
                        () = closed.cancelled() => break,
                        () = self.stop.token.cancelled() => break,
                        () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    }
                }
            }
        }
        self.tally.report();
    }

    /// Starts the task of an accepted connection.
    fn receive(&self, stream: TcpStream, address: IpAddr, place: Place) {
        let deadline = Instant::now() + self.config.deadline;
        let door = self.clone();
        self.stop.tracker.spawn(async move {
            let led = timeout_at(deadline, door.lead(stream, address, place, deadline));
            let outcome = tokio::select! {
                () = door.stop.token.cancelled() => return,
                led = led => led.unwrap_or(Err(Failure::Late)),
            };
            if let Err(failure) = outcome {
                door.tally.count(failure);
            }
        });
    }

    async fn lead(&self, stream: TcpStream, address: IpAddr, place: Place, deadline: Instant) -> Result<(), Failure> {
        let mut first = [0];
        let seen = stream.peek(&mut first).await.map_err(|_| Failure::Foreign)?;
        match first[..seen] {
            [TLS_HANDSHAKE] => self.link(stream, address, place, deadline).await,
            [first] if first == STREAM_MAGIC[0] => self.end(stream, place).await,
            _ => Err(Failure::Foreign),
        }
    }

    /// Leads a connection that begins like the end of a stream. Not a byte is read that belongs to the members.
    async fn end(&self, mut stream: TcpStream, place: Place) -> Result<(), Failure> {
        let mut head = [0; STREAM_HEAD_LEN];
        stream.read_exact(&mut head).await.map_err(|_| Failure::Foreign)?;
        let token = head.strip_prefix(&STREAM_MAGIC).and_then(|token| token.try_into().ok()).map(Token);
        let token = token.ok_or(Failure::Foreign)?;
        socket::tune_bulk(&stream);
        let socket = socket::lift(stream).map_err(|_| Failure::Foreign)?;
        // Fails only if the room is gone, which closes the connection.
        let _ = self.ends.send(End { socket, token }).await;
        drop(place);
        Ok(())
    }

    /// Leads a connection that begins like TLS.
    async fn link(&self, stream: TcpStream, address: IpAddr, place: Place, deadline: Instant) -> Result<(), Failure> {
        let turn = place.turn().await;
        socket::tune(&stream);
        let stream = socket::lift(stream).map_err(|_| Failure::Foreign)?;
        let port = stream.local_addr().map_err(|_| Failure::Foreign)?.port();
        let stream = Gauged::new(stream);
        let gauge = stream.gauge();
        let handshake = self.tls.accept(stream);
        let stream = timeout_at(Instant::now() + self.config.tls, handshake)
            .await
            .map_err(|_| Failure::Late)?
            .map_err(|_| Failure::Handshake)?;
        let connection = stream.get_ref().1;
        let key = peer_key(connection).filter(|_| tls::speaks_pchat(connection)).ok_or(Failure::Handshake)?;
        let exporter = tls::exporter(connection).ok_or(Failure::Handshake)?;
        let incoming = Incoming { stream: stream.into(), gauge, key, exporter, address, port, turn, deadline };
        // Fails only if the room is gone, which closes the connection.
        let _ = self.incoming.send(incoming).await;
        Ok(())
    }
}

/// Whether an error of accept is about the connection that would have been accepted, so that the next one may
/// be fine. Linux reports errors that are already known of a new connection there, see accept(2).
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::INTR
                | Errno::PROTO
                | Errno::PERM
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::TIMEDOUT
        )
    )
}

#[cfg(test)]
mod tests;

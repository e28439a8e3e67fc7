//! Accepts connections and leads them as far as a proved key, or a token.
//!
//! Each accepted connection has one deadline, however often it sends a byte. It waits in a bounded place until its
//! first byte says what it is, and then for a turn in which the TLS handshake happens. The turn and the deadline
//! go along to the room, which has to let the connection through or close it within the deadline, and then
//! gives the turn back. The end of a stream says with its first bytes whose it is, and needs no turn.
//!
//! While others wait, a connection that takes long gives way. A source whose connections keep coming to nothing is turned
//! away at once for a while; one from which a member was let in lately is favoured instead, and has turns that nobody
//! else can take.

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

use super::share::{Place, Shares};
use super::standing::{Standing, Try};
use super::tally::{Failure, Tally};
use super::{Stream, Turn, peer_key, socket, tls};
use crate::gauge::{Gauge, Gauged};
use crate::source::Source;
use crate::wire::{PublicKey, STREAM_HEAD_LEN, STREAM_MAGIC, Token};

pub use config::DoorConfig;

mod config;

/// First byte of a TLS connection: the type of a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// First pause after the system had no descriptor or memory for a connection.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause of that kind.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Shortest time between two lines in the log about connections that came to nothing.
const REPORT_EVERY: Duration = Duration::from_secs(10);

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
    /// Its share of the door.
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
    /// Costs its source a try, unless the token is good.
    pub attempt: Try,
}

/// Where a door's tasks are counted, and what ends them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Counts the tasks.
    pub tracker: TaskTracker,
    /// Ends them.
    pub token: CancellationToken,
}

/// Who is at a door, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorCount {
    /// Connections that hold a place or a turn.
    pub calling: usize,
    /// Sources from which a member was let in lately.
    pub favoured: usize,
    /// Sources whose connections came to nothing lately.
    pub failed: usize,
}

/// The way in, shared by all listeners of a room.
#[derive(Clone)]
pub struct Door {
    tls: TlsAcceptor,
    config: DoorConfig,
    shares: Arc<Shares>,
    standing: Arc<Standing>,
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
        let (shares, standing) = (Shares::new(config.limits()), Standing::new(config.terms()));
        Self { tls, config, shares, standing, tally: Arc::default(), incoming, ends, stop }
    }

    /// What tells who is at it, for as long as somebody asks.
    pub fn counter(&self) -> impl Fn() -> DoorCount + Send + Sync + 'static {
        let (shares, standing) = (Arc::clone(&self.shares), Arc::clone(&self.standing));
        move || {
            let (favoured, failed) = standing.count();
            DoorCount { calling: shares.count(), favoured, failed }
        }
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
            let accepted = tokio::select! {
                biased;
                () = closed.cancelled() => break,
                () = self.stop.token.cancelled() => break,
                _ = report.tick() => {
                    self.standing.forget_old();
                    self.tally.report();
                    continue;
                }
                accepted = std::future::poll_fn(&mut accept) => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    // While this waits, no more are accepted: the system keeps them.
                    let placed = tokio::select! {
                        biased;
                        () = closed.cancelled() => break,
                        () = self.stop.token.cancelled() => break,
                        placed = self.place(peer.ip().into()) => placed,
                    };
                    match placed {
                        Ok(place) => self.receive(stream, peer.ip().to_canonical(), place),
                        Err(failure) => {
                            socket::abort(stream);
                            self.tally.count(failure);
                        }
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

    /// The place of a connection from there. Waits while none is free.
    async fn place(&self, source: Source) -> Result<Place, Failure> {
        if self.standing.is_barred(source) {
            return Err(Failure::Barred);
        }
        let favoured = self.standing.is_favoured(source);
        self.shares.place(source, favoured).await.ok_or(Failure::Excess)
    }

    /// Starts the task of an accepted connection.
    fn receive(&self, stream: TcpStream, address: IpAddr, place: Place) {
        let deadline = Instant::now() + self.config.deadline;
        let attempt = Try::new(Arc::clone(&self.standing), address.into());
        let (door, leave) = (self.clone(), place.leave());
        self.stop.tracker.spawn(async move {
            let call = Call { stream, address, place, attempt, deadline };
            let led = timeout_at(deadline, door.lead(call));
            let outcome = tokio::select! {
                biased;
                () = door.stop.token.cancelled() => return,
                led = led => led.unwrap_or(Err(Failure::Late)),
                () = leave.cancelled() => Err(Failure::Late),
            };
            if let Err(failure) = outcome {
                door.tally.count(failure);
            }
        });
    }

    async fn lead(&self, call: Call) -> Result<(), Failure> {
        let mut first = [0];
        let seen = call.stream.peek(&mut first).await.map_err(|_| Failure::Foreign)?;
        call.place.speaks();
        match first[..seen] {
            [TLS_HANDSHAKE] => self.link(call).await,
            [first] if first == STREAM_MAGIC[0] => self.end(call).await,
            _ => Err(Failure::Foreign),
        }
    }

    /// Leads a connection that begins like the end of a stream. Not a byte is read that belongs to the members.
    async fn end(&self, call: Call) -> Result<(), Failure> {
        let Call { mut stream, place, attempt, .. } = call;
        let mut head = [0; STREAM_HEAD_LEN];
        stream.read_exact(&mut head).await.map_err(|_| Failure::Foreign)?;
        let token = head.strip_prefix(&STREAM_MAGIC).and_then(|token| token.try_into().ok()).map(Token);
        let token = token.ok_or(Failure::Foreign)?;
        socket::tune_bulk(&stream);
        let socket = socket::lift(stream).map_err(|_| Failure::Foreign)?;
        // Fails only if the room is gone, which closes the connection.
        let _ = self.ends.send(End { socket, token, attempt }).await;
        drop(place);
        Ok(())
    }

    /// Leads a connection that begins like TLS.
    async fn link(&self, call: Call) -> Result<(), Failure> {
        let Call { stream, address, place, attempt, deadline } = call;
        let share = place.turn().await;
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
        // Fails only if the room is gone, which closes the connection.
        let Ok(handed) = self.incoming.reserve().await else { return Ok(()) };
        let turn = Turn::new(share, attempt, Arc::clone(&self.tally));
        handed.send(Incoming { stream: stream.into(), gauge, key, exporter, address, port, turn, deadline });
        Ok(())
    }
}

/// An accepted connection.
struct Call {
    stream: TcpStream,
    address: IpAddr,
    place: Place,
    attempt: Try,
    deadline: Instant,
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

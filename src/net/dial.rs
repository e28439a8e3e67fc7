//! Connects to a room.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::{AlertDescription, ClientConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::{Stream, peer_key, socket, tls};
use crate::gauge::{Gauge, Gauged};
use crate::trust::HostAddr;
use crate::wire::{PublicKey, STREAM_MAGIC, Token};

/// How many addresses of one host are tried.
const MAX_ADDRESSES: usize = 16;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct DialTiming {
    /// From the name to the end of the TLS handshake.
    pub total: Duration,
    /// How long the first address has for itself before the next one is tried as well.
    pub stagger: Duration,
}

impl Default for DialTiming {
    /// 10 s in all, as long as the other side waits, and the 250 ms of RFC 8305.
    fn default() -> Self {
        Self { total: Duration::from_secs(10), stagger: Duration::from_millis(250) }
    }
}

/// A connection to a room that has proved its key.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub stream: Stream,
    /// Tells when it last took bytes.
    pub gauge: Arc<Gauge>,
    /// The key that the room proved; whether it is the right one is for the caller to say.
    pub key: PublicKey,
    /// What tells the connection from all others, see [`EXPORTER`](crate::wire::EXPORTER).
    pub exporter: [u8; 32],
    /// The address that answered.
    pub address: SocketAddr,
    /// The address of this machine that it was made from, if the system tells.
    pub from: Option<IpAddr>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name stands for no address.
    #[error("no host is called {host}, or the network is away: {source}")]
    NotFound {
        /// The name.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// The host answers that the port is closed.
    #[error("nothing listens at {0}; is the room open, and is the port right?")]
    Refused(HostAddr),
    /// No way leads there.
    #[error("{0} cannot be reached from this network")]
    Unreachable(HostAddr),
    /// Nobody answers.
    #[error("{0} does not answer; is the address right, and does a firewall keep the port closed?")]
    TimedOut(HostAddr),
    /// The system refuses to connect.
    #[error("could not connect to {addr}: {source}")]
    Failed {
        /// Where.
        addr: HostAddr,
        /// The cause.
        source: io::Error,
    },
    /// It accepts the connection and says nothing.
    #[error("{0} accepts the connection but says nothing; it is no pchat room, or a very busy one")]
    Silent(HostAddr),
    /// It closes the connection before it has said who it is.
    #[error(
        "{0} closed the connection at once; a room does so when too many tries came from your address (wait a \
         minute), and so does what is no room"
    )]
    Closed(HostAddr),
    /// It speaks something else.
    #[error("what answers at {addr} is no pchat room ({source})")]
    NotPchat {
        /// Where.
        addr: HostAddr,
        /// What is wrong with it.
        source: io::Error,
    },
    /// It speaks another version of the protocol.
    #[error("the room at {0} has another version of pchat; update the older one of the two")]
    OtherVersion(HostAddr),
}

impl DialError {
    /// Whether the same may work later, without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Refused(_)
            | Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::Failed { .. }
            | Self::Silent(_)
            | Self::Closed(_) => true,
            Self::NotPchat { .. } | Self::OtherVersion(_) => false,
        }
    }
}

/// Connects to the room at `addr` and has it prove its key.
///
/// # Errors
///
/// [`DialError`] within `timing.total`.
pub async fn connect(addr: &HostAddr, tls: &Arc<ClientConfig>, timing: &DialTiming) -> Result<Connected, DialError> {
    let deadline = Instant::now() + timing.total;
    let (stream, address) = connect_tcp(addr, timing).await?;
    socket::tune(&stream);
    let from = stream.local_addr().ok().map(|from| from.ip());
    let stream = Gauged::new(stream);
    let gauge = stream.gauge();
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(tls::server_name(), stream);
    let stream = timeout_at(deadline, handshake)
        .await
        .map_err(|_| DialError::Silent(addr.clone()))?
        .map_err(|error| explain_tls(addr, error))?;
    let connection = stream.get_ref().1;
    let foreign = || DialError::NotPchat { addr: addr.clone(), source: io::Error::other("it names no protocol") };
    let key = peer_key(connection).filter(|_| tls::speaks_pchat(connection)).ok_or_else(foreign)?;
    let exporter = tls::exporter(connection).ok_or_else(foreign)?;
    Ok(Connected { stream: stream.into(), gauge, key, exporter, address, from })
}

/// Connects an end of a stream to the room at `addr`: what follows on the connection belongs to the members.
///
/// # Errors
///
/// [`DialError`] within `timing.total`.
pub async fn connect_end(addr: &HostAddr, token: &Token, timing: &DialTiming) -> Result<TcpStream, DialError> {
    let deadline = Instant::now() + timing.total;
    let (mut stream, _) = connect_tcp(addr, timing).await?;
    socket::tune_bulk(&stream);
    let head = [&STREAM_MAGIC[..], &token.0].concat();
    timeout_at(deadline, stream.write_all(&head))
        .await
        .map_err(|_| DialError::TimedOut(addr.clone()))?
        .map_err(|_| DialError::Closed(addr.clone()))?;
    Ok(stream)
}

async fn connect_tcp(addr: &HostAddr, timing: &DialTiming) -> Result<(TcpStream, SocketAddr), DialError> {
    let tcp = async {
        let addresses = resolve(addr).await?;
        race(addr, &addresses, timing.stagger).await
    };
    timeout(timing.total, tcp).await.map_err(|_| DialError::TimedOut(addr.clone()))?
}

/// The addresses that a room's name stands for, in the order in which they are tried: at least one.
///
/// # Errors
///
/// [`DialError::NotFound`] if there is none.
pub async fn resolve(addr: &HostAddr) -> Result<Vec<SocketAddr>, DialError> {
    let not_found = |source| DialError::NotFound { host: addr.host().to_owned(), source };
    let found = lookup_host((addr.host(), addr.port())).await.map_err(not_found)?;
    let addresses = alternated(found);
    if addresses.is_empty() { Err(not_found(io::Error::other("it has no address"))) } else { Ok(addresses) }
}

/// Each address once, families by turns, beginning with the one that the system prefers.
fn alternated(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let Some(first) = unique.first().map(SocketAddr::is_ipv6) else { return unique };
    let (preferred, others): (Vec<_>, Vec<_>) = unique.into_iter().partition(|address| address.is_ipv6() == first);
    let mut others = others.into_iter();
    let mut addresses: Vec<_> =
        preferred.into_iter().flat_map(|address| [Some(address), others.next()]).flatten().collect();
    addresses.extend(others);
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

/// The first connection to any of the addresses. Each gets a head start over the next one, unless it fails.
async fn race(
    addr: &HostAddr,
    addresses: &[SocketAddr],
    stagger: Duration,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut left = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut worst: Option<DialError> = None;
    loop {
        if let Some(address) = left.next() {
            attempts.push(async move { TcpStream::connect(address).await.map(|stream| (stream, address)) });
        }
        let mut head_start = pin!(sleep(stagger));
        let ended = tokio::select! {
            biased;
            ended = attempts.next() => ended,
            () = &mut head_start, if left.len() > 0 => continue,
        };
        match ended {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(error)) => {
                let error = explain_tcp(addr, error);
                if worst.as_ref().is_none_or(|worst| telling(&error) > telling(worst)) {
                    worst = Some(error);
                }
            }
            None => return Err(worst.unwrap_or_else(|| DialError::TimedOut(addr.clone()))),
        }
    }
}

/// How much an error tells about the room, to choose one of several addresses' errors.
fn telling(error: &DialError) -> u8 {
    match error {
        DialError::Refused(_) => 3,
        DialError::TimedOut(_) => 2,
        DialError::Unreachable(_) => 1,
        _ => 0,
    }
}

fn explain_tcp(addr: &HostAddr, error: io::Error) -> DialError {
    let addr = addr.clone();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused(addr),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            DialError::Unreachable(addr)
        }
        io::ErrorKind::TimedOut => DialError::TimedOut(addr),
        // It was there, and reset before the system could say so.
        io::ErrorKind::ConnectionReset => DialError::Closed(addr),
        _ => DialError::Failed { addr, source: error },
    }
}

fn explain_tls(addr: &HostAddr, error: io::Error) -> DialError {
    let addr = addr.clone();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => DialError::OtherVersion(addr),
        Some(_) => DialError::NotPchat { addr, source: error },
        // All else that happens to an open connection is that it goes away.
        None => DialError::Closed(addr),
    }
}

#[cfg(test)]
mod tests;

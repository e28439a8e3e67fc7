//! Looks at what answers at an address, as far as the end of the TLS handshake: nothing is said to a room, and its
//! answer is its key and the version of the protocol.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{peer_key, tls};
use crate::trust::{Identity, IdentityError};
use crate::wire::PublicKey;

/// How much of what something foreign says is kept: enough to tell what it is.
const FIRST_BYTES: usize = 256;

/// What became of one connection.
#[derive(Debug)]
pub enum Sight {
    /// No connection came about within the time.
    TimedOut,
    /// No connection came about.
    Failed(io::Error),
    /// Something accepted it.
    Connected {
        /// How long that took: a round trip.
        tcp: Duration,
        /// What it is.
        answer: Answer,
    },
}

/// What accepted a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A room.
    Room {
        /// The key that it proved.
        key: PublicKey,
        /// The version of the protocol that it speaks.
        version: u16,
        /// How long the handshake took.
        handshake: Duration,
    },
    /// It said nothing within the time.
    Silent,
    /// It closed the connection and said nothing.
    Closed,
    /// It said something else.
    Foreign {
        /// How that began; whoever shows it has to clean it.
        first: Vec<u8>,
    },
}

/// What looks: a key made for it alone, so that nobody is recognised by it.
#[derive(Clone, Debug)]
pub struct Probe(Arc<ClientConfig>);

impl Probe {
    /// With a new key.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn new() -> Result<Self, IdentityError> {
        Ok(Self(tls::probe_config(&Identity::generate()?)))
    }

    /// Makes one connection and looks what answers, in `patience` for all of it.
    pub async fn look(&self, address: SocketAddr, patience: Duration) -> Sight {
        let began = Instant::now();
        let deadline = began + patience;
        match timeout_at(deadline, TcpStream::connect(address)).await {
            Err(_) => Sight::TimedOut,
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Sight::TimedOut,
            // It was there, and reset before the system could say so.
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                Sight::Connected { tcp: began.elapsed(), answer: Answer::Closed }
            }
            Ok(Err(error)) => Sight::Failed(error),
            Ok(Ok(stream)) => {
                let tcp = began.elapsed();
                Sight::Connected { tcp, answer: self.ask(stream, deadline).await }
            }
        }
    }

    async fn ask(&self, stream: TcpStream, deadline: Instant) -> Answer {
        let began = Instant::now();
        // The handshake is to take as long as it takes, not as long as acknowledgements are delayed.
        let _ = stream.set_nodelay(true);
        let mut first = Vec::new();
        let handshake = async {
            let heard = Heard { stream, first: &mut first };
            let mut stream = TlsConnector::from(Arc::clone(&self.0)).connect(tls::server_name(), heard).await?;
            let handshake = began.elapsed();
            let connection = stream.get_ref().1;
            let found = peer_key(connection).zip(tls::version_spoken(connection));
            // Closed in good order; that it cannot be is not about what was asked.
            let _ = timeout_at(deadline, stream.shutdown()).await;
            io::Result::Ok(found.map(|(key, version)| Answer::Room { key, version, handshake }))
        };
        match timeout_at(deadline, handshake).await {
            Ok(Ok(Some(room))) => room,
            Ok(Err(_)) if first.is_empty() => Answer::Closed,
            Err(_) if first.is_empty() => Answer::Silent,
            _ => Answer::Foreign { first },
        }
    }
}

/// A connection that keeps the first bytes it read.
struct Heard<'a> {
    stream: TcpStream,
    first: &'a mut Vec<u8>,
}

impl AsyncRead for Heard<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        let wanted = new.len().min(FIRST_BYTES.saturating_sub(this.first.len()));
        this.first.extend_from_slice(&new[..wanted]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Heard<'_> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::Ipv4Addr;

    use rustls::ServerConfig;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::{own_version, server_config};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// What is seen of a server that does `serve` with its only connection.
    async fn answer_of<A: Future>(serve: impl FnOnce(TcpStream) -> A) -> Answer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let probe = Probe::new().unwrap();
        let serve = async { serve(listener.accept().await.unwrap().0).await };
        match tokio::join!(probe.look(address, PATIENCE), serve).0 {
            Sight::Connected { answer, .. } => answer,
            other => panic!("it accepts: {other:?}"),
        }
    }

    async fn room(config: Arc<ServerConfig>) -> Answer {
        answer_of(|stream| async { TlsAcceptor::from(config).accept(stream).await.map(drop) }).await
    }

    #[tokio::test]
    async fn a_room_is_known_by_its_key_and_version() {
        let identity = Identity::generate().unwrap();
        let Answer::Room { key, version, .. } = room(server_config(&identity)).await else { panic!("it is one") };
        assert_eq!((key, version), (identity.public_key(), own_version()));
    }

    #[tokio::test]
    async fn a_room_of_another_version_is_one_too() {
        for other in [1, own_version() + 1] {
            let mut config = ServerConfig::clone(&server_config(&Identity::generate().unwrap()));
            config.alpn_protocols = vec![format!("pchat/{other}").into_bytes()];
            let answer = room(Arc::new(config)).await;
            assert!(matches!(answer, Answer::Room { version, .. } if version == other), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn tls_of_something_else_is_foreign() {
        let mut config = ServerConfig::clone(&server_config(&Identity::generate().unwrap()));
        config.alpn_protocols = vec![b"h2".to_vec()];
        let Answer::Foreign { first } = room(Arc::new(config)).await else { panic!("no room") };
        assert!(matches!(first.first(), Some(21 | 22)), "TLS: {first:?}");
        let mut config = ServerConfig::clone(&server_config(&Identity::generate().unwrap()));
        config.alpn_protocols.clear();
        let answer = room(Arc::new(config)).await;
        assert!(matches!(&answer, Answer::Foreign { first } if first.first() == Some(&22)), "{answer:?}");
    }

    #[tokio::test]
    async fn what_something_else_says_first_is_kept_within_bounds() {
        let answer = answer_of(|mut stream| async move {
            stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await.unwrap();
            let _ = stream.readable().await;
            stream
        });
        let Answer::Foreign { first } = answer.await else { panic!("no room") };
        assert!(first.starts_with(b"SSH-2.0-"), "{first:?}");
        let endless = answer_of(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} });
        let Answer::Foreign { first } = endless.await else { panic!("no room") };
        assert!(!first.is_empty() && first.len() <= FIRST_BYTES, "{}", first.len());
    }

    #[tokio::test]
    async fn what_closes_is_told_from_what_is_silent() {
        assert_eq!(answer_of(|stream| async { super::super::socket::abort(stream) }).await, Answer::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_given_up() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let began = Instant::now();
        let sight = Probe::new().unwrap().look(listener.local_addr().unwrap(), PATIENCE).await;
        assert!(matches!(sight, Sight::Connected { answer: Answer::Silent, .. }), "{sight:?}");
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let closed = socket.local_addr().unwrap().as_socket().unwrap();
        let sight = Probe::new().unwrap().look(closed, PATIENCE).await;
        assert!(
            matches!(&sight, Sight::Failed(error) if error.kind() == io::ErrorKind::ConnectionRefused),
            "{sight:?}"
        );
    }
}

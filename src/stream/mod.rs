//! Byte pipes between two members, for bulk data: each is a TCP connection of its own to the room's port, and inside
//! it TLS between the two members.
//!
//! It owns the beginnings of a stream at both ends ([`Streams`]), the pipe itself ([`Stream`]), the room's table of
//! tokens, and the copying between two members. It does not know what streams are for.
//!
//! A [`Stream`] blocks: whoever uses it runs on a thread of its own (`Context::thread`). Bulk data moves
//! fastest that way, and a slow disk then holds up nobody else.

use crate::limits::stream::HANDSHAKE;

mod gate;
pub(crate) mod pairing;
pub(crate) mod relay;
mod secure;

use std::{
    fmt,
    io::{self, BufRead, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tokio::task::spawn_blocking;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    gate::Gate,
    secure::{Pipe, Refused},
};
use crate::{
    net::{server_name, stream_client_config, stream_server_config},
    session::Member,
    trust::Identity,
    wire::{Instance, MAX_PURPOSE_LEN, StreamHello, Token, is_command_name},
};

pub(crate) use self::gate::Ticket;

/// Why there is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Another try may succeed. One line says what happened.
    #[error("{0}")]
    Temporary(String),
    /// No try will. One line says why.
    #[error("{0}")]
    Final(String),
}

/// The connection of an end, whose head is sent already.
pub struct Reached {
    /// The connection, in blocking mode.
    pub socket: Arc<TcpStream>,
    /// What is to be dropped after it.
    pub held: Option<Box<dyn Send + Sync>>,
}

impl Reached {
    /// A connection of which nobody else keeps count.
    ///
    /// # Errors
    ///
    /// If the system refuses to make it blocking.
    pub fn new(socket: tokio::net::TcpStream) -> io::Result<Self> {
        let socket = socket.into_std()?;
        socket.set_nonblocking(false)?;
        Ok(Self { socket: Arc::new(socket), held: None })
    }
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reached").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Gives connections to the other ends of streams.
#[async_trait]
pub trait Reach: Send + Sync + 'static {
    /// The connection of the end that holds `token`, whose head is sent already. Within a deadline of its own.
    async fn reach(&self, token: Token) -> io::Result<Reached>;
}

/// What a session needs for streams.
pub struct Streams {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    own: Instance,
    reach: Arc<dyn Reach>,
    gate: Arc<Gate>,
}

/// What ends the streams of a session when it is over.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) tasks: &'a TaskTracker,
    pub(crate) cancel: &'a CancellationToken,
}

impl Scope<'_> {
    /// Closes `closer` when the session is over, until what this returns is dropped.
    fn watch(self, closer: Closer) -> Box<dyn Send + Sync> {
        let (gone, cancel) = (CancellationToken::new(), self.cancel.clone());
        let dropped = gone.clone();
        self.tasks.spawn(async move {
            if dropped.run_until_cancelled(cancel.cancelled()).await.is_some() {
                closer.close();
            }
        });
        Box::new(gone.drop_guard())
    }
}

impl Streams {
    /// Streams of the member that `identity` and `own` are, over connections that `reach` gives.
    pub fn new(identity: &Identity, own: Instance, reach: impl Reach) -> Self {
        Self {
            client: stream_client_config(identity),
            server: stream_server_config(identity),
            own,
            reach: Arc::new(reach),
            gate: Arc::default(),
        }
    }

    /// Goes through the opener's part: connects with `token`, proves, checks, and says what for.
    pub(crate) async fn open(
        &self,
        member: Member,
        token: Token,
        (command, purpose): (&str, Bytes),
        scope: Scope<'_>,
    ) -> Result<Stream, StreamError> {
        let failed = |error: &dyn fmt::Display| format!("no stream to {}: {error}", member.name);
        let connection = ClientConnection::new(self.client.clone(), server_name());
        let connection = connection.map_err(|error| StreamError::Final(failed(&error)))?;
        let hello = StreamHello { opener: self.own, target: member.instance, command: command.to_owned(), purpose };
        let reached = self.reach.reach(token).await.map_err(|error| StreamError::Temporary(failed(&error)))?;
        let prepared = Prepared::new(reached, connection.into(), member.clone(), scope);
        let opened = blocking(move || {
            let mut stream = prepared.secure()?;
            stream.pipe.say_hello(&hello)?;
            stream.pipe.settle()?;
            Ok(stream)
        });
        opened.await.map_err(|error| match error {
            Refused::Key => StreamError::Final(format!(
                "the stream does not lead to {}: whoever is at its end has proved another key than the room names",
                member.name
            )),
            error => StreamError::Temporary(failed(&error)),
        })
    }

    /// A place among the streams that are being accepted, if there is one for this member.
    pub(crate) fn ticket(&self, from: &Member) -> Option<Ticket> {
        self.gate.enter(from.key)
    }

    /// Goes through the target's part. Returns the stream and the name of the command that it is for.
    pub(crate) async fn accept(&self, from: Member, token: Token, scope: Scope<'_>) -> io::Result<(Opened, String)> {
        let connection = ServerConnection::new(self.server.clone()).map_err(io::Error::other)?;
        let (own, opener) = (self.own, from.instance);
        let reached = self.reach.reach(token).await?;
        let prepared = Prepared::new(reached, connection.into(), from, scope);
        let accepted = blocking(move || {
            let mut stream = prepared.secure()?;
            let StreamHello { opener: who, target, command, purpose } = stream.pipe.hear_hello()?;
            let fits = (who, target) == (opener, own) && is_command_name(&command) && purpose.len() <= MAX_PURPOSE_LEN;
            if !fits {
                return Err(Refused::Hello);
            }
            stream.pipe.settle()?;
            Ok((Opened { stream, purpose }, command))
        });
        accepted.await.map_err(io::Error::other)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}

/// An end that is connected.
struct Prepared {
    socket: Arc<TcpStream>,
    connection: Connection,
    peer: Member,
    held: Vec<Box<dyn Send + Sync>>,
    deadline: Instant,
}

impl Prepared {
    fn new(reached: Reached, connection: Connection, peer: Member, scope: Scope<'_>) -> Self {
        let Reached { socket, held } = reached;
        let watched = scope.watch(Closer::of(&socket));
        let held = held.into_iter().chain([watched]).collect();
        Self { socket, connection, peer, held, deadline: Instant::now() + HANDSHAKE }
    }

    fn secure(self) -> Result<Stream, Refused> {
        let Self { socket, connection, peer, held, deadline } = self;
        let pipe = Pipe::secure(socket, connection, &peer.key, deadline)?;
        Ok(Stream { peer, pipe, _held: held })
    }
}

/// One end of a stream. A read at the end of what the other one has sent gives nothing if it has
/// [finished](Self::finish), and [`io::ErrorKind::UnexpectedEof`] if it was cut off. Dropping a stream cuts it off.
pub struct Stream {
    peer: Member,
    pipe: Pipe,
    /// After the connection, of which they keep count.
    _held: Vec<Box<dyn Send + Sync>>,
}

/// A stream that a member has opened to this one.
pub struct Opened {
    /// The stream.
    pub stream: Stream,
    /// What it is for, in the command's own encoding. From a stranger: check it.
    pub purpose: Bytes,
}

impl Stream {
    /// The member at the other end, whose key it has proved.
    pub fn peer(&self) -> &Member {
        &self.peer
    }

    /// What closes the stream from elsewhere.
    pub fn closer(&self) -> Closer {
        Closer::of(self.pipe.socket())
    }

    /// How long a read or write may wait for the other end, a minute unless this says otherwise; then it is
    /// [`io::ErrorKind::TimedOut`].
    ///
    /// # Errors
    ///
    /// If the duration is zero.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.pipe.set_patience(patience)
    }

    /// Says that nothing more follows, and waits until the other end has finished too, so that nothing written is lost.
    /// What it still sends is thrown away. All of it within the patience.
    ///
    /// # Errors
    ///
    /// If it does not finish, or did not get everything.
    pub fn finish(self) -> io::Result<()> {
        self.pipe.finish()
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pipe.read(buf)
    }
}

/// Reading without a copy: at most a TLS record, 16 KiB, at a time.
impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pipe.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.pipe.consume(amount);
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Closes a stream from elsewhere: a thread that waits in it goes on with an error. Cheap to clone, and keeps nothing
/// alive.
#[derive(Clone, Debug)]
pub struct Closer(Weak<TcpStream>);

impl Closer {
    pub(crate) fn of(socket: &Arc<TcpStream>) -> Self {
        Self(Arc::downgrade(socket))
    }

    /// Closes it.
    pub fn close(&self) {
        if let Some(socket) = self.0.upgrade() {
            // Fails if it is closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Two ends of a stream over a pair of connected sockets, for tests and benches: the first one is the opener's, whose
/// peer is `target`. Each end has an identity that was made for this, so the keys of the two members are replaced.
///
/// # Errors
///
/// If the system gives no sockets or random numbers.
pub fn pair(opener: Member, target: Member) -> io::Result<(Stream, Stream)> {
    over(sockets()?, opener, target)
}

/// As [`pair`], over sockets that lead to each other.
fn over(sockets: (Arc<TcpStream>, Arc<TcpStream>), opener: Member, target: Member) -> io::Result<(Stream, Stream)> {
    let identity = || Identity::generate().map_err(io::Error::other);
    let (ours, theirs) = (identity()?, identity()?);
    let opener = Member { key: ours.public_key(), ..opener };
    let target = Member { key: theirs.public_key(), ..target };
    let client = ClientConnection::new(stream_client_config(&ours), server_name()).map_err(io::Error::other)?;
    let server = ServerConnection::new(stream_server_config(&theirs)).map_err(io::Error::other)?;
    let (near, far) = sockets;
    let end = |socket, connection, peer: Member| {
        let secured = Pipe::secure(socket, connection, &peer.key, Instant::now() + HANDSHAKE);
        let mut pipe = secured.map_err(io::Error::other)?;
        pipe.settle()?;
        io::Result::Ok(Stream { peer, pipe, _held: Vec::new() })
    };
    thread::scope(|scope| {
        let accepted = scope.spawn(|| end(far, server.into(), opener));
        let opened = end(near, client.into(), target);
        let accepted = accepted.join().map_err(|_| io::Error::other("the other end panicked"))?;
        Ok((opened?, accepted?))
    })
}

/// Both ends of a connection over loopback.
fn sockets() -> io::Result<(Arc<TcpStream>, Arc<TcpStream>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    // Somebody else may have found the port as well.
    let far = loop {
        let (far, from) = listener.accept()?;
        if from == near.local_addr()? {
            break far;
        }
    };
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((Arc::new(near), Arc::new(far)))
}

#[cfg(test)]
mod tests;

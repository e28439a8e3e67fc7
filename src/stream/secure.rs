//! One end of a stream once its socket is there: TLS with the other member, and the first frame in it. It blocks.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::Connection;

use crate::{
    net::{peer_key, speaks_stream},
    wire::{CodecError, MAX_STREAM_HELLO_LEN, PublicKey, StreamHello, decode, encode},
};

/// How long a read or write waits for the other end unless its user says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that are encrypted in one go: each time costs a call of the system, and what is encrypted should still be in the
/// processor's cache when the socket takes it.
const WRITE_BYTES: usize = 128 * 1024;

/// Bytes that are taken from the socket in one go. rustls by itself takes a record, or a quarter of one, for each call of
/// the system, which costs 6 % of the processor time of receiving.
const READ_BYTES: usize = 64 * 1024;

/// Why an end does not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The other end proves another key than it should.
    #[error("it has proved another key")]
    Key,
    /// What it says first makes no sense.
    #[error("its first frame makes no sense")]
    Hello,
    /// The connection or the handshake failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The TLS connection to the other member.
pub(super) struct Pipe {
    connection: Connection,
    /// Shared with those who may shut it down from elsewhere, never for longer than that takes.
    socket: Arc<TcpStream>,
    /// What the socket has given.
    ahead: BufReader<Incoming>,
    /// Until when all has to be done, however often something comes.
    deadline: Option<Instant>,
    /// What happened to bytes that were taken already.
    failed: Option<io::Error>,
}

impl Pipe {
    /// Shakes hands with whoever has `key`, until `deadline`, which stays until [`settle`](Self::settle).
    pub(super) fn secure(
        socket: Arc<TcpStream>,
        mut connection: Connection,
        key: &PublicKey,
        deadline: Instant,
    ) -> Result<Self, Refused> {
        connection.set_buffer_limit(Some(WRITE_BYTES));
        let ahead = BufReader::with_capacity(READ_BYTES, Incoming(socket.clone()));
        let mut pipe = Self { connection, socket, ahead, deadline: Some(deadline), failed: None };
        while pipe.connection.is_handshaking() {
            pipe.push()?;
            if pipe.connection.is_handshaking() && pipe.pull()? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        pipe.push()?;
        if !speaks_stream(&pipe.connection) || peer_key(&pipe.connection).as_ref() != Some(key) {
            return Err(Refused::Key);
        }
        Ok(pipe)
    }

    /// Says what the stream is for.
    pub(super) fn say_hello(&mut self, hello: &StreamHello) -> io::Result<()> {
        self.write_all(&encode(hello).map_err(io::Error::other)?)?;
        self.flush()
    }

    /// Hears what the stream is for.
    pub(super) fn hear_hello(&mut self) -> Result<StreamHello, Refused> {
        let mut head = [0; 4];
        self.read_exact(&mut head)?;
        let len = u32::from_be_bytes(head) as usize;
        if !(1..=MAX_STREAM_HELLO_LEN).contains(&len) {
            return Err(Refused::Hello);
        }
        let mut body = vec![0; len];
        self.read_exact(&mut body)?;
        decode(&body).map_err(|_: CodecError| Refused::Hello)
    }

    pub(super) fn socket(&self) -> &Arc<TcpStream> {
        &self.socket
    }

    /// The beginning is over: there is no deadline for all of it any more.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.deadline = None;
        self.set_patience(PATIENCE)
    }

    /// From now on each read and write may wait so long.
    pub(super) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(patience))?;
        self.socket.set_write_timeout(Some(patience))
    }

    /// Says that nothing more follows, and waits until the other end has said so too.
    pub(super) fn finish(mut self) -> io::Result<()> {
        // One deadline: an end that goes on and on is not waited for.
        self.deadline = Some(Instant::now() + self.socket.read_timeout()?.unwrap_or(PATIENCE));
        self.flush()?;
        self.connection.send_close_notify();
        self.push()?;
        self.socket.shutdown(Shutdown::Write)?;
        loop {
            let unread = self.fill_buf()?.len();
            if unread == 0 {
                return Ok(());
            }
            self.consume(unread);
        }
    }

    /// Gives the socket what is left of the deadline.
    fn arm(&self) -> io::Result<()> {
        let Some(deadline) = self.deadline else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.set_patience(left)
    }

    /// Gives the socket what is encrypted.
    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.arm()?;
            match self.connection.write_tls(&mut &*self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(timed_out(error)),
            }
        }
        Ok(())
    }

    /// Takes what the socket has, once, and decrypts it. Says how much there was; nothing means that the other end has
    /// closed.
    fn pull(&mut self) -> io::Result<usize> {
        self.arm()?;
        let read = loop {
            match self.connection.read_tls(&mut self.ahead) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(timed_out)?,
            }
        };
        if let Err(error) = self.connection.process_new_packets() {
            // The other end is told what was wrong, if it listens.
            let _ = self.connection.write_tls(&mut &*self.socket);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        // Such as the answer to a change of keys.
        self.push()?;
        Ok(read)
    }

    /// Whether something is decrypted, or the end is reached, of which reading then tells.
    fn has_something(&mut self) -> bool {
        !matches!(self.connection.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// What comes from a socket that is shared.
struct Incoming(Arc<TcpStream>);

impl Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf)
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pull()?,
                // An end of the connection without an end of TLS is an error there: somebody cut it.
                read => return read,
            };
        }
    }
}

impl BufRead for Pipe {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while !self.has_something() {
            self.pull()?;
        }
        self.connection.reader().into_first_chunk()
    }

    fn consume(&mut self, amount: usize) {
        self.connection.reader().consume(amount);
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let taken = self.connection.writer().write(buf)?;
        // These bytes are taken, so that what becomes of them is told next time.
        self.failed = self.push().err();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.push(),
        }
    }
}

/// The system says of a wait that was too long that it would have had to wait.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

//! Byte pipes between two members, for bulk data: each is a TCP connection of its own to the room's port, and inside
//! it TLS between the two members.
//!
//! It owns the beginnings of a stream at both ends ([`Streams`]), the pipe itself ([`Stream`]), the room's table of
//! tokens, and the copying between two members. It does not know what streams are for.
//!
//! A [`Stream`] blocks: whoever uses it runs on a thread of its own (`Context::thread`). Bulk data moves
//! fastest that way, and a slow disk then holds up nobody else.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    session::Member,
    wire::{PublicKey, Token},
};

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

/// Gives connections to the other ends of streams.
#[async_trait]
pub trait Reach: Send + Sync + 'static {
    /// The connection of the end that holds `token`, whose head is sent already.
    async fn reach(&self, token: Token) -> io::Result<TcpStream>;
}

/// One end of a stream.
pub struct Stream {
    peer: Member,
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
        unimplemented!()
    }

    /// How long a read or write may wait for the other end; then it is [`io::ErrorKind::TimedOut`].
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        let _ = patience;
        unimplemented!()
    }

    /// Says that nothing more follows, and waits until the other end has closed too, so that nothing written is lost.
    pub fn finish(self) -> io::Result<()> {
        unimplemented!()
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let _ = buf;
        unimplemented!()
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _ = buf;
        unimplemented!()
    }

    fn flush(&mut self) -> io::Result<()> {
        unimplemented!()
    }
}

/// Closes a stream from elsewhere: a thread that waits in it goes on with an error. Cheap to clone.
#[derive(Clone)]
pub struct Closer {}

impl Closer {
    /// Closes it.
    pub fn close(&self) {
        unimplemented!()
    }
}

/// Two ends of a stream over a pair of connected sockets, for tests and benches: the first one is the opener.
pub fn pair(opener: Member, target: Member) -> io::Result<(Stream, Stream)> {
    let _ = (opener, target);
    unimplemented!()
}

/// Whether `key` is the one that a peer has to prove.
#[allow(dead_code)]
fn is(expected: &PublicKey, proved: &PublicKey) -> bool {
    expected == proved
}

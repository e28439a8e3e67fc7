//! Copying between the two ends of a stream, without looking.
//!
//! On Linux bytes move from socket to pipe to socket inside the kernel (splice(2)); elsewhere, and where the kernel does
//! not want to, through one buffer of bounded size. Either way a direction reads only when it has got rid of what it
//! read before, so that the slower end sets the pace and nothing piles up.

use std::{
    io,
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::limits::stream::STALL;
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream, task::yield_now, time::timeout};

#[cfg(target_os = "linux")]
mod splice;

/// Bytes of one step where they pass through this process.
const BUFFER_BYTES: usize = 128 * 1024;

/// After so many bytes the runtime's other tasks get a turn, among them those that carry chat. A third of a millisecond.
const TURN_BYTES: usize = 1024 * 1024;

/// Copies both ways until both ends have said that nothing more follows, and counts the bytes. An error of either
/// direction ends both.
pub(crate) async fn relay(one: TcpStream, other: TcpStream, carried: Arc<AtomicU64>) -> io::Result<()> {
    tokio::try_join!(one_way(&one, &other, Turn::new(&carried)), one_way(&other, &one, Turn::new(&carried)))?;
    Ok(())
}

async fn one_way(from: &TcpStream, to: &TcpStream, mut turn: Turn<'_>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let done = splice::copy(from, to, &mut turn).await?;
    #[cfg(not(target_os = "linux"))]
    let done = false;
    if !done {
        copy(from, to, &mut turn).await?;
    }
    match SockRef::from(to).shutdown(Shutdown::Write) {
        // It is gone altogether, of which the other direction hears.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        done => done,
    }
}

/// Copies one way through a buffer until `from` ends.
async fn copy(from: &TcpStream, to: &TcpStream, turn: &mut Turn<'_>) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        // Idle streams keep no buffer.
        if buffer.is_empty() {
            from.readable().await?;
            buffer = vec![0; BUFFER_BYTES];
        }
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                buffer = Vec::new();
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            let written = when(to, Interest::WRITABLE, || SockRef::from(to).send(rest)).await?;
            rest = &rest[written..];
        }
        turn.took(read).await;
    }
}

/// Does something with a socket as soon as that is possible; on the side that takes bytes, within [`STALL`].
async fn when<T>(socket: &TcpStream, what: Interest, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match socket.try_io(what, &mut act) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            done => return done,
        }
        if what.is_writable() {
            timeout(STALL, socket.writable()).await??;
        } else {
            socket.readable().await?;
        }
    }
}

/// Counts bytes, in all and until it is somebody else's turn.
struct Turn<'a> {
    bytes: usize,
    carried: &'a AtomicU64,
}

impl<'a> Turn<'a> {
    fn new(carried: &'a AtomicU64) -> Self {
        Self { bytes: 0, carried }
    }

    async fn took(&mut self, bytes: usize) {
        self.carried.fetch_add(bytes as u64, Relaxed);
        self.bytes += bytes;
        if self.bytes >= TURN_BYTES {
            self.bytes = 0;
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests;

//! Copying inside the kernel.

use std::{io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice},
};
use tokio::{io::Interest, net::TcpStream};

use super::{Turn, when};
use crate::net::lift_descriptor;

/// Bytes that a pipe takes as it is made, with pages of 4 KiB.
const PIPE_BYTES: usize = 64 * 1024;

/// Bytes that the pipe of a direction takes which has shown that it moves much: what an unprivileged program may ask for,
/// and in which the two wake-ups for each filling do not count.
const LARGE_PIPE_BYTES: usize = 1024 * 1024;

/// How many bytes show that. The system gives all pipes of a person 64 MiB together, too much for idle directions.
const MUCH: usize = 1024 * 1024;

/// Copies one way until `from` ends. Says `false`, and has moved nothing, if the kernel does not want to.
pub(super) async fn copy(from: &TcpStream, to: &TcpStream, turn: &mut Turn<'_>) -> io::Result<bool> {
    // Neither a pipe nor a place for it: there is another way.
    let Ok((out, into)) = pipe() else { return Ok(false) };
    let (mut size, mut moved) = (PIPE_BYTES, 0_usize);
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    loop {
        // The pipe is empty here. Otherwise EAGAIN would not say which of the two it is about.
        let filled = when(from, Interest::READABLE, || Ok(splice(from, None, &into, None, size, flags)?)).await;
        let filled = match filled {
            Ok(0) => return Ok(true),
            Ok(filled) => filled,
            Err(error) if moved == 0 && is_unwilling(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut left = filled;
        while left > 0 {
            left -= match when(to, Interest::WRITABLE, || Ok(splice(&out, None, to, None, left, flags)?)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                taken => taken,
            };
        }
        moved = moved.saturating_add(filled);
        if size < LARGE_PIPE_BYTES && moved >= MUCH {
            size = LARGE_PIPE_BYTES;
            // Fails where the person's pipes take as much as they may: then each step is as small as before.
            let _ = fcntl_setpipe_size(&into, LARGE_PIPE_BYTES);
        }
        turn.took(filled).await;
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    Ok((lift_descriptor(out), lift_descriptor(into)))
}

fn is_unwilling(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::NOSYS))
}

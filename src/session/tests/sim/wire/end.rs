//! One end of a simulated connection, as a stream.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::{FAR, NEAR, Parcel, SharedWire, Tap, Wire};

/// One end of a connection.
pub(in crate::session::tests::sim) struct End {
    pub(super) wire: SharedWire,
    pub(super) of: usize,
    pub(super) alarms: [Pin<Box<Sleep>>; 2],
    pub(super) tap: Option<Arc<Mutex<Box<dyn Tap>>>>,
}

impl End {
    /// Wakes the task at that time; whether it is that time already.
    fn alarm(alarm: &mut Pin<Box<Sleep>>, at: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(at) = at else { return false };
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(cx).is_ready()
    }

    fn try_read(wire: &mut Wire, of: usize, buf: &mut ReadBuf<'_>) -> Result<io::Result<u64>, Option<Instant>> {
        if wire.frozen[of] {
            return Err(None);
        }
        if let Some(error) = wire.broken(of) {
            return Ok(Err(error));
        }
        let now = Instant::now();
        let next = match wire.lazy[of].filter(|until| *until > now) {
            Some(until) => Some(until),
            None => {
                let way = &mut wire.ways[1 - of];
                match way.flight.front_mut() {
                    _ if way.dead => None,
                    Some(parcel) if parcel.at <= now => {
                        let rest = &parcel.bytes[parcel.read..];
                        let len = rest.len().min(buf.remaining());
                        buf.put_slice(&rest[..len]);
                        parcel.read += len;
                        way.held -= len;
                        way.read += len as u64;
                        if parcel.read == parcel.bytes.len() {
                            way.flight.pop_front();
                        }
                        way.writer.take().into_iter().for_each(Waker::wake);
                        return Ok(Ok(way.read));
                    }
                    Some(parcel) => Some(parcel.at),
                    None if way.fin.is_some_and(|at| at <= now) => return Ok(Ok(way.read)),
                    None => way.fin,
                }
            }
        };
        Err(next.into_iter().chain(wire.reset[of]).min())
    }

    /// How many bytes are taken, or when to look again.
    fn try_write(wire: &mut Wire, of: usize, buf: &[u8]) -> Result<io::Result<usize>, Option<Instant>> {
        if wire.frozen[of] {
            return Err(None);
        }
        loop {
            if let Some(error) = wire.broken(of) {
                return Ok(Err(error));
            }
            let now = Instant::now();
            let theirs = wire.ways[1 - of].fin.filter(|_| !wire.ways[1 - of].dead);
            if wire.severed && theirs.is_some_and(|at| at <= now) || wire.ways[of].fin.is_some() && !wire.severed {
                return Ok(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let space = wire.weather.window.saturating_sub(wire.ways[of].held);
            let mut len = buf.len().min(space);
            if len == 0 {
                return Err(wire.reset[of]);
            }
            len = len.min(1 + wire.roll(of, wire.weather.piece) as usize);
            let due = wire.trigger.filter(|(way, ..)| *way == of);
            if let Some((_, after, cut)) = due {
                let left = after.saturating_sub(wire.ways[of].written) as usize;
                if left == 0 {
                    wire.trigger = None;
                    wire.cut(cut);
                    continue;
                }
                len = len.min(left);
            }
            wire.ways[of].written += len as u64;
            if !wire.severed {
                let at = wire.arrival(of, len);
                let way = &mut wire.ways[of];
                way.held += len;
                way.flight.push_back(Parcel { at, bytes: buf[..len].to_vec(), read: 0 });
                way.reader.take().into_iter().for_each(Waker::wake);
            }
            return Ok(Ok(len));
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap()
    }
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let of = self.of;
        loop {
            let tried = {
                let mut wire = self.wire();
                wire.ways[1 - of].reader = Some(cx.waker().clone());
                Self::try_read(&mut wire, of, buf)
            };
            match tried {
                Ok(Ok(total)) => {
                    if let Some(tap) = self.tap.as_ref().filter(|_| of == NEAR) {
                        tap.lock().unwrap().read(total);
                    }
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(next) if !Self::alarm(&mut self.alarms[0], next, cx) => return Poll::Pending,
                Err(_) => {}
            }
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let of = self.of;
        loop {
            let tried = {
                let mut wire = self.wire();
                wire.ways[of].writer = Some(cx.waker().clone());
                Self::try_write(&mut wire, of, buf)
            };
            match tried {
                Ok(written) => {
                    if let (Ok(len), Some(tap)) = (&written, self.tap.as_ref()) {
                        let mut tap = tap.lock().unwrap();
                        if of == FAR { tap.wrote(&buf[..*len]) } else { tap.said(&buf[..*len]) }
                    }
                    return Poll::Ready(written);
                }
                Err(next) if !Self::alarm(&mut self.alarms[1], next, cx) => return Poll::Pending,
                Err(_) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().close(self.of);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let of = self.of;
        let mut wire = self.wire();
        if wire.frozen[of] || wire.severed {
            return;
        }
        // Whoever closes without having read everything resets the connection, as systems do.
        let unread = wire.ways[1 - of].held > 0 && !wire.ways[1 - of].dead;
        if unread && wire.roll(of, 2) == 0 {
            wire.ways[of].flight.clear();
            wire.ways[of].held = 0;
            wire.reset(1 - of);
            wire.wake();
        } else {
            wire.close(of);
            // Nobody is there any more who reads.
            wire.severed = true;
        }
    }
}

//! When a connection last took bytes, and when it last gave some: tells a slow peer from a stalled one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// When a connection last took bytes, and when it gave some.
#[derive(Debug)]
pub struct Gauge {
    made: Instant,
    /// Milliseconds from the making to the last progress.
    wrote: AtomicU64,
    /// The same, to the last bytes that came.
    read: AtomicU64,
}

impl Gauge {
    /// A gauge that counts its own making as progress.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { made: Instant::now(), wrote: AtomicU64::new(0), read: AtomicU64::new(0) })
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes were taken, or a write begins that can now be waited for.
    pub fn mark(&self) {
        self.wrote.store(self.now_millis(), Relaxed);
    }

    /// Whether the last progress is at most this long ago.
    pub fn marked_within(&self, span: Duration) -> bool {
        self.within(&self.wrote, span)
    }

    /// Whether the last bytes came at most this long ago, be they a whole frame or not.
    pub fn gave_within(&self, span: Duration) -> bool {
        self.within(&self.read, span)
    }

    fn within(&self, millis: &AtomicU64, span: Duration) -> bool {
        u128::from(self.now_millis().saturating_sub(millis.load(Relaxed))) <= span.as_millis()
    }
}

/// A stream whose successful writes and reads show on a [`Gauge`].
#[derive(Debug)]
pub struct Gauged<S> {
    inner: S,
    gauge: Arc<Gauge>,
}

impl<S> Gauged<S> {
    /// Gauges a stream.
    pub fn new(inner: S) -> Self {
        Self { inner, gauge: Gauge::new() }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The gauge.
    pub fn gauge(&self) -> Arc<Gauge> {
        self.gauge.clone()
    }

    fn noted(&self, written: io::Result<usize>) -> Poll<io::Result<usize>> {
        if matches!(written, Ok(1..)) {
            self.gauge.mark();
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gauged<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.gauge.read.store(self.gauge.now_millis(), Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gauged<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A line or two are one record; the system sends a single buffer with less ado than a list of one.
        let written = match bufs {
            [only] => ready!(Pin::new(&mut self.inner).poll_write(cx, only)),
            several => ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, several)),
        };
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_write_that_is_taken_counts_as_progress() {
        let (near, _far) = tokio::io::duplex(4);
        let mut stream = Gauged::new(near);
        let gauge = stream.gauge();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(!gauge.marked_within(Duration::from_secs(1)));
        assert_eq!(stream.write(b"abcdef").await.unwrap(), 4);
        assert!(gauge.marked_within(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(3)).await;
        let full = tokio::time::timeout(Duration::from_secs(1), stream.write(b"x")).await;
        assert!(full.is_err() && !gauge.marked_within(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_shows_apart_from_what_is_taken() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut stream = Gauged::new(near);
        let gauge = stream.gauge();
        tokio::time::advance(Duration::from_secs(3)).await;
        far.write_all(b"x").await.unwrap();
        assert!(!gauge.gave_within(Duration::from_secs(1)));
        stream.read_u8().await.unwrap();
        assert!(gauge.gave_within(Duration::from_secs(1)) && !gauge.marked_within(Duration::from_secs(1)));
        let nothing = tokio::time::timeout(Duration::from_secs(3), stream.read_u8()).await;
        assert!(nothing.is_err() && !gauge.gave_within(Duration::from_secs(1)));
    }
}

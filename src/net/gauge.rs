//! Notes when a connection last took bytes, so that a slow member can be told from a stalled one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// When a connection last took bytes.
#[derive(Debug)]
pub struct Gauge {
    /// As [`now`] counts.
    last: AtomicU64,
}

impl Gauge {
    /// A gauge whose creation counts as progress.
    pub fn new() -> Self {
        Self { last: AtomicU64::new(now()) }
    }

    /// Whether the connection took bytes within the last `span`, to the millisecond.
    pub fn wrote_within(&self, span: Duration) -> bool {
        u128::from(now().saturating_sub(self.last.load(Ordering::Relaxed))) <= span.as_millis()
    }

    fn note(&self) {
        self.last.store(now(), Ordering::Relaxed);
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new()
    }
}

/// Milliseconds since the first call, by the clock that tests can stop.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    u64::try_from(Instant::now().saturating_duration_since(start).as_millis()).unwrap_or(u64::MAX)
}

/// A stream that tells a [`Gauge`] of every write that took bytes.
#[derive(Debug)]
pub struct Gauged<S> {
    inner: S,
    gauge: Arc<Gauge>,
}

impl<S> Gauged<S> {
    /// Wraps a stream.
    pub fn new(inner: S, gauge: Arc<Gauge>) -> Self {
        Self { inner, gauge }
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.gauge.note();
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gauged<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gauged<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
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
    use tokio::time::{advance, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_bytes_that_were_taken_count_as_progress() {
        let (near, mut far) = tokio::io::duplex(4);
        let gauge = Arc::new(Gauge::new());
        let mut near = Gauged::new(near, Arc::clone(&gauge));
        assert!(gauge.wrote_within(SECOND), "creation counts");
        advance(2 * SECOND).await;
        assert!(!gauge.wrote_within(SECOND));
        near.write_all(b"full").await.unwrap();
        assert!(gauge.wrote_within(SECOND));
        timeout(2 * SECOND, near.write_all(b"x")).await.unwrap_err();
        assert!(!gauge.wrote_within(SECOND), "a write that has to wait is no progress");
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        assert!(!gauge.wrote_within(SECOND), "neither is reading");
        far.read_exact(&mut [0; 4]).await.unwrap();
        assert!(near.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")]).await.unwrap() > 0);
        assert!(gauge.wrote_within(SECOND));
    }

    #[tokio::test]
    async fn a_tcp_stream_stays_vectored() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(Gauged::new(stream, Arc::new(Gauge::new())).is_write_vectored());
    }
}

//! How long a connection has kept us waiting, and for what.
//!
//! The transport tells when bytes come and when a write is stuck, the service tells when requests
//! begin and end. From that follows the time by which the peer must have moved: to the end of a
//! header, to the next request, or to read what it asked for. While a request runs on our side,
//! nobody is late.
//!
//! A stream of HTTP/2 can stand still while its connection moves: its peer gives it no window. So
//! each answer there tells by itself whose turn it is.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::EdgeLimits;
use crate::telemetry::metrics::Connection;

/// What one connection is doing. Times are milliseconds since it began, plus one; 0 says never.
pub struct Pulse {
    start: Instant,
    running: AtomicU32,
    /// The first request has come.
    began: AtomicBool,
    /// Headers of HTTP/2 come in frames between others, so bytes alone say nothing.
    is_http2: AtomicBool,
    quiet_since: AtomicU64,
    reading_since: AtomicU64,
    stuck_since: AtomicU64,
    /// Answers of HTTP/2 that wait for room at the peer, by their requests, and since when.
    unread: Mutex<HashMap<u64, u64>>,
    requests: AtomicU64,
}

impl Pulse {
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            running: AtomicU32::new(0),
            began: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            quiet_since: AtomicU64::new(1),
            reading_since: AtomicU64::new(0),
            stuck_since: AtomicU64::new(0),
            unread: Mutex::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// A request has come whole as far as its headers go. It ends when the answer is dropped.
    pub fn request(self: &Arc<Self>, is_http2: bool) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.began.store(true, Ordering::Release);
        self.is_http2.store(is_http2, Ordering::Release);
        self.reading_since.store(0, Ordering::Release);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Running { pulse: self.clone(), number, is_http2 }
    }

    pub fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Acquire)
    }

    /// Why the connection should be cut now, if it should.
    pub fn overdue(&self, limits: &EdgeLimits) -> Option<Connection> {
        let now = self.now();
        let late = |since: u64, limit: Duration| {
            since != 0 && u128::from(now.saturating_sub(since)) >= limit.as_millis()
        };
        let unread = self.unread().values().copied().min().unwrap_or(0);
        if late(self.stuck_since.load(Ordering::Acquire), limits.write)
            || late(unread, limits.write)
        {
            return Some(Connection::WriteTimeout);
        }
        if self.running.load(Ordering::Acquire) > 0 {
            return None;
        }
        let quiet = self.quiet_since.load(Ordering::Acquire);
        if !self.began.load(Ordering::Acquire) {
            return late(quiet, limits.headers).then_some(Connection::HeaderTimeout);
        }
        let reading = self.reading_since.load(Ordering::Acquire);
        if !self.is_http2() && late(reading, limits.headers) {
            return Some(Connection::HeaderTimeout);
        }
        let idle = late(quiet, limits.idle) && (reading == 0 || self.is_http2());
        idle.then_some(Connection::IdleTimeout)
    }

    fn unread(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn read(&self) {
        if self.running.load(Ordering::Acquire) == 0
            && self.reading_since.load(Ordering::Acquire) == 0
        {
            self.reading_since.store(self.now(), Ordering::Release);
        }
    }

    fn written<T>(&self, poll: &Poll<T>) {
        let stuck = self.stuck_since.load(Ordering::Acquire);
        match poll {
            Poll::Pending if stuck == 0 => self.stuck_since.store(self.now(), Ordering::Release),
            Poll::Ready(_) if stuck != 0 => self.stuck_since.store(0, Ordering::Release),
            _ => {}
        }
    }
}

/// One request that has not ended.
pub struct Running {
    pulse: Arc<Pulse>,
    number: u64,
    is_http2: bool,
}

impl Running {
    pub fn is_http2(&self) -> bool {
        self.is_http2
    }

    /// A part of the answer has been handed over: the peer is to make room for it.
    pub fn handed_over(&self) {
        self.pulse.unread().insert(self.number, self.pulse.now());
    }

    /// All parts have gone and the next is not made yet.
    pub fn waits_for_us(&self) {
        self.pulse.unread().remove(&self.number);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_http2 {
            self.waits_for_us();
        }
        self.pulse.quiet_since.store(self.pulse.now(), Ordering::Release);
        self.pulse.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A transport that tells its pulse what passes.
pub struct Watched<S> {
    pub stream: S,
    pub pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.pulse.read();
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, octets);
        self.pulse.written(&poll);
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.pulse.written(&poll);
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> EdgeLimits {
        EdgeLimits::default()
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_request_that_does_not_come_is_late_after_the_header_limit() {
        let pulse = Pulse::start();
        advance(9 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        pulse.read();
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::HeaderTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_is_idle_and_one_that_drips_a_header_is_late() {
        let pulse = Pulse::start();
        drop(pulse.request(false));
        advance(59 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::IdleTimeout));
        drop(pulse.request(false));
        pulse.read();
        for _ in 0..9 {
            advance(SECOND).await;
            pulse.read();
            assert_eq!(pulse.overdue(&limits()), None);
        }
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::HeaderTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_late_while_a_request_runs() {
        let pulse = Pulse::start();
        let (first, second) = (pulse.request(true), pulse.request(true));
        advance(600 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        drop(first);
        advance(600 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        drop(second);
        pulse.read();
        advance(59 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::IdleTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_is_late_even_while_its_request_runs() {
        let pulse = Pulse::start();
        let _running = pulse.request(false);
        let (stream, peer) = tokio::io::duplex(16);
        let mut watched = Watched { stream, pulse: pulse.clone() };
        watched.write_all(&[0; 16]).await.expect("fits");
        let stuck = tokio::time::timeout(SECOND, watched.write_all(&[0; 16])).await;
        assert!(stuck.is_err());
        advance(28 * SECOND).await;
        assert_eq!(pulse.overdue(&limits()), None);
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::WriteTimeout));
        drop(peer);
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_without_room_is_late_while_the_others_move() {
        let pulse = Pulse::start();
        let (stuck, moving, made) = (pulse.request(true), pulse.request(true), pulse.request(true));
        stuck.handed_over();
        made.handed_over();
        made.waits_for_us();
        for _ in 0..29 {
            moving.handed_over();
            advance(SECOND).await;
        }
        assert_eq!(pulse.overdue(&limits()), None);
        advance(SECOND).await;
        assert_eq!(pulse.overdue(&limits()), Some(Connection::WriteTimeout));
        drop(stuck);
        assert_eq!(pulse.overdue(&limits()), None);
    }
}

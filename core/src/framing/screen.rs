//! A connection whose octets are followed before the server parses them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Follower;

/// Whatever part of a head the server holds already, this makes it one that it must refuse: a NUL
/// can stand nowhere in it.
const REFUSAL: &[u8] = b"\0\r\n\r\n";

/// Lets through what has one meaning. The first message that has two is replaced by octets that
/// the server refuses with 400, and nothing after it is ever read. A flood of frames just ends.
pub struct Screen<S> {
    inner: S,
    follower: Follower,
    /// Set at the first fault: what is left to hand over of the refusal.
    refusal: Option<&'static [u8]>,
}

impl<S> Screen<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, follower: Follower::default(), refusal: None }
    }

    /// The connection below.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Screen<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refusal.is_none() {
            let before = buffer.filled().len();
            match Pin::new(&mut this.inner).poll_read(context, buffer) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
            let Err(good) = this.follower.follow(&buffer.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before + good);
            this.refusal = Some(if this.follower.is_binary() { b"" } else { REFUSAL });
        }
        if let Some(left) = this.refusal.as_mut() {
            let (now, later) = left.split_at(left.len().min(buffer.remaining()));
            buffer.put_slice(now);
            *left = later;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Screen<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, octets);
        if let Poll::Ready(Ok(octets)) = polled {
            self.follower.sent(octets);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(octets)) = polled {
            self.follower.sent(octets);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

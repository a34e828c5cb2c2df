//! A transport that makes progress in the smallest steps.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads and writes one byte at a time, and is pending between any two steps, so that a future over it stops at every
/// possible place.
pub(crate) struct Trickle<T> {
    inner: T,
    reading: Turn,
    writing: Turn,
    flushing: Turn,
}

#[derive(Clone, Copy)]
enum Turn {
    Wait,
    Go,
}

impl Turn {
    /// Pending on every second call.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Turn::Wait => {
                *self = Turn::Go;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Turn::Go => Poll::Ready(()),
        }
    }
}

impl<T> Trickle<T> {
    pub(crate) fn new(inner: T) -> Trickle<T> {
        Trickle { inner, reading: Turn::Wait, writing: Turn::Wait, flushing: Turn::Wait }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Trickle<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.reading.poll(cx));
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut one))?;
        buf.put_slice(one.filled());
        self.reading = Turn::Wait;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Trickle<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.writing.poll(cx));
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &bytes[..1]))?;
        self.writing = Turn::Wait;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.flushing.poll(cx));
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.flushing = Turn::Wait;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

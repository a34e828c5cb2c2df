//! A transport that wakes its user once more when a blocked write succeeds.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Works around a lost wake-up in hyper. If hyper has read a request before the previous response has left, it calls
/// the service for it but polls the call only when there is room for another response, and does not check again when
/// room appears. This transport therefore wakes hyper once more after a blocked write.
pub(super) struct Rewaking<T> {
    transport: T,
    /// Whether the last write or flush was blocked.
    was_blocked: bool,
}

impl<T> Rewaking<T> {
    pub(super) fn new(transport: T) -> Rewaking<T> {
        Rewaking { transport, was_blocked: false }
    }

    /// Records the outcome of a write or flush.
    fn note<O>(&mut self, cx: &Context<'_>, outcome: Poll<O>) -> Poll<O> {
        if std::mem::replace(&mut self.was_blocked, outcome.is_pending()) && outcome.is_ready() {
            cx.waker().wake_by_ref();
        }
        outcome
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Rewaking<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Rewaking<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(cx, bytes);
        self.note(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write_vectored(cx, slices);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.transport).poll_flush(cx);
        self.note(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}

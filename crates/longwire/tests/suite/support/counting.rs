//! A transport that counts its calls.

use std::collections::HashSet;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts writes, and records which buffers it reads into.
pub(crate) struct Counting<T> {
    inner: T,
    seen: Seen,
}

#[derive(Clone, Default)]
pub(crate) struct Seen {
    writes: Arc<AtomicUsize>,
    read_buffers: Arc<Mutex<HashSet<usize>>>,
}

impl Seen {
    /// The number of writes that the transport has accepted.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// The number of different buffers that reads were given.
    pub(crate) fn read_buffers(&self) -> usize {
        self.read_buffers.lock().unwrap().len()
    }
}

impl<T> Counting<T> {
    pub(crate) fn new(inner: T, seen: &Seen) -> Counting<T> {
        Counting { inner, seen: seen.clone() }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counting<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let address = buf.initialize_unfilled().as_ptr().addr();
        self.seen.read_buffers.lock().unwrap().insert(address);
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counting<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        if written.is_ready() {
            self.seen.writes.fetch_add(1, Ordering::SeqCst);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

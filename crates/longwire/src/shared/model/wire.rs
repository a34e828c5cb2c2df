//! An unreliable transport: it is pending at random, splits data, and requires flushes.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scheduler::once_in;

/// How a wire carries bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// How many bytes may be in flight in each direction.
    pub(super) capacity: usize,
    /// How many bytes one call takes.
    pub(super) piece: usize,
    /// The size of a buffer that only a flush is certain to empty, in bytes; 0 if there is no such buffer.
    pub(super) staged: usize,
}

/// One of this many calls is pending without need, as when a task has spent its budget.
const PENDING: usize = 5;

/// One direction. Like a socket, it remembers only the last reader and the last writer.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    has_ended: bool,
    has_no_reader: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of a wire.
pub(super) struct End {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
    manner: Manner,
    staged: VecDeque<u8>,
}

pub(super) fn wire(manner: Manner) -> (End, End) {
    let (one, other) = (Arc::default(), Arc::default());
    let end = |incoming: &Arc<Mutex<Pipe>>, outgoing: &Arc<Mutex<Pipe>>| End {
        incoming: Arc::clone(incoming),
        outgoing: Arc::clone(outgoing),
        manner,
        staged: VecDeque::new(),
    };
    (end(&one, &other), end(&other, &one))
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Returns `Pending` at random, to let other tasks run.
fn poll_turn(cx: &Context<'_>) -> Poll<()> {
    if once_in(PENDING) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

impl End {
    fn poll_put(
        outgoing: &Mutex<Pipe>,
        manner: Manner,
        bytes: &[u8],
        cx: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        ready!(poll_turn(cx));
        let mut pipe = outgoing.lock().unwrap();
        if pipe.has_no_reader {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = manner.capacity - pipe.bytes.len();
        if room == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(room).min(manner.piece);
        pipe.bytes.extend(&bytes[..count]);
        wake(pipe.reader.take());
        Poll::Ready(Ok(count))
    }

    fn poll_empty(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        while !self.staged.is_empty() {
            let put = End::poll_put(&self.outgoing, self.manner, self.staged.make_contiguous(), cx);
            let count = ready!(put)?;
            self.staged.drain(..count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(poll_turn(cx));
        let mut pipe = self.incoming.lock().unwrap();
        if pipe.bytes.is_empty() && !pipe.has_ended {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = pipe.bytes.len().min(self.manner.piece).min(buf.remaining());
        for byte in pipe.bytes.drain(..count) {
            buf.put_slice(&[byte]);
        }
        wake(pipe.writer.take());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.manner.staged == 0 {
            return End::poll_put(&this.outgoing, this.manner, bytes, cx);
        }
        if this.staged.len() >= this.manner.staged
            && let Poll::Ready(Err(error)) = this.poll_empty(cx)
        {
            return Poll::Ready(Err(error));
        }
        // The emptied part of the buffer is room. Return `Pending` only if a later call could not take anything either.
        let count = bytes.len().min(this.manner.staged - this.staged.len());
        if count == 0 {
            return Poll::Pending;
        }
        this.staged.extend(&bytes[..count]);
        // Like TLS: bytes that cannot be written at once wait for the flush.
        if let Poll::Ready(Err(error)) = this.poll_empty(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_empty(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_empty(cx))?;
        let mut pipe = this.outgoing.lock().unwrap();
        pipe.has_ended = true;
        wake(pipe.reader.take());
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut outgoing = self.outgoing.lock().unwrap();
        outgoing.has_ended = true;
        wake(outgoing.reader.take());
        drop(outgoing);
        let mut incoming = self.incoming.lock().unwrap();
        incoming.has_no_reader = true;
        wake(incoming.writer.take());
    }
}

//! The two halves of a `ByteStream`, as `tokio::io::split` creates them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::byte_stream::ByteStream;

/// One of two halves. Where a thread would wait for the other half's lock, a task of the model yields.
pub(super) struct Half(Arc<Mutex<ByteStream>>);

pub(super) fn halves(stream: ByteStream) -> (Half, Half) {
    let one = Arc::new(Mutex::new(stream));
    (Half(Arc::clone(&one)), Half(one))
}

impl Half {
    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut ByteStream>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let Ok(mut stream) = self.0.try_lock() else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        poll(Pin::new(&mut *stream), cx)
    }
}

impl AsyncRead for Half {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Half {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, AsyncWrite::poll_shutdown)
    }
}

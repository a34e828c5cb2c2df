//! A connection's bytes, with the knowledge whether any arrive.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// What bytes come from and go to.
pub(crate) trait Bytestream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytestream for T {}

/// A connection that notes whether anything arrives.
pub(crate) struct Monitored {
    stream: Box<dyn Bytestream>,
    heard: Heard,
}

/// Whether anything arrives on a connection: also part of a long answer is a sign of life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<AtomicU64>);

impl Heard {
    /// Waits for this time. Says whether anything has arrived in it.
    pub(crate) async fn anything_within(&self, time: Duration) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        let has_heard = || self.0.load(Ordering::Relaxed) != before;
        sleep(time).await;
        if !has_heard() {
            // A process that was stopped for a while has yet to read what has arrived.
            sleep(time / 8).await;
        }
        has_heard()
    }
}

impl Monitored {
    pub(crate) fn new(stream: Box<dyn Bytestream>) -> Monitored {
        Monitored { stream, heard: Heard::default() }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl AsyncRead for Monitored {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        if polled.is_ready() {
            self.heard.0.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Monitored {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_part_that_arrives_is_a_sign_of_life() {
        const TIME: Duration = Duration::from_secs(1);

        let (mut peer, stream) = tokio::io::duplex(16);
        let mut stream = Monitored::new(Box::new(stream));
        let heard = stream.heard();
        assert!(!heard.anything_within(TIME).await);
        peer.write_all(b"part").await.unwrap();
        let mut part = [0; 4];
        let (is_alive, read) = tokio::join!(heard.anything_within(TIME), stream.read_exact(&mut part));
        assert!(is_alive && read.is_ok());
        assert!(!heard.anything_within(TIME).await);
    }
}

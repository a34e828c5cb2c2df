//! A tokio transport from a TCP stream and a TLS session that began elsewhere.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// How much capacity for encrypted data is kept for the next write.
const KEPT: usize = 16 << 10;

/// A TCP stream with a TLS session that began elsewhere, for hyper to use.
pub(super) struct TlsStream {
    stream: Transport,
    session: ServerConnection,
    /// Encrypted data, and how much of it is written.
    sealed: Vec<u8>,
    written: usize,
    has_queued_end: bool,
}

impl TlsStream {
    pub(super) fn new(stream: Transport, session: ServerConnection, sealed: Vec<u8>) -> TlsStream {
        TlsStream { stream, session, sealed, written: 0, has_queued_end: false }
    }

    /// Receives more data. Call it only when the session holds no plaintext, because the session bounds how much it
    /// buffers.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.session.read_tls(&mut Arriving { stream: &mut self.stream, cx }) {
            // The session learns of the end of TCP here and knows whether it is allowed now.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
        let processed = self.session.process_new_packets();
        // Send TLS's own records now, such as an alert: no other write may follow soon.
        let _blocked = self.poll_drain(cx);
        Poll::Ready(processed.map(drop).map_err(io::Error::other))
    }

    /// Writes everything that is encrypted.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.sealed)?;
        }
        while let Some(rest) = self.sealed.get(self.written..)
            && !rest.is_empty()
        {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.sealed.clear();
        self.sealed.shrink_to(KEPT);
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// A tokio stream, as the session reads it.
struct Arriving<'a, 'b> {
    stream: &'a mut Transport,
    cx: &'a mut Context<'b>,
}

impl Read for Arriving<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut room = ReadBuf::new(room);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut room) {
            Poll::Ready(read) => read.map(|()| room.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.session.reader().read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(this.poll_receive(cx))?;
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        let count = this.session.writer().write(bytes)?;
        // The next write or flush sends what is not sent now.
        let _blocked = this.poll_drain(cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.has_queued_end, true) {
            this.session.send_close_notify();
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

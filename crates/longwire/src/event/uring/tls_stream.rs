//! A transport of tokio made of a TCP stream and a TLS session that has begun elsewhere.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How much is read from the TCP stream at a time: one record of TLS.
const RECORD: usize = 16 << 10;

/// A TCP stream with a TLS session that has begun elsewhere, for hyper to go on with.
pub(super) struct TlsStream {
    stream: TcpStream,
    session: ServerConnection,
    /// Encrypted, and how far it is written.
    sealed: Vec<u8>,
    written: usize,
}

impl TlsStream {
    pub(super) fn new(stream: TcpStream, session: ServerConnection, sealed: Vec<u8>) -> TlsStream {
        TlsStream { stream, session, sealed, written: 0 }
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
        self.written = 0;
        Poll::Ready(Ok(()))
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
            let mut record = [0; RECORD];
            let mut record = ReadBuf::new(&mut record);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut record))?;
            let mut arrived = record.filled();
            if arrived.is_empty() {
                // The end of TCP is told to the session, which knows whether it may come now.
                this.session.read_tls(&mut io::empty())?;
            }
            while !arrived.is_empty() {
                this.session.read_tls(&mut arrived)?;
                this.session.process_new_packets().map_err(io::Error::other)?;
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        let count = this.session.writer().write(bytes)?;
        // What is not taken now is by the next write or flush.
        let _blocked = this.poll_drain(cx)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.send_close_notify();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

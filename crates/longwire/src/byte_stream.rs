//! A connection as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use longwire_proto::{CloseCode, CloseFrame, Closed};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::Connection;
use crate::error::Error;
use crate::halves::{Receiver, Sender};
use crate::message::Message;
use crate::sink::SinkWait;
use crate::websocket::WebSocket;

/// The most bytes of one write that one message takes.
const MAX_PIECE: usize = 64 << 10;

/// A connection as a stream of bytes: `AsyncRead` gives what binary messages hold, one after the other, and `AsyncWrite`
/// sends what is written in binary messages. For protocols that want a stream, such as a tunnel over WebSocket.
///
/// ```
/// use longwire::ByteStream;
/// use tokio::net::TcpStream;
///
/// # async fn tunnel() -> std::io::Result<()> {
/// let socket = longwire::connect("wss://example.com/ssh").await?;
/// let mut far = ByteStream::new(socket);
/// let mut near = TcpStream::connect("127.0.0.1:22").await?;
/// tokio::io::copy_bidirectional(&mut near, &mut far).await?;
/// # Ok(())
/// # }
/// ```
///
/// - The boundaries of messages mean nothing: what has arrived of one is given before the rest has.
/// - A write of more than 64 KiB takes several messages, and each smaller one a message of its own; so many small writes
///   belong into a `tokio::io::BufWriter`.
/// - What is written leaves at once; a write waits while more than
///   [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written, and nothing is read ahead of
///   who reads.
/// - A Close frame of the peer with 1000, 1001 or no code is the end of the stream. With another code reading fails with
///   `ConnectionAborted`; a peer that vanished, or closed in the middle of a message, is an `UnexpectedEof`, so that what
///   was cut off is not taken for whole.
/// - `shutdown` sends a Close frame with 1000. What the peer had sent before it answers can still be read, for at most
///   [`Limits::close_time`](longwire_proto::Limits::close_time).
/// - A text message is an error of the kind `InvalidData`, and the connection is closed with 1003.
///
/// Dropped before it was shut down, it closes the connection with 1001.
///
/// # Cancel safety
///
/// A read that is dropped has taken nothing, and a write that is dropped before it is ready has sent nothing. A flush may be
/// given up at any time. A shutdown begins with the first poll and goes on in the background.
#[derive(Debug)]
pub struct ByteStream {
    sender: Sender,
    receiver: Receiver,
    /// What is left of the last piece of a message.
    rest: Bytes,
    /// Whether more of that message is to come.
    is_amid_message: bool,
    wait: SinkWait,
}

impl ByteStream {
    /// The bytes of a connection, from its next message on.
    #[must_use]
    pub fn new(socket: WebSocket) -> ByteStream {
        let (sender, receiver) = socket.split();
        ByteStream { sender, receiver, rest: Bytes::new(), is_amid_message: false, wait: SinkWait::Nothing }
    }

    /// How the connection ended; before that, how it would end if the transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// What the end of the connection is for whoever reads.
    fn end(&self) -> io::Result<()> {
        let closed = self.closed();
        let kind = match closed.code {
            _ if !closed.clean || self.is_amid_message => io::ErrorKind::UnexpectedEof,
            CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS => return Ok(()),
            _ => io::ErrorKind::ConnectionAborted,
        };
        Err(io::Error::new(kind, closed.to_string()))
    }
}

impl From<WebSocket> for ByteStream {
    fn from(socket: WebSocket) -> ByteStream {
        ByteStream::new(socket)
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.get_mut();
        // An empty message is not the end, though an empty read would be.
        while this.rest.is_empty() {
            let next = if this.is_amid_message { Connection::next_part } else { Connection::first_part };
            let Some(part) = ready!(this.receiver.shared().poll_receive(next, cx))? else {
                return Poll::Ready(this.end());
            };
            this.is_amid_message = !part.is_last;
            this.rest = match part.content {
                Message::Binary(bytes) => bytes,
                Message::Text(_) => {
                    let unsupported =
                        CloseFrame::new(CloseCode::UNSUPPORTED, "only binary messages are taken");
                    this.sender.shared().begin_close(unsupported.ok());
                    let error = "a text message came where bytes are expected";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            };
        }
        let count = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let piece = bytes.get(..MAX_PIECE).unwrap_or(bytes);
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // When there is room, another sender may take it first.
        loop {
            let unsent = this.sender.shared().try_send(Message::from(piece).into())?;
            if unsent.is_none() {
                return Poll::Ready(Ok(piece.len()));
            }
            ready!(this.wait.poll_room(this.sender.shared(), cx))?;
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.wait.poll_flush(this.sender.shared(), cx).map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.sender.is_open() {
            this.sender.shared().begin_close(CloseFrame::new(CloseCode::NORMAL, "").ok());
        }
        match ready!(this.wait.poll_flush(this.sender.shared(), cx)) {
            // Whoever shuts down twice, or after the peer, has what he wants.
            Err(Error::Closed(closed)) if closed.clean => Poll::Ready(Ok(())),
            other => Poll::Ready(other.map_err(io::Error::from)),
        }
    }
}

/// For what deals in bytes: a connection that has ended is a `BrokenPipe`, a peer that broke the protocol is
/// `InvalidData`.
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match &error {
            Error::Io { source, .. } => source.kind(),
            Error::Timeout { .. } => io::ErrorKind::TimedOut,
            Error::Closed(_) => io::ErrorKind::BrokenPipe,
            Error::CutOff(_) => io::ErrorKind::UnexpectedEof,
            Error::Protocol(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

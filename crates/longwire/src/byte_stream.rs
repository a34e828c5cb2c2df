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

/// The most bytes that one message carries; a longer write is split.
const MAX_PIECE: usize = 64 << 10;

/// A connection as a stream of bytes: `AsyncRead` returns the content of binary messages one after the other, and
/// `AsyncWrite` sends binary messages. For protocols that expect a stream, such as a tunnel over WebSocket.
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
/// - Message boundaries have no meaning: bytes can be read before the rest of their message has arrived.
/// - Each write sends a message, and a write of more than 64 KiB sends several. Put many small writes into a
///   `tokio::io::BufWriter`.
/// - Bytes are sent at once. A write waits while more than [`Limits::high_water`](longwire_proto::Limits::high_water)
///   bytes wait to be written. Nothing is read ahead.
/// - A Close frame from the peer with 1000, 1001 or without a code ends the stream. With any other code, reading fails
///   with `ConnectionAborted`. If the peer vanishes, or closes in the middle of a message, reading fails with
///   `UnexpectedEof`: truncated data never looks complete.
/// - `shutdown` sends a Close frame with 1000. Data that the peer sent before its own Close frame can still be read,
///   for at most [`Limits::close_time`](longwire_proto::Limits::close_time).
/// - A text message is an error of kind `InvalidData`, and the connection is closed with 1003.
///
/// Dropping the stream before it is shut down closes the connection with 1001.
///
/// # Cancel safety
///
/// A read that is dropped has consumed nothing, and a write that is dropped before it completes has sent nothing. A
/// flush may be dropped at any time. A shutdown begins with the first poll and continues in the background.
#[derive(Debug)]
pub struct ByteStream {
    sender: Sender,
    receiver: Receiver,
    /// The unread rest of the last piece of a message.
    rest: Bytes,
    /// Whether more of that message is expected.
    is_amid_message: bool,
    wait: SinkWait,
}

impl ByteStream {
    /// Reads and writes the binary messages of a connection, starting with its next message.
    #[must_use]
    pub fn new(socket: WebSocket) -> ByteStream {
        let (sender, receiver) = socket.split();
        ByteStream { sender, receiver, rest: Bytes::new(), is_amid_message: false, wait: SinkWait::Nothing }
    }

    /// How the connection ended. While it is open: how it would end if the transport vanished now (1006, closed by neither
    /// end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// Translates the end of the connection into the result of a read.
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
        // An empty message is not the end of the stream, but an empty read would be.
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
                        CloseFrame::new(CloseCode::UNSUPPORTED, "only binary messages are accepted");
                    this.sender.shared().begin_close(unsupported.ok());
                    let error = "received a text message where binary messages are expected";
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
        // Another sender may take the room that the wait ended for: try again.
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
            // Shutting down twice, or after the peer, is not an error.
            Err(Error::Closed(closed)) if closed.clean => Poll::Ready(Ok(())),
            other => Poll::Ready(other.map_err(io::Error::from)),
        }
    }
}

/// For code that works on bytes: a connection that has ended is `BrokenPipe`, and a peer that broke the protocol is
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

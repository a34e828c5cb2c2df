//! A message that is received in pieces.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::connection::Connection;
use crate::connection::receive::Part;
use crate::error::{Error, Result};
use crate::halves::Receiver;
use crate::message::Message;
use crate::websocket::WebSocket;

/// A message that is received piece by piece as it arrives, and is never in memory as a whole. Messages longer than
/// [`Limits::message`](longwire_proto::Limits::message) can only be received like this;
/// [`Limits::streamed`](longwire_proto::Limits::streamed) limits their length.
///
/// ```
/// use tokio::io::AsyncWriteExt;
///
/// # async fn receive(socket: &mut longwire::WebSocket, mut file: tokio::fs::File) -> Result<(), Box<dyn std::error::Error>> {
/// while let Some(mut message) = socket.recv_stream().await? {
///     while let Some(piece) = message.next_piece().await? {
///         file.write_all(piece.as_bytes()).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// The boundaries of the pieces have no meaning: a piece is what one read returned, not a fragment that the peer sent.
/// No piece is empty. Pieces of a text message contain whole characters. A message that is small or arrives fast is a
/// single piece.
///
/// It is also a [`Stream`] of its pieces, and an [`AsyncRead`] of their bytes: `tokio::io::copy` can replace the loop
/// above.
///
/// Nothing is read ahead. A peer that sends faster than you read has to wait, and pings are not answered in the
/// meantime. If the reader is dropped before the end of the message, the next call that receives discards the rest of
/// the message.
#[derive(Debug)]
pub struct MessageReader<'r> {
    receiver: &'r mut Receiver,
    is_text: bool,
    /// Content that has arrived and was not returned yet.
    ready: Option<Message>,
    is_whole: bool,
}

impl Receiver {
    /// Waits for the next message like [`recv`](Receiver::recv), but returns as soon as a part of it has arrived.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// As with `recv`.
    pub async fn recv_stream(&mut self) -> Result<Option<MessageReader<'_>>> {
        let first = poll_fn(|cx| self.shared().poll_receive(Connection::first_part, cx)).await?;
        Ok(first.map(|part| MessageReader::new(self, part)))
    }
}

impl WebSocket {
    /// Waits for the next message like [`recv`](WebSocket::recv), but returns as soon as a part of it has arrived.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// As with `recv`.
    pub async fn recv_stream(&mut self) -> Result<Option<MessageReader<'_>>> {
        self.receiver_mut().recv_stream().await
    }
}

impl MessageReader<'_> {
    fn new(receiver: &mut Receiver, first: Part) -> MessageReader<'_> {
        let is_text = first.content.is_text();
        let ready = Some(first.content).filter(|content| !content.is_empty());
        MessageReader { receiver, is_text, ready, is_whole: first.is_last }
    }

    /// Whether this is a text message.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Waits for the next piece: a [`Message::Text`] or a [`Message::Binary`], like the message. `None` means that the
    /// message is complete.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// [`Error::CutOff`] if the connection ended before the message was complete. [`Error::Protocol`] if the peer broke
    /// the protocol: discard the earlier pieces, too. [`Error::Io`] if the transport failed.
    pub async fn next_piece(&mut self) -> Result<Option<Message>> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        loop {
            if let Some(piece) = self.ready.take() {
                return Poll::Ready(Ok(Some(piece)));
            }
            if self.is_whole {
                return Poll::Ready(Ok(None));
            }
            let shared = self.receiver.shared();
            let Some(part) = ready!(shared.poll_receive(Connection::next_part, cx))? else {
                return Poll::Ready(Err(Error::CutOff(Box::new(shared.closed()))));
            };
            self.is_whole = part.is_last;
            // The last part of a message is often empty.
            self.ready = Some(part.content).filter(|content| !content.is_empty());
        }
    }
}

/// The stream ends with the message or after an error. Dropping a future that waits for the next piece loses nothing.
impl Stream for MessageReader<'_> {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        let this = self.get_mut();
        let next = ready!(this.poll_piece(cx));
        if next.is_err() {
            this.is_whole = true;
        }
        Poll::Ready(next.transpose())
    }
}

/// The bytes of the message; a text is UTF-8. A message that is cut off is an error of kind `UnexpectedEof`, one that
/// breaks the protocol of kind `InvalidData`. After a partial read of a piece, the next piece is the rest of it, as
/// bytes. A `read` that is dropped has consumed nothing.
impl AsyncRead for MessageReader<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.get_mut();
        let Some(piece) = ready!(this.poll_piece(cx))? else { return Poll::Ready(Ok(())) };
        let mut bytes = piece.into_bytes();
        let fitting = bytes.split_to(bytes.len().min(buf.remaining()));
        buf.put_slice(&fitting);
        this.ready = Some(Message::Binary(bytes)).filter(|rest| !rest.is_empty());
        Poll::Ready(Ok(()))
    }
}

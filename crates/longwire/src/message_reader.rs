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

/// A message that is received piece by piece, as it arrives, so that it need not be in memory as a whole. Of messages
/// that are longer than [`Limits::message`](longwire_proto::Limits::message) it is the only way, and
/// [`Limits::streamed`](longwire_proto::Limits::streamed) says how long they may be.
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
/// Where a message is cut says nothing: the pieces are what a read brought, not the fragments that the peer sent, and
/// none is empty. Those of a text are whole characters each. A message that was small or arrived fast is one piece.
///
/// It is also a [`Stream`] of its pieces, and an [`AsyncRead`] of their bytes, so that `tokio::io::copy` does the above.
///
/// Nothing is read ahead of who reads, so a peer that sends faster has to wait, and pings are not answered meanwhile. If
/// it is dropped before its end, what is left of the message is discarded as it arrives, by the next call that receives.
#[derive(Debug)]
pub struct MessageReader<'r> {
    receiver: &'r mut Receiver,
    is_text: bool,
    /// What has arrived and was not taken.
    ready: Option<Message>,
    is_whole: bool,
}

impl Receiver {
    /// Waits for the next message like [`recv`](Receiver::recv), and gives it as soon as something of it has arrived.
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
    /// Waits for the next message like [`recv`](WebSocket::recv), and gives it as soon as something of it has arrived.
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

    /// Whether it is a text message.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Waits for the next piece, a [`Message::Text`] or [`Message::Binary`] as the message is. `None`: that was all of
    /// it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// [`Error::CutOff`] if the connection ended before the message was whole; [`Error::Protocol`] if the peer broke the
    /// protocol, so that what came before was not a message either; or the transport failed.
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
            // The end of a message often comes by itself, without content.
            self.ready = Some(part.content).filter(|content| !content.is_empty());
        }
    }
}

/// The pieces; it ends with the message, or after an error. A future that waits for the next one may be dropped: nothing is
/// lost.
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

/// The bytes of the message, of a text in UTF-8. A message that is cut off is an error of the kind `UnexpectedEof`, one
/// that breaks the protocol of the kind `InvalidData`. What is left of a piece that was read in part is the next piece,
/// as bytes. A `read` that is dropped has taken nothing.
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

//! The connection that axum's handlers get.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum_core::Error;
use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use futures_sink::Sink;
use http::HeaderValue;
use longwire_proto::Closed;

use super::message::{CloseFrame, Message};
use crate::connection::Connection;
use crate::connection::receive::Arrival;
use crate::error::Error as OwnError;
use crate::shared::Shared;
use crate::shared::state::{Frames, Write};

/// A connection with the API of `axum::extract::ws::WebSocket`, over Longwire's own [`WebSocket`](crate::WebSocket).
///
/// It is also a [`Stream`] of messages and a [`Sink`] for them, so `StreamExt::split` splits it into two halves.
/// While you receive, pings are answered and the closing handshake proceeds.
///
/// The client's Close frame is received as [`Message::Close`], followed by the end of the stream. If the connection
/// ends without a Close frame, an error comes last, as in axum.
///
/// ```
/// use longwire::axum::{Message, WebSocket};
///
/// async fn echo(mut socket: WebSocket) {
///     while let Some(Ok(message)) = socket.recv().await {
///         if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
///             return;
///         }
///     }
/// }
/// ```
pub struct WebSocket {
    inner: crate::websocket::WebSocket,
    shared: Arc<Shared>,
    reading: ReceiveState,
    /// A ping or pong that was put into the sink and waits for room.
    control: Option<Queueing>,
    protocol: Option<HeaderValue>,
}

type Queueing = Pin<Box<dyn Future<Output = Result<(), OwnError>> + Send + Sync>>;

/// Whether more can be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReceiveState {
    Open,
    /// The end was reported, as a Close frame or an error.
    Ended,
}

/// A control frame that does not end the connection.
enum Control {
    Ping(Bytes),
    Pong(Bytes),
}

impl WebSocket {
    pub(super) fn new(inner: crate::websocket::WebSocket, protocol: Option<HeaderValue>) -> WebSocket {
        let shared = Arc::clone(inner.sender().shared());
        WebSocket { inner, shared, reading: ReceiveState::Open, control: None, protocol }
    }

    /// Waits for the next message, ping, pong or Close frame. `None`: the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// The client violated the protocol, or the connection ended without a Close frame. The error is returned once,
    /// and `None` after it. [`Error::into_inner`] is a [`longwire::Error`](crate::Error).
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Sends a message, ping or pong, or begins the closing handshake. The message is queued, and written as soon as
    /// the transport accepts it. Waits while more than [`Limits::high_water`](longwire_proto::Limits::high_water)
    /// bytes are queued.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not queued. Once it is ready, the message is sent
    /// whole.
    ///
    /// # Errors
    ///
    /// The connection is closing or has ended, a ping or pong has more than 125 bytes, or a Close frame has a code that
    /// must not be sent or more than 123 bytes of reason. [`Error::into_inner`] is a [`longwire::Error`](crate::Error).
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        poll_fn(|cx| self.poll_control(cx)).await.map_err(Error::new)?;
        let sent = match message {
            Message::Text(text) => self.inner.send(text).await,
            Message::Binary(bytes) => self.inner.send(bytes).await,
            Message::Ping(payload) => queue(&self.shared, Control::Ping(payload)).await,
            Message::Pong(payload) => queue(&self.shared, Control::Pong(payload)).await,
            Message::Close(frame) => self.begin_close(frame.as_ref()),
        };
        sent.map_err(Error::new)
    }

    /// The negotiated subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Longwire's own connection, which offers more: how it ended, its peer, further senders.
    #[must_use]
    pub fn get_ref(&self) -> &crate::websocket::WebSocket {
        &self.inner
    }

    /// Converts into Longwire's own connection, which does not yield pings and pongs. To get only that one, use
    /// [`serve`](super::WebSocketUpgrade::serve).
    #[must_use]
    pub fn into_inner(self) -> crate::websocket::WebSocket {
        self.inner
    }

    fn begin_close(&self, frame: Option<&CloseFrame>) -> Result<(), OwnError> {
        if !self.inner.is_open() {
            return Err(OwnError::Closed(Box::new(self.inner.closed())));
        }
        let frame = frame.map(CloseFrame::to_send).transpose()?;
        self.shared.begin_close(frame);
        Ok(())
    }

    /// Waits until the ping or pong that was put into the sink is queued.
    fn poll_control(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OwnError>> {
        let Some(control) = &mut self.control else { return Poll::Ready(Ok(())) };
        let queued = ready!(control.as_mut().poll(cx));
        self.control = None;
        Poll::Ready(queued)
    }

    fn put_control(&mut self, control: Control) {
        let shared = Arc::clone(&self.shared);
        self.control = Some(Box::pin(async move { queue(&shared, control).await }));
    }
}

/// The last item of the stream.
fn end(closed: Closed) -> Result<Message, Error> {
    if closed.clean {
        Ok(Message::Close(CloseFrame::of_peer(&closed)))
    } else {
        Err(Error::new(OwnError::Closed(Box::new(closed))))
    }
}

/// Queues a ping or pong once there is room for it.
async fn queue(shared: &Arc<Shared>, control: Control) -> Result<(), OwnError> {
    let queue = |connection: &mut Connection| match control {
        Control::Ping(payload) => connection.protocol.send_ping(&payload),
        Control::Pong(payload) => connection.protocol.send_pong(&payload),
    };
    shared.when_there_is_room(Frames::Within, queue, Write::Soon).await
}

/// Yields messages in the order in which they arrived, until the connection ends. A future that waits for the next
/// one may be dropped without losing anything.
impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.reading == ReceiveState::Ended {
            return Poll::Ready(None);
        }
        let end = match ready!(this.shared.poll_receive(Connection::next_arrival, cx)) {
            Ok(Some(arrival)) => return Poll::Ready(Some(Ok(arrival.into()))),
            Ok(None) => end(this.inner.closed()),
            Err(error) => Err(Error::new(error)),
        };
        this.reading = ReceiveState::Ended;
        Poll::Ready(Some(end))
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.reading == ReceiveState::Ended
    }
}

/// Accepts messages, and sends them with the next flush. Closing the sink begins the closing handshake with a Close
/// frame without a code; receiving still works.
///
/// # Cancel safety
///
/// Items in the sink are sent by a later call; messages are sent at the latest by the next receive. A close begins
/// once earlier items are queued, and continues in the background.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_control(cx)).map_err(Error::new)?;
        Pin::new(&mut this.inner).poll_ready(cx).map_err(Error::new)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let this = self.get_mut();
        let inner = Pin::new(&mut this.inner);
        let taken = match message {
            Message::Text(text) => inner.start_send(text.into()),
            Message::Binary(bytes) => inner.start_send(bytes.into()),
            Message::Ping(payload) => {
                this.put_control(Control::Ping(payload));
                Ok(())
            }
            Message::Pong(payload) => {
                this.put_control(Control::Pong(payload));
                Ok(())
            }
            Message::Close(frame) => this.begin_close(frame.as_ref()),
        };
        taken.map_err(Error::new)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_control(cx)).map_err(Error::new)?;
        Pin::new(&mut this.inner).poll_flush(cx).map_err(Error::new)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_control(cx)).map_err(Error::new)?;
        if self.inner.is_open() {
            self.shared.begin_close(None);
        }
        self.poll_flush(cx)
    }
}

impl From<Arrival> for Message {
    fn from(arrival: Arrival) -> Message {
        match arrival {
            Arrival::Message(message) => message.into(),
            Arrival::Ping(payload) => Message::Ping(payload),
            Arrival::Pong(payload) => Message::Pong(payload),
        }
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("inner", &self.inner).finish_non_exhaustive()
    }
}

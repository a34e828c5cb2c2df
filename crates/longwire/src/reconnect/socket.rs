//! A connection that is made again, as its user holds it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use longwire_proto::{CloseCode, CloseFrame, Closed};

use super::halves::{Receiver, Sender};
use super::state::{State, States};
use crate::error::Result;
use crate::message::{Message, Outgoing};

/// A WebSocket connection that is made again when it breaks: see [`reconnect`](super) for what happens when.
///
/// It is also a [`Stream`] of messages. Dropped while it is open, it closes the connection with 1001 in the background.
///
/// ```no_run
/// use longwire::{Client, Reconnect};
///
/// # async fn follow() -> longwire::Result<()> {
/// let mut socket = Client::new().reconnecting(Reconnect::default()).connect("wss://example.com/feed")?;
/// socket.send("subscribe news").await?; // waits for the first connection, in a queue
/// while let Some(message) = socket.recv().await? {
///     println!("{message}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReconnectingSocket {
    // Dropped before the receiver, which would otherwise go on for it.
    sender: Sender,
    receiver: Receiver,
}

impl ReconnectingSocket {
    pub(super) fn new((sender, receiver): (Sender, Receiver)) -> ReconnectingSocket {
        ReconnectingSocket { sender, receiver }
    }

    /// Waits for the next message, of this connection or of another that is made meanwhile. `None`: there will be no other,
    /// as [`closed`](ReconnectingSocket::closed) tells.
    ///
    /// Connections are made, and made again, in here, so it has to be called for there to be one.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost, and a try that has begun is gone on with by the next call.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`](crate::Error::GaveUp), once; what follows is `None`. That a connection breaks and is made again is no
    /// error, but a change of [`state`](ReconnectingSocket::state).
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        self.receiver.recv().await
    }

    /// Sends a message: hands it to the connection, or queues it for the next one
    /// ([`Reconnect::while_disconnected`](super::Reconnect::while_disconnected)). It is sent
    /// [at most once](super#what-becomes-of-messages). Waits while the connection has no room for it, as
    /// [`WebSocket::send`](crate::WebSocket::send) does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was neither handed on nor queued.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`](crate::Error::Disconnected): there is no connection, and no room in the queue.
    /// - [`Error::Closed`](crate::Error::Closed): there will be no connection any more.
    pub async fn send(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.send(message).await
    }

    /// Sends a ping on the connection that there is and waits for its pong, as [`WebSocket::ping`](crate::WebSocket::ping)
    /// does: how long the round trip took.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost; the ping may have been sent, and its pong is taken care of.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`](crate::Error::Disconnected): there is no connection at this moment.
    /// - [`Error::Closed`](crate::Error::Closed): the connection ended before the pong had come. There may be another.
    pub async fn ping(&mut self) -> Result<Duration> {
        self.sender.ping().await
    }

    /// Closes the connection, for good: sends what is queued and a Close frame, discards what still arrives, and waits for
    /// the end, as [`WebSocket::close`](crate::WebSocket::close) does. Without a connection, what is queued is discarded.
    ///
    /// # Cancel safety
    ///
    /// The closing begins with the first poll and goes on in the background. To call it again does no harm.
    ///
    /// # Errors
    ///
    /// [`Error::Close`](crate::Error::Close) if the code must not be sent or the reason is longer than 123 bytes; nothing
    /// happens then.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        let _connection = self.sender.send_path().begin_close(CloseFrame::new(code, reason)?);
        // A message that came too late, or an error of a peer that is being left, changes nothing.
        while let Ok(Some(_)) | Err(_) = self.recv().await {}
        Ok(self.closed())
    }

    /// How it ended, for good; before that, how the connection would end if its transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// Whether there is a connection at this moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// The round-trip time of the connection that there is, as [`WebSocket::rtt`](crate::WebSocket::rtt) tells it.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.sender.rtt()
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.sender.state()
    }

    /// How it stands, and every change of that, for a task or a page that shows it.
    ///
    /// ```
    /// # async fn watch() -> longwire::Result<()> {
    /// # use longwire::{Client, Reconnect};
    /// let mut socket = Client::new().reconnecting(Reconnect::default()).connect("wss://example.com/feed")?;
    /// let mut states = socket.states();
    /// tokio::spawn(async move {
    ///     while let Some(state) = states.next().await {
    ///         println!("{state}");
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn states(&self) -> States {
        self.sender.states()
    }

    /// A further sender, for whoever has to reach the connection from outside.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Splits it into its two directions, which can be used by different tasks at the same time.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

/// The messages of all connections; it ends when there will be no other.
impl Stream for ReconnectingSocket {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        Pin::new(&mut self.get_mut().receiver).poll_next(cx)
    }
}

//! A reconnecting connection as the application holds it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use longwire_proto::{CloseCode, CloseFrame, Closed};

use super::halves::{Receiver, Sender};
use super::state::{State, States};
use crate::error::Result;
use crate::message::{Message, Outgoing};

/// A WebSocket connection that is reopened when it breaks; see [`reconnect`](super) for the details.
///
/// It is also a [`Stream`] of messages. Dropping it while it is open closes the connection with 1001 in the background.
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
    // Dropped before the receiver, which would otherwise continue for this sender.
    sender: Sender,
    receiver: Receiver,
}

impl ReconnectingSocket {
    pub(super) fn new((sender, receiver): (Sender, Receiver)) -> ReconnectingSocket {
        ReconnectingSocket { sender, receiver }
    }

    /// Waits for the next message of this connection or a later one. `None` means that there will be no other
    /// connection; [`closed`](ReconnectingSocket::closed) says how the last one ended.
    ///
    /// This call opens and reopens connections: without it, there is no connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost, and the next call continues an attempt that has begun.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`](crate::Error::GaveUp), once; later calls return `None`. A connection that breaks and is
    /// reopened is not an error, but a change of [`state`](ReconnectingSocket::state).
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        self.receiver.recv().await
    }

    /// Sends a message: passes it to the connection, or queues it for the next one
    /// ([`Reconnect::while_disconnected`](super::Reconnect::while_disconnected)). It is sent [at most
    /// once](super#message-delivery). Waits while the connection has no room for it, like
    /// [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is neither sent nor queued.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`](crate::Error::Disconnected): there is no connection, and no room in the queue.
    /// - [`Error::Closed`](crate::Error::Closed): there will be no other connection.
    pub async fn send(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.send(message).await
    }

    /// Sends a ping on the current connection, waits for its pong, and returns the round-trip time, like
    /// [`WebSocket::ping`](crate::WebSocket::ping).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost. The ping may have been sent; its pong is then ignored.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`](crate::Error::Disconnected): there is no connection at the moment.
    /// - [`Error::Closed`](crate::Error::Closed): the connection ended before the pong arrived. Another connection may
    ///   follow.
    pub async fn ping(&mut self) -> Result<Duration> {
        self.sender.ping().await
    }

    /// Closes the connection for good: sends queued messages and a Close frame, discards what still arrives, and waits
    /// for the end, like [`WebSocket::close`](crate::WebSocket::close). Without a connection, queued messages are
    /// discarded.
    ///
    /// # Cancel safety
    ///
    /// Closing begins with the first poll and continues in the background. Calling it again is harmless.
    ///
    /// # Errors
    ///
    /// [`Error::Close`](crate::Error::Close) if the code must not be sent or the reason is longer than 123 bytes. The
    /// connection then stays open.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        let _connection = self.sender.send_path().begin_close(CloseFrame::new(code, reason)?);
        // Ignore late messages, and errors of a peer that this end is leaving.
        while let Ok(Some(_)) | Err(_) = self.recv().await {}
        Ok(self.closed())
    }

    /// How the last connection ended, for good. Before that: how the connection would end if its transport vanished now
    /// (1006, closed by neither end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// Whether there is an open connection at the moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// The last round-trip time of the current connection, like [`WebSocket::rtt`](crate::WebSocket::rtt).
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.sender.rtt()
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.sender.state()
    }

    /// The current state and every later change, for a task or a page that shows it.
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

    /// Creates another sender, for tasks that send from outside.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Splits the socket into its two directions, which can be used by different tasks at the same time.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

/// The stream contains the messages of all connections. It ends when there will be no other connection.
impl Stream for ReconnectingSocket {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        Pin::new(&mut self.get_mut().receiver).poll_next(cx)
    }
}

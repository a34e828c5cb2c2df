//! The two directions of a reconnecting connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use longwire_proto::{CloseCode, CloseFrame, Closed};
use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;

use super::attempts::Attempts;
use super::send_path::{SendPath, Sent};
use super::state::{State, States};
use crate::error::{Cause, Error, Result};
use crate::halves::TrySendError;
use crate::message::{Message, Outgoing};
use crate::shared::state::Frames;

/// Sends on a connection that is reopened when it breaks, from any task; cheap to clone.
///
/// Messages are sent in the order in which their `send` completed.
///
/// ```no_run
/// use longwire::{Client, Reconnect};
///
/// # async fn follow() -> longwire::Result<()> {
/// let socket = Client::new().reconnecting(Reconnect::default()).connect("wss://example.com/feed")?;
/// let (sender, mut receiver) = socket.split();
/// tokio::spawn(async move { sender.send("subscribe news").await });
/// while let Some(message) = receiver.recv().await? {
///     println!("{message}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sender {
    send_path: Arc<SendPath>,
}

/// Receives on a connection that is reopened when it breaks, and reopens it.
///
/// When it is dropped, a task takes its place and discards incoming messages, so that the [`Sender`]s can continue.
///
/// ```no_run
/// /// Prints all messages, over any number of connections.
/// async fn print(mut receiver: longwire::reconnect::Receiver) -> longwire::Result<()> {
///     while let Some(message) = receiver.recv().await? {
///         println!("{message}");
///     }
///     println!("{}", receiver.closed());
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Receiver {
    send_path: Arc<SendPath>,
    /// `None` only while this is being dropped.
    attempts: Option<Attempts>,
    runtime: Handle,
}

pub(super) fn halves(send_path: Arc<SendPath>, attempts: Attempts, runtime: Handle) -> (Sender, Receiver) {
    (Sender { send_path: Arc::clone(&send_path) }, Receiver { send_path, attempts: Some(attempts), runtime })
}

impl Sender {
    /// Sends a message: passes it to the connection, or queues it for the next one ([`Reconnect::while_disconnected`]).
    /// It is sent [at most once](super#message-delivery). Waits while the connection has no room for it, like
    /// [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// [`Reconnect::while_disconnected`]: super::Reconnect::while_disconnected
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is neither sent nor queued.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`]: there is no connection, and no room in the queue.
    /// - [`Error::Closed`]: there will be no other connection.
    pub async fn send(&self, message: impl Into<Outgoing>) -> Result<()> {
        let message = message.into();
        // A sender that never has to wait must still yield to other tasks.
        consume_budget().await;
        while let Sent::NoRoom(connection) = self.send_path.send(&message)? {
            // If the connection broke instead, the next `send` finds that out.
            let _room_or_end = connection.room(Frames::Message).await;
        }
        Ok(())
    }

    /// Sends like [`send`](Sender::send), but never waits.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] returns the message: the connection or the queue has no room. [`TrySendError::Closed`]:
    /// there will be no other connection.
    pub fn try_send(&self, message: impl Into<Outgoing>) -> Result<(), TrySendError> {
        let outgoing = message.into();
        match self.send_path.send(&outgoing) {
            Ok(Sent::Taken) => Ok(()),
            Ok(Sent::NoRoom(_)) | Err(Error::Disconnected { .. }) => {
                Err(TrySendError::Full(outgoing.message))
            }
            Err(Error::Closed(closed)) => Err(TrySendError::Closed(*closed)),
            Err(_) => Err(TrySendError::Closed(self.send_path.closed())),
        }
    }

    /// Sends a ping on the current connection, waits for its pong, and returns the round-trip time, like
    /// [`Sender::ping`](crate::Sender::ping).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost. The ping may have been sent; its pong is then ignored.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`]: there is no connection at the moment.
    /// - [`Error::Closed`]: the connection ended before the pong arrived. Another connection may follow.
    pub async fn ping(&self) -> Result<Duration> {
        self.send_path.connection()?.ping().await
    }

    /// Closes the connection for good and waits for the end of the closing handshake. Queued messages are sent first if
    /// there is a connection, and discarded otherwise. The holder of the [`Receiver`] must keep receiving, as for
    /// [`Sender::close`](crate::Sender::close).
    ///
    /// # Cancel safety
    ///
    /// Closing begins with the first poll and continues in the background. Calling it again is harmless.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes. The connection then stays
    /// open.
    pub async fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        if let Some(connection) = self.send_path.begin_close(CloseFrame::new(code, reason)?) {
            let closed = connection.ended().await;
            self.send_path.end(Cause::Closed(closed));
        }
        Ok(self.send_path.closed())
    }

    /// Whether there is an open connection at the moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.send_path.of_connection(crate::halves::Sender::is_open).unwrap_or(false)
    }

    /// The last round-trip time of the current connection, like [`WebSocket::rtt`](crate::WebSocket::rtt).
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.send_path.of_connection(crate::halves::Sender::rtt).flatten()
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.send_path.state()
    }

    /// The current state and every later change.
    #[must_use]
    pub fn states(&self) -> States {
        self.send_path.states()
    }

    pub(super) fn send_path(&self) -> &SendPath {
        &self.send_path
    }
}

impl Clone for Sender {
    fn clone(&self) -> Sender {
        self.send_path.add_sender();
        Sender { send_path: Arc::clone(&self.send_path) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.send_path.remove_sender();
    }
}

impl Receiver {
    /// Waits for the next message of this connection or a later one. `None` means that there will be no other
    /// connection; [`closed`](Receiver::closed) says how the last one ended.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost, and the next call continues an attempt that has begun.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`], once; later calls return `None`.
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// How the last connection ended, for good. Before that: how the connection would end if its transport vanished now
    /// (1006, closed by neither end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.send_path.closed()
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.send_path.state()
    }

    /// The current state and every later change.
    #[must_use]
    pub fn states(&self) -> States {
        self.send_path.states()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        match &mut self.attempts {
            Some(attempts) => attempts.poll_recv(cx),
            None => Poll::Ready(Ok(None)),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(mut attempts) = self.attempts.take()
            && self.send_path.has_senders()
        {
            self.runtime.spawn(poll_fn(move |cx| attempts.poll_discard(cx)));
        }
    }
}

/// The stream contains the messages of all connections. It ends when there will be no other connection.
impl Stream for Receiver {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        self.get_mut().poll_recv(cx).map(Result::transpose)
    }
}

//! The two directions of a connection that is made again.

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

/// Sends on a connection that is made again when it breaks, from any task; cheap to clone.
///
/// Messages leave in the order in which their `send` finished.
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

/// Receives on a connection that is made again when it breaks, and makes it again.
///
/// When it is dropped, a task takes its place, which discards what arrives, so that the [`Sender`]s can go on.
///
/// ```no_run
/// /// Prints what comes, over any number of connections.
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
    /// `None` only while it is dropped.
    attempts: Option<Attempts>,
    runtime: Handle,
}

pub(super) fn halves(send_path: Arc<SendPath>, attempts: Attempts, runtime: Handle) -> (Sender, Receiver) {
    (Sender { send_path: Arc::clone(&send_path) }, Receiver { send_path, attempts: Some(attempts), runtime })
}

impl Sender {
    /// Sends a message: hands it to the connection, or queues it for the next one ([`Reconnect::while_disconnected`]). It is
    /// sent [at most once](super#what-becomes-of-messages). Waits while the connection has no room for it, as
    /// [`WebSocket::send`](crate::WebSocket::send) does.
    ///
    /// [`Reconnect::while_disconnected`]: super::Reconnect::while_disconnected
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was neither handed on nor queued.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`]: there is no connection, and no room in the queue.
    /// - [`Error::Closed`]: there will be no connection any more.
    pub async fn send(&self, message: impl Into<Outgoing>) -> Result<()> {
        let message = message.into();
        // A sender that never has to wait still lets other tasks have their turn.
        consume_budget().await;
        while let Sent::NoRoom(connection) = self.send_path.send(&message)? {
            // If it broke instead, the message goes another way.
            let _room_or_end = connection.room(Frames::Message).await;
        }
        Ok(())
    }

    /// Sends like [`send`](Sender::send) if that is possible without waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] gives the message back: connection or queue have no room. [`TrySendError::Closed`]: there will
    /// be no connection any more.
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

    /// Sends a ping on the connection that there is and waits for its pong, as [`Sender::ping`](crate::Sender::ping) does:
    /// how long the round trip took.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost; the ping may have been sent, and its pong is taken care of.
    ///
    /// # Errors
    ///
    /// - [`Error::Disconnected`]: there is no connection at this moment.
    /// - [`Error::Closed`]: the connection ended before the pong had come. There may be another.
    pub async fn ping(&self) -> Result<Duration> {
        self.send_path.connection()?.ping().await
    }

    /// Closes the connection, for good, and waits for the end of the closing handshake. What was queued is sent before, if
    /// there is a connection, and discarded if there is none. Whoever holds the [`Receiver`] has to go on receiving, as for
    /// [`Sender::close`](crate::Sender::close).
    ///
    /// # Cancel safety
    ///
    /// The closing begins with the first poll and goes on in the background. To call it again does no harm.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes; nothing happens then.
    pub async fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        if let Some(connection) = self.send_path.begin_close(CloseFrame::new(code, reason)?) {
            let closed = connection.ended().await;
            self.send_path.end(Cause::Closed(closed));
        }
        Ok(self.send_path.closed())
    }

    /// Whether there is a connection at this moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.send_path.of_connection(crate::halves::Sender::is_open).unwrap_or(false)
    }

    /// The round-trip time of the connection that there is, as [`WebSocket::rtt`](crate::WebSocket::rtt) tells it.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.send_path.of_connection(crate::halves::Sender::rtt).flatten()
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.send_path.state()
    }

    /// How it stands, and every change of that.
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
    /// Waits for the next message, of this connection or of another that is made meanwhile. `None`: there will be no other,
    /// as [`closed`](Receiver::closed) tells.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost, and a try that has begun is gone on with by the next call.
    ///
    /// # Errors
    ///
    /// [`Error::GaveUp`], once; what follows is `None`.
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// How it ended, for good; before that, how the connection would end if its transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.send_path.closed()
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.send_path.state()
    }

    /// How it stands, and every change of that.
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

/// The messages of all connections; it ends when there will be no other.
impl Stream for Receiver {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        self.get_mut().poll_recv(cx).map(Result::transpose)
    }
}

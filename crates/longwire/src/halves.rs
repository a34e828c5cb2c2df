//! The two directions of a connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use longwire_proto::{CloseCode, CloseFrame, Closed};

use crate::connection::Connection;
use crate::error::Result;
use crate::message::{Message, Outgoing};
use crate::shared::Shared;
use crate::shared::state::Write;

/// Sends on a connection, from any task; cheap to clone.
///
/// Messages are sent in the order in which their `send` (or `feed`) completed. Replies to the messages of one read
/// leave in one write; at other times `send` writes at once. When the last `Sender` and the [`Receiver`] of an open
/// connection are dropped, the connection is closed with 1001.
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn tick(socket: longwire::WebSocket) -> longwire::Result<()> {
/// let (sender, mut receiver) = socket.split();
/// let ticking = sender.clone();
/// tokio::spawn(async move {
///     while ticking.send("tick").await.is_ok() {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///     }
/// });
/// while let Some(message) = receiver.recv().await? {
///     sender.send(message).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
}

/// Receives on a connection.
///
/// Dropping it discards what arrives from then on, in the background; the [`Sender`]s keep working.
///
/// ```no_run
/// # async fn print(socket: longwire::WebSocket) -> longwire::Result<()> {
/// let (sender, mut receiver) = socket.split();
/// let printing = tokio::spawn(async move {
///     while let Ok(Some(message)) = receiver.recv().await {
///         println!("{message}");
///     }
///     receiver.closed()
/// });
/// sender.send("Hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
}

/// Why [`Sender::try_send`] did not queue a message.
///
/// ```
/// use longwire::{Sender, TrySendError};
///
/// /// Sends a price, or leaves it out where the client is too slow for it. Whether the client is still there.
/// fn offer(client: &Sender, price: &str) -> bool {
///     match client.try_send(price) {
///         Ok(()) | Err(TrySendError::Full(_)) => true,
///         Err(TrySendError::Closed(_)) => false,
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrySendError {
    /// More than [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written. Contains the
    /// unsent message.
    Full(Message),
    /// The connection is closing or has ended.
    Closed(Closed),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("too many bytes wait to be written"),
            TrySendError::Closed(closed) => write!(f, "nothing can be sent any more: {closed}"),
        }
    }
}

impl std::error::Error for TrySendError {}

/// Creates the first sender and the receiver of a connection.
pub(crate) fn halves(shared: Arc<Shared>) -> (Sender, Receiver) {
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

impl Sender {
    /// Sends a message. It is queued, and written as soon as the transport takes it. Waits while more than
    /// [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is not queued. Once it completes, the whole message is
    /// sent.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    // Not an `async fn`: its future would hold the message twice.
    pub fn send(&self, message: impl Into<Outgoing>) -> impl Future<Output = Result<()>> + Send {
        self.shared.send(message.into(), Write::Soon)
    }

    /// Queues a message without writing it. The next `send` or `flush` writes it, or the receiver before it reads
    /// again. Waits and fails like [`send`](Sender::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    // Not an `async fn`: its future would hold the message twice.
    pub fn feed(&self, message: impl Into<Outgoing>) -> impl Future<Output = Result<()>> + Send {
        self.shared.send(message.into(), Write::Later)
    }

    /// Sends like [`send`](Sender::send) but never waits: for broadcasting to many receivers, some of which may be
    /// slow.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] returns the message. It also occurs while a message is sent piece by piece
    /// ([`stream_text`](Sender::stream_text)). [`TrySendError::Closed`] says how the connection ended.
    pub fn try_send(&self, message: impl Into<Outgoing>) -> Result<(), TrySendError> {
        match self.shared.try_send(message.into()) {
            Ok(None) => Ok(()),
            Ok(Some(message)) => Err(TrySendError::Full(message)),
            Err(_) => Err(TrySendError::Closed(self.shared.closed())),
        }
    }

    /// Waits until the transport has taken every queued message.
    ///
    /// # Cancel safety
    ///
    /// Queued messages are written whether or not the future is polled to completion.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection ended first.
    pub async fn flush(&self) -> Result<()> {
        self.shared.flush().await
    }

    /// Sends a ping, waits for its pong, and returns the round-trip time, measured from the moment the ping was
    /// written.
    ///
    /// You need not receive at the same time: up to 256 KiB that arrive before the pong are kept for the receiver.
    /// Several pings may be in flight at once. A pong also answers the pings before its own, since a peer may answer
    /// only the newest (RFC 6455 §5.5.3). Only the [keepalive](longwire_proto::Limits::keepalive) limits the wait.
    ///
    /// ```
    /// # async fn far(socket: &mut longwire::WebSocket) -> longwire::Result<()> {
    /// println!("{:?} away", socket.ping().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost. The ping may have been sent; its pong is then ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing, or ends before the pong arrives.
    pub async fn ping(&self) -> Result<Duration> {
        self.shared.ping().await
    }

    /// Sends a ping with a payload of at most 125 bytes and does not wait for the pong: for a peer that reads the
    /// payload.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the ping is not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed), or [`Error::Send`](crate::Error::Send) if the payload is too long.
    pub async fn send_ping(&self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.shared.send_ping(payload.as_ref()).await
    }

    /// Begins the closing handshake and waits for the end of the connection, at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time). Messages that were queued before are sent. The
    /// holder of the [`Receiver`] must keep receiving; otherwise the peer's Close frame is not read.
    ///
    /// # Cancel safety
    ///
    /// The handshake begins with the first poll and continues in the background. Calling it again is harmless.
    ///
    /// # Errors
    ///
    /// [`Error::Close`](crate::Error::Close) if the code must not be sent or the reason is longer than 123 bytes. The
    /// connection then stays open.
    pub async fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        self.shared.begin_close(Some(CloseFrame::new(code, reason)?));
        Ok(self.shared.ended().await)
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// The last round-trip time that was measured, like [`WebSocket::rtt`](crate::WebSocket::rtt).
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.shared.round_trip()
    }

    /// How many bytes wait to be written, including frame headers.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.shared.buffered()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Clone for Sender {
    fn clone(&self) -> Sender {
        self.shared.add_sender();
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl Receiver {
    /// Waits for the next message. `None` means that the connection has ended; [`closed`](Receiver::closed) says how.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol, or the transport failed. The error is returned once; later calls return `None`. A
    /// peer that only vanished is not an error.
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        poll_fn(|cx| self.shared.poll_recv(cx)).await
    }

    /// How the connection ended. While it is open: how it would end if the transport vanished now (1006, closed by
    /// neither end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.shared.closed()
    }

    /// Discards what arrives until the end, in parts: nobody reads the messages, so they need not be assembled.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Ignore late messages, and errors of a peer that this end is leaving.
        while let Ok(Some(_)) | Err(_) = ready!(self.shared.poll_receive(Connection::next_part, cx)) {}
        Poll::Ready(())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.remove_receiver();
    }
}

/// The stream of messages ends with the connection. Dropping a future that waits for the next message loses nothing.
impl Stream for Receiver {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        self.shared.poll_recv(cx).map(Result::transpose)
    }
}

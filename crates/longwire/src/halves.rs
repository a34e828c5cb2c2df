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
/// Messages leave in the order in which their `send` (or `feed`) finished. What one read of the receiver brought is
/// answered in one write; otherwise `send` writes at once. When the last `Sender` and the [`Receiver`] of a connection
/// are dropped while it is open, it is closed with 1001.
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
/// When it is dropped, what arrives is discarded in the background, so that the [`Sender`]s can go on.
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

/// Why [`Sender::try_send`] did not send.
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
    /// More than [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written. The message comes
    /// back.
    Full(Message),
    /// The connection is closing or has ended.
    Closed(Closed),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySendError::Full(_) => f.write_str("too much waits to be written"),
            TrySendError::Closed(closed) => write!(f, "nothing can be sent any more: {closed}"),
        }
    }
}

impl std::error::Error for TrySendError {}

/// The two handles of a connection that has one of each.
pub(crate) fn halves(shared: Arc<Shared>) -> (Sender, Receiver) {
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

impl Sender {
    /// Sends a message: it is queued and written as soon as the transport takes it. Waits while more than
    /// [`Limits::high_water`](longwire_proto::Limits::high_water) bytes wait to be written.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not queued; when it is ready, the message leaves
    /// whole.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn send(&self, message: impl Into<Outgoing>) -> Result<()> {
        self.shared.send(message.into(), Write::Soon).await
    }

    /// Queues a message without writing it: it leaves with the next `send` or `flush`, or before the receiver reads
    /// again. Waits and fails like [`send`](Sender::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing or has ended.
    pub async fn feed(&self, message: impl Into<Outgoing>) -> Result<()> {
        self.shared.send(message.into(), Write::Later).await
    }

    /// Sends like [`send`](Sender::send) if there is room, and does not wait: for one message to many receivers, of
    /// which some may be slow.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] gives the message back, also while a message is sent piece by piece
    /// ([`stream_text`](Sender::stream_text)); [`TrySendError::Closed`] tells how the connection ended.
    pub fn try_send(&self, message: impl Into<Outgoing>) -> Result<(), TrySendError> {
        match self.shared.try_send(message.into()) {
            Ok(None) => Ok(()),
            Ok(Some(message)) => Err(TrySendError::Full(message)),
            Err(_) => Err(TrySendError::Closed(self.shared.closed())),
        }
    }

    /// Waits until the transport has taken everything that was queued.
    ///
    /// # Cancel safety
    ///
    /// What was queued is written whether or not the future is polled to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection ended before.
    pub async fn flush(&self) -> Result<()> {
        self.shared.flush().await
    }

    /// Sends a ping and waits for its pong: how long the round trip took, from when the ping was written.
    ///
    /// It need not be received from meanwhile: what arrives before the pong waits to be received, up to 256 KiB of it. Any
    /// number of pings may be on their way at once; a pong answers those before its own too, since a peer may answer only
    /// the newest (RFC 6455 §5.5.3). How long it takes is bounded by nothing but the [keepalive](longwire_proto::Limits::keepalive).
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
    /// If the future is dropped, nothing that arrived is lost; the ping may have been sent, and its pong is taken care of.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) if the connection is closing, or ends before the pong has come.
    pub async fn ping(&self) -> Result<Duration> {
        self.shared.ping().await
    }

    /// Sends a ping with a payload of at most 125 bytes, and waits for no pong: for a peer that looks at the payload.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the ping was not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed), or [`Error::Send`](crate::Error::Send) for a payload that is too long.
    pub async fn send_ping(&self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.shared.send_ping(payload.as_ref()).await
    }

    /// Begins the closing handshake and waits for the end. Messages that were queued before are sent; whoever holds the
    /// [`Receiver`] has to go on receiving for the peer's answer to be seen. It takes at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time).
    ///
    /// # Cancel safety
    ///
    /// The handshake begins with the first poll and goes on in the background. To call it again does no harm.
    ///
    /// # Errors
    ///
    /// [`Error::Close`](crate::Error::Close) if the code must not be sent or the reason is longer than 123 bytes; nothing happens then.
    pub async fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        self.shared.begin_close(Some(CloseFrame::new(code, reason)?));
        Ok(self.shared.ended().await)
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// How long the last round trip took that was measured; see [`rtt`](crate::WebSocket::rtt) of the
    /// whole.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.shared.round_trip()
    }

    /// How many bytes wait to be written, the headers of frames included.
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
    /// Waits for the next message. `None`: the connection has ended, as [`closed`](Receiver::closed) tells.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing that arrived is lost.
    ///
    /// # Errors
    ///
    /// Something went wrong: the peer broke the protocol, or the transport failed. It is told once; what follows is
    /// `None`. A peer that only vanished is no error.
    pub async fn recv(&mut self) -> Result<Option<Message>> {
        poll_fn(|cx| self.shared.poll_recv(cx)).await
    }

    /// How the connection ended; before that, how it would end if the transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.shared.closed()
    }

    /// Discards what arrives until the end: in parts, so that no message is put together for nobody.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A message that came too late, or an error of a peer that is being left, changes nothing.
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

/// The messages; it ends with the connection. A future that waits for the next one may be dropped: nothing is lost.
impl Stream for Receiver {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        self.shared.poll_recv(cx).map(Result::transpose)
    }
}

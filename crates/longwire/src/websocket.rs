//! A connection as the application holds it.

use std::any::Any;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use http::{HeaderMap, Uri};
use longwire_proto::{CloseCode, CloseFrame, Closed, Config, Role};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;

use crate::connection::Connection;
use crate::connection::receive::Keeping;
use crate::error::{Error, Result};
use crate::established::{Established, Negotiated, OpeningResults};
use crate::halves::{Receiver, Sender, halves};
use crate::message::{Message, Outgoing};
use crate::shared::Shared;
use crate::shared::driver::DrivenBy;
use crate::shared::state::Write;
use crate::sink::SinkWait;
use crate::transport::Transport;

/// One end of a WebSocket connection.
///
/// It is also a [`Stream`] of messages and a [`Sink`] for them. Dropping an open connection closes it with 1001 in the
/// background.
///
/// A connection belongs to the tokio runtime that created it. It can be used on other runtimes. When its own runtime
/// shuts down and the connection needs its background task, the connection is closed, with 1001 if that can still be
/// written.
///
/// ```
/// # async fn chat() -> longwire::Result<()> {
/// let mut socket = longwire::connect("wss://example.com/socket").await?;
/// socket.send("Hello, Server!").await?;
/// while let Some(message) = socket.recv().await? {
///     println!("{message}");
/// }
/// println!("{}", socket.closed()); // closed by peer: 1000 (normal closure)
/// # Ok(())
/// # }
/// ```
///
/// An echo in capitals with the combinators of `futures_util`:
///
/// ```
/// use futures_util::{StreamExt, TryStreamExt};
/// use longwire::{Message, WebSocket};
///
/// # async fn shout(socket: WebSocket) -> longwire::Result<()> {
/// let (sink, stream) = StreamExt::split(socket);
/// stream.map_ok(|message| Message::from(message.to_string().to_uppercase())).forward(sink).await
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    sender: Sender,
    receiver: Receiver,
    sink_wait: SinkWait,
}

impl WebSocket {
    /// Creates a connection over any transport after the opening handshake, such as an upgraded connection of another
    /// HTTP library or a stream of HTTP/2. [`Established`] has an example.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: the closing handshake has a deadline, and a task writes what the transport does not
    /// take at once.
    pub fn established<T>(transport: T, established: Established) -> WebSocket
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        WebSocket::begin(Transport::Other(Box::new(transport)), established, DrivenBy::Itself)
    }

    /// Like [`established`](WebSocket::established), without a subprotocol and without extensions. `read_ahead` holds
    /// the bytes that were read from the transport after the handshake.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, like [`established`](WebSocket::established).
    pub fn over<T>(transport: T, role: Role, config: Arc<Config>, read_ahead: Vec<u8>) -> WebSocket
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        WebSocket::established(transport, Established::new(role, config).read_ahead(read_ahead))
    }

    /// Creates a connection whose memory does not count towards a server's limit.
    pub(crate) fn begin(transport: Transport, established: Established, driven_by: DrivenBy) -> WebSocket {
        let (protocol, read_ahead, negotiated) = established.into_parts();
        WebSocket::open(Connection::new(transport, protocol, read_ahead, None), negotiated, driven_by)
    }

    pub(crate) fn open(connection: Connection, opening: Negotiated, driven_by: DrivenBy) -> WebSocket {
        let (sender, receiver) = halves(Shared::new(connection, Handle::current(), opening, driven_by));
        WebSocket { sender, receiver, sink_wait: SinkWait::Nothing }
    }

    /// Waits for the next message. `None` means that the connection has ended; [`closed`](WebSocket::closed) says how.
    ///
    /// This call also answers pings and the closing handshake: call it all the time to keep the connection alive.
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
        self.receiver.recv().await
    }

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
    /// [`Error::Closed`] if the connection is closing or has ended.
    // Not an `async fn`: its future would hold the message twice.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> impl Future<Output = Result<()>> + Send {
        self.sender.shared().send(message.into(), Write::Soon)
    }

    /// Queues a message without writing it. The next `send` or `flush` writes it, or the next `recv` before it reads.
    /// Waits and fails like [`send`](WebSocket::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the message is not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended.
    // Not an `async fn`: its future would hold the message twice.
    pub fn feed(&mut self, message: impl Into<Outgoing>) -> impl Future<Output = Result<()>> + Send {
        self.sender.shared().send(message.into(), Write::Later)
    }

    /// Waits until the transport has taken every queued message.
    ///
    /// # Cancel safety
    ///
    /// Queued messages are written whether or not the future is polled to completion.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection ended first.
    pub async fn flush(&mut self) -> Result<()> {
        self.sender.flush().await
    }

    /// Sends a ping, waits for its pong, and returns the round-trip time, measured from the moment the ping was
    /// written.
    ///
    /// You need not receive at the same time: up to 256 KiB that arrive before the pong are kept for `recv`. Several
    /// pings may be in flight at once. A pong also answers the pings before its own, since a peer may answer only the
    /// newest (RFC 6455 §5.5.3). Only the [keepalive](longwire_proto::Limits::keepalive) limits the wait.
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
    /// [`Error::Closed`] if the connection is closing, or ends before the pong arrives.
    pub async fn ping(&mut self) -> Result<Duration> {
        self.sender.ping().await
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
    /// [`Error::Closed`], or [`Error::Send`] if the payload is too long.
    pub async fn send_ping(&mut self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.sender.send_ping(payload).await
    }

    /// Closes the connection: sends the queued messages and a Close frame, discards what still arrives, and waits for
    /// the peer's Close frame and the end of the transport, at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time). Calling it again is harmless.
    ///
    /// # Cancel safety
    ///
    /// The closing handshake begins with the first poll. Its deadline holds whether or not the future is polled.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes. The connection then stays
    /// open.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        self.sender.shared().begin_close(Some(CloseFrame::new(code, reason)?));
        poll_fn(|cx| self.receiver.poll_end(cx)).await;
        Ok(self.closed())
    }

    /// How the connection ended. While it is open: how it would end if the transport vanished now (1006, closed by
    /// neither end).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// The last round-trip time that the keepalive or [`ping`](WebSocket::ping) measured: from writing the ping to
    /// receiving its pong. `None` if the first ping of the keepalive is not answered yet, or if the keepalive is off.
    ///
    /// ```
    /// use std::time::Duration;
    /// use longwire::{Client, Keepalive};
    ///
    /// # async fn far() -> longwire::Result<()> {
    /// let often = Keepalive::every(Duration::from_secs(5)).within(Duration::from_secs(5));
    /// let mut socket = Client::new().keepalive(often).connect("wss://example.com/socket").await?;
    /// while let Some(message) = socket.recv().await? {
    ///     println!("{message} ({:?} away)", socket.rtt());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.sender.rtt()
    }

    /// Splits the connection into its two directions, which can be used by different tasks at the same time.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// The subprotocol that both ends agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.opening().subprotocol()
    }

    /// The requested URI: the whole URL on a client, path and query on a server.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.opening().uri
    }

    /// The address of the peer, if the transport has one. On a server, it is the client's, as in
    /// [`Upgrade::peer_addr`](crate::Upgrade::peer_addr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.opening().peer_addr
    }

    /// The headers of the server's response; empty on a server.
    #[must_use]
    pub fn response_headers(&self) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        self.opening().response_headers().unwrap_or(&NONE)
    }

    /// The extensions that both ends agreed on, as the server's response lists them, such as `permessage-deflate`.
    /// Empty without extensions.
    #[must_use]
    pub fn extensions(&self) -> &str {
        self.opening().extensions()
    }

    /// The value that the server's application attached (with `Accept::attach`) when it accepted the connection.
    #[must_use]
    pub fn attached<T: Any + Clone + Send + Sync>(&self) -> Option<&T> {
        self.opening().attached()
    }

    /// Creates another sender, for tasks that send from outside.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    pub(crate) fn receiver_mut(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    fn opening(&self) -> &OpeningResults {
        &self.receiver.shared().opening
    }
}

/// The stream of messages ends with the connection. Dropping a future that waits for the next message loses nothing.
impl Stream for WebSocket {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        Pin::new(&mut self.get_mut().receiver).poll_next(cx)
    }
}

/// Accepts messages like [`feed`](WebSocket::feed) and [`flush`](WebSocket::flush).
///
/// Closing the sink closes the connection with 1000 and waits for its end. Messages that arrive in the meantime belong
/// to the stream, which need not be read: up to 64 KiB are kept for it. If more arrives, the close completes as soon as
/// the Close frame is written, and the connection ends when the stream is read or dropped. `start_send` fails with
/// [`Error::Send`] if a message that is sent piece by piece begins between `poll_ready` and `start_send`.
///
/// # Cancel safety
///
/// Once a flush has begun, accepted messages are sent whether or not the flush is awaited to completion. If
/// `SinkExt::feed` is dropped before it completes, the message is not queued. `SinkExt::send` feeds and flushes, so a
/// dropped `send` may or may not have queued the message. A close begins with the first poll and continues in the
/// background.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        this.sink_wait.poll_room(this.sender.shared(), cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<()> {
        self.sender.shared().send_granted(message.into())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        this.sink_wait.poll_flush(this.sender.shared(), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let shared = this.sender.shared();
        if shared.is_open() {
            shared.begin_close(CloseFrame::new(CloseCode::NORMAL, "").ok());
        }
        // Keep reading: the peer may not read before it has written.
        let flushed = this.sink_wait.poll_flush(shared, cx);
        match ready!(shared.poll_close(cx)) {
            // The stream reports how the connection ended.
            Keeping::More => Poll::Ready(Ok(())),
            Keeping::Full => flushed.map(|_| Ok(())),
        }
    }
}

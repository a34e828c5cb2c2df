//! A connection as its user holds it.

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
use crate::established::{Established, Negotiated};
use crate::halves::{Receiver, Sender, halves};
use crate::message::{Message, Outgoing};
use crate::shared::Shared;
use crate::shared::driver::DrivenBy;
use crate::shared::state::Write;
use crate::sink::SinkWait;
use crate::transport::Transport;

/// One end of a WebSocket connection.
///
/// It is also a [`Stream`] of messages and a [`Sink`] for them. Dropped while it is open, it closes the connection with
/// 1001 in the background.
///
/// It belongs to the tokio runtime that it was made in: it can be used on others, but when its own is shut down and its
/// task is needed, it is closed, with 1001 as far as that can still be written.
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
/// With the combinators of `futures_util`, an echo in capitals:
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
    /// A connection over any transport whose opening handshake is done, such as an upgraded connection of another HTTP
    /// library, or one stream of HTTP/2. [`Established`] has an example.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: closing has a deadline, and what the transport does not take at once is written by a
    /// task.
    pub fn established<T>(transport: T, established: Established) -> WebSocket
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        WebSocket::begin(Transport::Other(Box::new(transport)), established, DrivenBy::Itself)
    }

    /// [`established`](WebSocket::established), without a subprotocol and without extensions. `read_ahead` is what was
    /// read from the transport behind the handshake.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as [`established`](WebSocket::established) does.
    pub fn over<T>(transport: T, role: Role, config: Arc<Config>, read_ahead: Vec<u8>) -> WebSocket
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        WebSocket::established(transport, Established::new(role, config).read_ahead(read_ahead))
    }

    /// A connection whose memory no server counts.
    pub(crate) fn begin(transport: Transport, established: Established, driven_by: DrivenBy) -> WebSocket {
        let (protocol, read_ahead, negotiated) = established.into_parts();
        WebSocket::open(Connection::new(transport, protocol, read_ahead, None), negotiated, driven_by)
    }

    pub(crate) fn open(connection: Connection, opening: Negotiated, driven_by: DrivenBy) -> WebSocket {
        let (sender, receiver) = halves(Shared::new(connection, Handle::current(), opening, driven_by));
        WebSocket { sender, receiver, sink_wait: SinkWait::Nothing }
    }

    /// Waits for the next message. `None`: the connection has ended, as [`closed`](WebSocket::closed) tells.
    ///
    /// Pings are answered and the closing handshake is done in here, so it has to be called for the connection to live.
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
        self.receiver.recv().await
    }

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
    /// [`Error::Closed`] if the connection is closing or has ended.
    pub async fn send(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.shared().send(message.into(), Write::Soon).await
    }

    /// Queues a message without writing it: it leaves with the next `send` or `flush`, or before `recv` reads again.
    /// Waits and fails like [`send`](WebSocket::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection is closing or has ended.
    pub async fn feed(&mut self, message: impl Into<Outgoing>) -> Result<()> {
        self.sender.shared().send(message.into(), Write::Later).await
    }

    /// Waits until the transport has taken everything that was queued.
    ///
    /// # Cancel safety
    ///
    /// What was queued is written whether or not the future is polled to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection ended before.
    pub async fn flush(&mut self) -> Result<()> {
        self.sender.flush().await
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
    /// [`Error::Closed`] if the connection is closing, or ends before the pong has come.
    pub async fn ping(&mut self) -> Result<Duration> {
        self.sender.ping().await
    }

    /// Sends a ping with a payload of at most 125 bytes, and waits for no pong: for a peer that looks at the payload.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the ping was not queued.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], or [`Error::Send`] for a payload that is too long.
    pub async fn send_ping(&mut self, payload: impl AsRef<[u8]>) -> Result<()> {
        self.sender.send_ping(payload).await
    }

    /// Closes the connection: sends what is queued and a Close frame, discards what still arrives, and waits for the
    /// peer's answer and the end of the transport, at most
    /// [`Limits::close_time`](longwire_proto::Limits::close_time). To call it again does no harm.
    ///
    /// # Cancel safety
    ///
    /// The closing handshake begins with the first poll and has its deadline whether or not the future is polled.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code must not be sent or the reason is longer than 123 bytes; nothing happens then.
    pub async fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<Closed> {
        self.sender.shared().begin_close(Some(CloseFrame::new(code, reason)?));
        poll_fn(|cx| self.receiver.poll_end(cx)).await;
        Ok(self.closed())
    }

    /// How the connection ended; before that, how it would end if the transport vanished now (1006, by nobody).
    #[must_use]
    pub fn closed(&self) -> Closed {
        self.receiver.closed()
    }

    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    /// How long the last round trip took that was measured, by the keepalive or by [`ping`](WebSocket::ping): from when the
    /// ping was written to when its pong arrived. `None`: none was, since the first ping of the keepalive is not answered
    /// yet, or it is switched off.
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
        self.opening().subprotocol.as_deref()
    }

    /// The address that was asked for: the whole URL at a client, path and query at a server.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.opening().uri
    }

    /// The address of the peer, where the transport has one.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.opening().peer_addr
    }

    /// The headers of the server's response; empty at a server.
    #[must_use]
    pub fn response_headers(&self) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        self.opening().response_headers.as_deref().unwrap_or(&NONE)
    }

    /// The extensions that both ends agreed on, as the server's response names them, such as `permessage-deflate`; empty
    /// if there are none.
    #[must_use]
    pub fn extensions(&self) -> &str {
        &self.opening().agreed
    }

    /// What the server's application attached (with `Accept::attach`) when it accepted the connection.
    #[must_use]
    pub fn attached<T: Any + Clone + Send + Sync>(&self) -> Option<&T> {
        self.opening().attached.get()
    }

    /// A further sender, for whoever has to reach the connection from outside.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    pub(crate) fn receiver_mut(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    fn opening(&self) -> &Negotiated {
        &self.receiver.shared().opening
    }
}

/// The messages; it ends with the connection. A future that waits for the next one may be dropped: nothing is lost.
impl Stream for WebSocket {
    type Item = Result<Message>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        Pin::new(&mut self.get_mut().receiver).poll_next(cx)
    }
}

/// Takes messages, as [`feed`](WebSocket::feed) and [`flush`](WebSocket::flush) do; closing the sink closes the
/// connection with 1000, and waits for the end. What arrives meanwhile belongs to the stream, which need not be read for
/// that: 64 KiB are kept for it. If more comes, closing is done as soon as the Close frame is written, and the end comes
/// when the stream is read or dropped. If a message that is sent piece by piece begins between `poll_ready` and `start_send`, the latter
/// fails with [`Error::Send`].
///
/// # Cancel safety
///
/// What was put in is sent once a flush has begun, whether or not anybody waits for its end. `SinkExt::feed`, if dropped before it is ready, has
/// put nothing in; of `SinkExt::send`, which feeds and flushes, that is not known. A close begins with the first poll and
/// goes on in the background.
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
        // Reading goes on meanwhile: the peer may not read before it has written.
        let flushed = this.sink_wait.poll_flush(shared, cx);
        match ready!(shared.poll_close(cx)) {
            // How it ended, the stream tells.
            Keeping::More => Poll::Ready(Ok(())),
            Keeping::Full => flushed.map(|_| Ok(())),
        }
    }
}

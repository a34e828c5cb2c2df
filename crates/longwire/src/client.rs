//! The client.

mod address;
mod opening;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::ClientHandshake;
use longwire_proto::{Config, FrameObserver, Keepalive, Limits, Protocol, Role};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::Instrument;

use crate::connection::Connection;
#[cfg(not(feature = "tls"))]
use crate::error::UrlError;
use crate::error::{Error, HandshakeError, Result};
use crate::opening::extensions_header;
use crate::shared::driver::DrivenBy;
use crate::telemetry;
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;
use crate::websocket::WebSocket;
use address::Address;

/// Connects to a WebSocket server with the defaults of [`Client`].
///
/// ```
/// # async fn hello() -> longwire::Result<()> {
/// let mut socket = longwire::connect("wss://example.com/socket").await?;
/// socket.send("Hello, Server!").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// If the future is dropped, the attempt is given up.
///
/// # Errors
///
/// As for [`Client::connect`].
pub async fn connect(url: impl AsRef<str>) -> Result<WebSocket> {
    Client::new().connect(url).await
}

/// How to connect. A `Client` can connect any number of times.
///
/// ```
/// use http::header::AUTHORIZATION;
/// use longwire::{Client, Limits};
///
/// # async fn chat() -> longwire::Result<()> {
/// let socket = Client::new()
///     .subprotocols(["chat.v2", "chat.v1"])
///     .header(AUTHORIZATION, "Bearer 1234".parse().map_err(longwire::Error::other)?)
///     .limits(Limits::default().message(4 << 20))
///     .connect("wss://example.com/socket")
///     .await?;
/// let (sender, mut receiver) = socket.split();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    subprotocols: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    config: Config,
    connect_time: Duration,
    #[cfg(feature = "tls")]
    tls: ClientTls,
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl Client {
    /// A client with defaults: no subprotocols, the [`Limits`] that are safe, the certificate authorities of the
    /// system.
    #[must_use]
    pub fn new() -> Client {
        Client {
            subprotocols: Vec::new(),
            headers: Vec::new(),
            config: Config::default(),
            connect_time: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls: ClientTls::default(),
        }
    }

    /// The subprotocols to offer, the preferred one first. Which one the server chose is told by
    /// [`WebSocket::subprotocol`].
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Client {
        self.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header to the request. Those that make it an opening handshake (`Host`, `Upgrade`, `Sec-WebSocket-Key`
    /// and their like) cannot be replaced: connecting fails then.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Client {
        self.headers.push((name, value));
        self
    }

    /// How messages are compressed if the server agrees (permessage-deflate, RFC 7692); with the defaults of [`Deflate`]
    /// unless set. `None`: it is not offered.
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Client {
        self.config.deflate = deflate.into();
        self
    }

    /// What a connection may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Client {
        self.config.limits = limits;
        self
    }

    /// How a server that is gone without a word is found out; short for [`Limits::keepalive`].
    #[must_use]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Client {
        self.config.limits.keepalive = keepalive.into();
        self
    }

    /// How long name lookup and TCP connection may take; 10 s unless set. What follows has
    /// [`Limits::handshake_time`].
    #[must_use]
    pub fn connect_time(mut self, time: Duration) -> Client {
        self.connect_time = time;
        self
    }

    /// Whom to trust.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Client {
        self.tls = tls;
        self
    }

    /// Tells `observer` of every frame.
    #[must_use]
    pub fn observer(mut self, observer: FrameObserver) -> Client {
        self.config.observer = Some(observer);
        self
    }

    /// Connects to a URL that begins with `ws://` or `wss://` (or `http://`, `https://`, as in browsers), by default at
    /// port 80 or 443.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the attempt is given up.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is none of a WebSocket.
    /// - [`Error::Io`], [`Error::Timeout`]: the name, the TCP connection or TLS failed, or took too long.
    /// - [`Error::Refused`]: the server answered, but did not open a WebSocket; with its status and the start of its
    ///   text.
    /// - [`Error::Handshake`]: what came back is no answer to an opening handshake, or the request cannot be made.
    pub async fn connect(&self, url: impl AsRef<str>) -> Result<WebSocket> {
        let address = Address::parse(url.as_ref())?;
        // Before any connection is made: a mistake of the caller should not cost the network anything.
        let handshake = self.handshake(&address)?;
        let span = tracing::debug_span!("connect", url = %address);
        async {
            let stream = self.connect_tcp(&address).await?;
            let opening = async {
                let peer_addr = stream.peer_addr().ok();
                let transport = self.secure(stream, &address).await?;
                self.open(transport, &address, handshake, peer_addr).await
            };
            self.within_handshake_time(&address, opening).await
        }
        .instrument(span)
        .await
    }

    /// Opens a WebSocket over a transport that is connected already: a tunnel, a Unix socket, a TLS stream of another
    /// library. The URL says what is asked for; nothing is looked up, connected or encrypted.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transport is dropped.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Client::connect), from the opening handshake on.
    pub async fn connect_over<T>(&self, transport: T, url: impl AsRef<str>) -> Result<WebSocket>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = Address::parse(url.as_ref())?;
        let handshake = self.handshake(&address)?;
        let transport = Transport::Other(Box::new(transport));
        self.within_handshake_time(&address, self.open(transport, &address, handshake, None)).await
    }

    fn handshake(&self, address: &Address) -> Result<ClientHandshake> {
        let request = |error| HandshakeError::Request(error);
        let mut handshake = ClientHandshake::new(address.host_header(), address.target())
            .subprotocols(self.subprotocols.iter().map(String::as_str))
            .map_err(request)?;
        if let Some(deflate) = &self.config.deflate {
            handshake = handshake.extensions(deflate.offers()).map_err(request)?;
        }
        for (name, value) in &self.headers {
            handshake = handshake.header(name.clone(), value.clone()).map_err(request)?;
        }
        Ok(handshake)
    }

    async fn connect_tcp(&self, address: &Address) -> Result<TcpStream> {
        let doing = || format!("connect to {}", address.authority());
        let connected = timeout(self.connect_time, TcpStream::connect(address.socket_address())).await;
        let stream = connected
            .map_err(|_| Error::timeout(doing(), self.connect_time))?
            .map_err(|error| Error::io(doing(), error))?;
        // Messages are gathered here already; Nagle's algorithm would only delay them.
        stream.set_nodelay(true).map_err(|error| Error::io(doing(), error))?;
        Ok(stream)
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, stream: TcpStream, address: &Address) -> Result<Transport> {
        if !address.is_secure() {
            return Ok(Transport::Tcp(stream));
        }
        let doing = || format!("secure the connection to {} by TLS", address.authority());
        let name = address.tls_name().map_err(|error| Error::io(doing(), error))?;
        let connector = tokio_rustls::TlsConnector::from(self.tls.config()?);
        let secured = connector.connect(name, stream).await;
        let stream = secured.map_err(|error| Error::io(doing(), explained(error)))?;
        Ok(Transport::ClientTls(Box::new(stream)))
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(&self, stream: TcpStream, address: &Address) -> Result<Transport> {
        if address.is_secure() {
            Err(UrlError::NoTls(address.to_string()).into())
        } else {
            Ok(Transport::Tcp(stream))
        }
    }

    async fn open(
        &self,
        mut transport: Transport,
        address: &Address,
        handshake: ClientHandshake,
        peer_addr: Option<std::net::SocketAddr>,
    ) -> Result<WebSocket> {
        let opened = opening::shake_hands(&mut transport, &handshake, &self.config.limits, address).await?;
        let mut protocol = Protocol::new(Role::Client, Arc::new(self.config.clone()));
        // Whatever was agreed on is one of the offers, and this is the only extension that is offered.
        if let (Some(deflate), Some(answer)) = (&self.config.deflate, opened.agreed.extensions.first()) {
            let agreement = deflate.confirm(answer).map_err(HandshakeError::Deflate)?;
            protocol = protocol.with_deflate(&agreement);
        }
        let opening = crate::opening::Opening {
            uri: address.uri(),
            subprotocol: opened.agreed.subprotocol,
            agreed: extensions_header(&opened.headers),
            peer_addr,
            response_headers: Some(Box::new(opened.headers)),
            attached: http::Extensions::new(),
        };
        tracing::debug!(subprotocol = opening.subprotocol.as_deref(), "open");
        let connection = Connection::new(transport, protocol, opened.read_ahead, None);
        Ok(WebSocket::open(connection, opening, DrivenBy::Itself))
    }

    async fn within_handshake_time<T>(
        &self,
        address: &Address,
        opening: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let limit = self.config.limits.handshake_time;
        let begun = Instant::now();
        let opened = timeout(limit, opening)
            .await
            .map_err(|_| Error::timeout(format!("open a WebSocket at {address}"), limit))??;
        telemetry::shook_hands(Role::Client, begun);
        Ok(opened)
    }
}

/// An error of TLS, with what to do about it where that is known.
#[cfg(feature = "tls")]
fn explained(error: std::io::Error) -> std::io::Error {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidMessage(_)) => std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the server does not speak TLS there; connect with ws:// if it is meant to be so",
        ),
        _ => error,
    }
}

//! The client.

mod address;
mod connect;
mod connector;
pub(crate) mod credentials;
mod destination;
mod dialer;
mod open;
mod proxy;
mod redirect;
mod request;
mod resolve;
mod response;
#[cfg(feature = "tls")]
mod secure;
mod step;
mod timeouts;
pub(crate) mod url;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::ClientHandshake;
use longwire_proto::{Config, FrameObserver, Keepalive, Limits};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Instrument;

use crate::error::{Error, HandshakeError, Result};
#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::transport::Transport;
use crate::websocket::WebSocket;
use address::Address;
use connector::Connector;
use credentials::Credentials;
pub use destination::Destination;
use dialer::{Dialer, Reached, Route};
use open::open;
pub use proxy::Proxy;
use proxy::ProxyChoice;
use request::{Request, Secrets};
use resolve::Resolver;
pub use step::ConnectStep;
#[cfg(feature = "tls")]
pub use step::Secured;
use step::Steps;
pub use timeouts::Timeouts;

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
///     .header(AUTHORIZATION, "Bearer 1234")
///     .limits(Limits::default().message(4 << 20))
///     .connect("wss://example.com/socket")
///     .await?;
/// let (sender, mut receiver) = socket.split();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    request: Request,
    config: Config,
    /// What was set beside the limits, and comes before them.
    keepalive: Option<Option<Keepalive>>,
    /// What was set beside the times, and comes before them.
    connect_time: Option<Duration>,
    max_redirects: usize,
    way: Dialer,
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl Client {
    /// A client with defaults: no subprotocols, the [`Limits`] that are safe, the certificate authorities of the
    /// system, the proxy that the environment names.
    #[must_use]
    pub fn new() -> Client {
        Client {
            request: Request::default(),
            config: Config::default(),
            keepalive: None,
            connect_time: None,
            max_redirects: 0,
            way: Dialer::default(),
        }
    }

    /// The subprotocols to offer, the preferred one first. Which one the server chose is told by
    /// [`WebSocket::subprotocol`].
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Client {
        self.request.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header to the request. A header of which a request has one at most (`Authorization`, `Proxy-Authorization`,
    /// `Origin`, `User-Agent`, `Referer`, `From`) replaces the one that was set before; cookies are joined in one line;
    /// any other header is one more line. The values of `Authorization`, `Cookie` and `Proxy-Authorization` are not
    /// shown by `Debug`.
    ///
    /// What can be set in several ways follows one rule: a header comes before a setting of its own, such as
    /// [`basic_auth`](Client::basic_auth), and that before the URL. Only the headers that make the request an opening
    /// handshake (`Host`, which the URL gives, `Upgrade`, `Connection`, `Content-Length`, `Transfer-Encoding` and every
    /// `Sec-WebSocket-*`, among them the subprotocols) cannot be set: connecting fails then.
    ///
    /// Name and value are text, or what the `http` crate has for them. What cannot be sent is an error when the client
    /// connects.
    ///
    /// ```
    /// use http::header::COOKIE;
    ///
    /// let client = longwire::Client::new().header("x-api-key", "1234").header(COOKIE, "session=1234; theme=dark");
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl TryInto<HeaderValue>) -> Client {
        self.request.add(name.as_ref(), value);
        self
    }

    /// Sends user and password as Basic authorization (RFC 7617), as those of a URL are, in place of which they are sent. A
    /// [header](Client::header) `Authorization` comes before both. `user` has to be without a colon, since that is where
    /// the password begins.
    ///
    /// ```
    /// # async fn log_in() -> longwire::Result<()> {
    /// let client = longwire::Client::new().basic_auth("me", "s@cret");
    /// let socket = client.connect("wss://example.com/socket").await?; // or wss://me:s%40cret@example.com/socket
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Client {
        self.request.credentials = Some(Credentials { user: user.to_owned(), password: password.to_owned() });
        self
    }

    /// How many redirects to follow; none unless set, and then a redirect is [`Error::Refused`]. When there are more, that
    /// is [`HandshakeError::TooManyRedirects`](crate::HandshakeError::TooManyRedirects). `http` and `https` in them stand for `ws` and `wss`. From `wss` to `ws` none
    /// is followed. Another origin (scheme, host, port) is not sent what tells who asks: the headers `Authorization`,
    /// `Cookie` and `Proxy-Authorization`, and user and password of the URL.
    ///
    /// ```
    /// # async fn moved() -> longwire::Result<()> {
    /// let socket = longwire::Client::new().max_redirects(5).connect("wss://example.com/socket").await?;
    /// println!("connected to {}", socket.uri());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_redirects(mut self, count: usize) -> Client {
        self.max_redirects = count;
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
        if let Some(keepalive) = self.keepalive {
            self.config.limits.keepalive = keepalive;
        }
        self
    }

    /// How a server that is gone without a word is found out. It comes before [`Limits::keepalive`], whichever of the two
    /// is set first.
    #[must_use]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Client {
        let keepalive = keepalive.into();
        self.config.limits.keepalive = keepalive;
        self.keepalive = Some(keepalive);
        self
    }

    /// How long each phase of connecting may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Client {
        self.way.timeouts = match self.connect_time {
            Some(time) => timeouts.lookup(time).connect(time),
            None => timeouts,
        };
        self
    }

    /// How long name lookup and TCP connection may take, each. It comes before [`Timeouts::lookup`] and
    /// [`Timeouts::connect`], whichever is set first.
    #[must_use]
    pub fn connect_time(mut self, time: Duration) -> Client {
        self.way.timeouts = self.way.timeouts.lookup(time).connect(time);
        self.connect_time = Some(time);
        self
    }

    /// The proxy to connect over; `None`: none.
    ///
    /// Unless this is called, the environment names it, as for curl: `http_proxy` or `HTTP_PROXY` for `ws://`,
    /// `https_proxy` or `HTTPS_PROXY` for `wss://` (before them `ws_proxy` and `wss_proxy`), `all_proxy` or `ALL_PROXY` for
    /// both, but for the hosts in `no_proxy` or `NO_PROXY`. The lower case comes first; `HTTP_PROXY` does not count in a CGI
    /// program (where `REQUEST_METHOD` is set), since there it is a header of whoever asks. Browsers and Go connect
    /// directly to this machine itself; curl and this client do so only if `NO_PROXY` says so. A proxy there that cannot be
    /// used is an error of [`connect`](Client::connect), and is not gone past.
    #[must_use]
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Client {
        self.way.proxy = proxy.into().map_or(ProxyChoice::Direct, ProxyChoice::Given);
        self
    }

    /// Who looks up names, instead of the system: the addresses, the preferred one first.
    ///
    /// One that asks for A and AAAA records by itself need not wait for both: RFC 8305 §3 has it tell what it has at once
    /// when the AAAA records come first, and after 50 ms when the A records do. What comes later is not tried.
    ///
    /// ```
    /// use longwire::{Client, Destination};
    ///
    /// // As `curl --resolve`: another server than the one that the name belongs to.
    /// let client = Client::new()
    ///     .resolver(async |name: Destination| Ok(vec![([127, 0, 0, 1], name.port()).into()]));
    /// ```
    #[must_use]
    pub fn resolver<F, Fut>(mut self, lookup: F) -> Client
    where
        F: Fn(Destination) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        self.way.resolver = Resolver::custom(lookup);
        self
    }

    /// Connects to the Unix socket at `path`, whatever host the URL names: that is what is asked for there, and over
    /// `wss://` what the certificate has to carry. No proxy is used, and no name looked up: with a
    /// [`proxy`](Client::proxy) or [`resolver`](Client::resolver) beside it, connecting fails.
    ///
    /// ```
    /// # async fn local() -> longwire::Result<()> {
    /// let client = longwire::Client::new().unix_socket("/run/app.sock");
    /// let socket = client.connect("ws://localhost/events").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(unix)]
    #[must_use]
    pub fn unix_socket(mut self, path: impl AsRef<Path>) -> Client {
        self.way.route = Route::UnixSocket(path.as_ref().into());
        self
    }

    /// Connects by `connect`, for whatever is not offered here: an SSH tunnel, vsock, a simulated network. It is told
    /// what the URL names, and gives a transport to there; TLS for `wss://` and the opening handshake follow on that;
    /// [`Timeouts::connect`] holds. No proxy is used, and no name looked up: with a [`proxy`](Client::proxy) or
    /// [`resolver`](Client::resolver) beside it, connecting fails.
    ///
    /// ```
    /// use longwire::{Client, Destination};
    /// use tokio::net::{TcpSocket, TcpStream};
    ///
    /// # async fn bound() -> longwire::Result<()> {
    /// let client = Client::new().connector(async |to: Destination| {
    ///     let address = tokio::net::lookup_host((to.host(), to.port())).await?.find(|found| found.is_ipv4());
    ///     let socket = TcpSocket::new_v4()?;
    ///     socket.bind(([192, 0, 2, 1], 0).into())?;
    ///     socket.connect(address.ok_or(std::io::ErrorKind::NotFound)?).await
    /// });
    /// let socket = client.connect("wss://example.com/socket").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn connector<F, Fut, T>(mut self, connect: F) -> Client
    where
        F: Fn(Destination) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.way.route = Route::Connector(Connector::new(connect));
        self
    }

    /// Whom to trust.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Client {
        self.way.tls = tls;
        self
    }

    /// Tells `observer` of every frame.
    #[must_use]
    pub fn observer(mut self, observer: FrameObserver) -> Client {
        self.config.observer = Some(observer);
        self
    }

    /// Reports every step on the way to a connection to `observe`, for tools that show it: the address, what TLS agreed on,
    /// request and response. It is called by the task that connects, and should not block.
    ///
    /// ```
    /// use longwire::{Client, ConnectStep};
    ///
    /// let client = Client::new().on_step(|step| match step {
    ///     ConnectStep::Connected { to, address, .. } => eprintln!("connected to {to} at {address}"),
    ///     ConnectStep::Response(response) => eprintln!("{}", response.status()),
    ///     _ => {}
    /// });
    /// ```
    #[must_use]
    pub fn on_step(mut self, observe: impl Fn(&ConnectStep<'_>) + Send + Sync + 'static) -> Client {
        self.way.steps = Steps::to(observe);
        self
    }

    /// Connects to a URL that begins with `ws://` or `wss://` (or `http://`, `https://`, as in browsers), by default at
    /// port 80 or 443. `user:password@` before the host, percent-encoded where needed, is sent as Basic authorization
    /// unless [`basic_auth`](Client::basic_auth) or a header `Authorization` is set.
    ///
    /// A name is looked up, its IPv6 and its IPv4 addresses at once, and they are tried in turn, each beside those before it
    /// after 250 ms; the first that answers is it (RFC 8305, "happy eyeballs"). When the IPv4 addresses are known first, the
    /// others are waited for 50 ms; what becomes known later takes its turn.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the attempt is given up. Only the system cannot be told to stop looking a name up, nor that
    /// the answer for the other family is not needed any more: until it answers, a thread for what blocks waits for it, and
    /// so does a runtime that is dropped (but not one that is shut down by `shutdown_background` or `shutdown_timeout`). So it
    /// is with the certificate authorities of the system, which the first `wss://` connection of a process reads.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is none of a WebSocket.
    /// - [`Error::Setting`]: a limit or a time is impossible.
    /// - [`Error::Io`], [`Error::Timeout`]: the name, the TCP connection, the proxy
    ///   or TLS failed, or took too long.
    /// - [`Error::Proxy`]: the proxy did not connect to the server.
    /// - [`Error::Refused`]: the server answered, but did not open a WebSocket; with its status, its
    ///   headers and the first bytes of its text.
    /// - [`Error::Handshake`]: what came back is no answer to an opening handshake, or a redirect that is not
    ///   followed, or the request cannot be made.
    pub async fn connect(&self, url: impl AsRef<str>) -> Result<WebSocket> {
        let mut address = Address::parse(url.as_ref())?;
        self.check_settings()?;
        let mut secrets = Secrets::Told;
        for _ in 0..self.max_redirects {
            let refused = match self.attempt(&address, secrets).await {
                Err(Error::Refused(refused)) => refused,
                outcome => return outcome,
            };
            let Some(target) = redirect::target(&address, &refused)? else {
                return Err(Error::Refused(refused));
            };
            tracing::debug!(from = %address, to = %target, "redirected");
            if !target.has_origin_of(&address) {
                secrets = Secrets::Withheld;
            }
            address = target;
        }
        match self.attempt(&address, secrets).await {
            Err(Error::Refused(refused))
                if self.max_redirects > 0 && redirect::target(&address, &refused)?.is_some() =>
            {
                let (followed, at) = (self.max_redirects, address.to_string());
                Err(HandshakeError::TooManyRedirects { followed, at }.into())
            }
            outcome => outcome,
        }
    }

    /// Opens a WebSocket over a transport that is connected already: a tunnel, a Unix socket, a TLS stream of another
    /// library. The URL says what is asked for; nothing is looked up, connected or encrypted, so a proxy, a resolver, a
    /// connector, a Unix socket or [`tls`](Client::tls) of the client's is an error.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transport is dropped.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Client::connect), from the opening handshake on. A redirect is a refusal.
    pub async fn connect_over<T>(&self, transport: T, url: impl AsRef<str>) -> Result<WebSocket>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = Address::parse(url.as_ref())?;
        self.check_settings()?;
        self.way.check_unused()?;
        let handshake = self.handshake(&address, Secrets::Told)?;
        let reached = Reached::beyond(Transport::Other(Box::new(transport)));
        open(reached, &address, &handshake, &self.config, self.handshake_time(), &self.way.steps).await
    }

    /// Finds the mistakes of the caller, without connecting.
    pub(crate) fn check(&self, url: &str) -> Result<()> {
        self.check_settings()?;
        self.handshake(&Address::parse(url)?, Secrets::Told)?;
        Ok(())
    }

    /// Finds settings that are impossible, or would have no effect.
    fn check_settings(&self) -> Result<()> {
        self.config.limits.check()?;
        self.request.check()?;
        self.way.check()?;
        Ok(self.way.timeouts.check()?)
    }

    async fn attempt(&self, address: &Address, secrets: Secrets) -> Result<WebSocket> {
        // Before any connection is made: a mistake of the caller should not cost the network anything.
        let handshake = self.handshake(address, secrets)?;
        let span = tracing::debug_span!("connect", url = %address);
        async {
            let reached = self.way.reach(address, &self.config.limits).await?;
            open(reached, address, &handshake, &self.config, self.handshake_time(), &self.way.steps).await
        }
        .instrument(span)
        .await
    }

    fn handshake(&self, address: &Address, secrets: Secrets) -> Result<ClientHandshake> {
        self.request.handshake(address, self.config.deflate.as_ref(), secrets)
    }

    fn handshake_time(&self) -> Duration {
        self.way.timeouts.handshake.unwrap_or(self.config.limits.handshake_time)
    }
}

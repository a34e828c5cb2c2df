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
/// If the future is dropped, the attempt is abandoned.
///
/// # Errors
///
/// As for [`Client::connect`].
pub async fn connect(url: impl AsRef<str>) -> Result<WebSocket> {
    Client::new().connect(url).await
}

/// Settings for connecting. A `Client` can connect any number of times.
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
    /// Set separately from the limits, and takes precedence over them.
    keepalive: Option<Option<Keepalive>>,
    /// Set separately from the timeouts, and takes precedence over them.
    connect_time: Option<Duration>,
    max_redirects: usize,
    dialer: Dialer,
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl Client {
    /// Creates a client with defaults: no subprotocols, safe [`Limits`], the system's certificate authorities, and the
    /// proxy that the environment names.
    #[must_use]
    pub fn new() -> Client {
        Client {
            request: Request::default(),
            config: Config::default(),
            keepalive: None,
            connect_time: None,
            max_redirects: 0,
            dialer: Dialer::default(),
        }
    }

    /// Sets the subprotocols to offer, the preferred one first. [`WebSocket::subprotocol`] returns the one that the
    /// server chose.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Client {
        self.request.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header to the request. A header that a request has at most once (`Authorization`, `Proxy-Authorization`,
    /// `Origin`, `User-Agent`, `Referer`, `From`) replaces its earlier value; cookies are joined in one line; any other
    /// header adds a line. `Debug` hides the values of `Authorization`, `Cookie` and `Proxy-Authorization`.
    ///
    /// If a value can be set in several ways, a header takes precedence over a dedicated setting such as
    /// [`basic_auth`](Client::basic_auth), and that over the URL. The headers of the opening handshake itself cannot be
    /// set: `Host` (which comes from the URL), `Upgrade`, `Connection`, `Content-Length`, `Transfer-Encoding` and every
    /// `Sec-WebSocket-*`, including the subprotocols. Connecting fails then.
    ///
    /// Name and value are text or the types of the `http` crate. An invalid name or value is an error when the client
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

    /// Sends user name and password as Basic authorization (RFC 7617). They replace those of the URL; a
    /// [header](Client::header) `Authorization` replaces both. `user` must not contain a colon, because the password
    /// begins there.
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

    /// How many redirects to follow. The default is 0: a redirect is [`Error::Refused`]. Too many redirects are
    /// [`HandshakeError::TooManyRedirects`](crate::HandshakeError::TooManyRedirects). In a redirect, `http` and `https`
    /// mean `ws` and `wss`. Redirects from `wss` to `ws` are not followed. Credentials are not sent to another origin
    /// (scheme, host, port): the headers `Authorization`, `Cookie` and `Proxy-Authorization`, and the user name and
    /// password of the URL.
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

    /// Sets the compression to offer (permessage-deflate, RFC 7692). The default is that of [`Deflate`]. `None` offers
    /// no compression.
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Client {
        self.config.deflate = deflate.into();
        self
    }

    /// Sets the limits of a connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Client {
        self.config.limits = limits;
        if let Some(keepalive) = self.keepalive {
            self.config.limits.keepalive = keepalive;
        }
        self
    }

    /// Sets how to detect a server that vanished. Takes precedence over [`Limits::keepalive`], regardless of the order
    /// of the calls.
    #[must_use]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Client {
        let keepalive = keepalive.into();
        self.config.limits.keepalive = keepalive;
        self.keepalive = Some(keepalive);
        self
    }

    /// Sets how long each phase of connecting may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Client {
        self.dialer.timeouts = match self.connect_time {
            Some(time) => timeouts.lookup(time).connect(time),
            None => timeouts,
        };
        self
    }

    /// Sets how long the name lookup and the TCP connection may each take. Takes precedence over [`Timeouts::lookup`]
    /// and [`Timeouts::connect`], regardless of the order of the calls.
    #[must_use]
    pub fn connect_time(mut self, time: Duration) -> Client {
        self.dialer.timeouts = self.dialer.timeouts.lookup(time).connect(time);
        self.connect_time = Some(time);
        self
    }

    /// Sets the proxy to connect through; `None` connects directly.
    ///
    /// By default, the environment names the proxy, as for curl: `http_proxy` or `HTTP_PROXY` for `ws://`,
    /// `https_proxy` or `HTTPS_PROXY` for `wss://` (after `ws_proxy` and `wss_proxy`), `all_proxy` or `ALL_PROXY` for
    /// both, except for the hosts in `no_proxy` or `NO_PROXY`. Lower case takes precedence. `HTTP_PROXY` is ignored in
    /// a CGI program (where `REQUEST_METHOD` is set), because there it is a header of the request. Unlike browsers and
    /// Go, curl and this client use the proxy even for `localhost`, unless `NO_PROXY` lists it. If the environment
    /// names an unusable proxy, [`connect`](Client::connect) returns an error instead of connecting directly.
    #[must_use]
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Client {
        self.dialer.proxy = proxy.into().map_or(ProxyChoice::Direct, ProxyChoice::Given);
        self
    }

    /// Replaces the system's name lookup. `lookup` returns the addresses, the preferred one first.
    ///
    /// A resolver that queries A and AAAA records separately need not wait for both. RFC 8305 §3 recommends returning
    /// the available addresses at once if the AAAA records arrive first, and after 50 ms if the A records do. Addresses
    /// that would arrive later are not tried.
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
        self.dialer.resolver = Resolver::custom(lookup);
        self
    }

    /// Connects to the Unix socket at `path`, regardless of the host in the URL. The request still names that host, and
    /// with `wss://` the certificate must match it. No proxy is used, and no name is looked up: connecting fails if a
    /// [`proxy`](Client::proxy) or a [`resolver`](Client::resolver) is set, too.
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
        self.dialer.route = Route::UnixSocket(path.as_ref().into());
        self
    }

    /// Connects through `connect`, for transports that this client does not offer: an SSH tunnel, vsock, a simulated
    /// network. `connect` receives the destination of the URL and returns a transport to it. TLS for `wss://` and the
    /// opening handshake follow on that transport; [`Timeouts::connect`] applies. No proxy is used, and no name is
    /// looked up: connecting fails if a [`proxy`](Client::proxy) or a [`resolver`](Client::resolver) is set, too.
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
        self.dialer.route = Route::Connector(Connector::new(connect));
        self
    }

    /// Sets which servers to trust.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Client {
        self.dialer.tls = tls;
        self
    }

    /// Reports every frame to `observer`.
    #[must_use]
    pub fn observer(mut self, observer: FrameObserver) -> Client {
        self.config.observer = Some(observer);
        self
    }

    /// Reports every step of connecting to `observe`, for tools that show it: the address, the TLS parameters, request
    /// and response. The connecting task calls it, so it must not block.
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
        self.dialer.steps = Steps::to(observe);
        self
    }

    /// Connects to a URL that begins with `ws://` or `wss://` (or `http://`, `https://`, as in browsers). The default
    /// port is 80 or 443. `user:password@` before the host, percent-encoded where necessary, is sent as Basic
    /// authorization unless [`basic_auth`](Client::basic_auth) or a header `Authorization` is set.
    ///
    /// IPv6 and IPv4 addresses of a name are looked up at the same time and tried in alternation. Every 250 ms the next
    /// attempt starts beside the earlier ones, and the first connection wins (RFC 8305, "happy eyeballs"). If the IPv4
    /// addresses are known first, the client waits 50 ms for the others. Addresses that become known later join the
    /// alternation.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the attempt is abandoned. A name lookup by the system cannot be cancelled, not even
    /// when its result is no longer needed. It occupies a thread for blocking work until the system answers, and
    /// dropping the runtime waits for it (`shutdown_background` and `shutdown_timeout` do not). The same holds for
    /// reading the system's certificate authorities, which the first `wss://` connection of a process does.
    ///
    /// # Errors
    ///
    /// - [`Error::Url`]: the URL is not a WebSocket URL.
    /// - [`Error::Setting`]: a setting is invalid.
    /// - [`Error::Io`], [`Error::Timeout`]: the name lookup, the TCP connection, the proxy or TLS failed or took too
    ///   long.
    /// - [`Error::Proxy`]: the proxy did not connect to the server.
    /// - [`Error::Refused`]: the server responded, but did not open a WebSocket; contains the status, the headers and
    ///   the first bytes of the body.
    /// - [`Error::Handshake`]: the response is invalid, a redirect is not followed, or the request cannot be built.
    pub async fn connect(&self, url: impl AsRef<str>) -> Result<WebSocket> {
        let mut address = Address::parse(url.as_ref())?;
        self.check_settings()?;
        let mut secrets = Secrets::Sent;
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

    /// Opens a WebSocket over a connected transport: a tunnel, a Unix socket, a TLS stream of another library. The URL
    /// only determines the request. No name is looked up, and nothing is connected or encrypted: it is an error if the
    /// client has a proxy, a resolver, a connector, a Unix socket or [`tls`](Client::tls).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the transport is dropped.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Client::connect), from the opening handshake on. A redirect counts as a refusal.
    pub async fn connect_over<T>(&self, transport: T, url: impl AsRef<str>) -> Result<WebSocket>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = Address::parse(url.as_ref())?;
        self.check_settings()?;
        self.dialer.check_unused()?;
        let handshake = self.handshake(&address, Secrets::Sent)?;
        let reached = Reached::beyond(Transport::Other(Box::new(transport)));
        open(reached, &address, &handshake, &self.config, self.handshake_time(), &self.dialer.steps).await
    }

    /// Reaches the server of a URL without the opening handshake: name lookup, TCP, the proxy, and TLS for `wss://`. For
    /// tools that speak the handshake themselves. Only the scheme, the host and the port of the URL matter; settings of
    /// the request have no effect.
    ///
    /// ```
    /// use tokio::io::AsyncWriteExt;
    ///
    /// # async fn raw() -> longwire::Result<()> {
    /// let mut stream = longwire::Client::new().dial("wss://example.com").await?;
    /// stream.write_all(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").await.map_err(longwire::Error::other)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the attempt is abandoned.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Client::connect), up to the opening handshake.
    pub async fn dial(&self, url: &str) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        let address = Address::parse(url)?;
        self.dialer.check()?;
        self.dialer.timeouts.check()?;
        Ok(self.dialer.reach(&address, &self.config.limits).await?.transport)
    }

    /// Checks the settings and the URL without connecting.
    pub(crate) fn check(&self, url: &str) -> Result<()> {
        self.check_settings()?;
        self.handshake(&Address::parse(url)?, Secrets::Sent)?;
        Ok(())
    }

    /// Rejects settings that are invalid or would have no effect.
    fn check_settings(&self) -> Result<()> {
        self.config.limits.check()?;
        self.request.check()?;
        self.dialer.check()?;
        Ok(self.dialer.timeouts.check()?)
    }

    async fn attempt(&self, address: &Address, secrets: Secrets) -> Result<WebSocket> {
        // Before connecting, so that an invalid setting causes no network traffic.
        let handshake = self.handshake(address, secrets)?;
        let span = tracing::debug_span!("connect", url = %address);
        async {
            let reached = self.dialer.reach(address, &self.config.limits).await?;
            open(reached, address, &handshake, &self.config, self.handshake_time(), &self.dialer.steps).await
        }
        .instrument(span)
        .await
    }

    fn handshake(&self, address: &Address, secrets: Secrets) -> Result<ClientHandshake> {
        self.request.handshake(address, self.config.deflate.as_ref(), secrets)
    }

    fn handshake_time(&self) -> Duration {
        self.dialer.timeouts.handshake.unwrap_or(self.config.limits.handshake_time)
    }
}

//! The server: its settings, and serving with an async handler.

pub(crate) mod endpoint;
pub(crate) mod handling;
mod incoming;
mod listening;
pub mod mode;
mod run;
pub(crate) mod session;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::Refusal;
use longwire_proto::{Config, FrameObserver, Limits};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use tracing::Instrument;

use crate::admission::accepting::{Acceptors, span_of};
use crate::admission::answer::TURNED_AWAY_AT_A_TIME;
use crate::admission::census::{self, Census};
use crate::admission::decision::{Accept, Attached, Upgrade};
use crate::admission::hook::{self, UpgradeHook};
use crate::admission::listener::Listener;
use crate::admission::origin::{InvalidOrigin, Origin};
use crate::admission::policy::AdmissionPolicy;
use crate::admission::trusted_proxies::TrustedProxies;
use crate::error::{Error, Result, at_most, not_zero};
use crate::http1::service::{self, HttpService};
use crate::ledger::Ledger;
use crate::telemetry;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::websocket::WebSocket;
pub use endpoint::{Endpoint, Upgrading, upgrade};
pub use handling::{HandlerOutcome, HandlerResult};
use mode::{CanServe, Serve, Undecided};
use session::Settings;

/// A WebSocket server.
///
/// ```no_run
/// use longwire::{Server, WebSocket};
///
/// # async fn echo() -> longwire::Result<()> {
/// Server::bind("127.0.0.1:8080").await?
///     .origins(["https://example.com"])
///     .subprotocols(["chat.v2"])
///     .serve(async |mut socket: WebSocket| {
///         while let Some(message) = socket.recv().await? {
///             socket.send(message).await?;
///         }
///         Ok(())
///     })
///     .await
/// # }
/// ```
///
/// By default it accepts browsers only from pages of its own origin. Requests without an `Origin` header do not
/// come from a browser and are accepted. Handshakes have a deadline, and [`Limits`] bound what a connection may cost.
///
/// It serves in one of two ways: [`serve`](Server::serve) calls an async handler for each connection, and
/// [`run`](Server::run) runs a [`Handler`](crate::Handler) on event loops. Settings that only one of them honours
/// ([`on_upgrade`](Server::on_upgrade) for `serve`; [`engine`](Server::engine), [`workers`](Server::workers) and
/// [`topics`](Server::topics) for `run`) change the server's [`mode`], and calling the other does not compile:
///
/// ```compile_fail,E0277
/// # use longwire::{Accept, Handler, Server};
/// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
/// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(async |_| Ok(Accept::new()));
/// server.run(handler).await // a `Handler` has its own `on_upgrade`
/// # }
/// ```
#[must_use = "a server does nothing until `serve` or `run` is called"]
pub struct Server<M = Undecided> {
    common: Common,
    mode: M,
}

/// The settings that both ways of serving honour.
struct Common {
    listeners: Vec<Listener>,
    config: Config,
    admission: AdmissionPolicy,
    http: Option<HttpService>,
    max_connections: usize,
    max_connections_per_ip: usize,
    ipv6_prefix: u8,
    max_buffered: usize,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    shutdown_time: Duration,
}

impl Common {
    /// Checks for invalid settings.
    fn check(&self) -> Result<()> {
        self.admission.check()?;
        self.config.limits.check()?;
        not_zero("Server::max_connections", self.max_connections)?;
        not_zero("Server::max_connections_per_ip", self.max_connections_per_ip)?;
        not_zero("Server::max_buffered", self.max_buffered)?;
        at_most("Server::ipv6_prefix", self.ipv6_prefix, census::IPV6_BITS)?;
        Ok(())
    }

    fn census(&self) -> Census {
        Census::new(self.max_connections, self.max_connections_per_ip).by_ipv6_prefix(self.ipv6_prefix)
    }
}

impl Server {
    fn new(listener: Listener) -> Server {
        let common = Common {
            listeners: vec![listener],
            config: Config::default(),
            admission: AdmissionPolicy::of_server(),
            http: None,
            max_connections: 16_384,
            max_connections_per_ip: 1_024,
            ipv6_prefix: census::IPV6_PREFIX,
            max_buffered: 1 << 30,
            #[cfg(feature = "tls")]
            tls: None,
            shutdown: Box::pin(std::future::pending()),
            shutdown_time: Duration::from_secs(10),
        };
        Server { common, mode: Undecided(()) }
    }
}

/// Settings that both ways of serving honour.
impl<M> Server<M> {
    /// Also accepts browsers from pages of these origins, such as `https://example.com`, or `https://*.example.com`
    /// for all hosts below it. The server's own origin is always accepted. If an origin is invalid,
    /// [`serve`](Server::serve) fails.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Server<M>
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.common.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers from pages of any origin. Use it only for public services: browsers attach a user's cookies
    /// to requests that other sites make.
    pub fn any_origin(mut self) -> Server<M> {
        self.common.admission.allow_any_origin();
        self
    }

    /// Treats pages with the `Host` of the request as the server's own if they are `https://`, and no longer if they
    /// are `http://`: a different scheme is a different origin (RFC 6454 §5). Use it when a reverse proxy terminates
    /// TLS and speaks plain TCP to this server; with [`tls`](Server::tls) it is already the case. Headers in which a
    /// proxy says so are ignored, because a client could have set them.
    ///
    /// The proxy must pass on the `Host` that the browser sent. `docs/proxies.md` has configurations.
    pub fn behind_tls_proxy(mut self) -> Server<M> {
        self.common.admission.serve_over_tls();
        self
    }

    /// Trusts the proxies in front of the server to name the address of a client. It then is the
    /// [`peer_addr`](crate::Upgrade::peer_addr) of the client, and counts for
    /// [`max_connections_per_ip`](Server::max_connections_per_ip). By default, the server trusts nobody, and ignores
    /// such headers.
    ///
    /// ```no_run
    /// use longwire::{Server, TrustedProxies};
    ///
    /// # async fn listen() -> longwire::Result<()> {
    /// let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8"])?;
    /// let server = Server::bind("0.0.0.0:8080").await?.trusted_proxies(proxies);
    /// # Ok(())
    /// # }
    /// ```
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Server<M> {
        self.common.admission.trust(proxies);
        self
    }

    /// The supported subprotocols, in order of preference. The server chooses the first one that the client also
    /// offers.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Server<M> {
        self.common.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Passes every request that is not for a WebSocket to a `tower::Service`, such as an axum `Router`. Without a
    /// service, such requests are answered with 426. The extensions of a request contain the
    /// [`PeerAddr`](crate::PeerAddr) of its client, and the [`PageAccess`](crate::PageAccess) of its page.
    pub fn http<S, B>(mut self, service: S) -> Server<M>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.common.http = Some(service::erase(service));
        self
    }

    /// Serves `wss://` (and `https://`) instead of `ws://`. Keep a clone of `tls` to [replace](Tls::replace) the
    /// certificate while the server runs.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Server<M> {
        self.common.admission.serve_over_tls();
        self.common.tls = Some(tls);
        self
    }

    /// How messages are compressed for clients that offer permessage-deflate (RFC 7692). The default is
    /// [`Deflate::default`]; `None` turns compression off.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Server<M> {
        self.common.config.deflate = deflate.into();
        self
    }

    /// The limits of each connection.
    pub fn limits(mut self, limits: Limits) -> Server<M> {
        self.common.config.limits = limits;
        self
    }

    /// The maximum number of connections, counted from the moment they are accepted; 16,384 by default. Beyond it, a
    /// new client gets 503; over TLS, its connection is dropped.
    pub fn max_connections(mut self, count: usize) -> Server<M> {
        self.common.max_connections = count;
        self
    }

    /// The maximum number of connections from one address; 1,024 by default. Behind a reverse proxy all clients have
    /// the proxy's address, unless the server [trusts](Server::trusted_proxies) it to name them. Beyond the number, a new
    /// client gets 503; over TLS, its connection is dropped. Clients that connect through a Unix socket have no address,
    /// and are not limited.
    pub fn max_connections_per_ip(mut self, count: usize) -> Server<M> {
        self.common.max_connections_per_ip = count;
        self
    }

    /// How many leading bits of an IPv6 address identify a client for
    /// [`max_connections_per_ip`](Server::max_connections_per_ip), at most 128; 64 by default. A client gets at least
    /// a /64 network (RFC 6177) and can use every address in it; many get a /56 or a /48.
    pub fn ipv6_prefix(mut self, bits: u8) -> Server<M> {
        self.common.ipv6_prefix = bits;
        self
    }

    /// The maximum number of bytes that all connections together may buffer, in unfinished messages and in output
    /// that waits to be written; 1 GiB by default. When it is reached, a connection whose buffers grow is closed with
    /// 1013.
    pub fn max_buffered(mut self, bytes: usize) -> Server<M> {
        self.common.max_buffered = bytes;
        self
    }

    /// Calls `observer` for every frame of every connection.
    pub fn observer(mut self, observer: FrameObserver) -> Server<M> {
        self.common.config.observer = Some(observer);
        self
    }

    /// Shuts down when `signal` is ready. The server stops accepting, closes the open connections with 1001, and
    /// [`serve`](Server::serve) returns when all have ended, or after [`shutdown_time`](Server::shutdown_time).
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Server<M> {
        self.common.shutdown = Box::pin(signal);
        self
    }

    /// How long a shutdown may take before the remaining connections are dropped; 10 s by default.
    pub fn shutdown_time(mut self, time: Duration) -> Server<M> {
        self.common.shutdown_time = time;
        self
    }
}

/// Serving with an async handler.
impl<M> Server<M> {
    /// Decides about each request for a WebSocket: `decide`, an async closure or function, accepts it, or refuses it
    /// with any status. The server has already checked the request, including its origin.
    ///
    /// The decision may wait for a database or another service. The waiting ends in one of these ways:
    ///
    /// - When [`Limits::handshake_time`] has passed since the client connected, the client is refused with 503.
    /// - If the client leaves or the server shuts down, the future is dropped at the `.await` that it has reached.
    /// - If the future panics, the client is refused with 500.
    ///
    /// Each request gets a clone of `decide`, so an `async move` closure may use what it captured, as with
    /// [`serve`](Server::serve).
    ///
    /// ```no_run
    /// use longwire::{Accept, Refusal, Server};
    ///
    /// # async fn private() -> longwire::Result<()> {
    /// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(async |request| {
    ///     let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
    ///     Ok(Accept::new().attach(name.into_owned()))
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_upgrade<F>(self, decide: F) -> Server<Serve>
    where
        M: CanServe,
        F: AsyncFnOnce(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + for<'a> UpgradeHook<'a>,
    {
        let decide = hook::erase(decide);
        Server { common: self.common, mode: Serve { decide: Some(decide.into()) } }
    }

    /// Serves until the [shutdown](Server::shutdown), calling `handler` for every connection that is opened.
    ///
    /// When the handler is done and nothing else holds the connection, it is closed with 1000, or with 1011 if the
    /// handler failed or panicked. The handler returns [`HandlerResult`], so `?` works in it on errors of any type.
    ///
    /// Each connection gets a clone of the handler, so an `async move` closure may use what it captured. Wrap values
    /// that are not `Clone` in an [`Arc`]. [State](crate#state) has an example.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the server stops accepting, and the open connections continue until they end on
    /// their own. To end them as well, use [`shutdown`](Server::shutdown).
    ///
    /// # Errors
    ///
    /// A setting is invalid, such as an origin without a scheme, or [limits](Limits::check) under which no connection
    /// is possible ([`Error::Setting`]); or the runtime cannot register a listener. An error on one connection ends only that connection.
    pub async fn serve<F, Fut>(self, handler: F) -> Result<()>
    where
        M: CanServe,
        F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
    {
        let Server { mut common, mode } = self;
        common.admission.decide = mode.into_serve().decide;
        common.check()?;
        let census = Arc::new(common.census());
        let sockets = common.listeners.into_iter().map(Listener::into_socket).collect();
        let mut acceptors = Acceptors::new(sockets).map_err(|error| Error::io("listen", error))?;
        let handler = session::erase(handler);
        let settings = Arc::new(Settings {
            config: Arc::new(common.config),
            admission: common.admission,
            http: common.http,
            #[cfg(feature = "tls")]
            tls: common.tls,
            handler,
            census,
            ledger: Arc::new(Ledger::new(common.max_buffered)),
            turning_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_A_TIME)),
            is_closing: AtomicBool::new(false),
            closing: CancellationToken::new(),
            dropping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let serving = async {
            tokio::select! {
                () = accept_forever(&mut acceptors, &settings) => {}
                () = common.shutdown => {}
            }
            drop(acceptors);
            shut_down(&settings, common.shutdown_time).await;
        };
        tokio::select! {
            // Registers the gauges before the first connection.
            biased;
            () = telemetry::show(|| settings.ledger.held(), || settings.census.in_phases()) => {}
            () = serving => {}
        }
        Ok(())
    }
}

async fn accept_forever(acceptors: &mut Acceptors, settings: &Arc<Settings>) {
    loop {
        let accepted = poll_fn(|cx| acceptors.poll_accept(cx)).await;
        let span = span_of(accepted.peer_addr);
        match settings.census.enter(settings.admission.counted_ip(accepted.peer_addr)) {
            Ok(place) => {
                let serving = incoming::serve(accepted, place, Arc::clone(settings));
                settings.tasks.spawn(serving.instrument(span));
            }
            Err(turned_away) => span.in_scope(|| incoming::reject(accepted, turned_away, settings)),
        }
    }
}

async fn shut_down(settings: &Settings, time: Duration) {
    settings.is_closing.store(true, Ordering::Release);
    settings.closing.cancel();
    settings.tasks.close();
    if timeout(time, settings.tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = settings.tasks.len(),
            "dropping the connections that did not end in time"
        );
        settings.dropping.cancel();
        settings.tasks.wait().await;
    }
}

impl<M> fmt::Debug for Server<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listeners", &self.common.listeners).finish_non_exhaustive()
    }
}

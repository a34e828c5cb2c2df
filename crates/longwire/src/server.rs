//! The server.

pub(crate) mod endpoint;
pub(crate) mod handling;
mod incoming;
pub mod mode;
mod run;
pub(crate) mod session;

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
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
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use tracing::Instrument;

use crate::admission::answer::TURNED_AWAY_AT_A_TIME;
use crate::admission::census::{self, Census};
use crate::admission::decision::{Accept, Attached, Decide, Upgrade};
use crate::admission::listener::Listener;
use crate::admission::origin::{InvalidOrigin, Origin};
use crate::admission::policy::AdmissionPolicy;
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
/// It is safe by default: requests of browsers are accepted from pages of the server's own origin only (requests
/// without an `Origin`, which browsers always send, are accepted), handshakes have a deadline, and [`Limits`] bound what
/// a connection may cost.
///
/// It serves in one of two ways: [`serve`](Server::serve) calls an async handler for each connection,
/// [`run`](Server::run) a [`Handler`](crate::Handler) on event loops. What is set for one of them only
/// ([`on_upgrade`](Server::on_upgrade) for `serve`; [`engine`](Server::engine), [`workers`](Server::workers) and
/// [`topics`](Server::topics) for `run`) changes the server's [`mode`], and the other does not compile:
///
/// ```compile_fail,E0277
/// # use longwire::{Accept, Handler, Server};
/// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
/// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(|_| Ok(Accept::new()));
/// server.run(handler).await // the handler has an `on_upgrade` of its own
/// # }
/// ```
#[must_use = "a server does nothing until `serve` or `run` is called"]
pub struct Server<M = Undecided> {
    common: Common,
    mode: M,
}

/// What both ways of serving honour.
struct Common {
    listener: TcpListener,
    local_addr: SocketAddr,
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
    /// Finds settings that are impossible.
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
    /// Takes an address to listen on, such as `"127.0.0.1:8080"` or `("0.0.0.0", 8080)`; port 0 means any that is free.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the address is free again.
    ///
    /// # Errors
    ///
    /// The address is not one, or is not free.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Debug) -> Result<Server> {
        // Text is shown as it is.
        let doing = format!("listen on {}", format!("{address:?}").trim_matches('"'));
        let bound =
            TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) = bound.map_err(|error| Error::io(doing, error))?;
        let common = Common {
            listener,
            local_addr,
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
        Ok(Server { common, mode: Undecided(()) })
    }
}

/// What both ways of serving honour.
impl<M> Server<M> {
    /// The address that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.common.local_addr
    }

    /// Accepts browsers on pages of these origins (such as `https://example.com`, or `https://*.example.com` for all hosts
    /// below it) besides the server's own. What is no origin makes [`serve`](Server::serve) fail.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Server<M>
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.common.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers on pages of any origin. Only for services that anybody may use: the cookies of a visitor come
    /// along with requests that other sites make.
    pub fn any_origin(mut self) -> Server<M> {
        self.common.admission.allow_any_origin();
        self
    }

    /// Takes pages of `https://` with the `Host` of the request for the server's own, and no longer those of `http://`:
    /// another scheme is another origin (RFC 6454 §5). For a server that speaks plain TCP to a reverse proxy which ends TLS
    /// before it. With [`tls`](Server::tls) it is so anyway. Forwarded headers are not asked, since a client could have set
    /// them.
    ///
    /// The proxy has to pass on the `Host` that the browser sent. `docs/proxies.md` has configurations.
    pub fn behind_tls_proxy(mut self) -> Server<M> {
        self.common.admission.serve_over_tls();
        self
    }

    /// The subprotocols that are spoken, the preferred one first. The first that the client offers too is chosen.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Server<M> {
        self.common.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Gives everything on the port that is not a request for a WebSocket to a `tower::Service`, such as an axum
    /// `Router`. Without it the answer is 426.
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

    /// Serves `wss://` (and `https://`) instead of `ws://`. A clone of `tls` that is kept can [replace](Tls::replace) the
    /// certificate while the server runs.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Server<M> {
        self.common.admission.serve_over_tls();
        self.common.tls = Some(tls);
        self
    }

    /// How messages are compressed for clients that offer it (permessage-deflate, RFC 7692); with the defaults of
    /// [`Deflate`] unless set. `None`: not at all.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Server<M> {
        self.common.config.deflate = deflate.into();
        self
    }

    /// What one connection may cost.
    pub fn limits(mut self, limits: Limits) -> Server<M> {
        self.common.config.limits = limits;
        self
    }

    /// How many connections there may be, from their first byte on; 16,384 unless set. Whoever comes when there are as
    /// many gets 503 (over TLS: is dropped).
    pub fn max_connections(mut self, count: usize) -> Server<M> {
        self.common.max_connections = count;
        self
    }

    /// How many connections there may be from one address; 1,024 unless set. Behind a reverse proxy all clients have the
    /// proxy's address, so set it to [`max_connections`](Server::max_connections) there. Whoever comes when there are as
    /// many gets 503 (over TLS: is dropped).
    pub fn max_connections_per_ip(mut self, count: usize) -> Server<M> {
        self.common.max_connections_per_ip = count;
        self
    }

    /// How many leading bits of an IPv6 address name a client for
    /// [`max_connections_per_ip`](Server::max_connections_per_ip), 128 at most; 64 unless set. A network of 64 bits is the
    /// least that a client is given (RFC 6177), and it has all addresses in it; many are given 56 or 48.
    pub fn ipv6_prefix(mut self, bits: u8) -> Server<M> {
        self.common.ipv6_prefix = bits;
        self
    }

    /// How many bytes all connections together may hold, in unfinished messages and in what waits to be written; 1 GiB
    /// unless set. A connection that grows when they hold as many is closed with 1013.
    pub fn max_buffered(mut self, bytes: usize) -> Server<M> {
        self.common.max_buffered = bytes;
        self
    }

    /// Tells `observer` of every frame of every connection.
    pub fn observer(mut self, observer: FrameObserver) -> Server<M> {
        self.common.config.observer = Some(observer);
        self
    }

    /// Shuts down when `signal` is ready: no more connections are accepted, those that are open are closed with 1001,
    /// and [`serve`](Server::serve) returns when all have ended, or after [`shutdown_time`](Server::shutdown_time).
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Server<M> {
        self.common.shutdown = Box::pin(signal);
        self
    }

    /// How long a shutdown may take before what is left is dropped; 10 s unless set.
    pub fn shutdown_time(mut self, time: Duration) -> Server<M> {
        self.common.shutdown_time = time;
        self
    }
}

/// Serving with an async handler.
impl<M> Server<M> {
    /// Decides about each request for a WebSocket: accept it, or refuse it with any status.
    ///
    /// ```no_run
    /// use longwire::{Accept, Refusal, Server, Upgrade};
    ///
    /// # async fn private() -> longwire::Result<()> {
    /// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(|request: &Upgrade<'_>| {
    ///     let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
    ///     Ok(Accept::new().attach(name.into_owned()))
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_upgrade<F>(self, decide: F) -> Server<Serve>
    where
        M: CanServe,
        F: Fn(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + Send + Sync + 'static,
    {
        let decide: Arc<Decide> = Arc::new(decide);
        Server { common: self.common, mode: Serve { decide: Some(decide) } }
    }

    /// Serves until the [shutdown](Server::shutdown), calling `handler` for every connection that is opened.
    ///
    /// A connection that the handler is done with and nobody else holds is closed with 1000, or with 1011 if the
    /// handler failed or panicked. The handler returns [`HandlerResult`], so `?` works in it on errors of any type.
    ///
    /// Each connection has a clone of the handler. So an `async move` closure may use what it has captured; an [`Arc`]
    /// makes anything `Clone`. [State](crate#state) has an example.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nobody is accepted any more, and the connections that there are go on until they end by
    /// themselves. To end them too, [shut down](Server::shutdown).
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, such as an origin without a scheme or [limits](Limits::check) with which no
    /// connection is possible ([`Error::Setting`]). What goes wrong with a connection ends that connection only.
    pub async fn serve<F, Fut>(self, handler: F) -> Result<()>
    where
        M: CanServe,
        F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
    {
        let Server { mut common, mode } = self;
        common.admission.decide = mode.into_serve().decide;
        common.check()?;
        let handler = session::erase(handler);
        let census = Arc::new(common.census());
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
            let mut listener = Listener::new(common.listener);
            tokio::select! {
                () = accept_forever(&mut listener, &settings) => {}
                () = common.shutdown => {}
            }
            drop(listener);
            shut_down(&settings, common.shutdown_time).await;
        };
        tokio::select! {
            // The gauge is there before the first connection is.
            biased;
            () = telemetry::show(|| settings.ledger.held(), || settings.census.in_phases()) => {}
            () = serving => {}
        }
        Ok(())
    }
}

async fn accept_forever(listener: &mut Listener, settings: &Arc<Settings>) {
    loop {
        let (stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await;
        let span = tracing::info_span!("connection", %peer);
        match settings.census.enter(peer.ip()) {
            Ok(place) => {
                let serving = incoming::serve(stream, peer, place, Arc::clone(settings));
                settings.tasks.spawn(serving.instrument(span));
            }
            Err(turned_away) => span.in_scope(|| incoming::turn_away(stream, peer, turned_away, settings)),
        }
    }
}

async fn shut_down(settings: &Settings, time: Duration) {
    settings.is_closing.store(true, Ordering::Release);
    settings.closing.cancel();
    settings.tasks.close();
    if timeout(time, settings.tasks.wait()).await.is_err() {
        tracing::warn!(connections = settings.tasks.len(), "what did not end in time is dropped");
        settings.dropping.cancel();
        settings.tasks.wait().await;
    }
}

impl<M> fmt::Debug for Server<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.common.local_addr).finish_non_exhaustive()
    }
}

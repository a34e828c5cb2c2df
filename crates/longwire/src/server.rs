//! The server.

pub(crate) mod acceptor;
pub(crate) mod admission;
pub(crate) mod census;
pub(crate) mod http1;
mod incoming;
pub(crate) mod origin;
pub(crate) mod service;
pub(crate) mod session;

use std::fmt;
use std::future::Future;
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

use crate::error::{Error, Result};
use crate::event::{self, Engine, Exchange, Handler as EventHandler, Plan, Rules, Topics};
use crate::ledger::Ledger;
use crate::telemetry;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::transport::is_gone_already;
use crate::websocket::WebSocket;
pub use acceptor::{Acceptor, Upgrading, upgrade};
use admission::Admission;
pub use admission::{Accept, Upgrade};
use census::Census;
pub use origin::{InvalidOrigin, Origin};
use service::HttpService;
use session::{Handler, Settings};

/// How long the server waits before it accepts again when the system is out of something, such as descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many clients are told at a time that there is no place for them.
const TURNED_AWAY_AT_A_TIME: usize = 64;

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
#[must_use = "a server does nothing until `serve` is called"]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    config: Config,
    admission: Admission,
    http: Option<HttpService>,
    max_connections: usize,
    max_connections_per_ip: usize,
    max_buffered: usize,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
    shutdown_time: Duration,
    engine: Engine,
    workers: usize,
    exchange: Arc<Exchange>,
}

impl Server {
    /// Takes an address to listen on; port 0 means any that is free.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the address is free again.
    ///
    /// # Errors
    ///
    /// The address is not one, or is not free.
    pub async fn bind(address: impl ToSocketAddrs + fmt::Display) -> Result<Server> {
        let doing = format!("listen on {address}");
        let bound =
            TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local_addr, listener) = bound.map_err(|error| Error::io(doing, error))?;
        Ok(Server {
            listener,
            local_addr,
            config: Config::default(),
            admission: Admission::default(),
            http: None,
            max_connections: 16_384,
            max_connections_per_ip: 1_024,
            max_buffered: 1 << 30,
            #[cfg(feature = "tls")]
            tls: None,
            shutdown: Box::pin(std::future::pending()),
            shutdown_time: Duration::from_secs(10),
            engine: Engine::Auto,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            exchange: Arc::default(),
        })
    }

    /// The address that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts browsers on pages of these origins (such as `https://example.com`) besides the server's own. What is no
    /// origin makes [`serve`](Server::serve) fail.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Server
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers on pages of any origin. Only for services that anybody may use: the cookies of a visitor come
    /// along with requests that other sites make.
    pub fn any_origin(mut self) -> Server {
        self.admission.allow_any_origin();
        self
    }

    /// The subprotocols that are spoken, the preferred one first. The first that the client offers too is chosen.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Server {
        self.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

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
    pub fn on_upgrade<F>(mut self, decide: F) -> Server
    where
        F: Fn(&Upgrade<'_>) -> Result<Accept, Refusal> + Send + Sync + 'static,
    {
        self.admission.decide = Some(Arc::new(decide));
        self
    }

    /// Gives everything on the port that is not a request for a WebSocket to a `tower::Service`, such as an axum
    /// `Router`. Without it the answer is 426.
    pub fn http<S, B>(mut self, service: S) -> Server
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.http = Some(service::erase(service));
        self
    }

    /// Serves `wss://` (and `https://`) instead of `ws://`.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Server {
        self.tls = Some(tls);
        self
    }

    /// How messages are compressed for clients that offer it (permessage-deflate, RFC 7692); with the defaults of
    /// [`Deflate`] unless set. `None`: not at all.
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Server {
        self.config.deflate = deflate.into();
        self
    }

    /// What one connection may cost.
    pub fn limits(mut self, limits: Limits) -> Server {
        self.config.limits = limits;
        self
    }

    /// How many connections there may be, from their first byte on; 16,384 unless set. Whoever comes when there are as
    /// many gets 503 (over TLS: is dropped).
    pub fn max_connections(mut self, count: usize) -> Server {
        self.max_connections = count;
        self
    }

    /// How many connections there may be from one address; 1,024 unless set. Behind a reverse proxy all clients have the
    /// proxy's address, so set it to [`max_connections`](Server::max_connections) there. Whoever comes when there are as
    /// many gets 503 (over TLS: is dropped).
    pub fn max_connections_per_ip(mut self, count: usize) -> Server {
        self.max_connections_per_ip = count;
        self
    }

    /// How many bytes all connections together may hold, in unfinished messages and in what waits to be written; 1 GiB
    /// unless set. A connection that grows when they hold as many is closed with 1013.
    pub fn max_buffered(mut self, bytes: usize) -> Server {
        self.max_buffered = bytes;
        self
    }

    /// Tells `observer` of every frame of every connection.
    pub fn observer(mut self, observer: FrameObserver) -> Server {
        self.config.observer = Some(observer);
        self
    }

    /// Shuts down when `signal` is ready: no more connections are accepted, those that are open are closed with 1001,
    /// and [`serve`](Server::serve) returns when all have ended, or after [`shutdown_time`](Server::shutdown_time).
    pub fn shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Server {
        self.shutdown = Box::pin(signal);
        self
    }

    /// How long a shutdown may take before what is left is dropped; 10 s unless set.
    pub fn shutdown_time(mut self, time: Duration) -> Server {
        self.shutdown_time = time;
        self
    }

    /// What moves the bytes for [`run`](Server::run): [`Engine::Auto`] unless set.
    pub fn engine(mut self, engine: Engine) -> Server {
        self.engine = engine;
        self
    }

    /// How many event loops [`run`](Server::run) has, each on a thread of its own; as many as there are cores unless set,
    /// and at least one.
    pub fn workers(mut self, count: usize) -> Server {
        self.workers = count.max(1);
        self
    }

    /// A handle that publishes to the topics of the connections that [`run`](Server::run) serves.
    #[must_use]
    pub fn topics(&self) -> Topics {
        Topics::new(Arc::clone(&self.exchange))
    }

    /// Serves until the [shutdown](Server::shutdown) on event loops, one for each core, which call `handler` for what
    /// happens to the connections. This is the fastest way to serve; a connection that is idle holds neither a buffer nor
    /// a task. The hook of [`on_upgrade`](Server::on_upgrade) is not asked: the handler has its own.
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, such as an origin without a scheme, or the system refuses what the loops need. What
    /// goes wrong with a connection ends that connection only.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the loops stop and all connections are dropped.
    pub async fn run<H: EventHandler>(self, handler: H) -> Result<()> {
        self.admission.check()?;
        let listener =
            self.listener.into_std().map_err(|error| Error::io("set up the event loops", error))?;
        let ledger = Arc::new(Ledger::new(self.max_buffered));
        let rules = Rules {
            handler,
            config: Arc::new(self.config),
            admission: self.admission,
            serves_http: self.http.is_some(),
            ledger: Arc::clone(&ledger),
        };
        let running = event::run(Plan {
            listener,
            rules,
            http: self.http,
            #[cfg(feature = "tls")]
            tls: self.tls,
            census: Census::new(self.max_connections, self.max_connections_per_ip),
            exchange: self.exchange,
            engine: self.engine,
            workers: self.workers,
            shutdown: self.shutdown,
            shutdown_time: self.shutdown_time,
        });
        tokio::select! {
            biased;
            () = telemetry::show_held(|| ledger.held()) => Ok(()),
            outcome = running => outcome,
        }
    }

    /// Serves until the [shutdown](Server::shutdown), calling `handler` for every connection that is opened.
    ///
    /// A connection that the handler is done with and nobody else holds is closed with 1000, or with 1011 if the
    /// handler failed or panicked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nobody is accepted any more, and the connections that there are go on until they end by
    /// themselves. To end them too, [shut down](Server::shutdown).
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, such as an origin without a scheme. What goes wrong with a connection ends that
    /// connection only.
    pub async fn serve<F, Fut>(self, handler: F) -> Result<()>
    where
        F: Fn(WebSocket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.admission.check()?;
        let handler: Handler = Arc::new(move |socket| Box::pin(handler(socket)));
        let settings = Arc::new(Settings {
            config: Arc::new(self.config),
            admission: self.admission,
            http: self.http,
            #[cfg(feature = "tls")]
            tls: self.tls,
            handler,
            census: Arc::new(Census::new(self.max_connections, self.max_connections_per_ip)),
            ledger: Arc::new(Ledger::new(self.max_buffered)),
            turning_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_A_TIME)),
            is_closing: AtomicBool::new(false),
            closing: CancellationToken::new(),
            dropping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let serving = async {
            tokio::select! {
                () = accept_forever(&self.listener, &settings) => {}
                () = self.shutdown => {}
            }
            drop(self.listener);
            shut_down(&settings, self.shutdown_time).await;
        };
        tokio::select! {
            // The gauge is there before the first connection is.
            biased;
            () = telemetry::show_held(|| settings.ledger.held()) => {}
            () = serving => {}
        }
        Ok(())
    }
}

async fn accept_forever(listener: &TcpListener, settings: &Arc<Settings>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_gone_already(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                telemetry::accept_failed();
                // Without descriptors, or memory, the next try would fail as well.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let span = tracing::info_span!("connection", %peer);
        match settings.census.enter(peer.ip()) {
            Ok(place) => {
                let serving = incoming::serve(stream, peer, place, Arc::clone(settings));
                settings.tasks.spawn(serving.instrument(span));
            }
            Err(full) => span.in_scope(|| incoming::turn_away(stream, full, settings)),
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

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

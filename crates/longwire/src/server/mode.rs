//! The mode of a server: the settings that only [`Server::serve`] or only [`Server::run`] honours.
//!
//! The type of a [`Server`](crate::Server) says which of the two can still be called. A setting that only one of them
//! honours makes it a `Server<Serve>` or a `Server<Run>`, and calling the other does not compile.
//!
//! [`Server::serve`]: crate::Server::serve
//! [`Server::run`]: crate::Server::run

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::hook::Decide;
use crate::event::{Engine, Exchange, Observer, Routes, ShutdownSpread, Ticker};

/// The mode of a server that can still [`serve`](crate::Server::serve) or [`run`](crate::Server::run).
///
/// ```no_run
/// use longwire::Server;
///
/// /// A server with the settings that this program always uses.
/// async fn server() -> longwire::Result<Server> {
///     Ok(Server::bind("127.0.0.1:8080").await?.max_connections(100_000).origins(["https://example.com"]))
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Undecided(pub(super) ());

/// The mode of a server that can only [`serve`](crate::Server::serve), because it has a setting that only `serve`
/// honours.
///
/// ```no_run
/// use longwire::mode::Serve;
/// use longwire::{Accept, Refusal, Server};
///
/// fn with_password(server: Server) -> Server<Serve> {
///     server.on_upgrade(async |request| match request.query("password").as_deref() {
///         Some("open sesame") => Ok(Accept::new()),
///         _ => Err(Refusal::unauthorized("Basic")),
///     })
/// }
/// ```
#[derive(Default)]
pub struct Serve {
    pub(super) decide: Option<Arc<Decide>>,
}

/// The mode of a server that can only [`run`](crate::Server::run), because it has a setting that only `run` honours.
///
/// ```no_run
/// use longwire::mode::Run;
/// use longwire::{Engine, Server};
///
/// fn on_one_thread(server: Server) -> Server<Run> {
///     server.engine(Engine::Readiness).workers(1)
/// }
/// ```
pub struct Run {
    pub(super) engine: Engine,
    pub(super) workers: usize,
    pub(super) max_spawned: usize,
    pub(super) tickers: Vec<Ticker>,
    pub(super) tick_every: Option<Duration>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) observer: Option<Observer>,
    pub(super) shutdown_spread: Option<ShutdownSpread>,
    pub(super) counts_traffic: bool,
}

impl Default for Run {
    fn default() -> Run {
        Run {
            engine: Engine::Auto,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            max_spawned: 64,
            tickers: Vec::new(),
            tick_every: None,
            exchange: Arc::default(),
            observer: None,
            shutdown_spread: None,
            counts_traffic: false,
        }
    }
}

/// The mode of a server with [routes](crate::Server::route), each with its own handler. It can only run.
///
/// ```no_run
/// use longwire::mode::Routed;
/// use longwire::{Handler, Server};
///
/// fn with_routes(server: Server, chat: impl Handler, ticker: impl Handler) -> Server<Routed> {
///     server.route("/chat/{room}", chat).route("/ticker", ticker)
/// }
/// ```
#[derive(Default)]
pub struct Routed {
    pub(super) run: Run,
    pub(super) routes: Routes,
}

/// The modes in which a server can [`serve`](crate::Server::serve): [`Undecided`] and [`Serve`].
///
/// ```no_run
/// use longwire::mode::CanServe;
/// use longwire::{Server, WebSocket};
///
/// /// Serves, with or without an `on_upgrade` hook.
/// async fn echo<M: CanServe>(server: Server<M>) -> longwire::Result<()> {
///     let echo = async |mut socket: WebSocket| {
///         while let Some(message) = socket.recv().await? {
///             socket.send(message).await?;
///         }
///         Ok(())
///     };
///     server.serve(echo).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`serve` and `on_upgrade` do not go with `route`, `engine`, `workers`, `topics` and `on_topic`",
    label = "`route`, `engine`, `workers`, `topics` or `on_topic` was called on this server: they are for `run`",
    note = "`Server::serve` runs on the tokio runtime of its caller, without event loops of its own: leave out `route`, `engine`, `workers`, `topics` and `on_topic`",
    note = "or implement `longwire::Handler`, which decides in its own `on_upgrade`, and call `Server::run`"
)]
pub trait CanServe: sealed::Mode {
    #[doc(hidden)]
    fn into_serve(self) -> Serve;
}

/// The modes in which a server can [`run`](crate::Server::run): [`Undecided`] and [`Run`].
///
/// ```no_run
/// use longwire::mode::CanRun;
/// use longwire::{Handler, Server};
///
/// /// Runs, on any engine.
/// async fn run<M: CanRun>(server: Server<M>, handler: impl Handler) -> longwire::Result<()> {
///     server.run(handler).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`run`, `route`, `engine`, `workers`, `topics` and `on_topic` do not go with `Server::on_upgrade`",
    label = "`on_upgrade` was called on this server: it is for `serve`",
    note = "`Server::run` asks `Handler::on_upgrade` whom to let in: move what `Server::on_upgrade` decides into there",
    note = "or call `Server::serve`, without `route`, `engine`, `workers`, `topics` and `on_topic`"
)]
pub trait CanRun: Unrouted {
    #[doc(hidden)]
    fn into_run(self) -> Run;
}

/// The modes of a server without [routes](crate::Server::route): [`Undecided`], [`Serve`] and [`Run`].
///
/// ```no_run
/// use longwire::mode::{CanRun, Unrouted};
/// use longwire::{Handler, Server};
///
/// async fn run<M: Unrouted + CanRun>(server: Server<M>, handler: impl Handler) -> longwire::Result<()> {
///     server.run(handler).await
/// }
/// ```
pub trait Unrouted: sealed::Mode {}

/// The modes in which a server takes settings for event loops, and routes: [`Undecided`], [`Run`] and [`Routed`].
///
/// ```no_run
/// use longwire::Server;
/// use longwire::mode::ForLoops;
///
/// fn on_one_thread<M: ForLoops>(server: Server<M>) -> Server<M::Loops> {
///     server.workers(1)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`run`, `route`, `engine`, `workers`, `topics` and `on_topic` do not go with `Server::on_upgrade`",
    label = "`on_upgrade` was called on this server: it is for `serve`",
    note = "`Server::run` asks `Handler::on_upgrade` whom to let in: move what `Server::on_upgrade` decides into there",
    note = "or call `Server::serve`, without `route`, `engine`, `workers`, `topics` and `on_topic`"
)]
pub trait ForLoops: sealed::Mode {
    #[doc(hidden)]
    fn set<T>(self, set: impl FnOnce(&mut Run) -> T) -> (Self::Loops, T);

    #[doc(hidden)]
    fn into_routed(self) -> Routed;
}

impl ForLoops for Undecided {
    fn set<T>(self, set: impl FnOnce(&mut Run) -> T) -> (Run, T) {
        Run::default().set(set)
    }

    fn into_routed(self) -> Routed {
        Routed::default()
    }
}

impl ForLoops for Run {
    fn set<T>(mut self, set: impl FnOnce(&mut Run) -> T) -> (Run, T) {
        let set = set(&mut self);
        (self, set)
    }

    fn into_routed(self) -> Routed {
        Routed { run: self, routes: Routes::default() }
    }
}

impl ForLoops for Routed {
    fn set<T>(mut self, set: impl FnOnce(&mut Run) -> T) -> (Routed, T) {
        let set = set(&mut self.run);
        (self, set)
    }

    fn into_routed(self) -> Routed {
        self
    }
}

impl Unrouted for Undecided {}
impl Unrouted for Serve {}
impl Unrouted for Run {}

impl CanServe for Undecided {
    fn into_serve(self) -> Serve {
        Serve::default()
    }
}

impl CanServe for Serve {
    fn into_serve(self) -> Serve {
        self
    }
}

impl CanRun for Undecided {
    fn into_run(self) -> Run {
        Run::default()
    }
}

impl CanRun for Run {
    fn into_run(self) -> Run {
        self
    }
}

pub(super) mod sealed {
    use super::{Routed, Run, Serve, Undecided};

    pub trait Mode {
        /// The mode after a setting of event loops. Every mode has one, so that the compiler can say of a mode that takes no
        /// such setting why it does not.
        type Loops;
    }

    impl Mode for Undecided {
        type Loops = Run;
    }

    impl Mode for Serve {
        type Loops = Serve;
    }

    impl Mode for Run {
        type Loops = Run;
    }

    impl Mode for Routed {
        type Loops = Routed;
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("decides", &self.decide.is_some()).finish()
    }
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routed").field("run", &self.run).finish_non_exhaustive()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("engine", &self.engine)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

//! Serving on event loops, and the settings that only this way of serving has.

use std::sync::Arc;
use std::time::Duration;

use super::mode::sealed::Mode;
use super::mode::{CanRun, ForLoops, Routed, Run, Unrouted};
use super::{Common, Server};
use crate::error::{Result, not_instant, not_zero};
use crate::event::{self, Application, Engine, Handler, Plan, Rules, Ticker, TopicEvent, Topics};
use crate::ledger::Ledger;
use crate::telemetry;

/// Settings for [`run`](Server::run). After one of them, the server can no longer [`serve`](Server::serve).
impl<M: Mode> Server<M> {
    /// The I/O engine of the event loops; [`Engine::Auto`] by default.
    pub fn engine(self, engine: Engine) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.engine = engine)
    }

    /// The number of event loops, each on its own thread; by default one per core. With 0, [`run`](Server::run)
    /// fails.
    pub fn workers(self, count: usize) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.workers = count)
    }

    /// How many futures given to [`Socket::spawn`](crate::Socket::spawn) may run at a time on each connection; 64 by
    /// default. While the limit is reached, the connection's messages wait. With 0, [`run`](Server::run) fails.
    pub fn spawned_per_connection(self, count: usize) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.max_spawned = count)
    }

    /// Calls `tick` periodically while the server runs, once per period for the whole server. Use it to publish to
    /// all subscribers of a topic. It may be called several times to add more.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # use longwire::{Handler, Server};
    /// # fn frame() -> String { String::new() }
    /// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
    /// Server::bind("127.0.0.1:8080").await?
    ///     .every(Duration::from_millis(33), |topics| {
    ///         topics.publish("game", frame());
    ///     })
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    ///
    /// The first call comes after one period. Ticks that were missed, because `tick` took longer than a period or the
    /// system was busy, are skipped: the next call comes at the next multiple of the period. `tick` runs on the tokio
    /// runtime that polls [`run`](Server::run), and should return as quickly as a handler's message callback. If it
    /// panics, the panic is logged, and the next call comes on time. With a period of 0, [`run`](Server::run) fails.
    pub fn every(self, period: Duration, tick: impl FnMut(&Topics) + Send + 'static) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.tickers.push(Ticker { period, tick: Box::new(tick) }))
    }

    /// Calls [`Handler::on_tick`](crate::Handler::on_tick) periodically for each connection, on its event loop. Use
    /// it to send each client its own data, computed from the connection's state.
    ///
    /// For data that is the same for all clients, publish with [`every`](Server::every) instead: it is encoded once.
    /// For a timer that only a few connections need, use [`Socket::after`](crate::Socket::after). A loop does nothing
    /// else while it calls `on_tick` for all of its connections.
    ///
    /// The first call comes after one period. Ticks that were missed because the loop was busy are skipped. With a
    /// period of 0, [`run`](Server::run) fails.
    pub fn tick_every(self, period: Duration) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.tick_every = Some(period))
    }

    /// Returns the server together with a handle that publishes to the topics of its connections.
    ///
    /// ```no_run
    /// # use longwire::{Handler, Server};
    /// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
    /// let (server, topics) = Server::bind("127.0.0.1:8080").await?.topics();
    /// std::thread::spawn(move || topics.publish("news", "It rains."));
    /// server.run(handler).await
    /// # }
    /// ```
    pub fn topics(self) -> (Server<M::Loops>, Topics)
    where
        M: ForLoops,
    {
        let (mode, exchange) = self.mode.set(|mode| Arc::clone(&mode.exchange));
        (Server { common: self.common, mode }, Topics::new(exchange))
    }

    /// Calls `observer` when a topic gets its first subscriber on the whole server, and when it loses its last one. A
    /// bridge to a message broker can then subscribe there and unsubscribe.
    ///
    /// The observer runs on its own thread, `longwire-topics`, in the context of the runtime that polls
    /// [`run`](Server::run). No event loop waits for it, so it may block, publish, and query [`Topics`]; only its own
    /// next call is delayed. Clients may be served before the observer hears of their topic.
    ///
    /// For one topic, the calls alternate in the order in which the events happened:
    /// [`FirstSubscribed`](TopicEvent::FirstSubscribed), [`LastUnsubscribed`](TopicEvent::LastUnsubscribed),
    /// `FirstSubscribed`, and so on. If subscribers of a topic come and go while the observer is busy with another
    /// call, it is not called for that topic. Pending calls therefore take memory only for topics that exist or that
    /// the observer knows.
    ///
    /// If the observer panics, the panic is logged, and later events still call it. When the server shuts down, it is
    /// called for every topic that ends; [`run`](Server::run) waits for these calls as long as for connections. If
    /// `on_topic` is called twice, only the last observer counts.
    ///
    /// ```no_run
    /// # use longwire::{Handler, Server, TopicEvent};
    /// # async fn serve(handler: impl Handler) -> longwire::Result<()> {
    /// Server::bind("127.0.0.1:8080").await?
    ///     .on_topic(|event| match event {
    ///         TopicEvent::FirstSubscribed(topic) => println!("somebody listens to {topic}"),
    ///         TopicEvent::LastUnsubscribed(topic) => println!("nobody listens to {topic} any more"),
    ///         _ => {}
    ///     })
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    pub fn on_topic(self, observer: impl FnMut(TopicEvent<'_>) + Send + 'static) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.observer = Some(Box::new(observer)))
    }

    /// Serves connections to this path with `handler`. Each route has its own [`State`](crate::Handler::State) type.
    /// A server with routes calls [`run`](Server::run) without a handler. A WebSocket request for any other path gets
    /// 404; plain requests still go to the service of [`http`](Server::http).
    ///
    /// A path is literal, except that `{name}` matches one non-empty segment, and `{*rest}` at the end matches
    /// everything that follows. [`Upgrade::param`](crate::Upgrade::param) returns what they matched. If several
    /// routes match, a literal segment takes precedence over `{name}`, and `{name}` over `{*rest}`. If a path is not
    /// a valid pattern, or matches the same as another, [`run`](Server::run) fails.
    ///
    /// ```no_run
    /// # use longwire::{Handler, Server};
    /// # async fn serve(chat: impl Handler, ticker: impl Handler) -> longwire::Result<()> {
    /// Server::bind("127.0.0.1:8080").await?
    ///     .route("/chat/{room}", chat)
    ///     .route("/ticker", ticker)
    ///     .run()
    ///     .await
    /// # }
    /// ```
    pub fn route(self, path: &str, handler: impl Handler) -> Server<Routed>
    where
        M: ForLoops,
    {
        let mut mode = self.mode.into_routed();
        mode.routes.add(path, handler);
        Server { common: self.common, mode }
    }

    /// Spreads the end of the open connections over a time when the server [shuts down](Server::shutdown), so that not all
    /// clients come back in the same second. `time` gets the number of open connections. Without it, all are closed
    /// at once.
    ///
    /// The server accepts no connections from the beginning. Connections are closed in equal portions; until its turn, a
    /// connection goes on, and [`Handler::on_tick`](crate::Handler::on_tick) is no longer called.
    /// [`Handler::on_shutdown`](crate::Handler::on_shutdown) may choose the close code.
    /// [`shutdown_time`](Server::shutdown_time) begins after this time.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # use longwire::{Handler, Server};
    /// # async fn serve(handler: impl Handler, signal: impl Future<Output = ()> + Send + 'static) -> longwire::Result<()> {
    /// Server::bind("127.0.0.1:8080").await?
    ///     .shutdown(signal)
    ///     .shutdown_spread(|connections| Duration::from_secs(10).min(connections as u32 * Duration::from_micros(100)))
    ///     .run(handler)
    ///     .await
    /// # }
    /// ```
    pub fn shutdown_spread(self, time: impl FnOnce(usize) -> Duration + Send + 'static) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.shutdown_spread = Some(Box::new(time)))
    }

    /// Counts the messages and bytes of each connection, for [`Socket::traffic`](crate::Socket::traffic). This takes some
    /// memory per connection.
    pub fn count_traffic(self) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.counts_traffic = true)
    }

    fn for_run(self, set: impl FnOnce(&mut Run)) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        let (mode, ()) = self.mode.set(set);
        Server { common: self.common, mode }
    }
}

/// Serving with a [`Handler`](crate::Handler) on event loops.
impl<M: Unrouted> Server<M> {
    /// Serves until the [shutdown](Server::shutdown) on event loops, one per core by default, which call `handler`
    /// for the events of their connections. This is the fastest way to serve: an idle connection holds neither a
    /// buffer nor a task.
    ///
    /// # Errors
    ///
    /// A setting is invalid, such as an origin without a scheme, or [limits](crate::Limits::check) under which no
    /// connection is possible ([`Error::Setting`](crate::Error::Setting)); or the system refuses resources that the loops need. An error on one
    /// connection ends only that connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the loops stop and all connections are dropped.
    pub async fn run<H>(self, handler: H) -> Result<()>
    where
        M: CanRun,
        H: Handler,
    {
        run_on_loops(self.common, self.mode.into_run(), handler).await
    }
}

/// Serving with several [`Handler`](crate::Handler)s on event loops.
impl Server<Routed> {
    /// Serves until the [shutdown](Server::shutdown) on event loops, as [`run`](Server::run) does with one handler.
    /// The loops call the handler of each connection's [route](Server::route).
    ///
    /// # Errors
    ///
    /// The same as with one handler. An invalid route path is an [`Error::Setting`](crate::Error::Setting) as well.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the loops stop and all connections are dropped.
    pub async fn run(self) -> Result<()> {
        let Routed { run, routes } = self.mode;
        routes.check()?;
        run_on_loops(self.common, run, routes).await
    }
}

async fn run_on_loops(common: Common, run: Run, application: impl Application) -> Result<()> {
    let Run {
        engine,
        workers,
        max_spawned,
        tickers,
        tick_every,
        exchange,
        observer,
        shutdown_spread,
        counts_traffic,
    } = run;
    common.check()?;
    not_zero("Server::workers", workers)?;
    not_zero("Server::spawned_per_connection", max_spawned)?;
    for ticker in &tickers {
        not_instant("Server::every", ticker.period)?;
    }
    if let Some(period) = tick_every {
        not_instant("Server::tick_every", period)?;
    }
    let census = Arc::new(common.census());
    let ledger = Arc::new(Ledger::new(common.max_buffered));
    let rules = Rules {
        application,
        config: Arc::new(common.config),
        admission: common.admission,
        serves_http: common.http.is_some(),
        ledger: Arc::clone(&ledger),
        max_spawned,
        counts_traffic,
        tick_every,
    };
    let _ticking = event::Tickers::start(tickers, &exchange);
    let running = event::run(Plan {
        listeners: common.listeners,
        rules,
        http: common.http,
        #[cfg(feature = "tls")]
        tls: common.tls,
        census: Arc::clone(&census),
        exchange,
        observer,
        engine,
        workers,
        shutdown: common.shutdown,
        shutdown_spread,
        shutdown_time: common.shutdown_time,
    });
    tokio::select! {
        biased;
        () = telemetry::show(|| ledger.held(), || census.in_phases()) => Ok(()),
        outcome = running => outcome,
    }
}

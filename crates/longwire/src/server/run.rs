//! Serving on event loops, and what is set for that only.

use std::sync::Arc;
use std::time::Duration;

use super::mode::sealed::Mode;
use super::mode::{CanRun, ForLoops, Routed, Run, Unrouted};
use super::{Common, Server};
use crate::error::{Error, Result, not_instant, not_zero};
use crate::event::{self, Application, Engine, Handler, Plan, Rules, Ticker, TopicEvent, Topics};
use crate::ledger::Ledger;
use crate::telemetry;

/// Settings for [`run`](Server::run), after which the server cannot [`serve`](Server::serve) any more.
impl<M: Mode> Server<M> {
    /// What moves the bytes: [`Engine::Auto`] unless set.
    pub fn engine(self, engine: Engine) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.engine = engine)
    }

    /// How many event loops there are, each on a thread of its own; as many as there are cores unless set. With 0,
    /// [`run`](Server::run) fails.
    pub fn workers(self, count: usize) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.workers = count)
    }

    /// How many futures run at a time for each connection, of those that [`Socket::spawn`](crate::Socket::spawn) is given;
    /// 64 unless set. While as many run, the connection's messages wait. With 0, [`run`](Server::run) fails.
    pub fn spawned_per_connection(self, count: usize) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.max_spawned = count)
    }

    /// Calls `tick` periodically while the server runs, once per period for the whole server: to publish what all
    /// subscribers of a topic get. It may be set several times.
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
    /// The first call comes after a period. Ticks that were missed, since `tick` took longer than a period or the system was
    /// busy, are skipped: the next call comes at the next multiple of the period. `tick` runs on the tokio runtime that
    /// [`run`](Server::run) is polled on, and should take no longer than a message of a handler. If it panics, the panic is
    /// logged, and the next call comes in time. With a period of 0, [`run`](Server::run) fails.
    pub fn every(self, period: Duration, tick: impl FnMut(&Topics) + Send + 'static) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.tickers.push(Ticker { period, tick: Box::new(tick) }))
    }

    /// Calls [`Handler::on_tick`](crate::Handler::on_tick) periodically for each connection, on its own event loop: to send
    /// each client something of its own, made of the connection's state.
    ///
    /// What all clients get alike is better published by [`every`](Server::every), since it is encoded once; what only a
    /// few connections wait for is a timer of theirs, [`Socket::after`](crate::Socket::after). A loop has no time for
    /// anything else while it calls `on_tick` for all of its connections.
    ///
    /// The first call comes after a period. Ticks that were missed, since the loop was busy, are skipped. With a period of 0,
    /// [`run`](Server::run) fails.
    pub fn tick_every(self, period: Duration) -> Server<M::Loops>
    where
        M: ForLoops,
    {
        self.for_run(|mode| mode.tick_every = Some(period))
    }

    /// The server, and a handle that publishes to the topics of its connections.
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

    /// Has `observer` called when a topic of the whole server gets its first subscriber, and when it loses its last one: a
    /// bridge to a message broker subscribes there then, and unsubscribes.
    ///
    /// The observer runs on a thread of its own, `longwire-topics`, in the context of the runtime that
    /// [`run`](Server::run) is polled on. No event loop waits for it, so it may block, publish, and ask [`Topics`] anything;
    /// only its own next call has to wait. Clients may be served before the observer has heard of their topic.
    ///
    /// For one topic the calls take turns, in the order of what happened:
    /// [`FirstSubscribed`](TopicEvent::FirstSubscribed), [`LastUnsubscribed`](TopicEvent::LastUnsubscribed),
    /// `FirstSubscribed`, and so on. If the subscribers of a topic come and go while the observer is busy with another call,
    /// it is not called for that topic. Calls that wait therefore take memory only for topics that exist or that the
    /// observer knows.
    ///
    /// A panic of the observer is logged, and it is called again. When the server shuts down, it is called for every topic
    /// that ends; [`run`](Server::run) waits for that as long as for connections. If this is called twice, only the last
    /// observer counts.
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

    /// Has `handler` serve the connections whose path is this, each route with a [`State`](crate::Handler::State) of its
    /// own; then [`run`](Server::run) takes no handler. A request for a WebSocket at any other path gets 404; plain requests
    /// still go to the service of [`http`](Server::http).
    ///
    /// A path is literal, but for `{name}`, which stands for one segment that is not empty, and `{*rest}` at its end, which
    /// stands for all that follows. [`Upgrade::param`](crate::Upgrade::param) has what they stood for. Where more than one
    /// route matches, a literal segment comes before `{name}`, and that before `{*rest}`. A path that is no such pattern,
    /// or that matches the same as another, makes [`run`](Server::run) fail.
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
    /// Serves until the [shutdown](Server::shutdown) on event loops, one for each core, which call `handler` for what
    /// happens to the connections. This is the fastest way to serve; a connection that is idle holds neither a buffer nor
    /// a task.
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, such as an origin without a scheme or [limits](crate::Limits::check) with which no
    /// connection is possible ([`Error::Setting`]), or the system refuses what the loops need. What goes wrong with a
    /// connection ends that connection only.
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
    /// Serves until the [shutdown](Server::shutdown) on event loops, as [`run`](Server::run) with one handler does, which
    /// call the handler of each connection's [route](Server::route).
    ///
    /// # Errors
    ///
    /// As there; and a path of a route that cannot be ([`Error::Setting`]).
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
    let Run { engine, workers, max_spawned, tickers, tick_every, exchange, observer } = run;
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
    let listener = common.listener.into_std().map_err(|error| Error::io("set up the event loops", error))?;
    let ledger = Arc::new(Ledger::new(common.max_buffered));
    let rules = Rules {
        application,
        config: Arc::new(common.config),
        admission: common.admission,
        serves_http: common.http.is_some(),
        ledger: Arc::clone(&ledger),
        max_spawned,
        tick_every,
    };
    let _ticking = event::Tickers::start(tickers, &exchange);
    let running = event::run(Plan {
        listener,
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
        shutdown_time: common.shutdown_time,
    });
    tokio::select! {
        biased;
        () = telemetry::show(|| ledger.held(), || census.in_phases()) => Ok(()),
        outcome = running => outcome,
    }
}

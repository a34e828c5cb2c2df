//! What is set for [`Server::run`] only.

use std::sync::Arc;
use std::time::Duration;

use super::Server;
use super::mode::{CanRun, Run};
use crate::event::{Engine, Ticker, TopicEvent, Topics};

/// Settings for [`run`](Server::run), after which the server cannot [`serve`](Server::serve) any more.
impl<M> Server<M> {
    /// What moves the bytes: [`Engine::Auto`] unless set.
    pub fn engine(self, engine: Engine) -> Server<Run>
    where
        M: CanRun,
    {
        self.for_run(|mode| mode.engine = engine)
    }

    /// How many event loops there are, each on a thread of its own; as many as there are cores unless set. With 0,
    /// [`run`](Server::run) fails.
    pub fn workers(self, count: usize) -> Server<Run>
    where
        M: CanRun,
    {
        self.for_run(|mode| mode.workers = count)
    }

    /// How many futures run at a time for each connection, of those that [`Socket::spawn`](crate::Socket::spawn) is given;
    /// 64 unless set. While as many run, the connection's messages wait. With 0, [`run`](Server::run) fails.
    pub fn spawned_per_connection(self, count: usize) -> Server<Run>
    where
        M: CanRun,
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
    pub fn every(self, period: Duration, tick: impl FnMut(&Topics) + Send + 'static) -> Server<Run>
    where
        M: CanRun,
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
    pub fn tick_every(self, period: Duration) -> Server<Run>
    where
        M: CanRun,
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
    pub fn topics(self) -> (Server<Run>, Topics)
    where
        M: CanRun,
    {
        let server = self.for_run(|_| ());
        let topics = Topics::new(Arc::clone(&server.mode.exchange));
        (server, topics)
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
    pub fn on_topic(self, observer: impl FnMut(TopicEvent<'_>) + Send + 'static) -> Server<Run>
    where
        M: CanRun,
    {
        self.for_run(|mode| mode.observer = Some(Box::new(observer)))
    }

    fn for_run(self, set: impl FnOnce(&mut Run)) -> Server<Run>
    where
        M: CanRun,
    {
        let mut mode = self.mode.into_run();
        set(&mut mode);
        Server { common: self.common, mode }
    }
}

//! A node whose channels are in an engine that it shares with others: a `RemoteBroker` over a broker in memory.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, Broker, BrokerError, BrokerStatus, Call, ChannelName, ClientInfo, Fanout, HistoryOptions,
    HistoryPage, HistoryQuery, Joined, Member, MemoryBroker, MemoryLimits, Millis, NewPublication, Presence,
    PresenceStats, Publication, PublishOutcome, Record, RemoteBroker, RemoteOptions, Runtime, Since, Start,
    Store, StoreEvents, StreamPosition,
};

/// Of so many publications, one does not arrive.
const LOST_ONE_OF: usize = 5;

/// What the engine publishes goes to the node, if it listens. Some of it is lost on the way.
#[derive(Default)]
struct Relay {
    events: OnceLock<Weak<dyn StoreEvents>>,
    listened: Mutex<BTreeSet<ChannelName>>,
    publications: AtomicUsize,
}

impl Relay {
    fn pass(&self, channel: &ChannelName, record: Record, position: Option<StreamPosition>) {
        let events = self.events.get().and_then(Weak::upgrade);
        if let Some(events) = events.filter(|_| self.listened.lock().unwrap().contains(channel)) {
            events.arrived(channel, record, position);
        }
    }
}

impl Fanout for Relay {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        epoch: &str,
        _: Option<&Publication>,
    ) {
        let count = self.publications.fetch_add(1, Ordering::Relaxed);
        if count % LOST_ONE_OF != LOST_ONE_OF - 1 {
            let position = StreamPosition { offset: publication.offset, epoch: epoch.into() };
            let position = Some(position).filter(|position| position.offset > 0);
            self.pass(channel, Record::Publication(publication.clone()), position);
        }
    }

    fn join(&self, channel: &ChannelName, client: &ClientInfo) {
        self.pass(channel, Record::Join(client.clone()), None);
    }

    fn leave(&self, channel: &ChannelName, client: &ClientInfo) {
        self.pass(channel, Record::Leave(client.clone()), None);
    }
}

/// The engine as a store. It acts when an answer is polled.
struct EngineStore {
    engine: Arc<MemoryBroker>,
    relay: Arc<Relay>,
    _events: Arc<dyn StoreEvents>,
}

fn when_polled<T: Send + 'static>(act: impl FnOnce() -> Call<T> + Send + 'static) -> BoxFuture<T> {
    Box::pin(async move { act().answer().await })
}

impl Store for EngineStore {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>> {
        let (engine, channel, history) = (self.engine.clone(), channel.clone(), history.clone());
        when_polled(move || engine.publish(&channel, publication, &history, now))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>> {
        let (engine, channel, history) = (self.engine.clone(), channel.clone(), history.clone());
        when_polled(move || engine.history(&channel, query, &history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> BoxFuture<Result<(), BrokerError>> {
        let (engine, channel) = (self.engine.clone(), channel.clone());
        when_polled(move || engine.remove_history(&channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        let (engine, channel) = (self.engine.clone(), channel.clone());
        when_polled(move || engine.add_presence(&channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        let (engine, channel, client) = (self.engine.clone(), channel.clone(), client.to_owned());
        when_polled(move || engine.remove_presence(&channel, &client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> BoxFuture<Result<Presence, BrokerError>> {
        let (engine, channel) = (self.engine.clone(), channel.clone());
        when_polled(move || engine.presence(&channel, limit, now))
    }

    fn presence_stats(
        &self,
        channel: &ChannelName,
        now: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>> {
        let (engine, channel) = (self.engine.clone(), channel.clone());
        when_polled(move || engine.presence_stats(&channel, now))
    }

    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let (relay, channel) = (self.relay.clone(), channel.clone());
        when_polled(move || {
            relay.listened.lock().unwrap().insert(channel);
            Call::Ready(Ok(()))
        })
    }

    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let (relay, channel) = (self.relay.clone(), channel.clone());
        when_polled(move || {
            relay.listened.lock().unwrap().remove(&channel);
            Call::Ready(Ok(()))
        })
    }

    fn tell_nodes(&self, _: Bytes) -> BoxFuture<Result<(), BrokerError>> {
        when_polled(|| Call::Ready(Ok(())))
    }
}

/// The tasks of the node.
#[derive(Default)]
struct Tasks(Mutex<Vec<BoxFuture<()>>>);

impl Runtime for Tasks {
    fn spawn(&self, work: BoxFuture<()>) {
        self.0.lock().unwrap().push(work);
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

impl Tasks {
    /// Runs all tasks. They never wait, since the engine answers when it is polled.
    fn run(&self) {
        loop {
            let tasks = std::mem::take(&mut *self.0.lock().unwrap());
            if tasks.is_empty() {
                return;
            }
            tasks.into_iter().for_each(crate::support::ready);
        }
    }
}

/// A call, with the tasks that it needs.
struct WithTasks<T> {
    call: BoxFuture<T>,
    tasks: Arc<Tasks>,
}

impl<T> Future for WithTasks<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let polled = self.call.as_mut().poll(context);
        self.tasks.run();
        match polled {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => self.call.as_mut().poll(context),
        }
    }
}

/// A remote broker whose tasks run whenever it is called.
struct SharedBroker {
    engine: Arc<MemoryBroker>,
    remote: RemoteBroker,
    tasks: Arc<Tasks>,
}

impl SharedBroker {
    fn with_tasks<T: Send + 'static>(&self, call: Call<T>) -> Call<T> {
        Call::Later(Box::pin(WithTasks { call: Box::pin(call.answer()), tasks: self.tasks.clone() }))
    }
}

impl Broker for SharedBroker {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        self.with_tasks(self.remote.publish(channel, publication, history, now))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        self.with_tasks(self.remote.subscribe(channel, since, history, now, start))
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.with_tasks(self.remote.unsubscribe(channel, now))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        self.with_tasks(self.remote.history(channel, query, history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.with_tasks(self.remote.remove_history(channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.with_tasks(self.remote.add_presence(channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        self.with_tasks(self.remote.remove_presence(channel, client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        self.with_tasks(self.remote.presence(channel, limit, now))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        self.with_tasks(self.remote.presence_stats(channel, now))
    }

    fn expire(&self, now: Millis) {
        self.remote.expire(now);
        self.tasks.run();
        self.engine.expire(now);
    }

    fn status(&self) -> BrokerStatus {
        self.remote.status()
    }
}

/// The engine, and the broker of a node that shares it.
pub(crate) fn shared(
    fanout: Arc<dyn Fanout>,
    limits: MemoryLimits,
    seed: u64,
) -> (Arc<MemoryBroker>, Arc<dyn Broker>) {
    let (relay, tasks) = (Arc::new(Relay::default()), Arc::new(Tasks::default()));
    let engine = Arc::new(MemoryBroker::with_seed(relay.clone(), limits, seed));
    let at = engine.clone();
    let remote = RemoteBroker::with_seed(fanout, tasks.clone(), RemoteOptions::default(), seed, |events| {
        assert!(relay.events.set(Arc::downgrade(&events)).is_ok());
        Arc::new(EngineStore { engine: at, relay, _events: events })
    });
    (engine.clone(), Arc::new(SharedBroker { engine, remote, tasks }))
}

//! A server that goes on alone while its broker cannot be reached, and comes back.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longwire_hub::{
    BoxFuture, Broker, BrokerError, BrokerStatus, Call, ChannelName, ClientInfo, FallbackBroker, Fanout,
    HistoryOptions, HistoryPage, HistoryQuery, Joined, Member, MemoryBroker, MemoryLimits, Millis,
    NewPublication, Presence, PresenceStats, Publication, PublishOutcome, Runtime, Since, Start,
};
use longwire_socketio::{HubAdapter, SocketIo, SocketIoConfig};
use tokio::time::{sleep, timeout};

/// How long a test waits for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// What nodes share.
struct Engine {
    broker: MemoryBroker,
    lines: Arc<Lines>,
}

/// The connections of all nodes.
#[derive(Default)]
struct Lines(Mutex<Vec<Connected>>);

struct Connected {
    line: Arc<Line>,
    node: Arc<dyn Fanout>,
}

/// The connection of a node.
#[derive(Default)]
struct Line {
    is_down: AtomicBool,
    subscriptions: AtomicUsize,
}

impl Line {
    fn call<T>(&self, call: impl FnOnce() -> Call<Result<T, BrokerError>>) -> Call<Result<T, BrokerError>> {
        if self.is_down.load(Ordering::SeqCst) { Call::Ready(Err(BrokerError::Unavailable)) } else { call() }
    }
}

impl Fanout for Lines {
    fn publication(&self, channel: &ChannelName, new: &Publication, epoch: &str, last: Option<&Publication>) {
        for Connected { line, node } in self.0.lock().unwrap().iter() {
            if !line.is_down.load(Ordering::SeqCst) && line.subscriptions.load(Ordering::SeqCst) > 0 {
                node.publication(channel, new, epoch, last);
            }
        }
    }

    fn join(&self, _: &ChannelName, _: &ClientInfo) {}

    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
}

/// The broker of one node. The engine delivers to a node only what it has subscribed to. An adapter needs neither history nor
/// presence.
struct Remote {
    engine: Arc<Engine>,
    line: Arc<Line>,
}

impl Engine {
    fn new() -> Arc<Engine> {
        let lines = Arc::<Lines>::default();
        let fanout: Arc<dyn Fanout> = Arc::<Lines>::clone(&lines);
        Arc::new(Engine { broker: MemoryBroker::new(fanout, MemoryLimits::default()), lines })
    }

    fn connect(self: &Arc<Engine>, line: &Arc<Line>, fanout: Arc<dyn Fanout>) -> Arc<dyn Broker> {
        self.lines.0.lock().unwrap().push(Connected { line: Arc::clone(line), node: fanout });
        Arc::new(Remote { engine: Arc::clone(self), line: Arc::clone(line) })
    }
}

impl Broker for Remote {
    fn publish(
        &self,
        channel: &ChannelName,
        new: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        self.line.call(|| self.engine.broker.publish(channel, new, history, now))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        self.line.call(|| {
            self.line.subscriptions.fetch_add(1, Ordering::SeqCst);
            self.engine.broker.subscribe(channel, since, history, now, start)
        })
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        self.line.subscriptions.fetch_sub(1, Ordering::SeqCst);
        self.engine.broker.unsubscribe(channel, now)
    }

    fn history(
        &self,
        _: &ChannelName,
        _: HistoryQuery,
        _: &HistoryOptions,
        _: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        Call::Ready(Err(BrokerError::Unavailable))
    }

    fn remove_history(&self, _: &ChannelName, _: Millis) -> Call<Result<(), BrokerError>> {
        Call::Ready(Err(BrokerError::Unavailable))
    }

    fn add_presence(&self, _: &ChannelName, _: Member, _: bool, _: Millis) -> Call<Result<(), BrokerError>> {
        Call::Ready(Err(BrokerError::Unavailable))
    }

    fn remove_presence(&self, _: &ChannelName, _: &str, _: bool, _: Millis) -> Call<Result<(), BrokerError>> {
        Call::Ready(Err(BrokerError::Unavailable))
    }

    fn presence(&self, _: &ChannelName, _: usize, _: Millis) -> Call<Result<Presence, BrokerError>> {
        Call::Ready(Err(BrokerError::Unavailable))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        self.line.call(|| self.engine.broker.presence_stats(channel, now))
    }

    fn expire(&self, now: Millis) {
        self.engine.broker.expire(now);
    }

    fn status(&self) -> BrokerStatus {
        let mut status = BrokerStatus::default();
        status.is_reachable = !self.line.is_down.load(Ordering::SeqCst);
        status
    }
}

struct Tasks;

impl Runtime for Tasks {
    fn spawn(&self, work: BoxFuture<()>) {
        tokio::spawn(work);
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let comes = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, comes).await.expect(what);
}

#[tokio::test]
async fn a_server_that_was_alone_hears_the_others_again_each_time() {
    let engine = Engine::new();
    let (line, stable) = (Arc::<Line>::default(), Arc::<Line>::default());
    let mut kept = None;
    let adapter = HubAdapter::new(|fanout| {
        let (tasks, shared) = (Arc::new(Tasks), |fanout| engine.connect(&line, fanout));
        let after = Duration::from_millis(100);
        let broker = Arc::new(FallbackBroker::new(fanout, tasks, after, MemoryLimits::default(), shared));
        kept = Some(Arc::clone(&broker));
        broker
    });
    let fallback = kept.expect("it was connected");
    let one = SocketIo::with_adapter(SocketIoConfig::default(), adapter);
    let adapter = HubAdapter::new(|fanout| engine.connect(&stable, fanout));
    let other = SocketIo::with_adapter(SocketIoConfig::default(), adapter);
    until("nodes find each other", || one.other_nodes() == 1 && other.other_nodes() == 1).await;
    for _ in 0..2 {
        line.is_down.store(true, Ordering::SeqCst);
        until("it goes alone", || fallback.status().is_alone).await;
        line.is_down.store(false, Ordering::SeqCst);
        until("it comes back", || !fallback.status().is_alone).await;
        until("it subscribes again", || line.subscriptions.load(Ordering::SeqCst) == 1).await;
        until("the earlier subscription is ended", || fallback.subscriptions() == 1).await;
        until("the other knows it", || other.other_nodes() == 1).await;
        let fetched = timeout(PATIENCE, other.everybody().fetch_all_sockets()).await.expect("it ends");
        assert_eq!(fetched.silent_nodes, 0, "it hears the question");
    }
}

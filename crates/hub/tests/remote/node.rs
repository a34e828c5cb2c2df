//! A simulated node: its broker, the tasks that it runs, and what its subscribers get.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use longwire_hub::{
    BoxFuture, Broker, ChannelName, ClientInfo, FallbackBroker, Fanout, MemoryLimits, Publication,
    RemoteBroker, RemoteOptions, Runtime, Store, StoreEvents,
};

use crate::engine::text;
use crate::store::{Feed, Shared, SimulatedStore, lock};

/// What a subscriber of a node gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Publication { epoch: String, offset: u64, text: String },
    Lost,
}

/// Subscriptions of a node that have begun, each with what it got and has not handled.
#[derive(Default)]
pub(crate) struct Subscribers {
    begun: Mutex<BTreeMap<usize, (ChannelName, VecDeque<Got>)>>,
    /// The publication that was delivered last, by channel, since a subscription has begun.
    last: Mutex<BTreeMap<ChannelName, Option<Publication>>>,
}

impl Subscribers {
    pub(crate) fn begin(&self, id: usize, channel: &ChannelName) {
        let replaced = self.begun.lock().unwrap().insert(id, (channel.clone(), VecDeque::new()));
        assert!(replaced.is_none(), "it begins twice");
        // Its next publication will be whole.
        self.last.lock().unwrap().remove(channel);
    }

    pub(crate) fn end(&self, id: usize) -> bool {
        self.begun.lock().unwrap().remove(&id).is_some()
    }

    pub(crate) fn has_begun(&self, id: usize) -> bool {
        self.begun.lock().unwrap().contains_key(&id)
    }

    pub(crate) fn take(&self, id: usize) -> Option<Got> {
        self.begun.lock().unwrap().get_mut(&id)?.1.pop_front()
    }

    fn give(&self, channel: &ChannelName, got: &Got) {
        for (of, waiting) in self.begun.lock().unwrap().values_mut() {
            if of == channel {
                waiting.push_back(got.clone());
            }
        }
    }
}

impl Fanout for Subscribers {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        epoch: &str,
        previous: Option<&Publication>,
    ) {
        let mut last = self.last.lock().unwrap();
        let last = last.insert(channel.clone(), Some(publication.clone()));
        if let (Some(previous), Some(last)) = (previous, last) {
            assert_eq!(Some(previous), last.as_ref(), "a delta is made from what was delivered last");
        }
        let (epoch, offset) = (epoch.to_owned(), publication.offset);
        self.give(channel, &Got::Publication { epoch, offset, text: text(publication) });
    }

    fn join(&self, _: &ChannelName, _: &ClientInfo) {}

    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}

    fn lost(&self, channel: &ChannelName) {
        self.last.lock().unwrap().insert(channel.clone(), None);
        self.give(channel, &Got::Lost);
    }
}

/// The tasks of a node.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<Vec<BoxFuture<()>>>);

impl Runtime for Tasks {
    fn spawn(&self, work: BoxFuture<()>) {
        self.0.lock().unwrap().push(work);
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

impl Tasks {
    /// Polls all tasks until none of them comes further.
    pub(crate) fn run(&self) {
        let mut waiting = Vec::new();
        loop {
            let tasks = std::mem::take(&mut *self.0.lock().unwrap());
            if tasks.is_empty() {
                break;
            }
            for mut task in tasks {
                if poll(&mut task).is_pending() {
                    waiting.push(task);
                }
            }
        }
        self.0.lock().unwrap().extend(waiting);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    /// The process is killed.
    fn clear(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        drop(tasks);
    }
}

pub(crate) fn poll<T>(future: &mut BoxFuture<T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) struct Node {
    /// The number of its life, and its place among the feeds.
    pub(crate) number: usize,
    pub(crate) broker: Arc<dyn Broker>,
    /// The same broker, if the node goes on alone without the engine.
    pub(crate) fallback: Option<Arc<FallbackBroker>>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) events: Arc<dyn StoreEvents>,
}

impl Node {
    /// A node that goes on alone after such a time without the engine, if one is given.
    pub(crate) fn new(network: &Shared, options: RemoteOptions, alone_after: Option<Duration>) -> Node {
        let number = {
            let mut network = lock(network);
            network.feeds.push(Feed::default());
            network.feeds.len() - 1
        };
        let subscribers = Arc::new(Subscribers::default());
        let tasks = Arc::new(Tasks::default());
        let mut kept = None;
        let remote = |fanout: Arc<dyn Fanout>| {
            RemoteBroker::with_seed(fanout, tasks.clone(), options, 1, |events| {
                kept = Some(events);
                let store: Arc<dyn Store> =
                    Arc::new(SimulatedStore { network: network.clone(), node: number });
                store
            })
        };
        let (broker, fallback): (Arc<dyn Broker>, _) = match alone_after {
            None => (Arc::new(remote(subscribers.clone())), None),
            Some(after) => {
                let (seed, limits) = (u64::try_from(number).unwrap() << 32, MemoryLimits::default());
                let shared = |fanout| -> Arc<dyn Broker> { Arc::new(remote(fanout)) };
                let fallback = Arc::new(FallbackBroker::with_seed(
                    subscribers.clone(),
                    tasks.clone(),
                    after,
                    limits,
                    seed,
                    shared,
                ));
                (fallback.clone(), Some(fallback))
            }
        };
        Node { number, broker, fallback, subscribers, tasks, events: kept.unwrap() }
    }

    /// The process is killed: nothing of it goes on.
    pub(crate) fn kill(self, network: &Shared) {
        let Node { number, broker, fallback, tasks, events, .. } = self;
        drop((broker, fallback, events));
        tasks.clear();
        tasks.clear();
        let mut network = lock(network);
        network.feeds[number] = Feed { is_cut: true, ..Feed::default() };
        network.calls.retain(|call| call.node != number || !call.has_acted());
    }
}

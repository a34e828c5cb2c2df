//! The store of a simulated node: each call is two random steps, in which the engine acts and the answer arrives.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, BrokerError, ChannelName, HistoryOptions, HistoryPage, HistoryQuery, Member, Millis,
    NewPublication, Presence, PresenceStats, PublishOutcome, Record, Store, StreamPosition,
};

use crate::engine::Engine;

/// What arrives at a node.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) channel: ChannelName,
    pub(crate) record: Record,
    pub(crate) position: Option<StreamPosition>,
}

/// The connection of a node to what the engine publishes.
#[derive(Default)]
pub(crate) struct Feed {
    pub(crate) is_cut: bool,
    pub(crate) listened: BTreeSet<ChannelName>,
    /// The channels whose listening was interrupted. The store says that it is restored only of those, while they are listened
    /// to.
    pub(crate) interrupted: BTreeSet<ChannelName>,
    pub(crate) messages: VecDeque<Message>,
}

/// The engine and the connections of all nodes.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) engine: Engine,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) calls: Vec<CallUnderWay>,
}

/// What the engine does for a call.
type Act<T> = Box<dyn FnOnce(&mut Network) -> T + Send>;

/// A call to the engine.
pub(crate) struct CallUnderWay {
    /// The node, by the number of its life.
    pub(crate) node: usize,
    step: Option<Act<()>>,
    answer: Box<dyn FnOnce() + Send>,
}

impl CallUnderWay {
    pub(crate) fn has_acted(&self) -> bool {
        self.step.is_none()
    }

    /// What the engine does for it.
    pub(crate) fn take_step(&mut self) -> Option<Act<()>> {
        self.step.take()
    }

    pub(crate) fn answer(self) {
        (self.answer)();
    }
}

pub(crate) type Shared = Arc<Mutex<Network>>;

pub(crate) fn lock(network: &Shared) -> MutexGuard<'_, Network> {
    network.lock().unwrap()
}

impl Network {
    /// Hands something to all nodes that listen.
    fn spread(&mut self, message: &Message) {
        for feed in &mut self.feeds {
            if !feed.is_cut && feed.listened.contains(&message.channel) {
                feed.messages.push_back(message.clone());
            }
        }
    }
}

/// A call that begins when it is polled.
struct SimulatedCall<T> {
    network: Shared,
    node: usize,
    step: Option<Act<Result<T, BrokerError>>>,
    slot: Arc<Mutex<Slot<T>>>,
}

struct Slot<T> {
    outcome: Option<Result<T, BrokerError>>,
    has_arrived: bool,
}

impl<T: Send + 'static> Future for SimulatedCall<T> {
    type Output = Result<T, BrokerError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<T, BrokerError>> {
        if let Some(step) = self.step.take() {
            let (acts, arrives) = (self.slot.clone(), self.slot.clone());
            let act = move |network: &mut Network| {
                let outcome =
                    if network.engine.is_down { Err(BrokerError::Unavailable) } else { step(network) };
                acts.lock().unwrap().outcome = Some(outcome);
            };
            let answer = move || arrives.lock().unwrap().has_arrived = true;
            let call = CallUnderWay { node: self.node, step: Some(Box::new(act)), answer: Box::new(answer) };
            lock(&self.network).calls.push(call);
        }
        let mut slot = self.slot.lock().unwrap();
        let has_arrived = slot.has_arrived;
        match slot.outcome.take_if(|_| has_arrived) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

pub(crate) struct SimulatedStore {
    pub(crate) network: Shared,
    /// The number of the node's life, and its place among the feeds.
    pub(crate) node: usize,
}

impl SimulatedStore {
    fn call<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Network) -> Result<T, BrokerError> + Send + 'static,
    ) -> BoxFuture<Result<T, BrokerError>> {
        let slot = Arc::new(Mutex::new(Slot { outcome: None, has_arrived: false }));
        let (network, node) = (self.network.clone(), self.node);
        Box::pin(SimulatedCall { network, node, step: Some(Box::new(step)), slot })
    }
}

impl Store for SimulatedStore {
    fn publish(
        &self,
        channel: &ChannelName,
        new: NewPublication,
        history: &HistoryOptions,
        _: Millis,
    ) -> BoxFuture<Result<PublishOutcome, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        self.call(move |network| {
            let (publication, outcome) = network.engine.publish(&channel, &new, &history);
            let record = Record::decode(Record::Publication(publication).encode()).unwrap();
            network.spread(&Message { channel, record, position: outcome.position.clone() });
            Ok(outcome)
        })
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        _: &HistoryOptions,
        _: Millis,
    ) -> BoxFuture<Result<HistoryPage, BrokerError>> {
        let channel = channel.clone();
        self.call(move |network| network.engine.history(&channel, &query))
    }

    fn remove_history(&self, channel: &ChannelName, _: Millis) -> BoxFuture<Result<(), BrokerError>> {
        let channel = channel.clone();
        self.call(move |network| {
            network.engine.trim(&channel);
            Ok(())
        })
    }

    fn add_presence(
        &self,
        _: &ChannelName,
        _: Member,
        _: bool,
        _: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|_| Ok(()))
    }

    fn remove_presence(
        &self,
        _: &ChannelName,
        _: &str,
        _: bool,
        _: Millis,
    ) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|_| Ok(()))
    }

    fn presence(&self, _: &ChannelName, _: usize, _: Millis) -> BoxFuture<Result<Presence, BrokerError>> {
        self.call(|_| Ok(Presence { clients: std::collections::BTreeMap::new() }))
    }

    fn presence_stats(
        &self,
        channel: &ChannelName,
        _: Millis,
    ) -> BoxFuture<Result<PresenceStats, BrokerError>> {
        let channel = channel.clone();
        self.call(move |network| match network.engine.unreachable.contains(&channel) {
            true => Err(BrokerError::Unavailable),
            false => Ok(PresenceStats::default()),
        })
    }

    fn listen(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let (node, channel) = (self.node, channel.clone());
        self.call(move |network| {
            let feed = &mut network.feeds[node];
            if feed.is_cut {
                return Err(BrokerError::Unavailable);
            }
            feed.listened.insert(channel);
            Ok(())
        })
    }

    fn stop_listening(&self, channel: &ChannelName) -> BoxFuture<Result<(), BrokerError>> {
        let (node, channel) = (self.node, channel.clone());
        self.call(move |network| {
            // It needs no connection.
            let feed = &mut network.feeds[node];
            feed.listened.remove(&channel);
            feed.interrupted.remove(&channel);
            Ok(())
        })
    }

    fn tell_nodes(&self, _: Bytes) -> BoxFuture<Result<(), BrokerError>> {
        self.call(|_| Ok(()))
    }
}

//! One node on an engine, for tests that are transcripts.

use std::time::Duration;

use longwire_hub::{
    BoxFuture, BrokerError, BrokerStatus, Call, ChannelName, Data, HistoryOptions, Joined, Millis,
    NewPublication, RemoteOptions, Since,
};

use crate::engine::history;
use crate::node::{Got, Node, poll};
use crate::store::{Message, Network, Shared, lock};

/// A node, the channels that are tried, and the time.
pub(crate) struct Trial {
    pub(crate) network: Shared,
    pub(crate) node: Node,
    pub(crate) history: HistoryOptions,
    pub(crate) now: Millis,
    subscriptions: usize,
}

/// A subscription that is asked for.
pub(crate) struct Asked {
    pub(crate) id: usize,
    pub(crate) answer: BoxFuture<Result<Joined, BrokerError>>,
}

pub(crate) fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

impl Trial {
    pub(crate) fn new(options: RemoteOptions) -> Trial {
        Trial::with(options, None)
    }

    /// A node that goes on alone after this time without the engine.
    pub(crate) fn alone_after(time: Duration) -> Trial {
        Trial::with(RemoteOptions::default(), Some(time))
    }

    fn with(options: RemoteOptions, alone_after: Option<Duration>) -> Trial {
        let network = Shared::default();
        let node = Node::new(&network, options, alone_after);
        Trial { network, node, history: history(100), now: Millis(1_000_000), subscriptions: 0 }
    }

    pub(crate) fn network(&self) -> std::sync::MutexGuard<'_, Network> {
        lock(&self.network)
    }

    pub(crate) fn status(&self) -> BrokerStatus {
        self.node.broker.status()
    }

    /// Asks for a subscription, which waits for the engine.
    pub(crate) fn ask(&mut self, name: &str, since: Since) -> Asked {
        self.subscriptions += 1;
        let (id, subscribers, of) = (self.subscriptions, self.node.subscribers.clone(), channel(name));
        let start = Box::new(move || subscribers.begin(id, &of));
        let call = self.node.broker.subscribe(&channel(name), since, &self.history, self.now, start);
        let mut answer: BoxFuture<_> = Box::pin(call.answer());
        if let std::task::Poll::Ready(outcome) = poll(&mut answer) {
            answer = Box::pin(async move { outcome });
        }
        self.node.tasks.run();
        Asked { id, answer }
    }

    /// Subscribes, with an engine that answers at once.
    pub(crate) fn try_subscribe(&mut self, name: &str, since: Since) -> Result<(usize, Joined), BrokerError> {
        let mut asked = self.ask(name, since);
        self.settle();
        match poll(&mut asked.answer) {
            std::task::Poll::Ready(outcome) => outcome.map(|joined| (asked.id, joined)),
            std::task::Poll::Pending => panic!("the engine has answered"),
        }
    }

    pub(crate) fn subscribe(&mut self, name: &str) -> usize {
        self.try_subscribe(name, Since::Now).unwrap().0
    }

    pub(crate) fn unsubscribe(&self, name: &str, id: usize) {
        assert!(self.node.subscribers.end(id));
        let _ended = self.node.broker.unsubscribe(&channel(name), self.now);
    }

    /// Publishes. It is under way to the node then, unless that is alone.
    pub(crate) fn publish(&self, name: &str, text: &str) -> Result<(), BrokerError> {
        let new = NewPublication::new(Data::from_text(text.to_owned()));
        let call = self.node.broker.publish(&channel(name), new, &self.history, self.now);
        if let Call::Ready(outcome) = call {
            return outcome.map(drop);
        }
        let mut call: BoxFuture<_> = Box::pin(call.answer());
        assert!(poll(&mut call).is_pending());
        self.carry_on();
        match poll(&mut call) {
            std::task::Poll::Ready(outcome) => outcome.map(drop),
            std::task::Poll::Pending => panic!("the engine has answered"),
        }
    }

    /// Publishes, as another node does: no call of this one is answered.
    pub(crate) fn publish_without_answers(&self, name: &str, text: &str) {
        let calls = std::mem::take(&mut self.network().calls);
        self.publish(name, text).unwrap();
        self.network().calls.splice(..0, calls);
    }

    /// The engine acts on all calls and answers them, once.
    pub(crate) fn carry_on(&self) {
        let calls = std::mem::take(&mut self.network().calls);
        for mut call in calls {
            if let Some(step) = call.take_step() {
                step(&mut self.network());
            }
            call.answer();
        }
        self.node.tasks.run();
    }

    /// Takes the next message that is under way.
    pub(crate) fn take_message(&self) -> Message {
        self.network().feeds[self.node.number].messages.pop_front().unwrap()
    }

    pub(crate) fn arrive(&self, message: Message) {
        self.node.events.arrived(&message.channel, message.record, message.position);
        self.node.tasks.run();
    }

    /// All that is under way arrives, and all calls are answered.
    pub(crate) fn settle(&self) {
        loop {
            self.carry_on();
            let next = self.network().feeds[self.node.number].messages.pop_front();
            match next {
                Some(message) => self.arrive(message),
                None if self.network().calls.is_empty() => return,
                None => {}
            }
        }
    }

    pub(crate) fn interrupt(&self) {
        self.network().feeds[self.node.number].is_cut = true;
        self.node.events.interrupted(&|_| true);
        self.node.tasks.run();
    }

    pub(crate) fn restore(&self) {
        self.network().feeds[self.node.number].is_cut = false;
        self.node.events.restored(&|_| true);
        self.node.tasks.run();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.node.broker.expire(self.now);
        self.node.tasks.run();
    }

    /// What a subscriber got since the last time.
    pub(crate) fn got(&self, id: usize) -> Vec<String> {
        let all = std::iter::from_fn(|| self.node.subscribers.take(id));
        all.map(|got| match got {
            Got::Publication { offset, text, .. } => format!("{offset} {text}"),
            Got::Lost => "lost".to_owned(),
        })
        .collect()
    }

    /// Whether the node listens to a channel.
    pub(crate) fn listens(&self, name: &str) -> bool {
        self.network().feeds[self.node.number].listened.contains(&channel(name))
    }
}

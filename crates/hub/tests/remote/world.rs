//! Several nodes on one engine, clients, and everything that can go wrong between them.

use std::task::Poll;
use std::time::Duration;

use longwire_hub::{
    BoxFuture, BrokerError, Call, ChannelName, Data, HistoryOptions, Millis, NewPublication, PublishOutcome,
    RemoteOptions, Since, StreamPosition,
};

use crate::client::{Phase, Watcher};
use crate::engine::history;
use crate::node::{Node, poll};
use crate::random::Random;
use crate::store::{Shared, lock};

type Publishing = BoxFuture<Result<PublishOutcome, BrokerError>>;

pub(crate) struct World {
    pub(crate) random: Random,
    now: Millis,
    network: Shared,
    nodes: Vec<Node>,
    options: RemoteOptions,
    /// When nodes go on alone, if they do.
    alone_after: Option<Duration>,
    /// Whether everything that arrives can be held.
    is_roomy: bool,
    /// Whether nothing is lost without an interruption. Then everything is seen without comparing positions.
    is_faithful: bool,
    channels: Vec<(ChannelName, HistoryOptions)>,
    watchers: Vec<Watcher>,
    publishing: Vec<Publishing>,
    published: u64,
    subscriptions: usize,
    /// How often each thing has happened, so that a simulation in which nothing happens does not pass.
    pub(crate) figures: Figures,
}

/// What has happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) seen: u64,
    pub(crate) recovered: u64,
    pub(crate) unrecovered: u64,
    pub(crate) told: u64,
    pub(crate) refused: u64,
    pub(crate) gaps_filled: u64,
    pub(crate) duplicates: u64,
    /// How often a node went on alone, or back.
    pub(crate) turns: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Figures) {
        self.seen += other.seen;
        self.recovered += other.recovered;
        self.unrecovered += other.unrecovered;
        self.told += other.told;
        self.refused += other.refused;
        self.gaps_filled += other.gaps_filled;
        self.duplicates += other.duplicates;
        self.turns += other.turns;
    }
}

fn later<T>(call: Call<T>) -> BoxFuture<T>
where
    T: Send + 'static,
{
    Box::pin(call.answer())
}

impl World {
    pub(crate) fn new(seed: u64, nodes: usize, clients: usize, goes_alone: bool) -> World {
        let mut random = Random::new(seed);
        let alone_after = goes_alone.then(|| Duration::from_secs(random.pick(&[1, 5, 30])));
        let mut options = RemoteOptions::default();
        options.page = random.pick(&[1, 2, 3, 1_000]);
        options.reads = random.pick(&[1, 64]);
        let is_roomy = !random.once_in(3);
        if !is_roomy {
            options.held = 1 + random.below(3);
            options.all_held_bytes = random.pick(&[300, 1_000, 64 << 20]);
        }
        let is_faithful = random.once_in(2);
        if is_faithful {
            options.check = Duration::from_secs(1_000_000);
        }
        let network = Shared::default();
        let size = random.pick(&[2, 5, 100]);
        let channels: Vec<_> = [("stream", size), ("other", 100), ("outside", 0)]
            .map(|(name, size)| (name.parse().unwrap(), history(size)))
            .into();
        let watchers = (0..clients)
            .flat_map(|_| {
                channels.iter().map(|(channel, _): &(ChannelName, _)| Watcher::new(channel.clone()))
            })
            .collect();
        World {
            now: Millis(1_000_000),
            nodes: (0..nodes).map(|_| Node::new(&network, options.clone(), alone_after)).collect(),
            random,
            network,
            options,
            alone_after,
            is_roomy,
            is_faithful,
            channels,
            watchers,
            publishing: Vec::new(),
            published: 0,
            subscriptions: 0,
            figures: Figures::default(),
        }
    }

    /// One random step.
    pub(crate) fn step(&mut self) {
        match self.random.below(200) {
            0..30 => self.publish(),
            30..80 => {
                self.carry_on_call();
            }
            80..120 => self.deliver(),
            120..145 => self.subscribe(),
            145..152 => self.unsubscribe(),
            152..156 => self.interrupt(),
            156..172 => self.restore(),
            172..174 => self.trim(),
            174..175 => self.forget_stream(),
            175..179 => self.repeat_message(),
            179..181 => self.lose_message(),
            181..183 => self.change_engine(),
            183..184 => self.restart_node(),
            184..190 => self.settle(),
            190..198 => self.pass(Duration::from_millis(500)),
            _ => self.pass(Duration::from_secs(20)),
        }
        // A thread that waits for an answer may be late.
        let is_late = self.alone_after.is_some() && self.random.once_in(3);
        if !is_late {
            self.watch();
        }
    }

    fn publish(&mut self) {
        let (channel, options) = self.random.pick(&self.channels);
        let options = if self.random.once_in(10) { options.without_history() } else { options };
        let node = self.random.below(self.nodes.len());
        self.publish_to(node, &channel, &options);
    }

    fn publish_to(&mut self, node: usize, channel: &ChannelName, options: &HistoryOptions) {
        self.published += 1;
        let text = format!("p{}", self.published);
        let new = NewPublication::new(Data::from_text(text.clone()));
        let mut call = later(self.nodes[node].broker.publish(channel, new, options, self.now));
        match poll(&mut call) {
            Poll::Pending => self.publishing.push(call),
            Poll::Ready(outcome) => {
                let position = outcome.unwrap().position;
                lock(&self.network).engine.note(channel, position.as_ref(), text);
            }
        }
    }

    /// The engine acts on a call, or its answer arrives.
    fn carry_on_call(&mut self) -> bool {
        let mut network = lock(&self.network);
        if network.calls.is_empty() {
            return false;
        }
        let chosen = self.random.below(network.calls.len());
        if let Some(step) = network.calls[chosen].take_step() {
            step(&mut network);
            return true;
        }
        let call = network.calls.remove(chosen);
        drop(network);
        call.answer();
        self.run();
        true
    }

    /// The tasks go on.
    fn run(&mut self) {
        self.nodes.iter().for_each(|node| node.tasks.run());
        self.publishing.retain_mut(|call| poll(call).is_pending());
        self.nodes.iter().for_each(|node| node.tasks.run());
    }

    /// The next message arrives at a node.
    fn deliver(&mut self) {
        let node = self.random.below(self.nodes.len());
        self.deliver_to(node);
    }

    fn deliver_to(&mut self, node: usize) -> bool {
        let Node { number, events, .. } = &self.nodes[node];
        let Some(message) = lock(&self.network).feeds[*number].messages.pop_front() else { return false };
        events.arrived(&message.channel, message.record, message.position);
        self.run();
        true
    }

    fn repeat_message(&mut self) {
        let node = self.random.below(self.nodes.len());
        let messages = &mut lock(&self.network).feeds[self.nodes[node].number].messages;
        if let Some(message) = messages.front().cloned() {
            let place = self.random.below(messages.len()) + 1;
            messages.insert(place, message);
        }
    }

    /// A message is lost, and nobody notices.
    fn lose_message(&mut self) {
        if self.is_faithful {
            return;
        }
        let node = self.random.below(self.nodes.len());
        let messages = &mut lock(&self.network).feeds[self.nodes[node].number].messages;
        if !messages.is_empty() {
            messages.remove(self.random.below(messages.len()));
        }
    }

    fn interrupt(&mut self) {
        let node = self.random.below(self.nodes.len());
        self.interrupt_node(node);
    }

    fn interrupt_node(&mut self, node: usize) {
        let Node { number, events, .. } = &self.nodes[node];
        let mut network = lock(&self.network);
        let feed = &mut network.feeds[*number];
        if feed.is_cut {
            return;
        }
        feed.is_cut = true;
        // What is under way may be lost, or arrive late.
        let arrives = self.random.below(feed.messages.len() + 1);
        feed.messages.truncate(arrives);
        let interrupted = feed.listened.clone();
        feed.interrupted.clone_from(&interrupted);
        drop(network);
        events.interrupted(&|channel| interrupted.contains(channel));
        self.run();
    }

    fn restore(&mut self) {
        let node = self.random.below(self.nodes.len());
        self.restore_node(node);
    }

    fn restore_node(&mut self, node: usize) {
        let Node { number, events, .. } = &self.nodes[node];
        let mut network = lock(&self.network);
        let feed = &mut network.feeds[*number];
        if !std::mem::take(&mut feed.is_cut) {
            return;
        }
        let restored = std::mem::take(&mut feed.interrupted);
        drop(network);
        events.restored(&|channel| restored.contains(channel));
        self.run();
    }

    fn trim(&mut self) {
        let (channel, _) = self.random.pick(&self.channels);
        lock(&self.network).engine.trim(&channel);
    }

    fn forget_stream(&mut self) {
        let (channel, _) = self.random.pick(&self.channels);
        if self.is_faithful {
            (0..self.nodes.len()).for_each(|node| self.interrupt_node(node));
        }
        lock(&self.network).engine.forget(&channel);
    }

    fn change_engine(&mut self) {
        let is_down = self.random.once_in(3);
        lock(&self.network).engine.is_down = is_down;
    }

    fn restart_node(&mut self) {
        let killed = self.random.below(self.nodes.len());
        for watcher in &mut self.watchers {
            match watcher.phase {
                Phase::Asking { node, .. } | Phase::Subscribed { node, .. } if node == killed => {
                    watcher.phase = Phase::Away;
                }
                _ => {}
            }
        }
        let new = Node::new(&self.network, self.options.clone(), self.alone_after);
        std::mem::replace(&mut self.nodes[killed], new).kill(&self.network);
        self.publishing.retain_mut(|call| poll(call).is_pending());
    }

    fn since(&mut self, watcher: usize) -> Since {
        let seen = self.watchers[watcher].seen.clone();
        let unnamed = StreamPosition { offset: 0, epoch: "".into() };
        let position = seen.clone().unwrap_or(unnamed);
        match self.random.below(8) {
            0 => Since::Now,
            1 => Since::Newest { position: seen },
            2 => Since::Position { position, limit: self.random.below(4) },
            _ => Since::Position { position, limit: 100 },
        }
    }

    fn subscribe(&mut self) {
        let watcher = self.random.below(self.watchers.len());
        self.subscribe_watcher(watcher);
    }

    fn subscribe_watcher(&mut self, index: usize) {
        if !matches!(self.watchers[index].phase, Phase::Away) {
            return;
        }
        let (since, node) = (self.since(index), self.random.below(self.nodes.len()));
        let channel = self.watchers[index].channel.clone();
        let options = self.channels.iter().find(|(name, _)| *name == channel).unwrap().1.clone();
        self.subscriptions += 1;
        let (id, subscribers, of) =
            (self.subscriptions, self.nodes[node].subscribers.clone(), channel.clone());
        let start = Box::new(move || subscribers.begin(id, &of));
        let broker = &self.nodes[node].broker;
        let call = broker.subscribe(&channel, since.clone(), &options, self.now, start);
        let is_there = matches!(call, Call::Ready(_));
        let earliest = lock(&self.network).engine.position(&channel);
        self.watchers[index].phase = Phase::Asking { node, id, since, earliest, answer: later(call) };
        if is_there {
            self.look_at_answer(index);
        }
    }

    /// A client goes away, or stops waiting.
    fn unsubscribe(&mut self) {
        let watcher = self.random.below(self.watchers.len());
        self.unsubscribe_watcher(watcher);
    }

    fn unsubscribe_watcher(&mut self, index: usize) {
        let watcher = &mut self.watchers[index];
        match std::mem::replace(&mut watcher.phase, Phase::Away) {
            Phase::Away => {}
            Phase::Asking { node, id, answer, .. } => {
                drop(answer);
                self.nodes[node].subscribers.end(id);
            }
            Phase::Subscribed { node, id } => {
                self.nodes[node].subscribers.end(id);
                let mut call = later(self.nodes[node].broker.unsubscribe(&watcher.channel, self.now));
                assert!(poll(&mut call).is_ready());
            }
        }
        self.run();
    }

    /// Clients look at their answers, and at what they got.
    fn watch(&mut self) {
        for index in 0..self.watchers.len() {
            self.look_at_answer(index);
            if let Phase::Subscribed { node, id } = self.watchers[index].phase {
                while let Some(got) = self.nodes[node].subscribers.take(id) {
                    self.figures.seen += 1;
                    if !self.watchers[index].see(got, &lock(&self.network).engine) {
                        self.figures.told += 1;
                        self.unsubscribe_watcher(index);
                        break;
                    }
                }
            }
        }
    }

    fn look_at_answer(&mut self, index: usize) {
        let watcher = &mut self.watchers[index];
        let Phase::Asking { node, id, since, earliest, answer } = &mut watcher.phase else { return };
        let (node, id) = (*node, *id);
        let Poll::Ready(outcome) = poll(answer) else {
            self.nodes[node].tasks.run();
            return;
        };
        let subscribers = &self.nodes[node].subscribers;
        match outcome {
            Ok(joined) => {
                assert!(subscribers.has_begun(id), "it was started");
                let since = since.clone();
                let is_later =
                    joined.position.epoch != earliest.epoch || joined.position.offset >= earliest.offset;
                assert!(is_later, "{}: it begins where it asked, or later", watcher.channel);
                match &joined.recovery {
                    longwire_hub::Recovery::Recovered(_) => self.figures.recovered += 1,
                    longwire_hub::Recovery::Unrecoverable => self.figures.unrecovered += 1,
                    longwire_hub::Recovery::NotAsked => {}
                }
                watcher.joined(&since, &joined, &mut lock(&self.network).engine, self.is_roomy);
                watcher.phase = Phase::Subscribed { node, id };
            }
            Err(error) => {
                assert_eq!(error, BrokerError::Unavailable);
                let has_begun = subscribers.end(id);
                assert!(self.alone_after.is_some() || !has_begun, "it was not started");
                self.figures.refused += 1;
                watcher.phase = Phase::Away;
            }
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for node in &self.nodes {
            let was_alone = node.broker.status().is_alone;
            node.broker.expire(self.now);
            self.figures.turns += u64::from(node.broker.status().is_alone != was_alone);
        }
        self.run();
    }

    /// All that is under way arrives.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 1_000, "the nodes do not come to rest");
            self.run();
            self.watch();
            let mut any = false;
            for node in 0..self.nodes.len() {
                while self.deliver_to(node) {
                    any = true;
                }
            }
            for _ in 0..100 {
                any |= self.carry_on_call();
            }
            if !any {
                return;
            }
        }
    }

    /// No node is alone any more.
    fn come_together(&mut self) {
        for _ in 0..100 {
            self.settle();
            if !self.nodes.iter().any(|node| node.broker.status().is_alone) {
                return;
            }
            self.pass(Duration::from_secs(5));
        }
        panic!("a node stays alone");
    }

    /// What is published at one node without history reaches the subscribers of all.
    fn reach_everybody(&mut self) {
        let (channel, options) = self.channels[2].clone();
        let before: Vec<usize> = self.watchers.iter().map(|watcher| watcher.outside).collect();
        self.publish_to(0, &channel, &options);
        self.settle();
        for (watcher, before) in self.watchers.iter().zip(before) {
            let got = watcher.outside - before;
            assert_eq!(got, usize::from(watcher.channel == channel), "{}", watcher.channel);
        }
    }

    /// Everything works again: after a while, everybody has seen everything. Then all go, and nothing is left.
    pub(crate) fn end(mut self) -> Figures {
        lock(&self.network).engine.is_down = false;
        (0..self.nodes.len()).for_each(|node| self.restore_node(node));
        for _ in 0..4 {
            self.settle();
            self.pass(Duration::from_secs(61));
        }
        self.come_together();
        (0..self.watchers.len()).for_each(|watcher| self.subscribe_watcher(watcher));
        self.settle();
        self.reach_everybody();
        for watcher in &self.watchers {
            assert!(
                matches!(watcher.phase, Phase::Subscribed { .. }),
                "{}: it is subscribed",
                watcher.channel
            );
            if let Some(seen) = &watcher.seen {
                let top = lock(&self.network).engine.position(&watcher.channel);
                assert_eq!(*seen, top, "{}: everything was seen", watcher.channel);
            }
        }
        (0..self.watchers.len()).for_each(|watcher| self.unsubscribe_watcher(watcher));
        for _ in 0..4 {
            self.settle();
            self.pass(Duration::from_secs(10));
        }
        for node in &self.nodes {
            let status = node.broker.status();
            assert_eq!(
                node.fallback.as_ref().map_or(0, |broker| broker.subscriptions()),
                0,
                "all have ended"
            );
            assert_eq!((status.followed, status.held_bytes), (0, 0), "nothing is left");
            assert!(status.is_reachable && node.tasks.is_empty());
            assert!(lock(&self.network).feeds[node.number].listened.is_empty(), "it listens to nothing");
            self.figures.gaps_filled += status.gaps_filled;
            self.figures.duplicates += status.duplicates;
        }
        self.figures
    }
}

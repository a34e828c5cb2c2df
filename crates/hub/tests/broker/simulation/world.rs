//! The world of a simulation: a broker, a node, clients that remember positions, and the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{
    Broker, ChannelName, HistoryOptions, HistoryQuery, Joined, MemoryBroker, MemoryLimits, Millis, Recovery,
    Since, StreamPosition,
};

use super::model::ModelChannel;
use super::node::{LOOPS, Mail, Node};
use super::random::Random;
use crate::support::{channel, member, new, ready};

/// The times after which a client in presence is forgotten, in seconds.
const PRESENCE: [u64; 2] = [10, 25];

/// A subscription of a client that is connected.
struct Live {
    client: usize,
    channel: ChannelName,
    /// Whether the loop has handled its start.
    has_started: bool,
    /// The newest publication of the channel that it has to have seen, with or without history.
    sequence: u64,
}

/// The last positions that a client saw, by channel. It keeps them over connections.
type Memory = BTreeMap<ChannelName, StreamPosition>;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: Millis,
    pub(crate) channels: Vec<ChannelName>,
    pub(crate) broker: MemoryBroker,
    node: Arc<Node>,
    limits: MemoryLimits,
    models: BTreeMap<ChannelName, ModelChannel>,
    clients: Vec<Memory>,
    subscriptions: BTreeMap<usize, Live>,
    begun: usize,
}

fn options(size: usize, bytes: usize, ttl: u64, meta_ttl: u64) -> HistoryOptions {
    let mut history = HistoryOptions::default();
    (history.size, history.bytes) = (size, bytes);
    (history.ttl, history.meta_ttl) = (Duration::from_secs(ttl), Duration::from_secs(meta_ttl));
    history.idempotency = Duration::from_secs(20);
    history
}

impl World {
    /// A world with four channels and this many clients. With `give_way`, the history of all channels together is so
    /// short that some of it gives way.
    pub(crate) fn new(seed: u64, clients: usize, give_way: bool) -> World {
        let mut limits = MemoryLimits::default();
        if give_way {
            limits.history_bytes = 7 * 260;
        }
        let kinds = [
            ("short", options(4, 1_000, 20, 60)),
            ("long", options(100, 10_000, 600, 900)),
            ("narrow", options(100, 12, 60, 60)),
            ("none", options(0, 0, 0, 60)),
        ];
        let models = kinds.map(|(name, history)| (channel(name), ModelChannel::new(history, give_way)));
        let node = Arc::new(Node::default());
        let mut random = Random::new(seed);
        World {
            now: Millis(random.next() % 1_000_000),
            broker: MemoryBroker::with_seed(node.clone(), limits.clone(), random.next()),
            random,
            channels: models.iter().map(|(name, _)| name.clone()).collect(),
            node,
            limits,
            models: models.into(),
            clients: vec![Memory::new(); clients],
            subscriptions: BTreeMap::new(),
            begun: 0,
        }
    }

    fn model(&mut self, channel: &ChannelName) -> &mut ModelChannel {
        let model = self.models.get_mut(channel).unwrap();
        model.settle(self.now);
        model
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    pub(crate) fn publish(&mut self, channel: &ChannelName) {
        let is_aside = self.random.once_in(12);
        let key = self.random.once_in(4).then(|| format!("k{}", self.random.below(3)));
        let version = self.random.once_in(6).then(|| self.random.next() % 20);
        let now = self.now;
        let model = self.model(channel);
        let mut history = model.history.clone();
        if is_aside {
            history.size = 0;
        }
        let text = format!("{}", model.sequence + 1);
        let mut publication = new(&text);
        publication.idempotency_key = key.as_deref().map(Into::into);
        publication.version = version.map(|version| (version, "e".into()));
        let outcome = ready(self.broker.publish(channel, publication, &history, now)).unwrap();
        self.model(channel).published(&outcome, &text, key.as_deref(), version, now);
    }

    /// An event loop handles the first of its mail. Says whether there was any.
    pub(crate) fn handle_mail(&mut self, event_loop: usize) -> bool {
        match self.node.take(event_loop) {
            None => return false,
            Some(Mail::Start(id)) => {
                if let Some(live) = self.subscriptions.get_mut(&id) {
                    live.has_started = true;
                }
            }
            Some(Mail::Publication { channel, offset, epoch, text }) => {
                for (id, live) in &mut self.subscriptions {
                    if id % LOOPS == event_loop && live.has_started && live.channel == channel {
                        live.sequence += 1;
                        assert_eq!(
                            text,
                            live.sequence.to_string(),
                            "{channel}: the next of all publications"
                        );
                        let model = &self.models[&channel];
                        let memory = &mut self.clients[live.client];
                        see_publication(model, memory, &channel, offset, &epoch, &text);
                    }
                }
            }
        }
        true
    }

    pub(crate) fn handle_all_mail(&mut self) {
        for event_loop in 0..LOOPS {
            while self.handle_mail(event_loop) {}
        }
    }

    fn since(&mut self, client: usize, channel: &ChannelName) -> Since {
        let known = self.clients[client].get(channel).cloned();
        let unnamed = StreamPosition { offset: 0, epoch: "".into() };
        let seen = known.clone().unwrap_or_else(|| unnamed.clone());
        match self.random.below(9) {
            0 => Since::Now,
            1 => Since::Newest { position: known },
            2 => Since::Position { position: seen, limit: self.random.below(4) },
            3 => Since::Position { position: unnamed, limit: 100 },
            4 => Since::Position { position: StreamPosition { offset: seen.offset, ..unnamed }, limit: 100 },
            _ => Since::Position { position: seen, limit: 100 },
        }
    }

    /// A client subscribes as its SDK does, unless it is subscribed.
    pub(crate) fn subscribe(&mut self, client: usize, channel: &ChannelName) {
        if self.find(client, channel).is_some() {
            return;
        }
        let since = self.since(client, channel);
        let (now, id, node) = (self.now, self.begun, self.node.clone());
        self.begun += 1;
        let history = self.model(channel).history.clone();
        let start = Box::new(move || node.post(id % LOOPS, Mail::Start(id)));
        let joined = ready(self.broker.subscribe(channel, since.clone(), &history, now, start)).unwrap();
        let model = self.model(channel);
        model.subscribed(&since, &joined, now);
        let live = Live { client, channel: channel.clone(), has_started: false, sequence: model.sequence };
        self.subscriptions.insert(id, live);
        let Joined { position, recovery } = joined;
        if let (Recovery::Recovered(missed), Since::Position { position: seen, .. }) = (&recovery, &since) {
            let last = missed.last().map_or(seen.offset, |last| last.offset);
            assert_eq!(last, position.offset, "recovery reaches the point at which the subscription begins");
        }
        self.clients[client].insert(channel.clone(), position);
        self.renew(client, channel);
    }

    fn find(&self, client: usize, channel: &ChannelName) -> Option<usize> {
        let is_it = |live: &Live| live.client == client && live.channel == *channel;
        self.subscriptions.iter().find(|(_, live)| is_it(live)).map(|(id, _)| *id)
    }

    /// The client's subscription ends, with or without its presence.
    pub(crate) fn unsubscribe(&mut self, client: usize, channel: &ChannelName, is_killed: bool) {
        let Some(id) = self.find(client, channel) else { return };
        self.subscriptions.remove(&id);
        ready(self.broker.unsubscribe(channel, self.now)).unwrap();
        let now = self.now;
        let model = self.model(channel);
        model.live -= 1;
        model.used(now);
        if !is_killed {
            let name = format!("c{client}");
            model.absent(&name);
            ready(self.broker.remove_presence(channel, &name, true, now)).unwrap();
        }
    }

    /// A client's connection is cut. What is on its way to it is lost.
    pub(crate) fn cut(&mut self, client: usize) {
        let is_killed = self.random.once_in(2);
        for channel in self.channels.clone() {
            self.unsubscribe(client, &channel, is_killed);
        }
    }

    /// Renews the presence of a client that is subscribed. Clients 0 and 1 are of one user.
    pub(crate) fn renew(&mut self, client: usize, channel: &ChannelName) {
        if self.find(client, channel).is_none() {
            return;
        }
        let (name, user) = (format!("c{client}"), format!("u{}", client / 2));
        let ttl = self.random.pick(&PRESENCE);
        let member = member(&name, &user, ttl);
        ready(self.broker.add_presence(channel, member, true, self.now)).unwrap();
        let expiry = self.now + Duration::from_secs(ttl);
        self.model(channel).present(&name, &user, expiry);
    }

    pub(crate) fn read_presence(&mut self, channel: &ChannelName) {
        let now = self.now;
        let stats = ready(self.broker.presence_stats(channel, now)).unwrap();
        let presence = ready(self.broker.presence(channel, usize::MAX, now)).unwrap();
        let (clients, users) = self.model(channel).presence(now);
        assert_eq!(presence.clients.keys().map(ToString::to_string).collect::<Vec<_>>(), clients);
        assert_eq!(self.node.present(channel), clients, "who joined and did not leave");
        let counts = (stats.clients, stats.users);
        assert_eq!(counts, (u64::try_from(clients.len()).unwrap(), u64::try_from(users).unwrap()));
    }

    pub(crate) fn read_history(&mut self, channel: &ChannelName) {
        let now = self.now;
        let history = self.model(channel).history.clone();
        let query = HistoryQuery { limit: usize::MAX, since: None, reverse: false };
        let page = ready(self.broker.history(channel, query, &history, now)).unwrap();
        let model = self.model(channel);
        if !history.is_kept() {
            return assert!(page.publications.is_empty());
        }
        model.see(&page.position, model.live);
        model.used(now);
        let kept = model.kept(now);
        let is_enough = page.publications.len() == kept || model.may_give_way;
        assert!(is_enough && page.publications.len() <= kept, "{} of {kept}", page.publications.len());
    }

    pub(crate) fn remove_history(&mut self, channel: &ChannelName) {
        ready(self.broker.remove_history(channel, self.now)).unwrap();
        self.model(channel).history_removed();
    }

    /// The process dies and begins anew. Everybody is cut.
    pub(crate) fn restart(&mut self) {
        self.node = Arc::new(Node::default());
        let seed = self.random.next();
        self.broker = MemoryBroker::with_seed(self.node.clone(), self.limits.clone(), seed);
        self.subscriptions.clear();
        self.models.values_mut().for_each(ModelChannel::restart);
    }

    /// All mail is handled: every subscriber has seen everything. Then everybody goes, and no memory is left.
    pub(crate) fn end(mut self) {
        self.handle_all_mail();
        for live in self.subscriptions.values() {
            assert_eq!(live.sequence, self.models[&live.channel].sequence, "everything was seen");
        }
        for client in 0..self.clients.len() {
            for channel in self.channels.clone() {
                let memory = self.clients[client].get(&channel).cloned();
                if self.find(client, &channel).is_some() && self.model(&channel).history.is_kept() {
                    let model = self.model(&channel);
                    model.see(&memory.unwrap(), model.live);
                }
            }
            self.cut(client);
        }
        self.pass(Duration::from_secs(900));
        self.broker.expire(self.now);
        assert_eq!(self.broker.usage(), longwire_hub::MemoryUsage::default());
        for channel in self.channels.clone() {
            assert!(self.node.present(&channel).is_empty(), "everybody has left");
        }
    }
}

/// A subscriber receives a publication: the one after the last that it saw, of the same stream.
fn see_publication(
    model: &ModelChannel,
    memory: &mut Memory,
    channel: &ChannelName,
    offset: u64,
    epoch: &Arc<str>,
    text: &str,
) {
    if offset == 0 {
        return;
    }
    let seen = memory.get_mut(channel).unwrap();
    assert_eq!((offset, epoch), (seen.offset + 1, &seen.epoch), "{channel}: the next of the same stream");
    assert_eq!(text, model.text(epoch, offset));
    seen.offset = offset;
}

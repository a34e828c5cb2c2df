//! The same calls to the Redis store and to the memory broker have the same outcomes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longwire_hub::{
    Broker, BrokerError, Call, ChannelName, ClientInfo, Fanout, HistoryOptions, HistoryQuery, Member,
    MemoryBroker, MemoryLimits, Millis, Publication, Since, Store as _, StreamPosition,
};
use longwire_hub_redis::Clock;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::recorder::{Event, Node, channel, new};
use crate::server::Server;

const CHANNELS: [&str; 3] = ["news", "a}b", "dialogs:x#42"];

#[derive(Debug, Clone)]
struct Step {
    channel: usize,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Publish { len: usize, key: Option<u8>, version: Option<(u64, u8)>, history: usize },
    Read { limit: usize, since: Option<(u64, u8)>, reverse: bool, history: usize },
    RemoveHistory,
    Add { client: u8, user: u8, announce: bool, long: bool },
    Remove { client: u8, announce: bool },
    Present,
    Count,
    Wait(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let key = prop::option::weighted(0.3, 0..3u8);
    let version = prop::option::weighted(0.3, (prop_oneof![0..5u64, Just(u64::MAX)], 0..3u8));
    let since = prop::option::of((prop_oneof![0..12u64, Just(u64::MAX)], 0..3u8));
    prop_oneof![
        6 => (0..60usize, key, version, 0..4usize)
            .prop_map(|(len, key, version, history)| Action::Publish { len, key, version, history }),
        3 => (0..6usize, since, any::<bool>(), 0..4usize)
            .prop_map(|(limit, since, reverse, history)| Action::Read { limit, since, reverse, history }),
        1 => Just(Action::RemoveHistory),
        3 => (0..4u8, 0..3u8, any::<bool>(), any::<bool>())
            .prop_map(|(client, user, announce, long)| Action::Add { client, user, announce, long }),
        1 => (0..4u8, any::<bool>()).prop_map(|(client, announce)| Action::Remove { client, announce }),
        1 => Just(Action::Present),
        1 => Just(Action::Count),
        2 => prop_oneof![Just(1), Just(200_000), Just(500_000), Just(1_000_000)].prop_map(Action::Wait),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..CHANNELS.len(), action()).prop_map(|(channel, action)| Step { channel, action });
    prop::collection::vec(step, 1..60)
}

fn history(number: usize) -> HistoryOptions {
    let mut history = HistoryOptions::default();
    (history.size, history.bytes) = [(0, 1_000), (3, 1_000), (5, 100), (5, 40)][number];
    history.ttl = Duration::from_secs(700);
    history.idempotency = Duration::from_secs(600);
    history
}

/// What subscribers of the memory broker see.
#[derive(Default)]
struct Seen(Mutex<Vec<(String, String)>>);

impl Seen {
    fn add(&self, channel: &ChannelName, what: String) {
        self.0.lock().unwrap().push((channel.to_string(), what));
    }
}

impl Fanout for Seen {
    fn publication(&self, channel: &ChannelName, new: &Publication, _: &str, _: Option<&Publication>) {
        self.add(channel, format!("{new:?}"));
    }
    fn join(&self, channel: &ChannelName, info: &ClientInfo) {
        self.add(channel, format!("join {}", info.client));
    }
    fn leave(&self, channel: &ChannelName, info: &ClientInfo) {
        self.add(channel, format!("leave {}", info.client));
    }
}

/// Both at once, with the epoch of each channel's stream, by which they differ.
struct Pair {
    memory: MemoryBroker,
    seen: Arc<Seen>,
    node: Node,
    now: Millis,
    epochs: Vec<(Arc<str>, Arc<str>)>,
}

fn ready<T>(call: Call<T>) -> T {
    let Call::Ready(answer) = call else { panic!("memory answers at once") };
    answer
}

impl Pair {
    async fn begin(server: &Server, prefix: String) -> Pair {
        let seen = Arc::new(Seen::default());
        let memory = MemoryBroker::new(seen.clone(), MemoryLimits::default());
        let mut options = server.options();
        (options.prefix, options.clock) = (prefix, Clock::Caller);
        let node = Node::connect(options, &CHANNELS).await;
        let now = Millis(1_700_000_000_000);
        let mut epochs = Vec::new();
        for name in CHANNELS.map(channel) {
            let joined = memory.subscribe(&name, Since::Now, &history(1), now, Box::new(|| ()));
            node.store.listen(&name).await.unwrap();
            let query = HistoryQuery { limit: 0, since: None, reverse: false };
            let page = node.store.history(&name, query, &history(1), now).await.unwrap();
            epochs.push((ready(joined).unwrap().position.epoch, page.position.epoch));
        }
        Pair { memory, seen, node, now, epochs }
    }

    /// An answer's text, with `E` for the channel's epoch.
    fn shown(&self, answer: &impl std::fmt::Debug) -> String {
        let mut shown = format!("{answer:?}");
        for (one, other) in &self.epochs {
            shown = shown.replace(&**one, "E").replace(&**other, "E");
        }
        shown
    }

    async fn take(&mut self, step: &Step) {
        let (name, now) = (channel(CHANNELS[step.channel]), self.now);
        let Pair { memory, node: Node { store, .. }, .. } = &*self;
        let (one, other) = match &step.action {
            Action::Publish { len, key, version, history: options } => {
                let mut publication = new(&"x".repeat(*len));
                publication.idempotency_key = key.map(|key| format!("key{key}").into());
                publication.version = version.map(|(version, epoch)| (version, epoch_name(epoch).into()));
                let options = history(*options);
                let one = ready(memory.publish(&name, publication.clone(), &options, now));
                let other = store.publish(&name, publication, &options, now).await;
                (self.shown(&one), self.shown(&other))
            }
            Action::Read { limit, since, reverse, history: options } => {
                let options = history(*options);
                let (own, others) = &self.epochs[step.channel];
                let query = |own: &Arc<str>| HistoryQuery {
                    limit: *limit,
                    reverse: *reverse,
                    since: since.map(|(offset, epoch)| StreamPosition {
                        offset,
                        epoch: if epoch == 0 { own.clone() } else { epoch_name(epoch - 1).into() },
                    }),
                };
                let one = ready(memory.history(&name, query(own), &options, now));
                let other = store.history(&name, query(others), &options, now).await;
                (self.shown(&one), self.shown(&other))
            }
            Action::RemoveHistory => {
                let one = ready(memory.remove_history(&name, now));
                (self.shown(&one), self.shown(&store.remove_history(&name, now).await))
            }
            Action::Add { client, user, announce, long } => {
                let member = member(*client, *user, *long);
                let one = ready(memory.add_presence(&name, member.clone(), *announce, now));
                (self.shown(&one), self.shown(&store.add_presence(&name, member, *announce, now).await))
            }
            Action::Remove { client, announce } => {
                let client = format!("client{client}");
                let one = ready(memory.remove_presence(&name, &client, *announce, now));
                (self.shown(&one), self.shown(&store.remove_presence(&name, &client, *announce, now).await))
            }
            Action::Present => {
                let one = ready(memory.presence(&name, 100, now));
                (self.shown(&one), self.shown(&store.presence(&name, 100, now).await))
            }
            Action::Count => {
                let one = ready(memory.presence_stats(&name, now));
                (self.shown(&one), self.shown(&store.presence_stats(&name, now).await))
            }
            Action::Wait(time) => {
                self.now = self.now + Duration::from_millis(*time);
                return;
            }
        };
        assert_eq!(one, other, "left is memory: {step:?}");
    }

    /// Compares what subscribers have seen: publications in one order, and the joins and leaves of each client.
    async fn compare_events(&self) {
        for (number, name) in CHANNELS.into_iter().enumerate() {
            let name = channel(name);
            let stats = ready(self.memory.presence_stats(&name, self.now)).unwrap();
            assert_eq!(self.node.store.presence_stats(&name, self.now).await.unwrap(), stats);
            let last = new(&format!("last{number}"));
            ready(self.memory.publish(&name, last.clone(), &history(0), self.now)).unwrap();
            self.node.store.publish(&name, last, &history(0), self.now).await.unwrap();
            self.node.recorder.until_published(&name, &format!("last{number}")).await;
        }
        let arrived = self.node.recorder.events().into_iter().filter_map(|event| match event {
            Event::Arrived(channel, longwire_hub::Record::Publication(publication), position) => {
                let offset = position.map_or(0, |position| position.offset);
                Some((channel, format!("{:?}", Publication { offset, ..publication })))
            }
            Event::Arrived(channel, longwire_hub::Record::Join(info), _) => {
                Some((channel, format!("join {}", info.client)))
            }
            Event::Arrived(channel, longwire_hub::Record::Leave(info), _) => {
                Some((channel, format!("leave {}", info.client)))
            }
            _ => None,
        });
        let arrived: Vec<(String, String)> = arrived.collect();
        let seen = self.seen.0.lock().unwrap().clone();
        assert_eq!(sorted(&seen), sorted(&arrived), "left is memory");
    }
}

/// The events by channel, and by client.
fn sorted(events: &[(String, String)]) -> BTreeMap<(String, String), Vec<String>> {
    let mut sorted: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (channel, event) in events {
        let client = match event.split_once(' ') {
            Some(("join" | "leave", client)) => client,
            _ => "",
        };
        sorted.entry((channel.clone(), client.to_owned())).or_default().push(event.clone());
    }
    sorted
}

fn epoch_name(number: u8) -> String {
    if number == 0 { String::new() } else { format!("epoch{number}") }
}

fn member(client: u8, user: u8, long: bool) -> Member {
    let info = ClientInfo {
        user: format!("user{user}").into(),
        client: format!("client{client}").into(),
        conn_info: (user == 1).then(|| "{\"a\":1}".into()),
        chan_info: None,
    };
    Member { info, ttl: Duration::from_secs(if long { 900 } else { 300 }) }
}

#[test]
fn the_same_calls_have_the_same_outcomes_as_in_memory() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::start(&[]);
    let number = std::cell::Cell::new(0);
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let mut pair = Pair::begin(&server, format!("case{}", number.get())).await;
            for step in &steps {
                pair.take(step).await;
            }
            pair.compare_events().await;
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[tokio::test]
async fn keys_that_are_too_long_are_refused_as_in_memory() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let mut publication = new("x");
    publication.idempotency_key = Some("k".repeat(256).into());
    let outcome = node.store.publish(&channel("news"), publication, &history(1), Millis(1)).await;
    assert_eq!(outcome, Err(BrokerError::LimitExceeded));
}

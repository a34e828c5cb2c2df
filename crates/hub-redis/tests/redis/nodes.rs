//! Nodes whose brokers share the Redis store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use longwire_hub::{
    BoxFuture, Broker as _, ChannelName, ClientInfo, Fanout, Millis, Publication, RemoteBroker,
    RemoteOptions, Runtime, Since, Store, StreamPosition,
};
use longwire_hub_redis::{RedisOptions, RedisStore};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cluster::{Fourth, MovingSlot, cluster, options};
use crate::recorder::{channel, kept, new};
use crate::server::{PATIENCE, Server};

const CHANNELS: usize = 8;

struct Tokio(Handle, Instant);

impl Runtime for Tokio {
    fn spawn(&self, work: BoxFuture<()>) {
        self.0.spawn(work);
    }

    fn elapsed(&self) -> Duration {
        self.1.elapsed()
    }
}

/// What the subscribers of a node have seen of one channel: the offsets since the last loss.
#[derive(Debug, Clone, Default)]
struct Seen {
    offsets: Vec<u64>,
    losses: usize,
}

#[derive(Default)]
struct Subscribers(watch::Sender<BTreeMap<String, Seen>>);

impl Subscribers {
    fn change(&self, channel: &ChannelName, change: impl FnOnce(&mut Seen)) {
        self.0.send_modify(|seen| change(seen.entry(channel.to_string()).or_default()));
    }

    async fn until(&self, is_wanted: impl Fn(&BTreeMap<String, Seen>) -> bool) -> BTreeMap<String, Seen> {
        let mut changes = self.0.subscribe();
        let wanted = tokio::time::timeout(PATIENCE, changes.wait_for(|seen| is_wanted(seen))).await;
        match wanted {
            Ok(seen) => seen.unwrap().clone(),
            Err(_) => panic!("it never came: {:?}", self.0.borrow()),
        }
    }
}

impl Fanout for Subscribers {
    fn publication(&self, channel: &ChannelName, new: &Publication, _: &str, _: Option<&Publication>) {
        self.change(channel, |seen| seen.offsets.push(new.offset));
    }
    fn join(&self, _: &ChannelName, _: &ClientInfo) {}
    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
    fn lost(&self, channel: &ChannelName) {
        self.change(channel, |seen| *seen = Seen { offsets: Vec::new(), losses: seen.losses + 1 });
    }
    fn told(&self, _: Bytes) {}
}

struct Node {
    broker: RemoteBroker,
    subscribers: Arc<Subscribers>,
}

impl Node {
    /// A node with a subscriber in each channel.
    async fn start(options: RedisOptions) -> Node {
        let subscribers = Arc::new(Subscribers::default());
        let runtime = Arc::new(Tokio(Handle::current(), Instant::now()));
        let broker = RemoteBroker::new(subscribers.clone(), runtime, RemoteOptions::default(), |events| {
            tokio::task::block_in_place(|| {
                let store = Handle::current().block_on(RedisStore::connect(options, events));
                Arc::new(store.unwrap()) as Arc<dyn Store>
            })
        });
        for number in 0..CHANNELS {
            let joined = broker.subscribe(&name(number), Since::Now, &kept(), now(), Box::new(|| ()));
            joined.answer().await.unwrap();
        }
        Node { broker, subscribers }
    }

    async fn publish(&self, number: usize) -> Option<StreamPosition> {
        let outcome = self.broker.publish(&name(number), new("x"), &kept(), now()).answer().await;
        outcome.ok().and_then(|outcome| outcome.position)
    }
}

fn name(number: usize) -> ChannelName {
    channel(&format!("channel{number}"))
}

fn now() -> Millis {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Millis(u64::try_from(now.as_millis()).unwrap())
}

/// Publishes from all nodes at once, while something is done to the server again and again. The answer has the newest
/// offset of each channel.
async fn publish_during(nodes: &[Node], rounds: usize, mut disturb: impl FnMut(usize)) -> Vec<u64> {
    let newest = Mutex::new(vec![0; CHANNELS]);
    for round in 0..rounds {
        disturb(round);
        let publishing = async |node: &Node| {
            for number in (0..CHANNELS).cycle().take(5 * CHANNELS) {
                if let Some(position) = node.publish(number).await {
                    let newest = &mut newest.lock().unwrap()[number];
                    *newest = position.offset.max(*newest);
                }
            }
        };
        tokio::join!(publishing(&nodes[0]), publishing(&nodes[1]));
    }
    // One more to each, which is not disturbed.
    for number in 0..CHANNELS {
        let start = Instant::now();
        let position = loop {
            match nodes[0].publish(number).await {
                Some(position) => break position,
                None => assert!(start.elapsed() < PATIENCE),
            }
        };
        newest.lock().unwrap()[number] = position.offset;
    }
    newest.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_see_every_publication_once_in_order_although_connections_are_killed() {
    let server = Server::start(&[]);
    let nodes = [Node::start(server.options()).await, Node::start(server.options()).await];
    let newest = publish_during(&nodes, 12, |round| {
        let kind = if round % 2 == 0 { "pubsub" } else { "normal" };
        let _killed: i64 = server.ask(&["CLIENT", "KILL", "TYPE", kind]);
    })
    .await;
    for node in &nodes {
        let has_all = |seen: &BTreeMap<String, Seen>| {
            newest.iter().enumerate().all(|(number, newest)| {
                seen.get(&*name(number)).is_some_and(|seen| seen.offsets.contains(newest))
            })
        };
        let seen = node.subscribers.until(has_all).await;
        for (number, newest) in newest.iter().enumerate() {
            let seen = &seen[&*name(number)];
            assert_eq!(seen.losses, 0);
            assert!(seen.offsets.iter().copied().eq(1..=*newest), "{number}: {:?}", seen.offsets);
        }
        assert!(node.broker.status().interruptions > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_learn_that_a_restarted_server_may_have_lost_something() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "no"]);
    let nodes = [Node::start(server.options()).await, Node::start(server.options()).await];
    publish_during(&nodes, 3, |round| {
        if round == 1 {
            server.kill();
            server.start_again();
        }
    })
    .await;
    for number in 0..CHANNELS {
        let newest = publish_until_seen(&nodes, number).await;
        for node in &nodes {
            let Seen { offsets, losses } = node.subscribers.0.borrow()[&*name(number)].clone();
            assert!(losses > 0, "{number}");
            assert!(offsets.iter().copied().eq(offsets[0]..=newest), "{number}: {offsets:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_miss_nothing_unnoticed_while_slots_move() {
    let servers = cluster(Fourth::Nothing).await;
    let nodes = [Node::start(options(&servers)).await, Node::start(options(&servers)).await];
    publish_during(&nodes, 6, |round| {
        let slot: usize = servers[0].ask(&["CLUSTER", "KEYSLOT", &name(round)]);
        let owner = slot / 5_461;
        let (from, to) = (&servers[owner], &servers[(owner + 1) % 3]);
        let moving = MovingSlot { slot: &slot.to_string(), from, to };
        moving.begin();
        moving.move_keys();
        moving.end(&servers);
    })
    .await;
    for number in 0..CHANNELS {
        let newest = publish_until_seen(&nodes, number).await;
        for node in &nodes {
            let Seen { offsets, losses } = node.subscribers.0.borrow()[&*name(number)].clone();
            assert!(offsets.iter().copied().eq(offsets[0]..=newest), "{number}: {offsets:?}");
            assert!(losses > 0 || offsets[0] == 1, "{number}: {offsets:?}");
            assert_eq!(losses > 0, number < 6, "{number}: only what moves is lost");
        }
    }
}

/// Publishes to a channel until all nodes have seen it. The answer is the newest offset.
async fn publish_until_seen(nodes: &[Node], number: usize) -> u64 {
    let start = Instant::now();
    loop {
        if let Some(StreamPosition { offset, .. }) = nodes[0].publish(number).await {
            let has_it = |seen: &BTreeMap<String, Seen>| {
                seen.get(&*name(number)).is_some_and(|seen| seen.offsets.last() == Some(&offset))
            };
            let seen = async {
                for node in nodes {
                    let mut changes = node.subscribers.0.subscribe();
                    let _ended = changes.wait_for(|seen| has_it(seen)).await.is_err();
                }
            };
            if tokio::time::timeout(Duration::from_secs(1), seen).await.is_ok() {
                return offset;
            }
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

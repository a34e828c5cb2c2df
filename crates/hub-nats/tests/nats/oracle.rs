//! The same calls to the store and to the memory broker have the same outcomes.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{
    Broker, BrokerError, Call, ChannelName, ClientInfo, Data, Fanout, HistoryOptions, HistoryPage,
    HistoryQuery, Member, MemoryBroker, MemoryLimits, Millis, NewPublication, Publication, PublishOutcome,
    Store as _, StreamPosition,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::server::NatsServer;
use crate::setup::{Node, name, now};

/// A call, with small numbers, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Publish { channel: usize, len: usize, key: Option<u8>, version: Option<(u64, u8)>, is_kept: bool },
    Page { channel: usize, since: Option<(u64, bool)>, limit: usize, reverse: bool },
    Remove { channel: usize },
    Wait { millis: u64 },
    Add { channel: usize, client: u8, user: u8 },
    Leave { channel: usize, client: u8 },
    Presence { channel: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let channel = || 0..2_usize;
    let publish = (
        channel(),
        0..40_usize,
        proptest::option::weighted(0.2, 0..3_u8),
        proptest::option::weighted(0.2, (0..4_u64, 0..3_u8)),
        proptest::bool::weighted(0.9),
    );
    let page = (
        channel(),
        proptest::option::of((0..12_u64, proptest::bool::weighted(0.9))),
        0..7_usize,
        any::<bool>(),
    );
    prop_oneof![
        8 => publish.prop_map(|(channel, len, key, version, is_kept)| Step::Publish { channel, len, key, version, is_kept }),
        6 => page.prop_map(|(channel, since, limit, reverse)| Step::Page { channel, since, limit, reverse }),
        1 => channel().prop_map(|channel| Step::Remove { channel }),
        2 => (0..400_u64).prop_map(|millis| Step::Wait { millis }),
        2 => (channel(), 0..3_u8, 0..2_u8).prop_map(|(channel, client, user)| Step::Add { channel, client, user }),
        1 => (channel(), 0..3_u8).prop_map(|(channel, client)| Step::Leave { channel, client }),
        2 => channel().prop_map(|channel| Step::Presence { channel }),
    ]
}

struct Nobody;

impl Fanout for Nobody {
    fn publication(&self, _: &ChannelName, _: &Publication, _: &str, _: Option<&Publication>) {}
    fn join(&self, _: &ChannelName, _: &ClientInfo) {}
    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
}

fn ready<T>(call: Call<T>) -> T {
    match call {
        Call::Ready(answer) => answer,
        Call::Later(_) => panic!("the memory broker does not wait"),
    }
}

/// Both, with channels that no earlier case has used.
struct Both {
    memory: MemoryBroker,
    nodes: [Arc<Node>; 2],
    channels: [ChannelName; 2],
    history: HistoryOptions,
    now: Millis,
    calls: usize,
}

/// Positions without their epochs, which differ.
fn offset(position: Option<&StreamPosition>) -> Option<u64> {
    position.map(|position| position.offset)
}

impl Both {
    /// Of two nodes that take turns; presence is a node's own.
    fn node(&mut self) -> Arc<Node> {
        self.calls += 1;
        self.nodes[self.calls % 2].clone()
    }

    async fn apply(&mut self, step: Step) {
        match step {
            Step::Publish { channel, len, key, version, is_kept } => {
                let mut new =
                    NewPublication::new(Data::from_text(format!("{}{}", self.calls, "x".repeat(len))));
                new.idempotency_key = key.map(|key| format!("k{key}").into());
                new.version =
                    version.map(|(version, epoch)| (version, ["", "a", "b"][usize::from(epoch)].into()));
                self.publish(channel, new, is_kept).await;
            }
            Step::Page { channel, since, limit, reverse } => self.page(channel, since, limit, reverse).await,
            Step::Remove { channel } => {
                let channel = self.channels[channel].clone();
                ready(self.memory.remove_history(&channel, self.now)).unwrap();
                self.node().store.remove_history(&channel, self.now).await.unwrap();
            }
            Step::Wait { millis } => self.now = self.now + Duration::from_millis(millis),
            Step::Add { channel, client, user } => {
                let member = Member { info: info(client, user), ttl: Duration::from_secs(600) };
                let channel = self.channels[channel].clone();
                ready(self.memory.add_presence(&channel, member.clone(), false, self.now)).unwrap();
                self.nodes[0].store.add_presence(&channel, member, false, self.now).await.unwrap();
            }
            Step::Leave { channel, client } => {
                let (channel, client) = (self.channels[channel].clone(), format!("c{client}"));
                ready(self.memory.remove_presence(&channel, &client, false, self.now)).unwrap();
                self.node().store.remove_presence(&channel, &client, false, self.now).await.unwrap();
            }
            Step::Presence { channel } => self.presence(channel).await,
        }
    }

    async fn publish(&mut self, channel: usize, new: NewPublication, is_kept: bool) {
        let channel = self.channels[channel].clone();
        // The store compares versions with and without history apart.
        let history = if is_kept || new.version.is_some() {
            self.history.clone()
        } else {
            self.history.without_history()
        };
        let expected = ready(self.memory.publish(&channel, new.clone(), &history, self.now));
        let outcome = self.node().store.publish(&channel, new, &history, self.now).await;
        let plain = |outcome: Result<PublishOutcome, BrokerError>| {
            outcome.map(|outcome| (offset(outcome.position.as_ref()), outcome.was_known))
        };
        assert_eq!(plain(outcome), plain(expected));
    }

    async fn page(&mut self, channel: usize, since: Option<(u64, bool)>, limit: usize, reverse: bool) {
        let channel = self.channels[channel].clone();
        let node = self.node();
        let newest = HistoryQuery { limit: 0, since: None, reverse: false };
        let ours = node
            .store
            .history(&channel, newest.clone(), &self.history, self.now)
            .await
            .unwrap()
            .position
            .epoch;
        let theirs =
            ready(self.memory.history(&channel, newest, &self.history, self.now)).unwrap().position.epoch;
        let query = |epoch: &Arc<str>| {
            let since = since.map(|(offset, is_same)| {
                let epoch = if is_same { epoch.clone() } else { "another".into() };
                StreamPosition { offset, epoch }
            });
            HistoryQuery { limit, since, reverse }
        };
        let expected = ready(self.memory.history(&channel, query(&theirs), &self.history, self.now));
        let page = node.store.history(&channel, query(&ours), &self.history, self.now).await;
        let plain = |page: Result<HistoryPage, BrokerError>| {
            page.map(|page| (page.publications, page.position.offset))
        };
        assert_eq!(plain(page), plain(expected));
    }

    async fn presence(&mut self, channel: usize) {
        let channel = self.channels[channel].clone();
        let node = self.node();
        let expected = ready(self.memory.presence(&channel, 100, self.now)).unwrap();
        let presence = node.store.presence(&channel, 100, self.now).await.unwrap();
        assert_eq!(presence.clients, expected.clients);
        let expected = ready(self.memory.presence_stats(&channel, self.now)).unwrap();
        assert_eq!(node.store.presence_stats(&channel, self.now).await.unwrap(), expected);
    }
}

fn info(client: u8, user: u8) -> ClientInfo {
    let client = format!("c{client}").into();
    ClientInfo { user: format!("u{user}").into(), client, ..ClientInfo::default() }
}

#[test]
fn random_calls_have_the_outcomes_of_the_memory_broker() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(NatsServer::start());
    let nodes = [0, 1].map(|_| Arc::new(runtime.block_on(Node::of(&server))));
    let case = std::cell::Cell::new(0);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let sizes = (1..6_usize, 30..200_usize, 100..1000_u64);
    let cases = (sizes, proptest::collection::vec(step(), 1..60));
    let outcome = TestRunner::new(config).run(&cases, |((size, bytes, ttl), steps)| {
        case.set(case.get() + 1);
        let mut history = HistoryOptions::default();
        (history.size, history.bytes, history.ttl) = (size, bytes, Duration::from_millis(ttl));
        history.meta_ttl = Duration::from_secs(3600);
        let limits = MemoryLimits::default();
        let mut both = Both {
            memory: MemoryBroker::new(Arc::new(Nobody), limits),
            nodes: nodes.clone(),
            channels: ["a", "b"].map(|channel| name(&format!("{channel}{}", case.get()))),
            history,
            now: now(),
            calls: 0,
        };
        runtime.block_on(async {
            for step in steps {
                both.apply(step).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // The nodes end within their runtime.
    runtime.block_on(async move { drop(nodes) });
}

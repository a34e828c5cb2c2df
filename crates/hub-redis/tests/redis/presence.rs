//! Presence.

use std::time::Duration;

use longwire_hub::{BrokerError, ClientInfo, Member, Millis, PresenceStats, Record, Store as _};
use longwire_hub_redis::Clock;

use crate::recorder::{Event, Node, channel};
use crate::server::Server;

const TTL: Duration = Duration::from_secs(60);

pub(crate) fn member(client: &str, user: &str) -> Member {
    let info = ClientInfo { user: user.into(), client: client.into(), ..ClientInfo::default() };
    Member { info, ttl: TTL }
}

pub(crate) async fn add(node: &Node, name: &str, client: &str, user: &str) -> Result<(), BrokerError> {
    node.store.add_presence(&channel(name), member(client, user), true, Millis(1)).await
}

fn leaves(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Arrived(_, Record::Leave(_), None))).count()
}

#[tokio::test]
async fn the_leaves_of_a_dead_nodes_clients_come_with_a_renewal_of_another_one() {
    let server = Server::start(&[]);
    let mut options = server.options();
    options.clock = Clock::Caller;
    let dead = Node::connect(options.clone(), &[]).await;
    let news = channel("news");
    for number in 0..1_200 {
        let member = member(&format!("c{number}"), &format!("u{}", number % 7));
        dead.store.add_presence(&news, member, true, Millis(0)).await.unwrap();
    }
    drop(dead);
    let node = Node::connect(options, &[]).await;
    node.listen("news").await;
    let before = Millis(0) + TTL / 2;
    node.store.add_presence(&news, member("mine", "me"), true, before).await.unwrap();
    let stats = node.store.presence_stats(&news, before).await.unwrap();
    assert_eq!(stats, PresenceStats { clients: 1_201, users: 8 });
    let after = Millis(0) + TTL;
    node.store.add_presence(&news, member("mine", "me"), true, after).await.unwrap();
    node.recorder.until(|events| leaves(events) == 1_200).await;
    let stats = node.store.presence_stats(&news, after).await.unwrap();
    assert_eq!(stats, PresenceStats { clients: 1, users: 1 });
    let present = node.store.presence(&news, 100, after).await.unwrap();
    assert_eq!(present.clients.into_keys().collect::<Vec<_>>(), ["mine"]);
}

#[tokio::test]
async fn a_presence_that_nobody_looks_at_goes_by_itself() {
    let server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    let mut short = member("c1", "u1");
    short.ttl = Duration::from_millis(300);
    node.store.add_presence(&channel("news"), short, true, Millis(1)).await.unwrap();
    let keys: i64 = server.ask(&["DBSIZE"]);
    assert_eq!(keys, 3);
    server.ask_until(&["DBSIZE"], |answer| answer == "int(0)").await;
}

#[tokio::test]
async fn a_channel_has_no_more_clients_than_the_limit() {
    let server = Server::start(&[]);
    let mut options = server.options();
    options.presences_per_channel = 2;
    let node = Node::connect(options, &[]).await;
    add(&node, "news", "c1", "u1").await.unwrap();
    add(&node, "news", "c2", "u1").await.unwrap();
    assert_eq!(add(&node, "news", "c3", "u1").await, Err(BrokerError::LimitExceeded));
    add(&node, "news", "c2", "u2").await.unwrap();
    add(&node, "other", "c3", "u1").await.unwrap();
    let found = node.store.presence(&channel("news"), 1, Millis(1)).await.unwrap();
    assert_eq!(found.clients.len(), 1);
}

//! Several servers.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::BrokerError;
use longwire_hub_nats::{NatsOptions, NatsStore};

use crate::heard::{Heard, PATIENCE};
use crate::server::NatsServer;
use crate::setup::{Node, ten_for_an_hour};

/// A node that begins as soon as the cluster has agreed who leads.
async fn node_of(options: NatsOptions) -> Node {
    let begun = async {
        loop {
            let heard = Arc::new(Heard::default());
            if let Ok(store) = NatsStore::connect(options.clone(), heard.clone()).await {
                let node = Node { store, heard, history: ten_for_an_hour() };
                if node.publish("probe", "x").await.is_ok() {
                    return node;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(3 * PATIENCE, begun).await.expect("the cluster does not begin")
}

fn replicated(first: &NatsServer, others: &[NatsServer]) -> NatsOptions {
    let mut options = NatsOptions::new(first.url());
    options.servers.extend(others.iter().map(NatsServer::url));
    options.replicas = 3;
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_different_servers_hear_one_another() {
    let servers = NatsServer::cluster().await;
    let (a, b) = (node_of(replicated(&servers[0], &[])).await, node_of(replicated(&servers[1], &[])).await);
    for number in 0..30 {
        let channel = format!("news{number}");
        b.listen(&channel).await;
        // From here on, what is published is either in what was read, or heard.
        let (texts, _) = b.kept(&channel).await;
        assert!(texts.is_empty());
        a.publish(&channel, "a").await.unwrap();
        assert_eq!(b.heard.next_text().await, ("a".to_owned(), 1));
    }
}

/// The index of the server that leads a stream.
async fn leader(jetstream: &async_nats::jetstream::Context, stream: &str) -> usize {
    let stream = jetstream.get_stream(stream).await.unwrap();
    let leader = stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()).unwrap();
    leader.trim_start_matches('s').parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_replicas_a_server_that_is_gone_takes_only_its_streams_along() {
    let mut servers = NatsServer::cluster().await;
    let mut options = replicated(&servers[0], &servers[1..]);
    options.replicas = 1;
    // NATS puts a stream where most room is not promised to others.
    options.stream_bytes = Some(1 << 20);
    options.call_timeout = Duration::from_secs(2);
    let node = node_of(options).await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(servers[0].url()).await.unwrap());
    let mut led_by = Vec::new();
    for number in 0..12 {
        node.publish(&format!("n{number}:news"), "a").await.unwrap();
        led_by.push(leader(&jetstream, &format!("longwire-history-n{number}")).await);
    }
    let gone = led_by[0];
    let stays = led_by.iter().position(|leader| *leader != gone).expect("all streams are on one server");
    servers[gone].kill();
    let stays = format!("n{stays}:news");
    let going_on = async {
        while node.publish(&stays, "b").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, going_on).await.expect("a stream waits for another");
    assert_eq!(node.publish("n0:news", "b").await.unwrap_err(), BrokerError::Unavailable);
    servers[gone].start_again().await;
    let back = async {
        loop {
            match node.publish("n0:news", "c").await {
                Ok(outcome) => return outcome.position.unwrap().offset,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    // What failed may have been stored.
    assert!(tokio::time::timeout(2 * PATIENCE, back).await.expect("a stream stays away") >= 2);
    assert_eq!(node.kept("n0:news").await.0.first().map(String::as_str), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_a_server() {
    let mut servers = NatsServer::cluster().await;
    let mut node = node_of(replicated(&servers[0], &servers[1..])).await;
    node.history.size = 1_000;
    let jetstream = async_nats::jetstream::new(async_nats::connect(servers[0].url()).await.unwrap());
    let leader = leader(&jetstream, "longwire-history-=none").await;

    let mut acknowledged = Vec::new();
    let mut failures = 0;
    let publishing = async {
        let mut number = 0;
        while acknowledged.len() < 200 {
            if acknowledged.len() == 50 && failures == 0 {
                servers[leader].kill();
            }
            number += 1;
            match node.publish("news", &format!("{number}")).await {
                Ok(outcome) => acknowledged.push((outcome.position.unwrap(), format!("{number}"))),
                Err(error) => {
                    assert_eq!(error, BrokerError::Unavailable);
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    };
    tokio::time::timeout(4 * PATIENCE, publishing).await.expect("nothing is published any more");
    let page = node.page("news", None).await.unwrap();
    assert_eq!(page.publications.first().unwrap().offset, 1);
    for (position, text) in acknowledged {
        assert_eq!(position.epoch, page.position.epoch);
        let index = usize::try_from(position.offset).unwrap() - 1;
        assert_eq!(crate::heard::text_of(&page.publications[index].data), text);
    }
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_a_server() {
    let mut servers = NatsServer::cluster().await;
    let mut node = node_of(replicated(&servers[0], &servers[1..])).await;
    node.history.size = 1_000;
    let jetstream = async_nats::jetstream::new(async_nats::connect(servers[0].url()).await.unwrap());
    let stream = jetstream.get_stream("longwire-history-=none").await.unwrap();
    let leader = stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()).unwrap();
    let leader: usize = leader.trim_start_matches('s').parse().unwrap();

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

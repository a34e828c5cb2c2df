//! Nodes whose brokers follow channels through the store.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longwire_hub::{
    BoxFuture, Broker as _, ChannelName, ClientInfo, Data, Fanout, NewPublication, Publication, RemoteBroker,
    RemoteOptions, Runtime, Since,
};
use longwire_hub_nats::{NatsOptions, NatsStore};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::heard::{PATIENCE, text_of};
use crate::proxy::{Passage, Proxy};
use crate::server::NatsServer;
use crate::setup::{name, now, ten_for_an_hour};

struct Tokio(Instant);

impl Runtime for Tokio {
    fn spawn(&self, work: BoxFuture<()>) {
        tokio::spawn(work);
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What the subscribers of a node get.
#[derive(Debug, Default)]
struct Delivered {
    publications: Mutex<Vec<(u64, String)>>,
    lost: Mutex<usize>,
}

impl Fanout for Delivered {
    fn publication(&self, _: &ChannelName, publication: &Publication, _: &str, _: Option<&Publication>) {
        self.publications.lock().unwrap().push((publication.offset, text_of(&publication.data)));
    }

    fn join(&self, _: &ChannelName, _: &ClientInfo) {}

    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}

    fn lost(&self, _: &ChannelName) {
        *self.lost.lock().unwrap() += 1;
    }
}

fn broker(delivered: &Arc<Delivered>, url: String) -> Arc<RemoteBroker> {
    let broker = RemoteBroker::new(
        delivered.clone(),
        Arc::new(Tokio(Instant::now())),
        RemoteOptions::default(),
        |events| {
            let mut options = NatsOptions::new(url);
            options.call_timeout = Duration::from_millis(500);
            options.ping_interval = Duration::from_millis(200);
            let connecting = NatsStore::connect(options, events);
            Arc::new(block_in_place(|| Handle::current().block_on(connecting)).unwrap())
        },
    );
    let broker = Arc::new(broker);
    let expiring = Arc::downgrade(&broker);
    tokio::spawn(async move {
        while let Some(broker) = expiring.upgrade() {
            broker.expire(now());
            drop(broker);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    broker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_get_everything_once_in_order_although_their_node_is_cut_off() {
    let server = NatsServer::start().await;
    let proxy = Proxy::before(server.at).await;
    let (near, far) = (Arc::new(Delivered::default()), Arc::new(Delivered::default()));
    let brokers = [broker(&near, server.url()), broker(&far, proxy.url())];
    let news = name("news");
    let mut history = ten_for_an_hour();
    history.size = 10_000;
    for broker in &brokers {
        broker.subscribe(&news, Since::Now, &history, now(), Box::new(|| ())).answer().await.unwrap();
    }
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        for number in 0..50 {
            let text = format!("{round}-{number}");
            let new = NewPublication::new(Data::from_text(text.clone()));
            // The node that is cut off publishes, too, as far as it can.
            let broker = &brokers[usize::from(number % 10 == 0)];
            if let Ok(outcome) = broker.publish(&news, new, &history, now()).answer().await {
                acknowledged.push((outcome.position.unwrap().offset, text));
            }
            if number == 20 {
                proxy.set(if round % 2 == 0 { Passage::Cut } else { Passage::Stalled });
            }
        }
        proxy.set(Passage::Open);
    }
    let newest = acknowledged.last().unwrap().0;
    for delivered in [&near, &far] {
        let all = async {
            while delivered.publications.lock().unwrap().last().is_none_or(|(offset, _)| *offset < newest) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(2 * PATIENCE, all).await.expect("publications are missing");
        let publications = delivered.publications.lock().unwrap();
        let offsets: Vec<u64> = publications.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (1..=u64::try_from(offsets.len()).unwrap()).collect::<Vec<_>>());
        for (offset, text) in &acknowledged {
            assert_eq!(&publications[usize::try_from(*offset).unwrap() - 1].1, text);
        }
        assert_eq!(*delivered.lost.lock().unwrap(), 0);
    }
    let status = brokers[1].status();
    assert!(status.interruptions > 0 && status.gaps_filled > 0, "{status:?}");
}

//! Publishers and clients that are busy at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Run;
use crate::backend::{Backend, Ledger};
use crate::client::Client;
use crate::program::CHANNELS;
use crate::record::Position;

const CLIENTS: u64 = 24;
const PUBLISHERS: u64 = 2;

/// Longer than clients need to come back, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Everybody publishes.
    Load,
    /// Nobody begins to publish.
    Quiet,
    /// Clients end as soon as they have reached these positions.
    Drain([Position; CHANNELS.len()]),
}

impl Phase {
    pub(crate) fn is_load(&self) -> bool {
        matches!(self, Phase::Load)
    }
}

pub(crate) struct Load {
    backend: Backend,
    phase: watch::Sender<Phase>,
    clients: Vec<JoinHandle<Client>>,
    publishers: Vec<JoinHandle<Ledger>>,
}

/// What happened.
pub(crate) struct Outcome {
    pub(crate) clients: Vec<Client>,
    /// What the API has answered to each publisher.
    pub(crate) ledgers: Vec<Ledger>,
}

impl Load {
    /// Clients connect to `network`, and the back end to `server`.
    pub(crate) fn start(run: &Run, server: SocketAddr, network: SocketAddr) -> Load {
        let (phase, watch) = watch::channel(Phase::Load);
        let backend = Backend::new(server);
        let clients = (0..CLIENTS).map(|number| {
            let client = Client::new(format!("client-{number}"), run.choices(number));
            tokio::spawn(client.run(network, watch.clone()))
        });
        let publishers = (0..PUBLISHERS).map(|number| {
            let choices = run.choices(CLIENTS + number);
            tokio::spawn(backend.clone().publish(format!("api-{number}"), choices, watch.clone()))
        });
        Load { clients: clients.collect(), publishers: publishers.collect(), backend, phase }
    }

    /// Ends the load, and waits until each client has everything.
    pub(crate) async fn finish(self) -> Outcome {
        let Load { backend, phase, clients, publishers } = self;
        phase.send_replace(Phase::Quiet);
        let ledgers = join_all(publishers).await.into_iter().map(Result::unwrap).collect();
        phase.send_replace(Phase::Drain(backend.positions().await));
        let Ok(clients) = tokio::time::timeout(PATIENCE, join_all(clients)).await else {
            panic!("a client still waits for publications after {PATIENCE:?}");
        };
        Outcome { clients: clients.into_iter().map(Result::unwrap).collect(), ledgers }
    }
}

impl Outcome {
    /// Checks that all saw the same publication at the same position: clients and the publisher whom the API told it.
    pub(crate) fn agrees(&self) {
        for (index, channel) in CHANNELS.iter().enumerate() {
            let mut known = Ledger::default().into_iter().next().unwrap();
            let ledgers = self.ledgers.iter().map(|ledger| &ledger[index]);
            for part in ledgers.chain(self.clients.iter().map(|client| &client.records[index].seen)) {
                for (position, data) in part {
                    let first = known.entry(position.clone()).or_insert_with(|| data.clone());
                    assert_eq!(first, data, "two publications of {channel} are at {position:?}");
                }
            }
        }
    }

    /// How often clients have recovered in a channel, and how often they were told that they had missed something.
    pub(crate) fn returns(&self, channel: usize) -> (u64, u64) {
        let records = self.clients.iter().map(|client| &client.records[channel]);
        records.fold((0, 0), |(recovered, losses), record| {
            (recovered + record.recovered, losses + record.losses)
        })
    }

    pub(crate) fn summary(&self) -> String {
        let connections: u64 = self.clients.iter().map(|client| client.connections).sum();
        let seen: usize =
            self.clients.iter().flat_map(|client| &client.records).map(|record| record.seen.len()).sum();
        let returns = [0, 1].map(|channel| self.returns(channel));
        format!("{connections} connections, {seen} publications; recovered and told of a loss: {returns:?}")
    }
}

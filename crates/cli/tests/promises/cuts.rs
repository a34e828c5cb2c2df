//! Connections that are cut at random moments.

use std::collections::BTreeSet;

use longwire::Engine;

use crate::Run;
use crate::backend::Backend;
use crate::load::Load;
use crate::network::Network;
use crate::program::{CHANNELS, Program};
use crate::skipped::skipped_without;

/// The indices of the channels.
const KEPT: usize = 0;
const SHORT: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_clients_see_each_publication_once_and_in_order_over_io_uring() {
    if Engine::Uring.resolve() != Engine::Uring {
        return skipped_without("io_uring");
    }
    cut("uring").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_clients_see_each_publication_once_and_in_order_over_readiness() {
    cut("readiness").await;
}

async fn cut(engine: &'static str) {
    let run = Run::start(engine);
    let program = Program::start(engine);
    let network = Network::start(program.address, run.choices(999)).await;
    let load = Load::start(&run, program.address, network.address);
    tokio::time::sleep(run.busy).await;
    network.calm();
    let outcome = load.finish().await;
    println!("{engine}: {}", outcome.summary());
    outcome.agrees();

    let history = Backend::new(program.address).history(CHANNELS[KEPT]).await;
    let contents: BTreeSet<&str> = history.iter().map(|publication| publication.data.as_str()).collect();
    assert_eq!(contents.len(), history.len(), "something was published twice");
    for ledger in &outcome.ledgers {
        for (position, data) in &ledger[KEPT] {
            assert!(
                contents.contains(data.as_str()),
                "{data} at {position:?} was acknowledged, and is not kept"
            );
        }
    }
    for client in &outcome.clients {
        let name = &client.name;
        for data in &client.acknowledged[KEPT] {
            assert!(contents.contains(data.as_str()), "{data} was acknowledged, and is not kept");
        }
        // A client sees each publication since its first subscription. All are kept, so nothing is ever lost.
        let record = &client.records[KEPT];
        let missed = history.len() - record.seen.len();
        let expected =
            history.iter().skip(missed).map(|publication| (&publication.position, &publication.data));
        assert!(record.seen.iter().eq(expected), "{name} has not seen what history keeps");
        assert_eq!(record.losses, 0, "{name} was told of a loss, although everything is kept");
        let unexpected: Vec<u16> = client.codes.iter().copied().filter(|code| *code != 1006).collect();
        assert!(unexpected.is_empty(), "the server closed connections of {name}: {unexpected:?}");
    }
    let (recovered, losses) = outcome.returns(SHORT);
    assert!(recovered > 0 && losses > 0, "{recovered} recovered and {losses} lost: the cuts test nothing");
}

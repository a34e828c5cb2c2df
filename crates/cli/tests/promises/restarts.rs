//! A server that is killed or shut down, and started again at once.

use std::time::Duration;

use rand::RngExt as _;

use crate::Run;
use crate::load::Load;
use crate::program::{CHANNELS, Program};
use crate::record::Position;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_clients_learn_that_something_is_missing() {
    let codes = restart("kill", Program::kill).await;
    assert!(codes.iter().all(|code| *code == 1006), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_closes_all_clients_with_3001_and_they_return() {
    let codes = restart("shutdown", |program| {
        let status = program.shut_down();
        assert!(status.success(), "{status}");
    })
    .await;
    let closed = codes.iter().filter(|code| **code == 3001).count();
    assert!(closed > 0, "{codes:?}");
    // A client may connect while the server no longer takes clients.
    assert!(codes.iter().all(|code| [3001, 1006].contains(code)), "{codes:?}");
}

/// Ends the server again and again under load. Returns the codes with which clients were disconnected.
async fn restart(test: &str, end: fn(&mut Program)) -> Vec<u16> {
    const ROUND: Duration = Duration::from_secs(2);

    let run = Run::start(test);
    let mut random = run.choices(999);
    let mut program = Program::start("auto");
    let load = Load::start(&run, program.address, program.address);
    let rounds = (run.busy.as_secs() / ROUND.as_secs()).max(1);
    for _ in 0..rounds {
        tokio::time::sleep(ROUND.mul_f64(random.random_range(0.5..1.5))).await;
        program = tokio::task::spawn_blocking(move || {
            end(&mut program);
            program.start_again();
            program
        })
        .await
        .unwrap();
    }
    tokio::time::sleep(ROUND).await;
    let outcome = load.finish().await;
    println!("{test}: {rounds} restarts, {}", outcome.summary());
    outcome.agrees();

    for client in &outcome.clients {
        for (index, channel) in CHANNELS.iter().enumerate() {
            let record = &client.records[index];
            let name = &client.name;
            assert!(record.losses > 0, "{name} was never told of a loss in {channel}");
            // Of the last process, a client has everything since it came back.
            let epoch = &record.position().unwrap().epoch;
            let is_last = |position: &Position| position.epoch == *epoch;
            let first = record.seen.keys().find(|position| is_last(position)).unwrap();
            for ledger in &outcome.ledgers {
                for (position, data) in ledger[index].range(first..).filter(|(at, _)| is_last(at)) {
                    assert_eq!(
                        record.seen.get(position),
                        Some(data),
                        "{name} misses {position:?} of {channel}"
                    );
                }
            }
        }
    }
    outcome.clients.into_iter().flat_map(|client| client.codes).collect()
}

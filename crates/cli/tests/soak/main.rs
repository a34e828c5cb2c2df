//! Honest and hostile clients of every kind at once, against `longwire serve` in its own process. Every honest message
//! comes back. When all clients have left, the server is as before: descriptors, connection places, metrics and memory.
//!
//! `LONGWIRE_SOAK_SECONDS` sets how long each server is kept busy; `cargo xtask soak` sets it to an hour.
//! `LONGWIRE_SOAK_SEED` repeats a run's choices, though not the order in which the machine runs them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod crowd;
mod honest;
mod hostile;
mod server;
#[path = "../../../longwire/tests/skipped/mod.rs"]
mod skipped;
mod wire;

use std::time::Duration;

use crowd::Crowd;
use longwire::Engine;
use server::{Security, Server};

/// The default duration.
const SECONDS: u64 = 40;

#[test]
fn over_io_uring() {
    soak("uring", Security::Plain);
}

#[test]
fn over_io_uring_with_tls() {
    soak("uring", Security::Tls);
}

#[test]
fn over_readiness() {
    soak("readiness", Security::Plain);
}

#[test]
fn over_readiness_with_tls() {
    soak("readiness", Security::Tls);
}

/// Runs two equal halves, and compares what the second leaves behind with the first.
fn soak(engine: &str, security: Security) {
    if engine == "uring" && Engine::Uring.resolve() != Engine::Uring {
        return skipped::skipped_without("io_uring");
    }
    let half = Duration::from_secs(setting("LONGWIRE_SOAK_SECONDS").unwrap_or(SECONDS)) / 2;
    let seed = setting("LONGWIRE_SOAK_SEED").unwrap_or_else(rand::random);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(engine, security);
        let first = Crowd::new(&server, seed).keep_busy(half).await;
        server.is_idle().await;
        let (memory, descriptors) = (server.memory(), server.descriptors());
        let second = Crowd::new(&server, seed.wrapping_add(1)).keep_busy(half).await;
        server.is_idle().await;
        let after = server.memory();
        server.has_all_its_places().await;
        server.is_idle().await;
        println!(
            "{engine}, {security:?}, seed {seed}: {first}; then {second}; {memory} KiB idle, then {after}"
        );
        server.has_no_more_descriptors_than(descriptors).await;
        let growth = after.saturating_sub(memory);
        assert!(
            growth <= server::GROWTH,
            "seed {seed}: {growth} KiB more than after the first half: {memory} KiB"
        );
        assert!(after <= server::IDLE, "seed {seed}: {after} KiB are resident while nobody is connected");
    });
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

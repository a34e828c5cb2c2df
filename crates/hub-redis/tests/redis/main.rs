//! The Redis store with real servers, which each test starts for itself.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod cluster;
mod conformance;
mod connecting;
mod failover;
mod manual;
mod memory;
mod messages;
mod nodes;
mod outages;
mod presence;
mod recorder;
mod restarts;
mod server;
mod streams;

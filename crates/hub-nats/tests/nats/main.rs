//! The store against real servers, which the tests start.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod brokers;
mod cluster;
mod connecting;
mod full;
mod heard;
mod interruptions;
mod nodes;
mod oracle;
mod presence;
mod proxy;
mod semantics;
mod server;
mod setup;

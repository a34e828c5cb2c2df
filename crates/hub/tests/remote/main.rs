//! A broker that several nodes share: simulated nodes on a simulated engine, in virtual time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod alone;
mod answers;
mod bounds;
mod client;
mod engine;
mod following;
mod node;
#[path = "../broker/simulation/random.rs"]
mod random;
mod simulation;
mod store;
mod support;
mod threads;
mod world;

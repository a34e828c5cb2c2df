//! Malicious peers against `longwire serve` in its own process, observed from outside. Memory stays within a stated
//! bound, CPU time is proportional, descriptors are closed, an honest client is always served in time, and the response
//! is the documented one.
//!
//! `cargo test --test hostile -- --nocapture` prints the cost of each attack.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod backpressure;
mod connections;
mod endings;
mod figures;
mod frames;
mod handshakes;
mod hub;
mod messages;
mod peer;
mod process;
mod server;
#[path = "../../../longwire/tests/skipped/mod.rs"]
mod skipped;
mod trial;
mod witness;

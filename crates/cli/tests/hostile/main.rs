//! Peers that mean harm, against `longwire serve` as a process of its own, watched from outside: its memory stays within
//! a stated bound, its CPU time in proportion, its descriptors come back, a client that means no harm is served in time
//! throughout, and the answer is the documented one.
//!
//! `cargo test --test hostile -- --nocapture` prints what each attack cost.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod backpressure;
mod connections;
mod endings;
mod figures;
mod frames;
mod handshakes;
mod messages;
mod peer;
mod process;
mod server;
#[path = "../../../longwire/tests/skipped/mod.rs"]
mod skipped;
mod trial;
mod witness;

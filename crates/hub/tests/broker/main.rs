//! The memory broker, rule by rule, in a simulation with virtual time, and under threads.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

mod keys;
mod limits;
mod pages;
mod presence;
mod recovery;
mod simulation;
mod streams;
mod threads;

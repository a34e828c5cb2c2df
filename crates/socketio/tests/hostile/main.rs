//! Engine.IO under clients that break its rules, over each engine of the server. Every sentence with "MUST" of the Engine.IO 4
//! document that speaks of the server is quoted beside the test that holds it to it, here or in `engine/session/tests.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod crowds;
mod origins;
mod payloads;
mod polls;
mod support;
mod unread;
mod upgrades;

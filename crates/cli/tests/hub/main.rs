//! `longwire serve` as a hub, over real sockets.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod api;
mod centrifuge;
mod plain;
mod program;
mod reload;

//! What an operator sees of `longwire serve`: its log, and how it starts and ends.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
#[cfg(all(feature = "nats", feature = "redis"))]
mod broker;
#[cfg(target_os = "linux")]
mod engine;
mod logs;
mod program;
mod shutdown;
mod systemd;

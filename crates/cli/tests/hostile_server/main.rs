//! Malicious servers against `longwire connect` in its own process, observed from outside. It exits with the
//! documented code and one line that explains the failure, uses a bounded amount of memory, and does not hang.
//!
//! `cargo test --test hostile_server -- --nocapture` prints the cost of each attack. The library's tests check how long
//! a client waits for a server that does not close or answer, because they control time.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caller;
mod client;
#[path = "../hostile/frames.rs"]
mod frames;
mod handshakes;
mod messages;
#[path = "../hostile/process.rs"]
mod process;

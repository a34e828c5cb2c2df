//! Servers that mean harm, against `longwire connect` as a process of its own, watched from outside: it ends with exit
//! code 1 and one line that says what happened, within a stated bound of memory, and does not hang.
//!
//! `cargo test --test hostile_server -- --nocapture` prints what each attack cost. How long a client waits for a server
//! that does not close, or does not answer at all, is tested with the library, where time need not pass.
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

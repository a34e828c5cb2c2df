//! The program in daily use: in pipes, on a terminal, as a service.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod addresses;
mod answers;
mod certificates;
mod expectations;
mod forms;
mod input;
mod program;
mod proxying;
mod recordings;
mod signals;
mod terminal;
mod typing;
mod verbose;

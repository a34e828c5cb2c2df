//! The program in daily use: in pipes, on a terminal, as a service.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod addresses;
mod certificates;
mod input;
mod program;
mod signals;
mod terminal;
mod verbose;

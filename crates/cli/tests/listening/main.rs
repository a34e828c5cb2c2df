//! Where `longwire serve` listens, and whom it takes for its client, with the program as it is.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod clients;
mod given;
mod places;
mod program;
mod proxies;

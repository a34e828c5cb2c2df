//! Where `longwire serve` listens, and whom it takes for its client, with the program as it is.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod given;
mod places;
mod program;
mod proxies;

//! Runs against servers in this process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endpoint;
mod fan_out;
mod opening;
mod runs;
mod wrong;

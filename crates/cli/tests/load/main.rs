//! `longwire load` against `longwire serve`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endings;
mod loads;
mod outputs;
mod program;

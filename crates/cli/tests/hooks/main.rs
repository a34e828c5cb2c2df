//! Web hooks and JWK sets, of a back end in the test, with the program as it is.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod backend;
mod deciding;
mod failing;
mod keys;
mod program;

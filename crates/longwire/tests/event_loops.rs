//! The tests of the event loops alone. They are part of the program `suite`; `cargo xtask sanitize` compiles this smaller
//! one.
#![cfg(all(feature = "client", feature = "server"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(dead_code, unused_imports, reason = "other tests of `suite` use more of the support")]

#[path = "suite/events/mod.rs"]
mod events;
mod skipped;
#[path = "suite/support/mod.rs"]
mod support;

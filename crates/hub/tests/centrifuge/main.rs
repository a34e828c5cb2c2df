//! The formats of the Centrifuge client protocol.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod deltas;
mod hostile;
mod publications;
mod recorded;
mod replies;
mod round_trip;
mod support;

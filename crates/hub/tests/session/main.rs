//! Sessions and the node, as transcripts: commands in, exact replies and pushes out. Time is an input.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

mod api;
mod connecting;
mod deltas;
mod disconnects;
mod encodings;
mod expiry;
mod hooks;
mod hostile;
mod inspecting;
mod later;
mod losing;
mod nodes;
mod numbers;
mod overtaking;
mod permissions;
mod plain;
mod publishing;
mod reading;
mod recovery;
mod server_side;
mod shared;
mod simulation;
mod subscribing;
mod taking_over;
mod threads;

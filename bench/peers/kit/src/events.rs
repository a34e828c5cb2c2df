//! The data of the events that the Socket.IO servers are measured with:
//!
//! - `echo` takes a [`Quote`] and answers with an event `echo` that has it.
//! - `ask` takes a [`Quote`] and acknowledges with it.
//! - `join` takes a room, joins it, and acknowledges.
//! - `publish` takes a room and a [`Publication`], and sends it to the room in an event `message`.

use serde::{Deserialize, Serialize};

/// The data of `echo` and `ask`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Quote {
    id: u32,
    symbol: String,
    price: f64,
    volume: u32,
    open: bool,
}

/// The data of `publish` and `message`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Publication {
    at: u64,
    text: String,
}

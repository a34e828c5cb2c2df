//! A socket as its namespace and its connection see it.

use serde::{Deserialize, Serialize};

use super::acks::AwaitedAck;
use super::key::Key;
use super::reason::DisconnectReason;
use crate::protocol::{Arguments, Encoded};

/// Whether an event may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Delivery {
    /// It is queued.
    Reliable,
    /// It is dropped unless it can leave at once.
    Volatile,
}

/// A socket as its namespace and its connection see it.
pub(super) trait Member: Clone + Send + Sync + 'static {
    fn key(&self) -> Key;

    /// Queues a packet for the client.
    fn deliver(&self, packet: &Encoded, delivery: Delivery);

    /// Awaits the client's answer to an event of this number. `None`: it awaits too many.
    fn expect_ack(&self, id: u64, limit: usize) -> Option<AwaitedAck>;

    /// Whether it wants to know of events that are sent to it.
    fn listens(&self) -> bool;

    /// An event was sent to it. Called without locks.
    fn tell_sent(&self, name: &str, arguments: &Arguments);

    /// The socket's connection to the namespace has ended.
    fn finish(&self, reason: DisconnectReason);
}

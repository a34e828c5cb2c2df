//! A socket as its namespace and its connection see it.

use super::adapter::Key;
use super::reason::DisconnectReason;
use crate::protocol::Encoded;

/// Whether an event may be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// The socket's connection to the namespace has ended.
    fn finish(&self, reason: DisconnectReason);
}

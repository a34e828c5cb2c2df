//! What connects several servers of Socket.IO.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Connects several servers of Socket.IO, the nodes, so that a broadcast reaches the clients of all of them. A server without an
/// adapter is alone. [`MemoryAdapter`] connects servers of one process, and `HubAdapter` (feature `hub`) those that share a broker
/// of `longwire-hub`, such as Redis or NATS.
///
/// An adapter carries messages, which only servers of Socket.IO understand. Nodes trust each other.
pub trait Adapter: Send + Sync + 'static {
    /// A server begins. `inbox` takes the messages of the other nodes from now on; that this node's own messages come back does
    /// no harm.
    fn start(&self, inbox: NodeInbox);

    /// Sends a message to all other nodes. They get the messages of this node in the order of the calls. One that cannot be sent is
    /// lost. It must not block, and must not call the `inbox` of this node.
    fn send(&self, message: Bytes);
}

/// Takes the messages of other nodes. It is cheap to clone.
#[derive(Clone)]
pub struct NodeInbox {
    take: Arc<dyn Fn(Bytes) + Send + Sync>,
}

impl NodeInbox {
    pub(super) fn new(take: impl Fn(Bytes) + Send + Sync + 'static) -> NodeInbox {
        NodeInbox { take: Arc::new(take) }
    }

    /// Takes a message. It does not block. Messages that nodes of another version have sent are ignored.
    pub fn take(&self, message: Bytes) {
        (self.take)(message);
    }
}

impl fmt::Debug for NodeInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeInbox").finish_non_exhaustive()
    }
}

/// Connects the servers of one process that have a clone of it, such as those of a test.
///
/// ```
/// use longwire_socketio::{MemoryAdapter, SocketIo, SocketIoConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let adapter = MemoryAdapter::new();
/// let one = SocketIo::with_adapter(SocketIoConfig::default(), adapter.clone());
/// let other = SocketIo::with_adapter(SocketIoConfig::default(), adapter);
/// one.to("news").emit("headline", "It rains").ok(); // reaches the clients of both
/// # drop(other);
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryAdapter {
    inboxes: Arc<Mutex<Vec<NodeInbox>>>,
}

impl MemoryAdapter {
    /// An adapter that connects nothing yet.
    #[must_use]
    pub fn new() -> MemoryAdapter {
        MemoryAdapter::default()
    }
}

impl Adapter for MemoryAdapter {
    fn start(&self, inbox: NodeInbox) {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner).push(inbox);
    }

    fn send(&self, message: Bytes) {
        let inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        inboxes.iter().for_each(|inbox| inbox.take(message.clone()));
    }
}

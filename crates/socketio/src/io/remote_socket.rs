//! Sockets of any node.

use std::sync::Arc;

use tokio::time::Instant;

use super::broadcast::Broadcast;
use super::cluster::message::{Order, ReplyPart, SocketRecord};
use super::socket_id::SocketId;

/// A socket of any node, as it was when it was [fetched](Broadcast::fetch_all_sockets).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteSocket {
    /// The identifier. It is the name of a room that holds only this socket, so `io.to(&socket.id)` reaches it wherever it is.
    pub id: SocketId,
    /// Its rooms.
    pub rooms: Vec<Arc<str>>,
}

/// The sockets of all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FetchedSockets {
    /// The sockets.
    pub sockets: Vec<RemoteSocket>,
    /// How many nodes did not answer in time, so that their sockets are missing.
    pub silent_nodes: usize,
}

impl Broadcast {
    /// The sockets of all nodes. It ends when every node has answered, and at the latest after
    /// [`timeout`](Broadcast::timeout).
    ///
    /// ```
    /// # async fn run(io: longwire_socketio::SocketIo) {
    /// for socket in io.to("lobby").fetch_all_sockets().await.sockets {
    ///     io.to(&socket.id).emit("hello", "from wherever you are").ok();
    /// }
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a question that is dropped is forgotten.
    pub async fn fetch_all_sockets(self) -> FetchedSockets {
        let deadline = Instant::now() + self.ack_time();
        let replies = self.ask_others(|question| Order::Fetch { question }, Vec::new());
        let mut fetched = FetchedSockets { sockets: self.describe(), silent_nodes: 0 };
        let Some(mut replies) = replies else { return fetched };
        while let Some((part, _)) = replies.next(deadline).await {
            if let ReplyPart::Sockets(sockets) = part {
                fetched.sockets.extend(sockets.into_iter().map(RemoteSocket::from));
            }
        }
        fetched.silent_nodes = replies.silent();
        fetched
    }

    /// Its sockets of this node.
    fn describe(&self) -> Vec<RemoteSocket> {
        let sockets = self.fetch_sockets();
        sockets.iter().map(|socket| RemoteSocket { id: socket.id().clone(), rooms: socket.rooms() }).collect()
    }
}

impl From<SocketRecord> for RemoteSocket {
    fn from(SocketRecord { id, rooms }: SocketRecord) -> RemoteSocket {
        RemoteSocket { id, rooms }
    }
}

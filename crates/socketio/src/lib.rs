//! Socket.IO on Longwire: servers for the official clients, unchanged.
//!
//! ```no_run
//! use longwire::Server;
//! use longwire_socketio::engine::{Engine, EngineConfig};
//! use longwire_socketio::{Data, SocketIo};
//!
//! # async fn serve() -> longwire::Result<()> {
//! let io = SocketIo::new();
//! io.of("/chat").on_connect(|socket, _auth| async move {
//!     socket.join("lobby");
//!     socket.on("message", |socket, Data(text): Data<String>| async move {
//!         socket.to("lobby").emit("message", (socket.id(), text)).ok();
//!     });
//!     socket.on("add", |_socket, Data((a, b)): Data<(i64, i64)>| async move { a + b }); // the acknowledgement
//! });
//!
//! let engine = Engine::new(io, EngineConfig::default());
//! let server = Server::bind("127.0.0.1:3000").await?;
//! server.route(engine.path(), engine.handler()).http(engine.service()).run().await
//! # }
//! ```
//!
//! [`SocketIo`] and its [`Namespace`]s accept clients, a [`Socket`] is a client in a namespace, and a [`Broadcast`] reaches
//! several. The names are those of the JavaScript server. What differs:
//!
//! - Handlers take the socket and typed arguments ([`Data`]), and their result is the acknowledgement. They run one at a time
//!   for each socket, in the order of its events; see [`Socket`].
//! - Everything that a client can make the server keep is bounded: [`SocketIoConfig`],
//!   [`EngineConfig`](engine::EngineConfig). A client that reads too slowly is
//!   disconnected. One that sends faster than its handlers work is slowed down.
//! - Recovery ([`RecoveryConfig`]) also continues a session whose end the server has not noticed yet, and one that got no event.
//! - Packets for a namespace from which the server has just removed the client are ignored. They do not end the connection.
//! - `socket.use` is [`Socket::use_middleware`], and `io.use` is [`Namespace::use_middleware`].
//! - `io.of(/pattern/)` is [`SocketIo::of_dynamic`]. [`Adapter`] connects several servers.
//!
//! # Several nodes
//!
//! With an [`Adapter`], a broadcast reaches the clients of all servers: `emit`, `emit_with_ack`, `sockets_join`, `sockets_leave`,
//! `disconnect_sockets` and `close_clients` of a [`Broadcast`], and [`fetch_all_sockets`](Broadcast::fetch_all_sockets). With the
//! feature `hub`, `HubAdapter` connects them through a broker of `longwire-hub`. A load balancer in front of them must send all
//! requests of a client that polls to the same server. A client that comes back to another server begins anew: recovery is a
//! matter of each server.
//!
//! [`engine`] is Engine.IO 4, the transport below Socket.IO: sessions over HTTP long-polling and WebSocket, and the
//! upgrade from one to the other.

pub mod engine;
#[cfg(feature = "hub")]
mod hub_adapter;
mod io;
mod protocol;

#[cfg(feature = "hub")]
pub use hub_adapter::HubAdapter;
pub use io::{
    Ack, AckError, Adapter, Auth, Broadcast, BroadcastAnswers, BroadcastWithAck, ConnectError, Data,
    DisconnectReason, DynamicNamespace, EmitWithAck, EventName, FetchedSockets, FromEvent, HandlerResult,
    IntoReply, MemoryAdapter, Namespace, NodeInbox, RecoveryConfig, RemoteSocket, Reply, Socket, SocketId,
    SocketIo, SocketIoConfig, ToRooms, VolatileSocket,
};
pub use protocol::{ArgumentError, Arguments, EncodeError, PacketLimits, ToArguments};

//! Socket.IO on top of Engine.IO: namespaces, sockets, rooms, acknowledgements, and recovery.

mod acks;
mod adapter;
mod application;
mod auth;
mod backlog;
mod broadcast;
mod broadcast_ack;
mod caught;
mod client;
mod config;
mod dynamic_namespace;
mod emit_with_ack;
mod extract;
mod handlers;
mod hooks;
mod incoming;
mod listening;
mod member;
mod members;
mod memory_adapter;
mod namespace;
mod queue;
mod reason;
mod recovery;
mod registry;
mod reply;
mod rooms;
mod runner;
mod session;
mod socket;
mod socket_data;
mod socket_id;
mod socket_io;

pub use auth::{Auth, ConnectError};
pub use broadcast::{Broadcast, VolatileSocket};
pub use broadcast_ack::{BroadcastAnswers, BroadcastWithAck};
pub use config::{RecoveryConfig, SocketIoConfig};
pub use dynamic_namespace::DynamicNamespace;
pub use emit_with_ack::{AckError, EmitWithAck};
pub use extract::{Data, EventName, FromEvent};
pub use incoming::Ack;
pub use namespace::Namespace;
pub use reason::DisconnectReason;
pub use reply::{HandlerResult, IntoReply, Reply};
pub use rooms::ToRooms;
pub use socket::Socket;
pub use socket_id::SocketId;
pub use socket_io::SocketIo;

#[cfg(test)]
mod tests;

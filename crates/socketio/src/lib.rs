//! Socket.IO on Longwire: servers for the official clients, unchanged.
//!
//! [`engine`] is Engine.IO 4, the transport below Socket.IO: sessions over HTTP long-polling and WebSocket, and the
//! upgrade from one to the other.

pub mod engine;
mod io;
mod protocol;
mod serve;

pub use io::{
    Ack, AckError, Auth, Broadcast, ConnectError, Data, DisconnectReason, EmitWithAck, EventName, FromEvent,
    HandlerResult, IntoReply, Namespace, RecoveryConfig, Reply, Socket, SocketId, SocketIo, SocketIoConfig,
    ToRooms, VolatileSocket,
};
pub use protocol::{ArgumentError, Arguments, EncodeError, PacketLimits, ToArguments};

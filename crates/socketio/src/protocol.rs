//! Packets of Socket.IO 5, without I/O.

mod argument_writer;
mod arguments;
mod binary;
mod decode;
mod decoder;
mod depth;
mod encode;
mod limits;
mod packet;
mod shape;

pub use argument_writer::{EncodeError, ToArguments};
pub use arguments::{ArgumentError, Arguments};
pub(crate) use decode::PacketError;
pub(crate) use decoder::Decoder;
pub(crate) use encode::{Draft, Encoded};
pub(crate) use encode::{ack, connect_error, connected, disconnect, event};
pub use limits::PacketLimits;
pub(crate) use packet::{MAIN_NAMESPACE, PacketContent, SocketPacket};

#[cfg(test)]
mod tests;

//! The WebSocket protocol of RFC 6455 as a state machine without I/O: no sockets, no clock, no threads, no async.
//!
//! After the opening handshake, [`Protocol`] is one end of a connection. It takes received bytes and returns
//! [`Event`]s; it takes messages and returns bytes to write. The [`handshake`] module implements both sides of the
//! opening handshake as functions over [`http`] types.
//!
//! A driver (the crate `longwire` has several) is a small loop around it: read once, take events until there are none
//! left, write once, arm a timer.

mod accept_key;
mod assembler;
mod close_code;
mod close_frame;
mod closed;
mod closing;
mod config;
mod decoder;
pub mod deflate;
mod error;
mod event;
pub mod handshake;
mod header;
mod limits;
mod liveness;
mod mask;
mod masking_keys;
mod opcode;
mod prepared;
mod protocol;
mod received;
mod role;
mod send_buffer;
mod sending;
mod short_frame;
#[expect(unsafe_code, reason = "halves the time of reading a short text message; see the module")]
mod short_text;
mod utf8;

pub use assembler::MessageKind;
pub use close_code::CloseCode;
pub use close_frame::CloseFrame;
pub use closed::{By, Closed};
pub use config::{Config, Direction, FrameObserver, SeenFrame};
pub use error::{InvalidClose, ProtocolError, SendError};
pub use event::Event;
pub use header::{ControlLen, FrameKind, Header, ReservedBits};
pub use limits::{InvalidLimit, Keepalive, Limits};
pub use liveness::GivingUp;
pub use masking_keys::MaskingKeys;
pub use opcode::{ControlOpcode, DataOpcode, Opcode};
pub use prepared::{Prepared, PreparedFrame};
pub use protocol::Protocol;
pub use received::Received;
pub use role::Role;
pub use send_buffer::{LARGE_PAYLOAD, SendBuffer};
pub use sending::Last;

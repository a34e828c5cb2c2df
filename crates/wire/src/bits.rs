//! The bits of a frame's first byte: FIN, the reserved bits, and the opcodes (RFC 6455 §5.2).
//!
//! ```
//! use longwire_wire::RawFrame;
//! use longwire_wire::bits::{BINARY, FIN, RSV1};
//!
//! assert_eq!(RawFrame::new(FIN | RSV1 | BINARY, "x").first_byte(), 0xc2);
//! ```

/// The last fragment of a message, or all of it.
pub const FIN: u8 = 0x80;
/// The first reserved bit. permessage-deflate marks compressed messages with it (RFC 7692 §6).
pub const RSV1: u8 = 0x40;
/// The second reserved bit.
pub const RSV2: u8 = 0x20;
/// The third reserved bit.
pub const RSV3: u8 = 0x10;

/// A further fragment of a message.
pub const CONTINUATION: u8 = 0x0;
/// A text message, or its first fragment.
pub const TEXT: u8 = 0x1;
/// A binary message, or its first fragment.
pub const BINARY: u8 = 0x2;
/// The closing handshake (§5.5.1).
pub const CLOSE: u8 = 0x8;
/// A ping (§5.5.2).
pub const PING: u8 = 0x9;
/// A pong (§5.5.3).
pub const PONG: u8 = 0xa;

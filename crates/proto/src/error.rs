//! Errors, divided by whose fault they are.

use std::fmt;

use crate::close_code::CloseCode;

/// The peer broke the protocol. The connection has failed (RFC 6455 §7.1.7): the error is reported once, a Close frame
/// with [`close_code`](ProtocolError::close_code) is queued, and everything that the peer still sends is discarded.
///
/// ```
/// use longwire_proto::ProtocolError;
///
/// /// The close code that the peer gets.
/// fn code(error: &ProtocolError) -> u16 {
///     error.close_code().get()
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set, but no agreed extension uses it (§5.2).
    ReservedBit,
    /// An undefined opcode (§5.2).
    ReservedOpcode(u8),
    /// A payload length in more bytes than it needs (§5.2).
    LengthNotMinimal,
    /// A payload length of 2⁶³ or more (§5.2).
    LengthTooLarge,
    /// A client's frame is not masked (§5.1).
    NotMasked,
    /// A server's frame is masked (§5.1).
    Masked,
    /// A control frame with a payload of more than 125 bytes (§5.5).
    ControlTooLong,
    /// A fragmented control frame (§5.5).
    ControlFragmented,
    /// A continuation frame without a message to continue (§5.4).
    ContinuationWithoutStart,
    /// A new message before the previous one was finished (§5.4).
    MessageUnfinished,
    /// A Close frame with a payload of one byte (§5.5.1).
    CloseTooShort,
    /// A Close frame with a code that must not be sent (§7.4).
    CloseCode(u16),
    /// The reason in a Close frame is not UTF-8 (§5.5.1).
    CloseReasonNotUtf8,
    /// A text message that is not valid UTF-8 (§8.1).
    TextNotUtf8,
    /// A message longer than [`Limits::message`](crate::Limits::message), in bytes.
    MessageTooBig {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A compressed message is not valid DEFLATE data (RFC 7692 §7.2.2).
    Inflate,
    /// This end is short of memory; the peer is not at fault.
    Overloaded,
    /// The peer reads its messages too slowly, and this end does not buffer them any longer.
    TooSlow,
    /// A message in more fragments than [`Limits::fragments`](crate::Limits::fragments).
    TooManyFragments {
        /// The limit.
        limit: u32,
    },
}

impl ProtocolError {
    /// The code of the Close frame that is sent to the peer.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            ProtocolError::TextNotUtf8 | ProtocolError::CloseReasonNotUtf8 | ProtocolError::Inflate => {
                CloseCode::INVALID_PAYLOAD
            }
            ProtocolError::MessageTooBig { .. } => CloseCode::TOO_BIG,
            ProtocolError::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            ProtocolError::Overloaded | ProtocolError::TooSlow => CloseCode::TRY_AGAIN_LATER,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProtocolError::ReservedBit => "a reserved bit is set without an extension that uses it",
            ProtocolError::ReservedOpcode(bits) => return write!(f, "opcode {bits} is reserved"),
            ProtocolError::LengthNotMinimal => "a payload length takes more bytes than it needs",
            ProtocolError::LengthTooLarge => "a payload length has its highest bit set",
            ProtocolError::NotMasked => "a frame of the client is not masked",
            ProtocolError::Masked => "a frame of the server is masked",
            ProtocolError::ControlTooLong => "a control frame has more than 125 bytes of payload",
            ProtocolError::ControlFragmented => "a control frame is fragmented",
            ProtocolError::ContinuationWithoutStart => "a continuation frame has no message to continue",
            ProtocolError::MessageUnfinished => "a new message began before the last one was finished",
            ProtocolError::CloseTooShort => "a Close frame has a payload of one byte",
            ProtocolError::CloseCode(code) => return write!(f, "close code {code} must not be sent"),
            ProtocolError::CloseReasonNotUtf8 => "the reason in a Close frame is not UTF-8",
            ProtocolError::TextNotUtf8 => "a text message is not UTF-8",
            ProtocolError::Inflate => "a compressed message cannot be inflated",
            ProtocolError::Overloaded => "this end is short of memory",
            ProtocolError::TooSlow => "messages are not read as fast as they come",
            ProtocolError::MessageTooBig { limit } => {
                return write!(f, "a message is longer than the limit of {limit} bytes");
            }
            ProtocolError::TooManyFragments { limit } => {
                return write!(f, "a message has more than {limit} fragments");
            }
        })
    }
}

impl std::error::Error for ProtocolError {}

/// A message or frame that cannot be sent: the caller's mistake, or the connection is closed. Nothing was queued.
///
/// ```
/// use longwire_proto::{Config, Protocol, Role, SendError};
///
/// let mut client = Protocol::new(Role::Client, Config::default().into());
/// assert!(matches!(client.send_ping(&[0; 126]), Err(SendError::ControlTooLong)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The closing handshake has begun, or the connection is over: nothing can be sent any more (§5.5.1).
    Closed,
    /// The payload of a ping or pong is longer than 125 bytes (§5.5).
    ControlTooLong,
    /// A message in fragments is unfinished (§5.4).
    MessageUnfinished,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Closed => "the connection is closed or closing",
            SendError::ControlTooLong => "a ping or pong carries at most 125 bytes",
            SendError::MessageUnfinished => "the message in fragments must be finished first",
        })
    }
}

impl std::error::Error for SendError {}

/// Why a Close frame cannot be sent.
///
/// ```
/// use longwire_proto::{CloseFrame, InvalidClose};
///
/// let error: InvalidClose = CloseFrame::new(1005, "").unwrap_err();
/// println!("{error}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidClose {
    /// A Close frame must not contain the code (§7.4); see [`CloseCode::is_sendable`].
    Code(CloseCode),
    /// The reason is longer than 123 bytes, the room that a control frame has for it (§5.5).
    ReasonTooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
}

impl fmt::Display for InvalidClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidClose::Code(code) => {
                write!(f, "close code {code} must not be sent: use 1000-1003, 1007-1014 or 3000-4999")
            }
            InvalidClose::ReasonTooLong { bytes } => {
                write!(f, "the reason for closing has {bytes} bytes; there is room for 123")
            }
        }
    }
}

impl std::error::Error for InvalidClose {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_told_the_code_that_fits_its_fault() {
        assert_eq!(ProtocolError::ReservedBit.close_code(), 1002);
        assert_eq!(ProtocolError::CloseCode(1005).close_code(), 1002);
        assert_eq!(ProtocolError::TextNotUtf8.close_code(), 1007);
        assert_eq!(ProtocolError::Inflate.close_code(), 1007);
        assert_eq!(ProtocolError::CloseReasonNotUtf8.close_code(), 1007);
        assert_eq!(ProtocolError::TooManyFragments { limit: 1 }.close_code(), 1008);
        assert_eq!(ProtocolError::MessageTooBig { limit: 1 }.close_code(), 1009);
        assert_eq!(ProtocolError::Overloaded.close_code(), 1013);
        assert_eq!(ProtocolError::TooSlow.close_code(), 1013);
    }

    #[test]
    fn errors_say_what_happened_with_the_numbers_that_matter() {
        assert_eq!(ProtocolError::ReservedOpcode(11).to_string(), "opcode 11 is reserved");
        assert_eq!(
            ProtocolError::MessageTooBig { limit: 16 }.to_string(),
            "a message is longer than the limit of 16 bytes"
        );
        assert_eq!(
            ProtocolError::TooManyFragments { limit: 7 }.to_string(),
            "a message has more than 7 fragments"
        );
        assert_eq!(ProtocolError::CloseCode(1005).to_string(), "close code 1005 must not be sent");
        assert_eq!(
            InvalidClose::Code(CloseCode::NO_STATUS).to_string(),
            "close code 1005 (no code) must not be sent: use 1000-1003, 1007-1014 or 3000-4999"
        );
        assert_eq!(
            InvalidClose::ReasonTooLong { bytes: 124 }.to_string(),
            "the reason for closing has 124 bytes; there is room for 123"
        );
    }
}

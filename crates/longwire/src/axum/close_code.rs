//! Close codes under axum's names (RFC 6455 §7.4.1 and the IANA registry).

use longwire_proto::CloseCode;

/// 1000: the connection has served its purpose.
pub const NORMAL: u16 = CloseCode::NORMAL.get();
/// 1001: a server shuts down, or a browser leaves the page.
pub const AWAY: u16 = CloseCode::GOING_AWAY.get();
/// 1002: the peer violated the protocol.
pub const PROTOCOL: u16 = CloseCode::PROTOCOL_ERROR.get();
/// 1003: this end does not accept this kind of message.
pub const UNSUPPORTED: u16 = CloseCode::UNSUPPORTED.get();
/// 1005: a Close frame had no code. It cannot be sent; use `Message::Close(None)`.
pub const STATUS: u16 = CloseCode::NO_STATUS.get();
/// 1006: the connection ended without a Close frame. It cannot be sent.
pub const ABNORMAL: u16 = CloseCode::ABNORMAL.get();
/// 1007: the content does not match the kind of message.
pub const INVALID: u16 = CloseCode::INVALID_PAYLOAD.get();
/// 1008: a message violated a policy of this end, and no other code fits.
pub const POLICY: u16 = CloseCode::POLICY_VIOLATION.get();
/// 1009: a message is too big to be processed.
pub const SIZE: u16 = CloseCode::TOO_BIG.get();
/// 1010: the client requires an extension that the server did not negotiate.
pub const EXTENSION: u16 = CloseCode::MANDATORY_EXTENSION.get();
/// 1011: an unexpected condition prevents the server from serving.
pub const ERROR: u16 = CloseCode::INTERNAL_ERROR.get();
/// 1012: the server restarts.
pub const RESTART: u16 = CloseCode::SERVICE_RESTART.get();
/// 1013: the server is overloaded; try again later.
pub const AGAIN: u16 = CloseCode::TRY_AGAIN_LATER.get();

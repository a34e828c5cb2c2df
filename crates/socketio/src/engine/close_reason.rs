//! Why a session ended.

use std::fmt;

/// Why a session ended. The texts are those of the JavaScript server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client left: it sent a `close` packet, or closed the WebSocket.
    TransportClose,
    /// The connection broke, or the client broke a rule of its transport, such as with two polls at a time.
    TransportError,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The client sent something that is not a packet.
    ParseError,
    /// The application closed the session.
    ForcedClose,
    /// The server shuts down.
    ServerShuttingDown,
    /// More waits for the client than [`EngineConfig::max_queued`](super::EngineConfig::max_queued) allows: it reads too slowly.
    /// The JavaScript server has no such bound; the text is that of a broken connection.
    TooSlow,
}

impl CloseReason {
    /// The text by which the JavaScript server names the reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CloseReason::TransportClose => "transport close",
            CloseReason::TransportError | CloseReason::TooSlow => "transport error",
            CloseReason::PingTimeout => "ping timeout",
            CloseReason::ParseError => "parse error",
            CloseReason::ForcedClose => "forced close",
            CloseReason::ServerShuttingDown => "server shutting down",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

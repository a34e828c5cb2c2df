//! Why a socket was disconnected.

use std::fmt;

use crate::engine::CloseReason;

/// Why a socket was disconnected. The texts are those of the JavaScript server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The application removed the socket from the namespace.
    ServerNamespaceDisconnect,
    /// The server closed the connection, because the client joined no namespace in time, broke a rule, or went beyond
    /// a bound of [`SocketIoConfig`](crate::SocketIoConfig).
    ForcedServerClose,
    /// The client closed its connection.
    TransportClose,
    /// The connection broke.
    TransportError,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The client sent something that is not a packet.
    ParseError,
    /// The connection below was closed.
    ForcedClose,
    /// The server shuts down.
    ServerShuttingDown,
    /// The client reads too slowly: more waits for it than
    /// [`EngineConfig::max_queued`](crate::engine::EngineConfig::max_queued) allows. The JavaScript server has no such
    /// bound; the text is that of a broken connection.
    TooSlow,
}

impl DisconnectReason {
    /// The text by which the JavaScript server names the reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DisconnectReason::ClientNamespaceDisconnect => "client namespace disconnect",
            DisconnectReason::ServerNamespaceDisconnect => "server namespace disconnect",
            DisconnectReason::ForcedServerClose => "forced server close",
            DisconnectReason::TransportClose => "transport close",
            DisconnectReason::TransportError | DisconnectReason::TooSlow => "transport error",
            DisconnectReason::PingTimeout => "ping timeout",
            DisconnectReason::ParseError => "parse error",
            DisconnectReason::ForcedClose => "forced close",
            DisconnectReason::ServerShuttingDown => "server shutting down",
        }
    }

    /// Whether the client may come back and continue. It may not if one side left on purpose.
    pub(super) fn is_recoverable(self) -> bool {
        !matches!(
            self,
            DisconnectReason::ClientNamespaceDisconnect
                | DisconnectReason::ServerNamespaceDisconnect
                | DisconnectReason::ParseError
        )
    }

    /// Whether events of the client that wait for their handler are dropped.
    pub(super) fn drops_waiting_events(self) -> bool {
        matches!(self, DisconnectReason::ServerNamespaceDisconnect | DisconnectReason::ForcedServerClose)
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> DisconnectReason {
        match reason {
            CloseReason::TransportClose => DisconnectReason::TransportClose,
            CloseReason::TransportError => DisconnectReason::TransportError,
            CloseReason::PingTimeout => DisconnectReason::PingTimeout,
            CloseReason::ParseError => DisconnectReason::ParseError,
            CloseReason::ForcedClose => DisconnectReason::ForcedClose,
            CloseReason::ServerShuttingDown => DisconnectReason::ServerShuttingDown,
            CloseReason::TooSlow => DisconnectReason::TooSlow,
        }
    }
}

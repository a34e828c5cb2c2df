//! Packets of Socket.IO 5, as a server receives them.

use bytestring::ByteString;

use super::arguments::Arguments;

/// The name of the main namespace.
pub(crate) const MAIN_NAMESPACE: &str = "/";

/// Names that neither side may give to an event: the JavaScript libraries use them for events of their own.
const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether the name is one that the libraries use for events of their own.
pub(crate) fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event)
}

/// A packet of a client, with its attachments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SocketPacket {
    /// The namespace that the packet belongs to.
    pub(crate) namespace: ByteString,
    /// What the packet says.
    pub(crate) content: PacketContent,
}

/// What a packet says. A client sends no `CONNECT_ERROR`; the binary types differ from the others by their attachments
/// only.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PacketContent {
    /// Joins a namespace.
    Connect {
        /// A JSON object: the application's credentials, and the position of an earlier session.
        auth: Option<ByteString>,
    },
    /// Leaves a namespace.
    Disconnect,
    /// An event for the application.
    Event {
        /// The name; a number stays as it is written.
        name: ByteString,
        /// The client wants an acknowledgement with this number.
        id: Option<u64>,
        /// What follows the name.
        arguments: Arguments,
    },
    /// The answer to an event of the server.
    Ack {
        /// The number of the server's event.
        id: u64,
        /// The answer.
        arguments: Arguments,
    },
}

//! The bounds of packets.

/// The bounds of the packets that a client may send. A packet beyond one of them ends the connection with
/// ["parse error"](crate::DisconnectReason::ParseError).
///
/// ```
/// let limits = longwire_socketio::PacketLimits::default();
/// assert_eq!(limits.attachments, 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacketLimits {
    /// Binary attachments of one packet.
    pub attachments: usize,
    /// The bytes of all attachments of one packet.
    pub attachment_bytes: usize,
    /// The depth of arrays and objects in a packet, with the array of its arguments.
    pub json_depth: usize,
    /// The length of a namespace's name, in bytes.
    pub namespace_name: usize,
    /// The length of an event's name as it stands in the packet, in bytes.
    pub event_name: usize,
}

impl Default for PacketLimits {
    fn default() -> PacketLimits {
        PacketLimits {
            attachments: 10,
            attachment_bytes: 8 << 20,
            json_depth: 64,
            namespace_name: 128,
            event_name: 128,
        }
    }
}

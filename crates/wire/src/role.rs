/// Which end of a connection sends a frame: clients mask, servers do not (RFC 6455 §5.1).
///
/// ```
/// use longwire_wire::{RawFrame, Role};
///
/// let frame = RawFrame::text("hi");
/// assert_eq!(frame.encode(Role::Server), b"\x81\x02hi");
/// assert_eq!(frame.encode(Role::Client)[..2], [0x81, 0x82]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that sends the request.
    Client,
    /// The end that responds.
    Server,
}

impl Role {
    /// The role of the other end.
    #[must_use]
    pub fn other(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

//! What every frame must keep to.

use super::incomplete::seen;
use crate::assembler::Delivery;
use crate::config::Config;
use crate::error::ProtocolError;
use crate::header::{FrameKind, Header, ReservedBits};
use crate::mask::Mask;
use crate::opcode::{DataOpcode, Opcode};
use crate::role::Role;

/// What was agreed on with the peer, and how the application wants messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'c> {
    pub(super) peer: Role,
    /// The reserved bits that the agreed extensions use (RFC 6455 §5.2).
    pub(super) reserved: ReservedBits,
    pub(super) delivery: Delivery,
    /// The longest accepted message, in bytes.
    pub(super) longest: usize,
    pub(super) config: &'c Config,
}

impl Terms<'_> {
    /// Checks a header against the peer's role and the agreed extensions, and returns the mask of the payload.
    #[inline]
    pub(super) fn admit(&self, header: &Header) -> Result<Option<Mask>, ProtocolError> {
        if let (Some(observer), FrameKind::Data { .. }) = (&self.config.observer, header.kind) {
            observer.observe(&seen(header, &[]));
        }
        // RFC 7692 §6.1: RSV1 may be set on the first frame of a message only, and never on a control frame.
        let allowed = match header.opcode() {
            Opcode::Data(DataOpcode::Text | DataOpcode::Binary) => self.reserved,
            Opcode::Data(DataOpcode::Continuation) | Opcode::Control(_) => ReservedBits::NONE,
        };
        if !header.reserved.within(allowed) {
            return Err(ProtocolError::ReservedBit);
        }
        // §5.1: a server must fail the connection on an unmasked frame, a client on a masked one.
        match (self.peer, header.masking_key) {
            (Role::Client, Some(key)) => Ok(Some(Mask::new(key))),
            (Role::Server, None) => Ok(None),
            (Role::Client, None) => Err(ProtocolError::NotMasked),
            (Role::Server, Some(_)) => Err(ProtocolError::Masked),
        }
    }
}

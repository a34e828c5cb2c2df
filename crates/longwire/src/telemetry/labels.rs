//! Label values. There are few of them, whatever a peer does.

use longwire_proto::{By, CloseCode, ProtocolError, Role};

pub(super) fn of(role: Role) -> (&'static str, &'static str) {
    let name = match role {
        Role::Client => "client",
        Role::Server => "server",
    };
    ("role", name)
}

pub(super) fn ender(by: By) -> &'static str {
    match by {
        By::Local => "local",
        By::Peer => "peer",
        By::Nobody => "nobody",
    }
}

/// Standard and registered codes (RFC 6455 §7.4.1) appear as they are. A peer could choose among too many other codes,
/// so these are grouped.
pub(super) fn number(code: CloseCode) -> &'static str {
    match code.get() {
        1000 => "1000",
        1001 => "1001",
        1002 => "1002",
        1003 => "1003",
        1005 => "1005",
        1006 => "1006",
        1007 => "1007",
        1008 => "1008",
        1009 => "1009",
        1010 => "1010",
        1011 => "1011",
        1012 => "1012",
        1013 => "1013",
        1014 => "1014",
        3000..=3999 => "3xxx",
        4000..=4999 => "4xxx",
        _ => "other",
    }
}

pub(super) fn kind(error: &ProtocolError) -> &'static str {
    match error {
        ProtocolError::ReservedBit => "reserved_bit",
        ProtocolError::ReservedOpcode(_) => "reserved_opcode",
        ProtocolError::LengthNotMinimal => "length_not_minimal",
        ProtocolError::LengthTooLarge => "length_too_large",
        ProtocolError::NotMasked => "not_masked",
        ProtocolError::Masked => "masked",
        ProtocolError::ControlTooLong => "control_too_long",
        ProtocolError::ControlFragmented => "control_fragmented",
        ProtocolError::ContinuationWithoutStart => "continuation_without_start",
        ProtocolError::MessageUnfinished => "message_unfinished",
        ProtocolError::CloseTooShort => "close_too_short",
        ProtocolError::CloseCode(_) => "close_code",
        ProtocolError::CloseReasonNotUtf8 => "close_reason_not_utf8",
        ProtocolError::TextNotUtf8 => "text_not_utf8",
        ProtocolError::MessageTooBig { .. } => "message_too_big",
        ProtocolError::TooManyFragments { .. } => "too_many_fragments",
        ProtocolError::Inflate => "inflate",
        _ => "other",
    }
}

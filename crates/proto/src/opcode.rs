//! Opcodes (RFC 6455 §5.2, §11.8).

use std::fmt;

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// A frame that carries (a part of) a message.
    Data(DataOpcode),
    /// A frame about the connection itself.
    Control(ControlOpcode),
}

/// The opcodes of data frames, RFC 6455 §5.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataOpcode {
    /// The next fragment of a message that an earlier frame began.
    Continuation,
    /// The first (or only) fragment of a text message.
    Text,
    /// The first (or only) fragment of a binary message.
    Binary,
}

/// The opcodes of control frames, RFC 6455 §5.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlOpcode {
    /// Close, §5.5.1.
    Close,
    /// Ping, §5.5.2.
    Ping,
    /// Pong, §5.5.3.
    Pong,
}

impl Opcode {
    /// The opcode in the low four bits of a frame's first byte; `None` for the reserved ones (3-7, 11-15).
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Opcode> {
        Some(match bits & 0x0f {
            0x0 => Opcode::Data(DataOpcode::Continuation),
            0x1 => Opcode::Data(DataOpcode::Text),
            0x2 => Opcode::Data(DataOpcode::Binary),
            0x8 => Opcode::Control(ControlOpcode::Close),
            0x9 => Opcode::Control(ControlOpcode::Ping),
            0xa => Opcode::Control(ControlOpcode::Pong),
            _ => return None,
        })
    }

    /// The four bits of this opcode.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Opcode::Data(DataOpcode::Continuation) => 0x0,
            Opcode::Data(DataOpcode::Text) => 0x1,
            Opcode::Data(DataOpcode::Binary) => 0x2,
            Opcode::Control(ControlOpcode::Close) => 0x8,
            Opcode::Control(ControlOpcode::Ping) => 0x9,
            Opcode::Control(ControlOpcode::Pong) => 0xa,
        }
    }
}

impl From<DataOpcode> for Opcode {
    fn from(opcode: DataOpcode) -> Opcode {
        Opcode::Data(opcode)
    }
}

impl From<ControlOpcode> for Opcode {
    fn from(opcode: ControlOpcode) -> Opcode {
        Opcode::Control(opcode)
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Opcode::Data(DataOpcode::Continuation) => "continuation",
            Opcode::Data(DataOpcode::Text) => "text",
            Opcode::Data(DataOpcode::Binary) => "binary",
            Opcode::Control(ControlOpcode::Close) => "close",
            Opcode::Control(ControlOpcode::Ping) => "ping",
            Opcode::Control(ControlOpcode::Pong) => "pong",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_survives_the_wire_and_reserved_ones_do_not_exist() {
        for bits in 0..16 {
            match Opcode::from_bits(bits) {
                Some(opcode) => assert_eq!(opcode.bits(), bits),
                None => assert!(matches!(bits, 3..=7 | 11..=15), "{bits} is not reserved"),
            }
        }
    }

    #[test]
    fn only_the_low_four_bits_count() {
        assert_eq!(Opcode::from_bits(0xf1), Some(DataOpcode::Text.into()));
        assert_eq!(Opcode::from_bits(0x89), Some(ControlOpcode::Ping.into()));
    }

    #[test]
    fn the_names_are_those_of_the_rfc() {
        let names: Vec<String> =
            (0..16).filter_map(Opcode::from_bits).map(|opcode| opcode.to_string()).collect();
        assert_eq!(names, ["continuation", "text", "binary", "close", "ping", "pong"]);
    }
}

//! Packets: a type, and what stands behind it.

use longwire::MessageRef;

/// A packet of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnginePacket<'a> {
    Open,
    Close,
    Ping(&'a str),
    Pong,
    Message(MessageRef<'a>),
    Upgrade,
    Noop,
}

/// These bytes are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAPacket;

impl<'a> EnginePacket<'a> {
    /// Reads a packet as a WebSocket carries it: "Binary payloads are sent as is".
    pub(crate) fn read(packet: MessageRef<'a>) -> Result<EnginePacket<'a>, NotAPacket> {
        let text = match packet {
            MessageRef::Binary(_) => return Ok(EnginePacket::Message(packet)),
            MessageRef::Text(text) => text,
        };
        let mut characters = text.chars();
        let kind = characters.next().ok_or(NotAPacket)?;
        let content = characters.as_str();
        match kind {
            '0' => Ok(EnginePacket::Open),
            '1' => Ok(EnginePacket::Close),
            '2' => Ok(EnginePacket::Ping(content)),
            '3' => Ok(EnginePacket::Pong),
            '4' => Ok(EnginePacket::Message(MessageRef::Text(content))),
            '5' => Ok(EnginePacket::Upgrade),
            '6' => Ok(EnginePacket::Noop),
            _ => Err(NotAPacket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_its_type_and_what_stands_behind_it() {
        for (text, packet) in [
            ("0{}", EnginePacket::Open),
            ("1", EnginePacket::Close),
            ("2", EnginePacket::Ping("")),
            ("2probe", EnginePacket::Ping("probe")),
            ("3", EnginePacket::Pong),
            ("4", EnginePacket::Message(MessageRef::Text(""))),
            ("4hello €", EnginePacket::Message(MessageRef::Text("hello €"))),
            ("5", EnginePacket::Upgrade),
            ("6", EnginePacket::Noop),
        ] {
            assert_eq!(EnginePacket::read(text.into()), Ok(packet), "{text}");
        }
        let binary = MessageRef::Binary(&[4, 0, 255]);
        assert_eq!(EnginePacket::read(binary), Ok(EnginePacket::Message(binary)));
    }

    #[test]
    fn other_texts_are_no_packets() {
        for text in ["", "7", "abc", "€", "bAQID", "\u{1e}"] {
            assert_eq!(EnginePacket::read(text.into()), Err(NotAPacket), "{text}");
        }
    }
}

//! Packets: a type, and what stands behind it.

use longwire::MessageRef;

/// A packet of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
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

impl<'a> Packet<'a> {
    /// Reads a packet as a WebSocket carries it: "Binary payloads are sent as is".
    pub(crate) fn read(packet: MessageRef<'a>) -> Result<Packet<'a>, NotAPacket> {
        let text = match packet {
            MessageRef::Binary(_) => return Ok(Packet::Message(packet)),
            MessageRef::Text(text) => text,
        };
        let mut characters = text.chars();
        let kind = characters.next().ok_or(NotAPacket)?;
        let content = characters.as_str();
        match kind {
            '0' => Ok(Packet::Open),
            '1' => Ok(Packet::Close),
            '2' => Ok(Packet::Ping(content)),
            '3' => Ok(Packet::Pong),
            '4' => Ok(Packet::Message(MessageRef::Text(content))),
            '5' => Ok(Packet::Upgrade),
            '6' => Ok(Packet::Noop),
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
            ("0{}", Packet::Open),
            ("1", Packet::Close),
            ("2", Packet::Ping("")),
            ("2probe", Packet::Ping("probe")),
            ("3", Packet::Pong),
            ("4", Packet::Message(MessageRef::Text(""))),
            ("4hello €", Packet::Message(MessageRef::Text("hello €"))),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
        ] {
            assert_eq!(Packet::read(text.into()), Ok(packet), "{text}");
        }
        let binary = MessageRef::Binary(&[4, 0, 255]);
        assert_eq!(Packet::read(binary), Ok(Packet::Message(binary)));
    }

    #[test]
    fn other_texts_are_no_packets() {
        for text in ["", "7", "abc", "€", "bAQID", "\u{1e}"] {
            assert_eq!(Packet::read(text.into()), Err(NotAPacket), "{text}");
        }
    }
}

//! Payloads: the packets of one request or response of polling.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use longwire::{Message, MessageRef};

use super::packet::NotAPacket;

/// "The packets are separated by the record separator character: `\x1e`."
const SEPARATOR: char = '\u{1e}';

/// "Binary payloads MUST be base64-encoded and prefixed with a `b` character."
const BINARY: char = 'b';

/// Writes padding, and reads with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A packet of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PayloadPacket<'a>(PayloadContent<'a>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum PayloadContent<'a> {
    Text(&'a str),
    Binary(Vec<u8>),
}

impl<'a> PayloadPacket<'a> {
    fn read(text: &'a str) -> Result<PayloadPacket<'a>, NotAPacket> {
        match text.strip_prefix(BINARY) {
            Some(base64) => {
                let bytes = BASE64.decode(base64).map_err(|_| NotAPacket)?;
                Ok(PayloadPacket(PayloadContent::Binary(bytes)))
            }
            None if text.is_empty() => Err(NotAPacket),
            None => Ok(PayloadPacket(PayloadContent::Text(text))),
        }
    }

    /// The packet as a WebSocket would carry it.
    pub(crate) fn as_message(&self) -> MessageRef<'_> {
        match &self.0 {
            PayloadContent::Text(text) => MessageRef::Text(text),
            PayloadContent::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }
}

/// Reads a payload of at most `most` packets.
pub(crate) fn decode(payload: &[u8], most: usize) -> Result<Vec<PayloadPacket<'_>>, NotAPacket> {
    let text = std::str::from_utf8(payload).map_err(|_| NotAPacket)?;
    if text.split(SEPARATOR).nth(most).is_some() {
        return Err(NotAPacket);
    }
    text.split(SEPARATOR).map(PayloadPacket::read).collect()
}

/// Writes a payload.
pub(crate) fn encode(packets: &[Message]) -> Bytes {
    let len = packets.iter().map(|packet| packet.len().div_ceil(3).saturating_mul(4).saturating_add(2)).sum();
    let mut payload = String::with_capacity(len);
    for (at, packet) in packets.iter().enumerate() {
        if at > 0 {
            payload.push(SEPARATOR);
        }
        match packet {
            Message::Text(text) => payload.push_str(text),
            Message::Binary(bytes) => {
                payload.push(BINARY);
                BASE64.encode_string(bytes, &mut payload);
            }
        }
    }
    Bytes::from(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Option<Vec<Message>> {
        let packets = decode(payload, 4).ok()?;
        Some(packets.iter().map(|packet| packet.as_message().to_message()).collect())
    }

    /// "Binary payloads MUST be base64-encoded and prefixed with a `b` character."
    #[test]
    fn packets_are_separated_and_binary_ones_are_base64() {
        let packets = [Message::from("4hello"), Message::from(vec![1, 2, 3, 4]), Message::from("4€")];
        let payload = "4hello\x1ebAQIDBA==\x1e4€";
        assert_eq!(encode(&packets), payload);
        assert_eq!(read(payload.as_bytes()).as_deref(), Some(&packets[..]));
        assert_eq!(read(b"bAQIDBA").as_deref(), Some(&packets[1..2]));
        assert_eq!(read(b"b").as_deref(), Some(&[Message::Binary(Bytes::new())][..]));
    }

    #[test]
    fn what_is_no_payload_is_an_error() {
        for payload in
            [&b""[..], b"4a\x1e", b"\x1e4a", b"4a\x1e\x1e4b", b"bA===", b"b!", b"4\xe2\x82", b"4\xff"]
        {
            assert_eq!(read(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_payload_has_a_bounded_number_of_packets() {
        assert_eq!(read(b"4\x1e4\x1e4\x1e4").map(|packets| packets.len()), Some(4));
        assert_eq!(read(b"4\x1e4\x1e4\x1e4\x1e4"), None);
    }
}

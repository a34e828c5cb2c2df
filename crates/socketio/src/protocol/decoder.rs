//! Puts packets and their attachments together.

use bytes::Bytes;
use bytestring::ByteString;

use super::decode::{PacketError, decode};
use super::limits::PacketLimits;
use super::packet::{PacketContent, SocketPacket};

/// Reads the messages of one client. After an error, the connection ends, and nothing more is read.
#[derive(Debug)]
pub(crate) struct Decoder {
    limits: PacketLimits,
    partial: Option<Partial>,
}

/// A packet some of whose attachments have not arrived.
#[derive(Debug)]
struct Partial {
    packet: SocketPacket,
    announced: usize,
    attachments: Vec<Bytes>,
    bytes: usize,
}

impl Decoder {
    pub(crate) fn new(limits: PacketLimits) -> Decoder {
        Decoder { limits, partial: None }
    }

    /// Whether a packet waits for attachments.
    pub(crate) fn is_waiting(&self) -> bool {
        self.partial.is_some()
    }

    /// Takes a text message; returns its packet unless attachments follow.
    pub(crate) fn text(&mut self, text: &ByteString) -> Result<Option<SocketPacket>, PacketError> {
        if self.is_waiting() {
            return Err(PacketError::UnexpectedText);
        }
        let (packet, announced) = decode(text, &self.limits)?;
        if announced == 0 {
            return Ok(Some(packet));
        }
        self.partial = Some(Partial { packet, announced, attachments: Vec::new(), bytes: 0 });
        Ok(None)
    }

    /// Takes a binary message; returns the packet if this was its last attachment.
    pub(crate) fn binary(&mut self, data: Bytes) -> Result<Option<SocketPacket>, PacketError> {
        let mut partial = self.partial.take().ok_or(PacketError::UnexpectedBinary)?;
        partial.bytes = partial.bytes.saturating_add(data.len());
        if partial.bytes > self.limits.attachment_bytes {
            return Err(PacketError::TooManyAttachmentBytes);
        }
        partial.attachments.push(data);
        if partial.attachments.len() < partial.announced {
            self.partial = Some(partial);
            return Ok(None);
        }
        let Partial { mut packet, attachments, .. } = partial;
        if let PacketContent::Event { arguments, .. } | PacketContent::Ack { arguments, .. } =
            &mut packet.content
        {
            arguments.attach(attachments);
        }
        Ok(Some(packet))
    }
}

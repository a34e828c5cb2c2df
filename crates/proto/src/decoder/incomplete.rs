//! What has arrived of an incomplete header or control frame.

use std::borrow::Cow;

use crate::close_frame::CloseFrame;
use crate::config::{Config, Direction, SeenFrame};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::{ControlLen, Header, MAX_HEADER_LEN};
use crate::mask::Mask;
use crate::opcode::ControlOpcode;
use crate::received::Received;

/// The first bytes of an incomplete header.
#[derive(Debug, Default)]
pub(super) struct PartialHeader {
    pub(super) bytes: [u8; MAX_HEADER_LEN],
    pub(super) len: u8,
}

#[derive(Debug)]
pub(super) struct ControlFrame {
    pub(super) header: Header,
    pub(super) opcode: ControlOpcode,
    pub(super) len: ControlLen,
    pub(super) mask: Option<Mask>,
    /// The bytes that have arrived; empty if the payload is complete in the buffer.
    pub(super) arrived: Vec<u8>,
}

impl PartialHeader {
    /// Reads a header from the bytes that arrived before and those in `received`, and nothing after it.
    #[inline]
    pub(super) fn read(&mut self, received: &mut Received<'_>) -> Result<Option<Header>, ProtocolError> {
        if self.len == 0
            && let Some((header, used)) = Header::decode(received.peek())?
        {
            received.take(used);
            return Ok(Some(header));
        }
        self.read_bytewise(received)
    }

    pub(super) fn read_bytewise(
        &mut self,
        received: &mut Received<'_>,
    ) -> Result<Option<Header>, ProtocolError> {
        while let [byte] = received.take(1) {
            // A header has at most `MAX_HEADER_LEN` bytes, so there is always a slot.
            if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
                *slot = *byte;
                self.len += 1;
            }
            let arrived = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
            if let Some((header, _)) = Header::decode(arrived)? {
                self.len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

impl ControlFrame {
    pub(super) fn new(
        header: Header,
        opcode: ControlOpcode,
        len: ControlLen,
        mask: Option<Mask>,
    ) -> ControlFrame {
        ControlFrame { header, opcode, len, mask, arrived: Vec::new() }
    }

    /// The event, if the payload is complete. Otherwise keeps the bytes that have arrived.
    pub(super) fn finish<'b>(
        &mut self,
        received: &mut Received<'b>,
        config: &Config,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let Some(payload) = self.read(received) else { return Ok(None) };
        if let Some(observer) = &config.observer {
            observer.observe(&seen(&self.header, &payload));
        }
        control_event(self.opcode, payload).map(Some)
    }

    /// The payload, if it is complete. Otherwise keeps the bytes that have arrived.
    fn read<'b>(&mut self, received: &mut Received<'b>) -> Option<Cow<'b, [u8]>> {
        let missing = self.len.get() - self.arrived.len();
        let piece = received.take(missing);
        if let Some(mask) = &mut self.mask {
            mask.apply(piece);
        }
        if self.arrived.is_empty() && piece.len() == missing {
            return Some(Cow::Borrowed(piece));
        }
        self.arrived.extend_from_slice(piece);
        (self.arrived.len() == self.len.get()).then(|| Cow::Owned(std::mem::take(&mut self.arrived)))
    }
}

pub(super) fn seen<'a>(header: &'a Header, control_payload: &'a [u8]) -> SeenFrame<'a> {
    SeenFrame { direction: Direction::Received, header, control_payload }
}

fn control_event(opcode: ControlOpcode, payload: Cow<'_, [u8]>) -> Result<Event<'_>, ProtocolError> {
    Ok(match opcode {
        ControlOpcode::Ping => Event::Ping(payload),
        ControlOpcode::Pong => Event::Pong(payload),
        ControlOpcode::Close => Event::Close(CloseFrame::decode(&payload)?),
    })
}

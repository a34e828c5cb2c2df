//! What has arrived of an incomplete frame or message.

use std::borrow::Cow;

use crate::assembler::{Assembly, Coding, Delivery};
use crate::close_frame::CloseFrame;
use crate::config::{Config, Direction, SeenFrame};
use crate::deflate::{InflateFailure, Inflater};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::{ControlLen, Header, MAX_HEADER_LEN};
use crate::mask::Mask;
use crate::opcode::ControlOpcode;
use crate::received::Received;

/// How many bytes of a compressed payload to inflate before checking whether they fill a part. They inflate to at most
/// a thousand times as many.
const INFLATE_STEP: usize = 512;

/// The position in the stream within a frame or message.
#[derive(Debug)]
pub(super) enum Partial {
    /// Before or in the header of the next frame.
    Header {
        header: PartialHeader,
        /// The message whose next fragment has not begun.
        unfinished: Option<Box<Arriving>>,
    },
    /// Boxed, because it moves from fragment to fragment.
    Data(Box<Arriving>),
    Control {
        /// Boxed, because it is rarer than a fragment.
        frame: Box<ControlFrame>,
        /// The message that the frame interrupts.
        unfinished: Option<Box<Arriving>>,
    },
}

/// The first bytes of an incomplete header.
#[derive(Debug, Default)]
pub(super) struct PartialHeader {
    pub(super) bytes: [u8; MAX_HEADER_LEN],
    pub(super) len: u8,
}

/// A message that arrives in pieces, and its current frame.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) frame: DataFrame,
    pub(super) message: Assembly,
}

#[derive(Debug)]
pub(super) struct DataFrame {
    pub(super) fin: bool,
    pub(super) remaining: u64,
    pub(super) mask: Option<Mask>,
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

impl Partial {
    pub(super) fn between_frames(unfinished: Option<Box<Arriving>>) -> Partial {
        Partial::Header { header: PartialHeader::default(), unfinished }
    }

    /// The incomplete message.
    pub(super) fn message(&self) -> Option<&Arriving> {
        match self {
            Partial::Data(arriving) => Some(arriving),
            Partial::Header { unfinished, .. } | Partial::Control { unfinished, .. } => unfinished.as_deref(),
        }
    }
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

    fn read_bytewise(&mut self, received: &mut Received<'_>) -> Result<Option<Header>, ProtocolError> {
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

impl Arriving {
    /// Moves the arrived payload of the frame to the message, until that has a full part.
    pub(super) fn read(
        &mut self,
        received: &mut Received<'_>,
        inflater: Option<&mut Inflater>,
        delivery: Delivery,
        longest: usize,
    ) -> Result<(), ProtocolError> {
        let Arriving { frame, message } = self;
        frame.remaining -= message.unmask_direct(&mut frame.mask) as u64;
        match (message.coding(), inflater) {
            (Coding::Compressed, Some(inflater)) => {
                let most = if delivery == Delivery::InParts { INFLATE_STEP } else { usize::MAX };
                while !message.is_full_part(delivery) {
                    let piece = frame.take(received, most);
                    if piece.is_empty() {
                        break;
                    }
                    inflater.push(piece, longest, |inflated| message.push(inflated)).map_err(|failure| {
                        match failure {
                            InflateFailure::TooBig => ProtocolError::MessageTooBig { limit: longest },
                            InflateFailure::Corrupt => ProtocolError::Inflate,
                            InflateFailure::Sink(error) => error,
                        }
                    })?;
                }
                Ok(())
            }
            (Coding::Plain | Coding::Compressed, _) => message.push(frame.take(received, usize::MAX)),
        }
    }
}

impl DataFrame {
    /// Takes and unmasks at most `most` bytes of the payload that have arrived.
    #[inline]
    pub(super) fn take<'b>(&mut self, received: &mut Received<'b>, most: usize) -> &'b [u8] {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(most);
        let piece = received.take(wanted);
        if let Some(mask) = &mut self.mask {
            mask.apply(piece);
        }
        self.remaining -= piece.len() as u64;
        piece
    }
}

impl ControlFrame {
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

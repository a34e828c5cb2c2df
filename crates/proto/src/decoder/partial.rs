//! What has arrived of an incomplete frame or message.

use super::incomplete::{ControlFrame, PartialHeader};
use super::terms::Terms;
use crate::assembler::{Assembly, Coding, Delivery};
use crate::deflate::{InflateFailure, Inflater};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::FrameKind;
use crate::mask::Mask;
use crate::opcode::{ControlOpcode, DataOpcode};
use crate::received::Received;

/// How many bytes of a compressed payload to inflate before checking whether they fill a part. They inflate to at most
/// a thousand times as many.
const INFLATE_STEP: usize = 512;

/// What has arrived of an incomplete frame or message.
#[derive(Debug)]
pub(super) enum Partial {
    /// The header of a frame between messages.
    Header(PartialHeader),
    /// A control frame between messages.
    Control(ControlFrame),
    Message(Arriving),
}

/// A message that arrives in pieces. It stays where it is until it is complete; only the position changes.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) message: Assembly,
    pub(super) position: Position,
}

/// The position in the stream within a message.
#[derive(Debug)]
pub(super) enum Position {
    /// Before or in the header of the next frame.
    Header(PartialHeader),
    Fragment(Fragment),
    /// In a control frame that interrupts the message. Boxed, because it is rarer than a fragment.
    Control(Box<ControlFrame>),
}

/// A data frame whose header has arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment {
    pub(super) fin: bool,
    pub(super) remaining: u64,
    pub(super) mask: Option<Mask>,
}

/// Why reading a message stopped.
#[derive(Debug)]
pub(super) enum Stop<'b> {
    /// All that was received is read, or a part should be delivered before reading on.
    Incomplete,
    Complete,
    /// A control frame interrupts the message.
    Interrupted(Event<'b>),
}

impl Partial {
    /// The incomplete message.
    pub(super) fn message(&self) -> Option<&Assembly> {
        match self {
            Partial::Message(arriving) => Some(&arriving.message),
            Partial::Header(_) | Partial::Control(_) => None,
        }
    }

    /// The incomplete control frame.
    pub(super) fn control(&self) -> Option<&ControlFrame> {
        match self {
            Partial::Control(frame) => Some(frame),
            Partial::Message(Arriving { position: Position::Control(frame), .. }) => Some(frame),
            Partial::Header(_) | Partial::Message(_) => None,
        }
    }
}

impl Arriving {
    /// Reads frames until the message is complete or a control frame is.
    pub(super) fn read<'b>(
        &mut self,
        received: &mut Received<'b>,
        terms: &Terms<'_>,
        mut inflater: Option<&mut Inflater>,
    ) -> Result<Stop<'b>, ProtocolError> {
        loop {
            let mut fragment = match &mut self.position {
                Position::Header(partial) => {
                    let Some(header) = partial.read(received)? else { return Ok(Stop::Incomplete) };
                    let mask = terms.admit(&header)?;
                    match header.kind {
                        FrameKind::Data { opcode: DataOpcode::Continuation, fin, len } => {
                            self.message.begin_frame(len, terms.longest, &terms.config.limits)?;
                            Fragment { fin, remaining: len, mask }
                        }
                        FrameKind::Data { .. } => return Err(ProtocolError::MessageUnfinished),
                        FrameKind::Control { opcode, len } => {
                            let frame = ControlFrame::new(header, opcode, len, mask);
                            self.position = Position::Control(Box::new(frame));
                            continue;
                        }
                    }
                }
                Position::Fragment(fragment) => *fragment,
                Position::Control(frame) => {
                    // A Close frame ends an unfinished message: deliver the part of it that has arrived first.
                    if frame.opcode == ControlOpcode::Close
                        && terms.delivery == Delivery::InParts
                        && self.message.has_part()
                    {
                        return Ok(Stop::Incomplete);
                    }
                    let Some(event) = frame.finish(received, terms.config)? else {
                        return Ok(Stop::Incomplete);
                    };
                    self.position = Position::Header(PartialHeader::default());
                    return Ok(Stop::Interrupted(event));
                }
            };
            fragment.read(&mut self.message, received, terms, inflater.as_deref_mut())?;
            if fragment.remaining > 0 {
                self.position = Position::Fragment(fragment);
                return Ok(Stop::Incomplete);
            }
            if fragment.fin {
                return Ok(Stop::Complete);
            }
            self.position = Position::Header(PartialHeader::default());
        }
    }
}

impl Fragment {
    /// Moves the arrived payload to the message, until that has a full part.
    #[inline]
    fn read(
        &mut self,
        message: &mut Assembly,
        received: &mut Received<'_>,
        terms: &Terms<'_>,
        inflater: Option<&mut Inflater>,
    ) -> Result<(), ProtocolError> {
        self.remaining -= message.unmask_direct(&mut self.mask) as u64;
        match (message.coding(), inflater) {
            (Coding::Compressed, Some(inflater)) => self.inflate(message, received, terms, inflater),
            (Coding::Plain | Coding::Compressed, _) => message.push(self.take(received, usize::MAX)),
        }
    }

    #[inline(never)]
    fn inflate(
        &mut self,
        message: &mut Assembly,
        received: &mut Received<'_>,
        terms: &Terms<'_>,
        inflater: &mut Inflater,
    ) -> Result<(), ProtocolError> {
        let most = if terms.delivery == Delivery::InParts { INFLATE_STEP } else { usize::MAX };
        while !message.is_full_part(terms.delivery) {
            let piece = self.take(received, most);
            if piece.is_empty() {
                break;
            }
            inflater.push(piece, terms.longest, |inflated| message.push(inflated)).map_err(|failure| {
                match failure {
                    InflateFailure::TooBig => ProtocolError::MessageTooBig { limit: terms.longest },
                    InflateFailure::Corrupt => ProtocolError::Inflate,
                    InflateFailure::Sink(error) => error,
                }
            })?;
        }
        Ok(())
    }

    /// Takes and unmasks at most `most` bytes of the payload that have arrived.
    // Always inlined, because it is at the limit of what the compiler inlines on its own: a call takes 2 % more
    // instructions for a short fragment.
    #[inline(always)]
    fn take<'b>(&mut self, received: &mut Received<'b>, most: usize) -> &'b [u8] {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(most);
        let piece = received.take(wanted);
        if let Some(mask) = &mut self.mask {
            mask.apply(piece);
        }
        self.remaining -= piece.len() as u64;
        piece
    }
}

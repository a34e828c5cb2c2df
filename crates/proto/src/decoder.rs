//! Turns bytes into events.

mod ahead;

use std::borrow::Cow;

use bytes::buf::Limit;

use crate::assembler::{Assembly, Coding, Delivery, MessageKind, longest, within_limit};
use crate::close_frame::CloseFrame;
use crate::config::{Config, Direction, SeenFrame};
use crate::deflate::{InflateFailure, Inflater};
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::{ControlLen, FrameKind, Header, MAX_HEADER_LEN, ReservedBits};
use crate::mask::Mask;
use crate::opcode::{ControlOpcode, DataOpcode, Opcode};
use crate::received::Received;
use crate::role::Role;
use crate::short_frame;
use crate::utf8;

/// If at least this much of a binary frame's payload is missing, a separate read straight into the message pays off.
const DIRECT: u64 = 32 << 10;

/// How many bytes of a compressed payload to inflate before checking whether they fill a part. They inflate to at most
/// a thousand times as many.
const INFLATE_STEP: usize = 512;

/// Reads the peer's frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    peer: Role,
    /// The reserved bits that the agreed extensions use (RFC 6455 §5.2).
    reserved: ReservedBits,
    reading: Reading,
    /// The message whose next fragment has not begun.
    unfinished: Option<Box<Arriving>>,
    /// Inflates compressed messages, if compression was agreed on.
    inflater: Option<Box<Inflater>>,
}

/// The position in the stream. Most frames are complete in the buffer. The state of an incomplete one is boxed, because
/// every connection has room for this enum.
#[derive(Debug)]
enum Reading {
    Header(PartialHeader),
    Data(Box<Arriving>),
    Control(Box<ControlFrame>),
    /// Nothing: the peer has closed or broken the protocol, and everything that it still sends is discarded.
    Nothing,
}

/// The first bytes of an incomplete header.
#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; MAX_HEADER_LEN],
    len: u8,
}

/// A message that arrives in pieces, and its current frame.
#[derive(Debug)]
struct Arriving {
    frame: DataFrame,
    message: Assembly,
}

#[derive(Debug)]
struct DataFrame {
    fin: bool,
    remaining: u64,
    mask: Option<Mask>,
}

#[derive(Debug)]
struct ControlFrame {
    header: Header,
    opcode: ControlOpcode,
    len: ControlLen,
    mask: Option<Mask>,
    /// The bytes that have arrived; empty if the payload is complete in the buffer.
    arrived: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(role: Role) -> Decoder {
        Decoder {
            peer: role.peer(),
            reserved: ReservedBits::NONE,
            reading: Reading::Header(PartialHeader::default()),
            unfinished: None,
            inflater: None,
        }
    }

    /// Accepts compressed messages (RFC 7692).
    pub(crate) fn inflate(&mut self, inflater: Inflater) {
        self.reserved = ReservedBits::RSV1;
        self.inflater = Some(Box::new(inflater));
    }

    /// A message of one short frame that is complete in the buffer: the most frequent case, in a fraction of the time.
    /// `None`: anything else, including an invalid frame, which [`next`](Decoder::next) handles.
    #[inline(always)]
    pub(crate) fn short_message<'b>(
        &self,
        received: &mut Received<'b>,
        config: &Config,
    ) -> Option<Result<Event<'b>, ProtocolError>> {
        let is_between_messages = matches!(self.reading, Reading::Header(PartialHeader { len: 0, .. }))
            && self.unfinished.is_none();
        if !is_between_messages || config.observer.is_some() {
            return None;
        }
        // §5.1: a client masks its frames, a server does not.
        match self.peer {
            Role::Client => short_frame::masked(received, &config.limits),
            Role::Server => short_frame::unmasked(received, &config.limits),
        }
    }

    /// The next event. `None`: `received` is empty, and more is needed.
    pub(crate) fn next<'b>(
        &mut self,
        received: &mut Received<'b>,
        config: &Config,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        self.advance(received, config, Delivery::Whole)
    }

    /// The next event, or the part of an incomplete message that has arrived.
    pub(crate) fn next_part<'b>(
        &mut self,
        received: &mut Received<'b>,
        config: &Config,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        if let Some(event) = self.advance(received, config, Delivery::InParts)? {
            return Ok(Some(event));
        }
        Ok(match &mut self.reading {
            Reading::Data(arriving) => Some(arriving),
            Reading::Header(_) | Reading::Control(_) => self.unfinished.as_mut(),
            Reading::Nothing => None,
        }
        .and_then(|arriving| arriving.message.take_part()))
    }

    /// Reads frames until there is an event. `None`: `received` is empty, or a part should be delivered before reading
    /// on.
    fn advance<'b>(
        &mut self,
        received: &mut Received<'b>,
        config: &Config,
        delivery: Delivery,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let longest = longest(delivery, &config.limits);
        loop {
            match &mut self.reading {
                Reading::Header(partial) => {
                    let Some(header) = partial.read(received)? else { return Ok(None) };
                    if let (Some(observer), FrameKind::Data { .. }) = (&config.observer, header.kind) {
                        observer.observe(&seen(&header, &[]));
                    }
                    if let Some(event) = self.begin_frame(&header, received, longest, config)? {
                        return Ok(Some(event));
                    }
                }
                Reading::Data(arriving) => {
                    arriving.read(received, self.inflater.as_deref_mut(), delivery, longest)?;
                    if arriving.frame.remaining > 0 {
                        return Ok(None);
                    }
                    if let Some(event) = self.end_data()? {
                        return Ok(Some(event));
                    }
                }
                Reading::Control(frame) => {
                    // A Close frame ends an unfinished message: deliver the part of it that has arrived first.
                    if frame.opcode == ControlOpcode::Close
                        && delivery == Delivery::InParts
                        && self.unfinished.as_ref().is_some_and(|arriving| arriving.message.has_part())
                    {
                        return Ok(None);
                    }
                    let Some(payload) = frame.read(received) else { return Ok(None) };
                    let opcode = frame.opcode;
                    if let Some(observer) = &config.observer {
                        observer.observe(&seen(&frame.header, &payload));
                    }
                    self.reading = Reading::Header(PartialHeader::default());
                    return control_event(opcode, payload).map(Some);
                }
                Reading::Nothing => {
                    received.clear();
                    return Ok(None);
                }
            }
        }
    }

    /// Discards everything from now on, and any unfinished message.
    pub(crate) fn stop(&mut self) {
        self.reading = Reading::Nothing;
        self.unfinished = None;
        self.inflater = None;
    }

    /// Whether a message has begun to arrive but is incomplete.
    pub(crate) fn is_inside_message(&self) -> bool {
        self.unfinished.is_some() || matches!(self.reading, Reading::Data(_))
    }

    /// How many bytes an incomplete message has allocated.
    pub(crate) fn held(&self) -> usize {
        let reading = match &self.reading {
            Reading::Data(arriving) => arriving.message.held(),
            Reading::Control(frame) => frame.arrived.capacity(),
            Reading::Header(_) | Reading::Nothing => 0,
        };
        reading + self.unfinished.as_ref().map_or(0, |arriving| arriving.message.held())
    }

    /// Whether at least [`DIRECT`] bytes of a frame are missing.
    pub(crate) fn is_amid_large_frame(&self) -> bool {
        matches!(&self.reading, Reading::Data(arriving) if arriving.frame.remaining >= DIRECT)
    }

    /// Room to read the payload of a large binary frame straight into its message.
    pub(crate) fn payload_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        match &mut self.reading {
            Reading::Data(arriving) if arriving.frame.remaining >= DIRECT => {
                arriving.message.room(usize::try_from(arriving.frame.remaining).ok()?)
            }
            _ => None,
        }
    }

    /// Checks a header against the connection's state and begins its frame. A message that is complete in the buffer is
    /// returned at once.
    #[inline]
    fn begin_frame<'b>(
        &mut self,
        header: &Header,
        received: &mut Received<'b>,
        longest: usize,
        config: &Config,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        // RFC 7692 §6.1: RSV1 may be set on the first frame of a message only, and never on a control frame.
        let allowed = match header.opcode() {
            Opcode::Data(DataOpcode::Text | DataOpcode::Binary) => self.reserved,
            Opcode::Data(DataOpcode::Continuation) | Opcode::Control(_) => ReservedBits::NONE,
        };
        if !header.reserved.within(allowed) {
            return Err(ProtocolError::ReservedBit);
        }
        // §5.1: a server must fail the connection on an unmasked frame, a client on a masked one.
        let mask = match (self.peer, header.masking_key) {
            (Role::Client, Some(key)) => Some(Mask::new(key)),
            (Role::Server, None) => None,
            (Role::Client, None) => return Err(ProtocolError::NotMasked),
            (Role::Server, Some(_)) => return Err(ProtocolError::Masked),
        };
        let (opcode, fin, len) = match header.kind {
            FrameKind::Data { opcode, fin, len } => (opcode, fin, len),
            FrameKind::Control { opcode, len } => {
                let frame = ControlFrame { header: *header, opcode, len, mask, arrived: Vec::new() };
                self.reading = Reading::Control(Box::new(frame));
                return Ok(None);
            }
        };
        let frame = DataFrame { fin, remaining: len, mask };
        let mut arriving = match (opcode, self.unfinished.take()) {
            (DataOpcode::Continuation, Some(mut arriving)) => {
                arriving.frame = frame;
                arriving
            }
            (DataOpcode::Continuation, None) => return Err(ProtocolError::ContinuationWithoutStart),
            (_, Some(_)) => return Err(ProtocolError::MessageUnfinished),
            (DataOpcode::Text | DataOpcode::Binary, None) => {
                let kind = if opcode == DataOpcode::Text { MessageKind::Text } else { MessageKind::Binary };
                let coding =
                    if header.reserved == ReservedBits::NONE { Coding::Plain } else { Coding::Compressed };
                within_limit(len, coding, longest)?;
                if fin
                    && coding == Coding::Plain
                    && let Some(payload) = whole_payload(len, received)
                {
                    return lent_message(kind, payload, mask).map(Some);
                }
                Box::new(Arriving { frame, message: Assembly::new(kind, coding) })
            }
        };
        arriving.message.begin_frame(len, longest, &config.limits)?;
        self.reading = Reading::Data(arriving);
        Ok(None)
    }

    /// Ends a data frame whose payload is complete.
    fn end_data<'b>(&mut self) -> Result<Option<Event<'b>>, ProtocolError> {
        let ended = std::mem::replace(&mut self.reading, Reading::Header(PartialHeader::default()));
        let Reading::Data(arriving) = ended else { return Ok(None) };
        if !arriving.frame.fin {
            self.unfinished = Some(arriving);
            return Ok(None);
        }
        let message = arriving.message;
        if let (Coding::Compressed, Some(inflater)) = (message.coding(), &mut self.inflater) {
            inflater.finish().map_err(|_| ProtocolError::Inflate)?;
        }
        message.finish().map(Some)
    }
}

impl PartialHeader {
    /// Reads a header from the bytes that arrived before and those in `received`, and nothing after it.
    #[inline]
    fn read(&mut self, received: &mut Received<'_>) -> Result<Option<Header>, ProtocolError> {
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
    fn read(
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

impl ControlFrame {
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

/// The payload, if it is complete in the buffer.
#[inline]
fn whole_payload<'b>(len: u64, received: &mut Received<'b>) -> Option<&'b mut [u8]> {
    let len = usize::try_from(len).ok()?;
    (len <= received.len()).then(|| received.take(len))
}

/// A message of one frame, borrowed from the buffer in which it arrived.
#[inline]
fn lent_message(
    kind: MessageKind,
    payload: &mut [u8],
    mask: Option<Mask>,
) -> Result<Event<'_>, ProtocolError> {
    if let Some(mut mask) = mask {
        mask.apply(payload);
    }
    match kind {
        MessageKind::Text => {
            let text = utf8::whole(payload).map_err(|_| ProtocolError::TextNotUtf8)?;
            Ok(Event::Text(Cow::Borrowed(text)))
        }
        MessageKind::Binary => Ok(Event::Binary(Cow::Borrowed(payload))),
    }
}

fn seen<'a>(header: &'a Header, control_payload: &'a [u8]) -> SeenFrame<'a> {
    SeenFrame { direction: Direction::Received, header, control_payload }
}

fn control_event(opcode: ControlOpcode, payload: Cow<'_, [u8]>) -> Result<Event<'_>, ProtocolError> {
    Ok(match opcode {
        ControlOpcode::Ping => Event::Ping(payload),
        ControlOpcode::Pong => Event::Pong(payload),
        ControlOpcode::Close => Event::Close(CloseFrame::decode(&payload)?),
    })
}

#[cfg(test)]
mod tests;

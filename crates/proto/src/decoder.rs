//! Turns bytes into events.

mod ahead;
mod incomplete;
mod partial;
mod terms;

use std::borrow::Cow;

use bytes::buf::Limit;

use self::incomplete::{ControlFrame, PartialHeader};
use self::partial::{Arriving, Fragment, Partial, Position, Stop};
use self::terms::Terms;
use crate::assembler::{Assembly, Coding, Delivery, MessageKind, longest, within_limit};
use crate::config::Config;
use crate::deflate::Inflater;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::{FrameKind, Header, ReservedBits};
use crate::mask::Mask;
use crate::opcode::DataOpcode;
use crate::received::Received;
use crate::role::Role;
use crate::short_frame;
use crate::utf8;

/// If at least this much of a binary frame's payload is missing, a separate read straight into the message pays off.
const DIRECT: u64 = 32 << 10;

/// Reads the peer's frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    stream: Stream,
    /// The reserved bits that the agreed extensions use (RFC 6455 §5.2).
    reserved: ReservedBits,
    /// Most frames are messages that are complete in the buffer, so this is boxed, and not allocated between messages.
    partial: Option<Box<Partial>>,
    /// Inflates compressed messages, if compression was agreed on.
    inflater: Option<Box<Inflater>>,
}

/// What happens to the bytes that arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// They are parsed as frames of a peer in this role.
    From(Role),
    /// The peer has closed or broken the protocol, and everything that it still sends is discarded.
    Discarded,
}

impl Decoder {
    pub(crate) fn new(role: Role) -> Decoder {
        Decoder {
            stream: Stream::From(role.peer()),
            reserved: ReservedBits::NONE,
            partial: None,
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
        if self.partial.is_some() || config.observer.is_some() {
            return None;
        }
        // §5.1: a client masks its frames, a server does not.
        match self.stream {
            Stream::From(Role::Client) => short_frame::masked(received, &config.limits),
            Stream::From(Role::Server) => short_frame::unmasked(received, &config.limits),
            Stream::Discarded => None,
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
        match self.partial.as_deref_mut() {
            Some(Partial::Message(arriving)) => Ok(arriving.message.take_part()),
            Some(Partial::Header(_) | Partial::Control(_)) | None => Ok(None),
        }
    }

    /// Reads frames until there is an event. `None`: `received` is empty, or a part should be delivered before reading
    /// on.
    fn advance<'b>(
        &mut self,
        received: &mut Received<'b>,
        config: &Config,
        delivery: Delivery,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let Stream::From(peer) = self.stream else {
            received.clear();
            return Ok(None);
        };
        let longest = longest(delivery, &config.limits);
        let terms = Terms { peer, reserved: self.reserved, delivery, longest, config };
        loop {
            let header = match self.partial.as_deref_mut() {
                None => {
                    let Some((header, used)) = Header::decode(received.peek())? else {
                        if received.is_empty() {
                            return Ok(None);
                        }
                        self.partial = Some(Box::new(Partial::Header(PartialHeader::default())));
                        continue;
                    };
                    received.take(used);
                    header
                }
                Some(Partial::Header(partial)) => {
                    let Some(header) = partial.read(received)? else { return Ok(None) };
                    header
                }
                Some(Partial::Control(frame)) => {
                    let Some(event) = frame.finish(received, config)? else { return Ok(None) };
                    self.partial = None;
                    return Ok(Some(event));
                }
                Some(Partial::Message(arriving)) => {
                    return match arriving.read(received, &terms, self.inflater.as_deref_mut())? {
                        Stop::Incomplete => Ok(None),
                        Stop::Complete => self.end_message(),
                        Stop::Interrupted(event) => Ok(Some(event)),
                    };
                }
            };
            if let Some(event) = self.begin(&header, received, &terms)? {
                return Ok(Some(event));
            }
        }
    }

    /// Discards everything from now on, and any unfinished message.
    pub(crate) fn stop(&mut self) {
        self.stream = Stream::Discarded;
        self.partial = None;
        self.inflater = None;
    }

    /// Whether a message has begun to arrive but is incomplete.
    pub(crate) fn is_inside_message(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.message().is_some())
    }

    /// How many bytes an incomplete message has allocated.
    pub(crate) fn held(&self) -> usize {
        let Some(partial) = &self.partial else { return 0 };
        partial.control().map_or(0, |frame| frame.arrived.capacity())
            + partial.message().map_or(0, Assembly::held)
    }

    /// Whether at least [`DIRECT`] bytes of a frame are missing.
    pub(crate) fn is_amid_large_frame(&self) -> bool {
        matches!(
            self.partial.as_deref(),
            Some(Partial::Message(Arriving { position: Position::Fragment(fragment), .. })) if fragment.remaining >= DIRECT
        )
    }

    /// Room to read the payload of a large binary frame straight into its message.
    pub(crate) fn payload_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        match self.partial.as_deref_mut() {
            Some(Partial::Message(Arriving { message, position: Position::Fragment(fragment) }))
                if fragment.remaining >= DIRECT =>
            {
                message.room(usize::try_from(fragment.remaining).ok()?)
            }
            _ => None,
        }
    }

    /// Begins a frame between messages. What is complete in the buffer is returned at once.
    #[inline]
    fn begin<'b>(
        &mut self,
        header: &Header,
        received: &mut Received<'b>,
        terms: &Terms<'_>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let mask = terms.admit(header)?;
        let (kind, fin, len) = match header.kind {
            FrameKind::Data { opcode: DataOpcode::Text, fin, len } => (MessageKind::Text, fin, len),
            FrameKind::Data { opcode: DataOpcode::Binary, fin, len } => (MessageKind::Binary, fin, len),
            FrameKind::Data { opcode: DataOpcode::Continuation, .. } => {
                return Err(ProtocolError::ContinuationWithoutStart);
            }
            FrameKind::Control { opcode, len } => {
                let mut frame = ControlFrame::new(*header, opcode, len, mask);
                if len.get() <= received.len() {
                    self.partial = None;
                    return frame.finish(received, terms.config);
                }
                self.set_partial(Partial::Control(frame));
                return Ok(None);
            }
        };
        let coding = if header.reserved == ReservedBits::NONE { Coding::Plain } else { Coding::Compressed };
        within_limit(len, coding, terms.longest)?;
        if fin
            && coding == Coding::Plain
            && let Some(payload) = whole_payload(len, received)
        {
            self.partial = None;
            return lent_message(kind, payload, mask).map(Some);
        }
        let mut message = Assembly::new(kind, coding);
        message.begin_frame(len, terms.longest, &terms.config.limits)?;
        let position = Position::Fragment(Fragment { fin, remaining: len, mask });
        self.set_partial(Partial::Message(Arriving { message, position }));
        Ok(None)
    }

    /// Records what has arrived of a frame that begins between messages.
    fn set_partial(&mut self, now: Partial) {
        match &mut self.partial {
            Some(partial) => **partial = now,
            None => self.partial = Some(Box::new(now)),
        }
    }

    /// Ends the message whose last frame is complete.
    fn end_message<'b>(&mut self) -> Result<Option<Event<'b>>, ProtocolError> {
        let Some(Partial::Message(Arriving { message, .. })) = self.partial.take().map(|partial| *partial)
        else {
            return Ok(None);
        };
        if let (Coding::Compressed, Some(inflater)) = (message.coding(), &mut self.inflater) {
            inflater.finish().map_err(|_| ProtocolError::Inflate)?;
        }
        message.finish().map(Some)
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

#[cfg(test)]
mod tests;

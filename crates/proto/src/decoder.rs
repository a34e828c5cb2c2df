//! Turns bytes into events.

mod ahead;
mod partial;

use std::borrow::Cow;

use bytes::buf::Limit;

use self::partial::{Arriving, ControlFrame, DataFrame, Partial, seen};
use crate::assembler::{Assembly, Coding, Delivery, MessageKind, longest, within_limit};
use crate::config::Config;
use crate::deflate::Inflater;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::header::{FrameKind, Header, ReservedBits};
use crate::mask::Mask;
use crate::opcode::{ControlOpcode, DataOpcode, Opcode};
use crate::received::Received;
use crate::role::Role;
use crate::short_frame;
use crate::utf8;

/// If at least this much of a binary frame's payload is missing, a separate read straight into the message pays off.
const DIRECT: u64 = 32 << 10;

/// Reads the peer's frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    peer: Role,
    /// The reserved bits that the agreed extensions use (RFC 6455 §5.2).
    reserved: ReservedBits,
    stream: Stream,
    /// What has arrived of an incomplete frame or message. Most are complete in the buffer, so this is boxed, and not
    /// allocated between messages.
    partial: Option<Box<Partial>>,
    /// Inflates compressed messages, if compression was agreed on.
    inflater: Option<Box<Inflater>>,
}

/// What happens to the bytes that arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Parsed,
    /// The peer has closed or broken the protocol, and everything that it still sends is discarded.
    Discarded,
}

impl Decoder {
    pub(crate) fn new(role: Role) -> Decoder {
        Decoder {
            peer: role.peer(),
            reserved: ReservedBits::NONE,
            stream: Stream::Parsed,
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
        let is_between_messages = self.partial.is_none() && self.stream == Stream::Parsed;
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
        Ok(match self.partial.as_deref_mut() {
            Some(Partial::Data(arriving)) => Some(&mut **arriving),
            Some(Partial::Header { unfinished, .. } | Partial::Control { unfinished, .. }) => {
                unfinished.as_deref_mut()
            }
            None => None,
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
        if self.stream == Stream::Discarded {
            received.clear();
            return Ok(None);
        }
        let longest = longest(delivery, &config.limits);
        loop {
            match self.partial.as_deref_mut() {
                None => {
                    let Some((header, used)) = Header::decode(received.peek())? else {
                        if received.is_empty() {
                            return Ok(None);
                        }
                        self.partial = Some(Box::new(Partial::between_frames(None)));
                        continue;
                    };
                    received.take(used);
                    if let Some(event) = self.begin_frame(&header, None, received, longest, config)? {
                        return Ok(Some(event));
                    }
                }
                Some(Partial::Header { header, unfinished }) => {
                    let Some(header) = header.read(received)? else { return Ok(None) };
                    let unfinished = unfinished.take();
                    if let Some(event) = self.begin_frame(&header, unfinished, received, longest, config)? {
                        return Ok(Some(event));
                    }
                }
                Some(Partial::Data(arriving)) => {
                    arriving.read(received, self.inflater.as_deref_mut(), delivery, longest)?;
                    if arriving.frame.remaining > 0 {
                        return Ok(None);
                    }
                    if let Some(event) = self.end_data()? {
                        return Ok(Some(event));
                    }
                }
                Some(Partial::Control { frame, unfinished }) => {
                    // A Close frame ends an unfinished message: deliver the part of it that has arrived first.
                    if frame.opcode == ControlOpcode::Close
                        && delivery == Delivery::InParts
                        && unfinished.as_ref().is_some_and(|arriving| arriving.message.has_part())
                    {
                        return Ok(None);
                    }
                    let Some(event) = frame.finish(received, config)? else { return Ok(None) };
                    let unfinished = unfinished.take();
                    self.await_frame(unfinished);
                    return Ok(Some(event));
                }
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
        let control = match &**partial {
            Partial::Control { frame, .. } => frame.arrived.capacity(),
            Partial::Header { .. } | Partial::Data(_) => 0,
        };
        control + partial.message().map_or(0, |arriving| arriving.message.held())
    }

    /// Whether at least [`DIRECT`] bytes of a frame are missing.
    pub(crate) fn is_amid_large_frame(&self) -> bool {
        matches!(self.partial.as_deref(), Some(Partial::Data(arriving)) if arriving.frame.remaining >= DIRECT)
    }

    /// Room to read the payload of a large binary frame straight into its message.
    pub(crate) fn payload_room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        match self.partial.as_deref_mut() {
            Some(Partial::Data(arriving)) if arriving.frame.remaining >= DIRECT => {
                arriving.message.room(usize::try_from(arriving.frame.remaining).ok()?)
            }
            _ => None,
        }
    }

    /// Awaits the next frame, which may continue this message.
    fn await_frame(&mut self, unfinished: Option<Box<Arriving>>) {
        match (&mut self.partial, unfinished) {
            (Some(partial), Some(arriving)) => **partial = Partial::between_frames(Some(arriving)),
            (partial, None) => *partial = None,
            (partial @ None, Some(arriving)) => {
                *partial = Some(Box::new(Partial::between_frames(Some(arriving))));
            }
        }
    }

    /// Records how far the current frame has arrived.
    fn set_partial(&mut self, now: Partial) {
        match &mut self.partial {
            Some(partial) => **partial = now,
            None => self.partial = Some(Box::new(now)),
        }
    }

    /// Checks a header against the connection's state and begins its frame, between the fragments of the `unfinished`
    /// message if there is one. A message that is complete in the buffer is returned at once.
    #[inline]
    fn begin_frame<'b>(
        &mut self,
        header: &Header,
        unfinished: Option<Box<Arriving>>,
        received: &mut Received<'b>,
        longest: usize,
        config: &Config,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        if let (Some(observer), FrameKind::Data { .. }) = (&config.observer, header.kind) {
            observer.observe(&seen(header, &[]));
        }
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
                let mut frame = ControlFrame { header: *header, opcode, len, mask, arrived: Vec::new() };
                if unfinished.is_none() && frame.len.get() <= received.len() {
                    self.partial = None;
                    return frame.finish(received, config);
                }
                self.set_partial(Partial::Control { frame: Box::new(frame), unfinished });
                return Ok(None);
            }
        };
        let frame = DataFrame { fin, remaining: len, mask };
        let mut arriving = match (opcode, unfinished) {
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
                    self.partial = None;
                    return lent_message(kind, payload, mask).map(Some);
                }
                Box::new(Arriving { frame, message: Assembly::new(kind, coding) })
            }
        };
        arriving.message.begin_frame(len, longest, &config.limits)?;
        self.set_partial(Partial::Data(arriving));
        Ok(None)
    }

    /// Ends a data frame whose payload is complete.
    fn end_data<'b>(&mut self) -> Result<Option<Event<'b>>, ProtocolError> {
        let Some(partial) = &mut self.partial else { return Ok(None) };
        let Partial::Data(arriving) = std::mem::replace(&mut **partial, Partial::between_frames(None)) else {
            return Ok(None);
        };
        if let Partial::Header { unfinished, .. } = &mut **partial
            && !arriving.frame.fin
        {
            *unfinished = Some(arriving);
            return Ok(None);
        }
        self.partial = None;
        let message = arriving.message;
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

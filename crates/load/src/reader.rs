//! Reads what a server sends (RFC 6455 §5), and compares it with what is expected while it arrives. Only a message that
//! differs is kept whole.

use longwire_proto::deflate::{Agreement, Inflater};
use longwire_proto::{ControlOpcode, DataOpcode, FrameKind, Header, Opcode, ProtocolError, ReservedBits};

use crate::expected::Expected;
use crate::series::Coding;

/// The longest message that is kept to be looked at, in bytes. More of a longer one is passed over.
const KEPT: usize = 16 << 20;

/// What a server has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'m> {
    /// The next message that was expected.
    Expected,
    /// Any other message. `None` if it is too long to be looked at.
    Other(Option<&'m [u8]>),
    /// A ping, to be answered with this payload.
    Ping(&'m [u8]),
    /// A Close frame, with its code.
    Close(Option<u16>),
}

/// Where the reader is in the stream of a connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// A header that has not arrived completely.
    partial: Vec<u8>,
    frame: Option<Frame>,
    message: Option<Message>,
    control: Vec<u8>,
    /// What the server may send compressed.
    inflating: Option<Box<Inflating>>,
    /// How many bytes of the next message a peer over plain TCP has sent back.
    echoed: usize,
    /// The number of the message that is expected next.
    pub(crate) next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// How many bytes of the payload are still to come.
    missing: u64,
}

/// A message that is arriving.
#[derive(Debug)]
struct Message {
    is_text: bool,
    is_compressed: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// So many bytes, which equal the beginning of the expected message.
    AsExpected(usize),
    Kept(Vec<u8>),
    TooLong,
}

struct Inflating {
    inflater: Inflater,
    /// The frame that arrives, as it came; `None` if it is too long to be kept.
    raw: Option<Vec<u8>>,
}

impl std::fmt::Debug for Inflating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflating").finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader that expects this message first.
    pub(crate) fn new(next: usize) -> Reader {
        Reader { next, ..Reader::default() }
    }

    /// Messages may be compressed from now on.
    pub(crate) fn inflate(&mut self, agreement: &Agreement) {
        let inflater = Inflater::new(agreement);
        self.inflating = Some(Box::new(Inflating { inflater, raw: None }));
    }

    /// Takes bytes as they arrived, and reports what they complete, with the number of the message that is expected
    /// then. `on` may return another number.
    ///
    /// # Errors
    ///
    /// The server has broken the protocol.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        expected: &mut Expected,
        mut on: impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) -> Result<(), ProtocolError> {
        if expected.series().coding() == Coding::Tcp {
            return self.take_echo(bytes, expected, on);
        }
        while !bytes.is_empty() {
            if self.is_between_messages() {
                let frame = expected.bytes(self.next);
                if !frame.is_empty() && bytes.starts_with(frame) {
                    bytes = bytes.get(frame.len()..).unwrap_or_default();
                    self.next = expected.after(self.next);
                    self.tell(Incoming::Expected, expected, &mut on);
                    continue;
                }
            }
            if self.frame.is_none() {
                let Some(rest) = self.header(bytes)? else { return Ok(()) };
                bytes = rest;
            }
            bytes = self.payload(bytes, expected, &mut on)?;
        }
        Ok(())
    }

    /// Takes bytes that a peer over plain TCP has sent back, in pieces of any size.
    fn take_echo(
        &mut self,
        mut bytes: &[u8],
        expected: &Expected,
        mut on: impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) -> Result<(), ProtocolError> {
        while !bytes.is_empty() {
            let missing = expected.bytes(self.next).get(self.echoed..).unwrap_or_default();
            let (now, later) = bytes.split_at(missing.len().min(bytes.len()));
            if now.is_empty() || !missing.starts_with(now) {
                self.tell(Incoming::Other(None), expected, &mut on);
                return Ok(());
            }
            bytes = later;
            self.echoed += now.len();
            if now.len() == missing.len() {
                self.echoed = 0;
                self.next = expected.after(self.next);
                self.tell(Incoming::Expected, expected, &mut on);
            }
        }
        Ok(())
    }

    fn is_between_messages(&self) -> bool {
        self.frame.is_none() && self.message.is_none() && self.partial.is_empty()
    }

    /// Reads a header. Returns what is behind it, or `None` if it is incomplete.
    fn header<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, ProtocolError> {
        let (header, rest) = if self.partial.is_empty() {
            match Header::decode(bytes)? {
                Some((header, length)) => (header, bytes.get(length..).unwrap_or_default()),
                None => {
                    self.partial.extend_from_slice(bytes);
                    return Ok(None);
                }
            }
        } else {
            let before = self.partial.len();
            // The longest header of a server has ten bytes; four more show a key that must not be there.
            self.partial.extend(bytes.iter().take(14_usize.saturating_sub(before)));
            let Some((header, length)) = Header::decode(&self.partial)? else { return Ok(None) };
            self.partial.clear();
            (header, bytes.get(length.saturating_sub(before)..).unwrap_or_default())
        };
        self.begin(header)?;
        Ok(Some(rest))
    }

    fn begin(&mut self, header: Header) -> Result<(), ProtocolError> {
        if header.masking_key.is_some() {
            return Err(ProtocolError::Masked);
        }
        let begins =
            matches!(header.kind, FrameKind::Data { opcode: DataOpcode::Text | DataOpcode::Binary, .. });
        let allowed =
            if begins && self.inflating.is_some() { ReservedBits::RSV1 } else { ReservedBits::NONE };
        if !header.reserved.within(allowed) {
            return Err(ProtocolError::ReservedBit);
        }
        match header.kind {
            FrameKind::Data { opcode: DataOpcode::Continuation, .. } if self.message.is_none() => {
                return Err(ProtocolError::ContinuationWithoutStart);
            }
            FrameKind::Data { opcode: DataOpcode::Continuation, .. } => {}
            FrameKind::Data { .. } if self.message.is_some() => return Err(ProtocolError::MessageUnfinished),
            FrameKind::Data { opcode, .. } => {
                self.message = Some(Message {
                    is_text: opcode == DataOpcode::Text,
                    is_compressed: header.reserved == ReservedBits::RSV1,
                    body: Body::AsExpected(0),
                });
            }
            FrameKind::Control { .. } => self.control.clear(),
        }
        self.frame =
            Some(Frame { opcode: header.opcode(), fin: header.fin(), missing: header.payload_len() });
        if let Some(inflating) = &mut self.inflating {
            let mut raw = inflating.raw.take().unwrap_or_default();
            raw.clear();
            header.encode(&mut raw);
            inflating.raw = Some(raw);
        }
        Ok(())
    }

    /// Takes what is there of the frame's payload, and returns what is behind it.
    fn payload<'b>(
        &mut self,
        bytes: &'b [u8],
        expected: &mut Expected,
        on: &mut impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) -> Result<&'b [u8], ProtocolError> {
        let Some(frame) = &mut self.frame else { return Ok(bytes) };
        let length = usize::try_from(frame.missing).unwrap_or(usize::MAX).min(bytes.len());
        let (now, rest) = bytes.split_at(length);
        frame.missing = frame.missing.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        let Frame { opcode, fin, missing } = *frame;
        match opcode {
            Opcode::Control(_) => self.control.extend_from_slice(now),
            Opcode::Data(_) => self.add(now, expected)?,
        }
        if missing == 0 {
            self.frame = None;
            match opcode {
                Opcode::Control(opcode) => self.control_arrived(opcode, expected, on)?,
                Opcode::Data(opcode) if fin => {
                    self.message_arrived(opcode != DataOpcode::Continuation, expected, on)?;
                }
                Opcode::Data(_) => {}
            }
        }
        Ok(rest)
    }

    /// Adds bytes to the message.
    fn add(&mut self, bytes: &[u8], expected: &Expected) -> Result<(), ProtocolError> {
        let Some(message) = &mut self.message else { return Ok(()) };
        if let Some(Inflating { raw, .. }) = self.inflating.as_deref_mut() {
            match raw {
                Some(kept) if kept.len() + bytes.len() <= KEPT => kept.extend_from_slice(bytes),
                _ => *raw = None,
            }
        }
        let Some(inflating) = self.inflating.as_deref_mut().filter(|_| message.is_compressed) else {
            message.body.add(bytes, expected, self.next);
            return Ok(());
        };
        let next = self.next;
        let inflated = inflating.inflater.push(bytes, KEPT, |chunk| {
            message.body.add(chunk, expected, next);
            Ok::<(), ProtocolError>(())
        });
        inflated.map_err(|_| ProtocolError::Inflate)
    }

    fn message_arrived(
        &mut self,
        in_one_frame: bool,
        expected: &mut Expected,
        on: &mut impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) -> Result<(), ProtocolError> {
        let Some(message) = self.message.take() else { return Ok(()) };
        if message.is_compressed
            && let Some(inflating) = &mut self.inflating
        {
            inflating.inflater.finish().map_err(|_| ProtocolError::Inflate)?;
        }
        match message.body {
            Body::AsExpected(length) if expected.is_whole(self.next, length, message.is_text) => {
                let inflating = self.inflating.as_deref().filter(|_| in_one_frame);
                if let Some(raw) = inflating.and_then(|inflating| inflating.raw.as_deref()) {
                    expected.learn(self.next, raw);
                }
                self.next = expected.after(self.next);
                self.tell(Incoming::Expected, expected, on);
            }
            Body::AsExpected(length) => {
                let beginning = expected.message(self.next).get(..length).unwrap_or_default();
                self.tell(Incoming::Other(Some(beginning)), expected, on);
            }
            Body::Kept(message) => self.tell(Incoming::Other(Some(&message)), expected, on),
            Body::TooLong => self.tell(Incoming::Other(None), expected, on),
        }
        Ok(())
    }

    fn control_arrived(
        &mut self,
        opcode: ControlOpcode,
        expected: &Expected,
        on: &mut impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) -> Result<(), ProtocolError> {
        let control = std::mem::take(&mut self.control);
        let incoming = match (opcode, control.as_slice()) {
            (ControlOpcode::Ping, payload) => Incoming::Ping(payload),
            (ControlOpcode::Pong, _) => return Ok(()),
            (ControlOpcode::Close, []) => Incoming::Close(None),
            (ControlOpcode::Close, [_]) => return Err(ProtocolError::CloseTooShort),
            (ControlOpcode::Close, [high, low, ..]) => {
                Incoming::Close(Some(u16::from_be_bytes([*high, *low])))
            }
        };
        self.tell(incoming, expected, on);
        Ok(())
    }

    fn tell(
        &mut self,
        incoming: Incoming<'_>,
        expected: &Expected,
        on: &mut impl FnMut(Incoming<'_>, usize, &Expected) -> Option<usize>,
    ) {
        if let Some(next) = on(incoming, self.next, expected) {
            self.next = next;
        }
    }
}

impl Body {
    fn add(&mut self, bytes: &[u8], expected: &Expected, next: usize) {
        match self {
            Body::AsExpected(length) => {
                let message = expected.message(next);
                let here = message.get(*length..).unwrap_or_default();
                if here.starts_with(bytes) {
                    *length += bytes.len();
                } else {
                    let mut kept = message.get(..*length).unwrap_or_default().to_vec();
                    kept.extend_from_slice(bytes);
                    *self = Body::Kept(kept);
                }
            }
            Body::Kept(kept) if kept.len() + bytes.len() > KEPT => *self = Body::TooLong,
            Body::Kept(kept) => kept.extend_from_slice(bytes),
            Body::TooLong => {}
        }
    }
}

#[cfg(test)]
mod tests;

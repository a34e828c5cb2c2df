//! Reads the frames of one direction while their bytes pass by.
//!
//! The bytes are passed on as they are, except for faults that are made on purpose. What cannot be read is passed on, too.

use bytes::{BufMut, Bytes, BytesMut};
use longwire::{ControlOpcode, DataOpcode, Direction, FrameKind, Header, Message, ReservedBits, Utf8Bytes};
use longwire_proto::deflate::{Agreement, Context, Inflater};

use super::faults::{Fate, Faults};

/// Longer messages are passed on, but not shown.
const MAX_MESSAGE: usize = 16 << 20;

/// Two bytes, eight of length, four of masking key.
const MAX_HEADER: usize = 14;

/// What has passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Message(SeenMessage),
    Control {
        opcode: ControlOpcode,
        payload: Vec<u8>,
    },
    /// From here on, nothing can be read.
    Unreadable(String),
}

/// A message that has passed, or was to pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SeenMessage {
    /// `None`: it is too long or could not be inflated.
    pub(super) content: Option<Message>,
    pub(super) frames: u64,
    /// The payloads of its frames, together.
    pub(super) wire_bytes: u64,
    pub(super) is_compressed: bool,
    pub(super) fate: Fate,
}

/// Reads the frames of one direction.
pub(super) struct Tap {
    state: FrameState,
    message: Option<Assembly>,
    control: Vec<u8>,
    inflater: Option<Inflater>,
    faults: Faults,
}

enum FrameState {
    /// The bytes of a header so far.
    Header(Vec<u8>),
    Payload {
        header: Header,
        passed: u64,
    },
    /// Frames can no longer be told apart.
    Blind,
}

/// A message whose frames are arriving.
struct Assembly {
    opcode: DataOpcode,
    content: Option<BytesMut>,
    frames: u64,
    wire_bytes: u64,
    is_compressed: bool,
    fate: Fate,
    /// Whether a byte is still to be corrupted.
    corrupts: bool,
}

impl Tap {
    /// `context`: how this direction compresses its messages, if it does.
    pub(super) fn new(context: Option<Context>, faults: Faults) -> Tap {
        // A tap never compresses, so the half of the agreement about that does not matter.
        let inflater = context.map(|inflate| Inflater::new(&Agreement { compress: None, inflate }));
        Tap { state: FrameState::Header(Vec::new()), message: None, control: Vec::new(), inflater, faults }
    }

    /// Reads `bytes`, appends to `out` what is to be passed on, and to `seen` what is complete. Returns whether the
    /// connection is to be cut after `out`; the rest of `bytes` is then not read.
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut Vec<u8>, seen: &mut Vec<Seen>) -> Verdict {
        loop {
            match &mut self.state {
                FrameState::Blind => {
                    out.extend_from_slice(bytes);
                    return Verdict::GoOn;
                }
                FrameState::Header(begin) => {
                    let had = begin.len();
                    let more = bytes.get(..(MAX_HEADER - had).min(bytes.len())).unwrap_or_default();
                    begin.extend_from_slice(more);
                    match Header::decode(begin) {
                        Ok(Some((header, len))) => {
                            let begin = std::mem::take(begin);
                            bytes = bytes.get(len.saturating_sub(had)..).unwrap_or_default();
                            self.begin_frame(header, begin.get(..len).unwrap_or_default(), out);
                        }
                        Ok(None) => return Verdict::GoOn,
                        Err(error) => {
                            let begin = std::mem::take(begin);
                            out.extend_from_slice(begin.get(..had).unwrap_or_default());
                            seen.push(Seen::Unreadable(error.to_string()));
                            self.state = FrameState::Blind;
                        }
                    }
                }
                FrameState::Payload { header, passed } => {
                    let header = *header;
                    let missing = header.payload_len() - *passed;
                    let len = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
                    let (piece, rest) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
                    let offset = *passed;
                    *passed += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                    let is_complete = *passed == header.payload_len();
                    bytes = rest;
                    self.pass(&header, offset, piece, out);
                    if !is_complete {
                        return Verdict::GoOn;
                    }
                    self.state = FrameState::Header(Vec::new());
                    if self.end_frame(&header, seen) == Verdict::Cut {
                        return Verdict::Cut;
                    }
                }
            }
        }
    }

    fn begin_frame(&mut self, header: Header, encoded: &[u8], out: &mut Vec<u8>) {
        if let FrameKind::Data { opcode, .. } = header.kind {
            if opcode != DataOpcode::Continuation || self.message.is_none() {
                let fate = self.faults.next();
                self.message = Some(Assembly {
                    opcode,
                    content: Some(BytesMut::new()),
                    frames: 0,
                    wire_bytes: 0,
                    is_compressed: header.reserved == ReservedBits::RSV1,
                    fate,
                    corrupts: fate == Fate::Corrupted,
                });
            }
            if let Some(message) = &mut self.message {
                message.frames += 1;
                message.wire_bytes = message.wire_bytes.saturating_add(header.payload_len());
            }
        }
        self.state = FrameState::Payload { header, passed: 0 };
        if !self.drops(&header) {
            out.extend_from_slice(encoded);
        }
    }

    /// Whether the bytes of a frame are left out.
    fn drops(&self, header: &Header) -> bool {
        let is_data = matches!(header.kind, FrameKind::Data { .. });
        is_data && self.message.as_ref().is_some_and(|message| message.fate == Fate::Dropped)
    }

    /// Passes a piece of a payload on. `offset` is its place in the payload.
    fn pass(&mut self, header: &Header, offset: u64, piece: &[u8], out: &mut Vec<u8>) {
        let begin = out.len();
        if !self.drops(header) {
            out.extend_from_slice(piece);
        }
        let plain = unmasked(header.masking_key, offset, piece);
        match header.kind {
            // A control frame has at most 125 bytes.
            FrameKind::Control { .. } => self.control.extend_from_slice(&plain),
            FrameKind::Data { .. } => {
                let Some(message) = &mut self.message else { return };
                if message.corrupts
                    && let Some(first) = out.get_mut(begin)
                {
                    *first ^= 0x80;
                    message.corrupts = false;
                }
                message.add(&plain, &mut self.inflater);
            }
        }
    }

    fn end_frame(&mut self, header: &Header, seen: &mut Vec<Seen>) -> Verdict {
        match header.kind {
            FrameKind::Control { opcode, .. } => {
                seen.push(Seen::Control { opcode, payload: std::mem::take(&mut self.control) });
                Verdict::GoOn
            }
            FrameKind::Data { fin: false, .. } => Verdict::GoOn,
            FrameKind::Data { fin: true, .. } => {
                if let Some(message) = self.message.take() {
                    seen.push(Seen::Message(message.finish(&mut self.inflater)));
                }
                if self.faults.cuts_now() { Verdict::Cut } else { Verdict::GoOn }
            }
        }
    }
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Cut,
}

impl Assembly {
    fn add(&mut self, piece: &[u8], inflater: &mut Option<Inflater>) {
        let content = &mut self.content;
        let mut keep = |bytes: &[u8]| {
            if content.as_ref().is_some_and(|content| content.len() + bytes.len() > MAX_MESSAGE) {
                *content = None;
            }
            if let Some(content) = content {
                content.put_slice(bytes);
            }
            Ok::<(), ()>(())
        };
        if !self.is_compressed {
            let _kept = keep(piece);
        } else if let Some(inflating) = inflater {
            // What is too long is inflated nevertheless, because later messages may refer to it.
            if inflating.push(piece, usize::MAX, keep).is_err() {
                self.content = None;
                *inflater = None;
            }
        } else {
            self.content = None;
        }
    }

    fn finish(mut self, inflater: &mut Option<Inflater>) -> SeenMessage {
        if self.is_compressed && inflater.as_mut().is_some_and(|inflater| inflater.finish().is_err()) {
            self.content = None;
            *inflater = None;
        }
        let is_text = self.opcode == DataOpcode::Text;
        let content = self.content.map(BytesMut::freeze).map(|bytes| message(bytes, is_text));
        SeenMessage {
            content,
            frames: self.frames,
            wire_bytes: self.wire_bytes,
            is_compressed: self.is_compressed,
            fate: self.fate,
        }
    }
}

/// Text that is not UTF-8 is shown as bytes.
fn message(bytes: Bytes, is_text: bool) -> Message {
    if !is_text {
        return Message::Binary(bytes);
    }
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

fn unmasked(key: Option<[u8; 4]>, offset: u64, piece: &[u8]) -> Vec<u8> {
    let Some(key) = key else { return piece.to_vec() };
    let skipped = usize::try_from(offset % 4).unwrap_or_default();
    piece.iter().zip(key.iter().cycle().skip(skipped)).map(|(byte, key)| byte ^ key).collect()
}

/// How each direction compresses, as the server's response says: first the client's messages, then the server's. `None`:
/// messages are not compressed.
pub(super) fn contexts(extensions: &str) -> Option<[Context; 2]> {
    use longwire::Takeover;
    use longwire_proto::deflate::WindowBits;

    let mut parameters = extensions.split(';').map(str::trim);
    if parameters.next()? != "permessage-deflate" {
        return None;
    }
    let mut contexts = [Context { window: WindowBits::MAX, takeover: Takeover::Yes }; 2];
    let [client, server] = &mut contexts;
    for parameter in parameters {
        match parameter {
            "client_no_context_takeover" => client.takeover = Takeover::No,
            "server_no_context_takeover" => server.takeover = Takeover::No,
            // A smaller window refers to nothing that a larger one does not have.
            _ => {}
        }
    }
    Some(contexts)
}

/// The direction in words.
pub(super) fn sender(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "the client",
        Direction::Received => "the server",
    }
}

#[cfg(test)]
mod tests;

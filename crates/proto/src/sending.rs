//! The sending half: turns messages into frames that wait to be written.

use std::io::IoSlice;

use bytes::Bytes;

use crate::assembler::MessageKind;
use crate::config::{Config, Direction, SeenFrame};
use crate::deflate::{Compression, Compressor};
use crate::error::SendError;
use crate::header::{ControlLen, FrameKind, Header, ReservedBits};
use crate::masking_keys::MaskingKeys;
use crate::opcode::{ControlOpcode, DataOpcode};
use crate::prepared::{Prepared, PreparedFrame};
use crate::role::Role;
use crate::send_buffer::{Outbound, SendBuffer};
use crate::short_frame;

/// The sending half of a connection. It does not check whether the connection is open.
#[derive(Debug)]
pub(crate) struct Sending {
    /// What waits to be written. An idle connection has no buffer.
    outbound: Option<Box<Outbound>>,
    role: Role,
    keys: MaskingKeys,
    /// Compresses messages, if compression was agreed on.
    compressor: Option<Box<Compressor>>,
    message: Fragmentation,
}

/// Whether a message in fragments is unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fragmentation {
    None,
    Unfinished(MessageKind),
}

/// Whether a fragment is the last one of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It ends the message.
    Yes,
    /// More will follow.
    No,
}

impl Sending {
    pub(crate) fn new(role: Role) -> Sending {
        Sending {
            outbound: None,
            role,
            keys: MaskingKeys::random(),
            compressor: None,
            message: Fragmentation::None,
        }
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn mask_with(&mut self, keys: MaskingKeys) {
        self.keys = keys;
    }

    /// Compresses messages (RFC 7692).
    pub(crate) fn compress(&mut self, compressor: Compressor) {
        self.compressor = Some(Box::new(compressor));
    }

    /// A message whose payload is copied.
    // Always inlined, because it is at the limit of what the compiler inlines on its own: a call takes 4 % more
    // instructions for a short message.
    #[inline(always)]
    pub(crate) fn message(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        config: &Config,
    ) -> Result<(), SendError> {
        self.between_messages()?;
        match self.short_header(kind, payload, config) {
            Some(header) => self.outbound().short_frame(header, payload),
            None => self.long_message(kind, payload, config),
        }
        Ok(())
    }

    /// The header of a message that is unmasked, uncompressed and short; `None` for any other.
    #[inline]
    fn short_header(&self, kind: MessageKind, payload: &[u8], config: &Config) -> Option<[u8; 2]> {
        let is_plain = self.role == Role::Server && self.compressor.is_none() && config.observer.is_none();
        short_frame::header(kind, payload.len()).filter(|_| is_plain)
    }

    #[inline(never)]
    fn long_message(&mut self, kind: MessageKind, payload: &[u8], config: &Config) {
        if !self.compressed_message(kind, payload, config) {
            let header = self.message_header(kind, ReservedBits::NONE, payload.len(), config);
            self.outbound().frame(&header, payload);
        }
    }

    /// A message whose payload is not copied if it is large.
    pub(crate) fn message_bytes(
        &mut self,
        kind: MessageKind,
        payload: Bytes,
        config: &Config,
    ) -> Result<(), SendError> {
        self.between_messages()?;
        if let Some(header) = self.short_header(kind, &payload, config) {
            self.outbound().short_frame(header, &payload);
        } else if !self.compressed_message(kind, &payload, config) {
            self.plain_message(kind, payload, config);
        }
        Ok(())
    }

    /// A message without compression.
    pub(crate) fn uncompressed(
        &mut self,
        kind: MessageKind,
        payload: Bytes,
        config: &Config,
    ) -> Result<(), SendError> {
        self.between_messages()?;
        self.plain_message(kind, payload, config);
        Ok(())
    }

    /// A message that is compressed once for several connections, if this one compresses.
    pub(crate) fn prepared(&mut self, prepared: &Prepared, config: &Config) -> Result<(), SendError> {
        self.between_messages()?;
        let compressor = self.compressor.as_mut();
        let compressed =
            compressor.and_then(|it| it.compress_once(prepared.payload(), prepared.compressed()));
        let (payload, reserved) = match compressed {
            Some(compressed) => (compressed, ReservedBits::RSV1),
            None => (prepared.payload(), ReservedBits::NONE),
        };
        let header = self.message_header(prepared.kind(), reserved, payload.len(), config);
        self.outbound().frame_shared(&header, payload);
        Ok(())
    }

    /// A message whose frame several connections share, if this one neither masks nor compresses and has nothing else to
    /// write.
    pub(crate) fn prepared_frame(
        &mut self,
        frame: &PreparedFrame<'_>,
        config: &Config,
    ) -> Result<(), SendError> {
        self.between_messages()?;
        let is_plain = self.role == Role::Server && self.compressor.is_none() && config.observer.is_none();
        if is_plain
            && let Some(encoded) = frame.encoded()
            && self.outbound().share(encoded)
        {
            return Ok(());
        }
        self.prepared(frame.message(), config)
    }

    /// One fragment of a message (RFC 6455 §5.4).
    pub(crate) fn fragment(&mut self, kind: MessageKind, payload: &[u8], last: Last, config: &Config) {
        let (opcode, begun) = match self.message {
            Fragmentation::None => (first_opcode(kind), kind),
            Fragmentation::Unfinished(begun) => (DataOpcode::Continuation, begun),
        };
        self.message = match last {
            Last::Yes => Fragmentation::None,
            Last::No => Fragmentation::Unfinished(begun),
        };
        let frame = FrameKind::Data { opcode, fin: last == Last::Yes, len: payload.len() as u64 };
        let header = self.header(frame, ReservedBits::NONE, &[], config);
        self.outbound().frame(&header, payload);
    }

    /// The kind of the unfinished message in fragments.
    pub(crate) fn unfinished(&self) -> Option<MessageKind> {
        match self.message {
            Fragmentation::None => None,
            Fragmentation::Unfinished(kind) => Some(kind),
        }
    }

    pub(crate) fn control(
        &mut self,
        opcode: ControlOpcode,
        payload: &[u8],
        config: &Config,
    ) -> Result<(), SendError> {
        let len = ControlLen::new(payload.len()).ok_or(SendError::ControlTooLong)?;
        let header = self.header(FrameKind::Control { opcode, len }, ReservedBits::NONE, payload, config);
        self.outbound().frame(&header, payload);
        Ok(())
    }

    /// Answers a ping (§5.5.2), or keeps it for later if too much waits: §5.5.3 allows answering only the newest.
    pub(crate) fn answer(&mut self, ping: &[u8], config: &Config) {
        if let Some(outbound) = &mut self.outbound
            && outbound.len() > config.limits.control_replies
        {
            outbound.unanswered_ping = Some(ping.to_vec());
            return;
        }
        // A ping's payload fits into a pong, so this cannot fail.
        let _fits = self.control(ControlOpcode::Pong, ping, config);
    }

    /// Forgets the unanswered ping: after its Close frame, an endpoint sends nothing more (§1.4).
    pub(crate) fn leave_unanswered(&mut self) {
        if let Some(outbound) = &mut self.outbound {
            outbound.unanswered_ping = None;
        }
    }

    /// How many bytes wait to be written.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.outbound.as_ref().map_or(0, |outbound| outbound.len())
    }

    /// How many bytes are allocated for what waits.
    pub(crate) fn held(&self) -> usize {
        self.outbound.as_ref().map_or(0, |outbound| outbound.held())
    }

    /// Fills `slices` with the bytes to write next, and returns how many slices it filled.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.outbound.as_ref().map_or(0, |outbound| outbound.slices(slices))
    }

    /// Queues bytes that are not a frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.outbound().raw(bytes);
    }

    /// Whether a frame waits that other connections send, too.
    pub(crate) fn is_sharing(&self) -> bool {
        self.outbound.as_ref().is_some_and(|outbound| outbound.is_sharing())
    }

    /// All waiting bytes in one piece, which the driver owns until it is written; see [`Outbound::take`].
    pub(crate) fn take_encoded(&mut self) -> Option<Vec<u8>> {
        self.outbound.as_mut()?.take()
    }

    /// How many of the taken bytes are not yet written.
    pub(crate) fn taken(&self) -> usize {
        self.outbound.as_ref().map_or(0, |outbound| outbound.taken)
    }

    /// Encodes into this buffer from now on. Returns what it cannot use, because it has a buffer already.
    pub(crate) fn lend(&mut self, mut buffer: SendBuffer) -> Option<SendBuffer> {
        match &mut self.outbound {
            None => {
                let mut outbound = buffer.into_outbound();
                outbound.lent();
                self.outbound = Some(outbound);
                None
            }
            Some(outbound) => {
                outbound.borrow_memory(&mut buffer);
                Some(buffer)
            }
        }
    }

    /// The driver's buffer, if nothing waits in it.
    pub(crate) fn reclaim(&mut self) -> Option<SendBuffer> {
        let outbound = self.outbound.take_if(|outbound| outbound.is_reclaimable())?;
        Some(SendBuffer::from_outbound(outbound))
    }

    /// Records that the first `count` waiting bytes have been written.
    #[inline]
    pub(crate) fn written(&mut self, count: usize, config: &Config) {
        let Some(outbound) = &mut self.outbound else { return };
        outbound.advance(count);
        if outbound.unanswered_ping.is_some()
            && outbound.len() <= config.limits.control_replies
            && let Some(ping) = outbound.unanswered_ping.take()
        {
            self.answer(&ping, config);
        } else if outbound.is_used_up() {
            self.outbound = None;
        }
    }

    #[inline]
    fn outbound(&mut self) -> &mut Outbound {
        self.outbound.get_or_insert_default()
    }

    #[inline]
    fn between_messages(&self) -> Result<(), SendError> {
        match self.message {
            Fragmentation::None => Ok(()),
            Fragmentation::Unfinished(_) => Err(SendError::MessageUnfinished),
        }
    }

    fn plain_message(&mut self, kind: MessageKind, payload: Bytes, config: &Config) {
        let header = self.message_header(kind, ReservedBits::NONE, payload.len(), config);
        self.outbound().frame_bytes(&header, payload);
    }

    /// Compresses and queues a message. `false`: compression was not agreed on, or the message is too small for it.
    fn compressed_message(&mut self, kind: MessageKind, payload: &[u8], config: &Config) -> bool {
        let Some(compressor) = &mut self.compressor else { return false };
        let mut compressed = Vec::new();
        // Send the result even if it did not shrink: the compressor has advanced, and the peer must follow it.
        if compressor.compress(payload, &mut compressed) == Compression::Skipped {
            return false;
        }
        let header = self.message_header(kind, ReservedBits::RSV1, compressed.len(), config);
        self.outbound().frame_bytes(&header, compressed.into());
        true
    }

    /// The header of an unfragmented message.
    #[inline]
    fn message_header(
        &mut self,
        kind: MessageKind,
        reserved: ReservedBits,
        len: usize,
        config: &Config,
    ) -> Header {
        let frame = FrameKind::Data { opcode: first_opcode(kind), fin: true, len: len as u64 };
        self.header(frame, reserved, &[], config)
    }

    #[inline]
    fn header(
        &mut self,
        kind: FrameKind,
        reserved: ReservedBits,
        control_payload: &[u8],
        config: &Config,
    ) -> Header {
        let masking_key = match self.role {
            Role::Client => Some(self.keys.next_key()),
            Role::Server => None,
        };
        let header = Header { kind, reserved, masking_key };
        if let Some(observer) = &config.observer {
            observer.observe(&SeenFrame { direction: Direction::Sent, header: &header, control_payload });
        }
        header
    }
}

fn first_opcode(kind: MessageKind) -> DataOpcode {
    match kind {
        MessageKind::Text => DataOpcode::Text,
        MessageKind::Binary => DataOpcode::Binary,
    }
}

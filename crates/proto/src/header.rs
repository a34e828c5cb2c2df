//! Frame headers (RFC 6455 §5.2).

use crate::error::ProtocolError;
use crate::opcode::{ControlOpcode, DataOpcode, Opcode};

/// The longest header: two bytes, eight of length, four of masking key.
pub(crate) const MAX_HEADER_LEN: usize = 14;

/// A frame header whose fields are consistent.
///
/// It cannot represent what RFC 6455 forbids for every frame: a control frame is unfragmented and short, a length is
/// minimal, an opcode is known. Rules that depend on the connection (role, extensions, previous frame) are checked
/// elsewhere.
///
/// ```
/// use longwire_proto::{FrameKind, FrameObserver};
///
/// let long_frames = FrameObserver::new(|frame| {
///     if let FrameKind::Data { .. } = frame.header.kind {
///         println!("{:?}", frame.header);
///     }
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type of the frame, and the length of its payload.
    pub kind: FrameKind,
    /// The reserved bits that are set.
    pub reserved: ReservedBits,
    /// The masking key; `None` if the payload is not masked.
    pub masking_key: Option<[u8; 4]>,
}

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A frame that carries (a part of) a message.
    Data {
        /// Text, binary, or the continuation of either.
        opcode: DataOpcode,
        /// Whether this frame ends the message.
        fin: bool,
        /// The length of the payload in bytes, at most 2⁶³-1.
        len: u64,
    },
    /// A control frame: never fragmented, so it has no `fin`.
    Control {
        /// Close, ping or pong.
        opcode: ControlOpcode,
        /// The length of the payload.
        len: ControlLen,
    },
}

/// The length of a control frame's payload: at most 125 bytes (RFC 6455 §5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlLen(u8);

impl ControlLen {
    /// The largest length.
    pub const MAX: usize = 125;

    /// `len`, unless it exceeds 125.
    #[must_use]
    pub fn new(len: usize) -> Option<ControlLen> {
        u8::try_from(len).ok().filter(|len| usize::from(*len) <= ControlLen::MAX).map(ControlLen)
    }

    /// The length in bytes.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// The bits RSV1 to RSV3, which extensions define (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReservedBits(u8);

impl ReservedBits {
    /// No bit.
    pub const NONE: ReservedBits = ReservedBits(0);
    /// RSV1, which marks a compressed message in permessage-deflate (RFC 7692 §6).
    pub const RSV1: ReservedBits = ReservedBits(0x40);
    /// RSV2.
    pub const RSV2: ReservedBits = ReservedBits(0x20);
    /// RSV3.
    pub const RSV3: ReservedBits = ReservedBits(0x10);

    /// Whether all bits set here are set in `allowed`, too.
    #[must_use]
    pub fn within(self, allowed: ReservedBits) -> bool {
        self.0 & !allowed.0 == 0
    }
}

impl std::ops::BitOr for ReservedBits {
    type Output = ReservedBits;

    fn bitor(self, other: ReservedBits) -> ReservedBits {
        ReservedBits(self.0 | other.0)
    }
}

impl Header {
    /// Decodes the header at the start of `bytes`, and returns its length in bytes. `None`: it is incomplete.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] as soon as the first two bytes or the length show that the header is invalid.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk::<2>() else { return Ok(None) };
        let opcode = Opcode::from_bits(first).ok_or(ProtocolError::ReservedOpcode(first & 0x0f))?;
        let fin = first & 0x80 != 0;
        let short_len = second & 0x7f;
        if let Opcode::Control(_) = opcode {
            if !fin {
                return Err(ProtocolError::ControlFragmented);
            }
            if usize::from(short_len) > ControlLen::MAX {
                return Err(ProtocolError::ControlTooLong);
            }
        }
        let Some(LengthField { len, rest }) = decode_len(short_len, rest)? else { return Ok(None) };
        let (masking_key, rest) = if second & 0x80 != 0 {
            let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (Some(*key), rest)
        } else {
            (None, rest)
        };
        let kind = match opcode {
            Opcode::Data(opcode) => FrameKind::Data { opcode, fin, len },
            Opcode::Control(opcode) => FrameKind::Control { opcode, len: ControlLen(short_len) },
        };
        let header = Header { kind, reserved: ReservedBits(first & 0x70), masking_key };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Appends the header to `out`, with a minimal length field.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (opcode, fin, len) = match self.kind {
            FrameKind::Data { opcode, fin, len } => (Opcode::Data(opcode), fin, len),
            FrameKind::Control { opcode, len } => (Opcode::Control(opcode), true, u64::from(len.0)),
        };
        let first = if fin { 0x80 } else { 0 } | self.reserved.0 | opcode.bits();
        let mask_bit = if self.masking_key.is_some() { 0x80 } else { 0 };
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ 0..=125), _) => out.extend_from_slice(&[first, mask_bit | len]),
            (_, Ok(len)) => {
                let [high, low] = len.to_be_bytes();
                out.extend_from_slice(&[first, mask_bit | 126, high, low]);
            }
            _ => {
                out.extend_from_slice(&[first, mask_bit | 127]);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
        if let Some(key) = self.masking_key {
            out.extend_from_slice(&key);
        }
    }

    /// The opcode.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        match self.kind {
            FrameKind::Data { opcode, .. } => opcode.into(),
            FrameKind::Control { opcode, .. } => opcode.into(),
        }
    }

    /// The length of the payload in bytes.
    #[must_use]
    pub fn payload_len(&self) -> u64 {
        match self.kind {
            FrameKind::Data { len, .. } => len,
            FrameKind::Control { len, .. } => u64::from(len.0),
        }
    }

    /// Whether the frame ends its message. A control frame always does.
    #[must_use]
    pub fn fin(&self) -> bool {
        match self.kind {
            FrameKind::Data { fin, .. } => fin,
            FrameKind::Control { .. } => true,
        }
    }
}

/// The payload length, and what follows it.
struct LengthField<'a> {
    len: u64,
    rest: &'a [u8],
}

#[inline]
fn decode_len(short_len: u8, rest: &[u8]) -> Result<Option<LengthField<'_>>, ProtocolError> {
    // §5.2: "the minimal number of bytes MUST be used to encode the length", and in eight bytes "the most significant
    // bit MUST be 0".
    let (len, rest) = match short_len {
        126 => {
            let Some((len, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            match u64::from(u16::from_be_bytes(*len)) {
                0..126 => return Err(ProtocolError::LengthNotMinimal),
                len => (len, rest),
            }
        }
        127 => {
            let Some((len, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            match u64::from_be_bytes(*len) {
                0..=0xffff => return Err(ProtocolError::LengthNotMinimal),
                0x8000_0000_0000_0000.. => return Err(ProtocolError::LengthTooLarge),
                len => (len, rest),
            }
        }
        len => (u64::from(len), rest),
    };
    Ok(Some(LengthField { len, rest }))
}

#[cfg(test)]
mod tests;

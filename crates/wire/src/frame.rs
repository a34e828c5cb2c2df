//! Frames without any checks.

use crate::bits::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, RSV2, RSV3, TEXT};
use crate::len::DeclaredLen;
use crate::role::Role;

/// A frame that can break the rules (RFC 6455 §5.2).
///
/// The constructors make valid frames. Each field, and each method, can break a rule.
///
/// ```
/// use longwire_wire::bits::RSV3;
/// use longwire_wire::{DeclaredLen, Mask, RawFrame, Role};
///
/// let well_made = RawFrame::text("Hello");
/// assert_eq!(well_made.encode(Role::Client), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
///
/// let wrong = RawFrame { rsv: RSV3, mask: Mask::Absent, ..RawFrame::ping([0; 200]) };
/// assert_eq!(wrong.encode(Role::Client)[..4], [0x99, 126, 0, 200]);
///
/// let never_complete = RawFrame::binary("abc").declaring(DeclaredLen::Shortest(1 << 62));
/// assert_eq!(never_complete.encode(Role::Server).len(), 2 + 8 + 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RawFrame {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// The reserved bits, as they stand in the first byte: [`RSV1`], [`RSV2`], [`RSV3`]. Other bits are ignored.
    pub rsv: u8,
    /// One of [`bits`](crate::bits), or any other number up to 15. Higher bits are ignored.
    pub opcode: u8,
    /// Whether the payload is masked, and with which key.
    pub mask: Mask,
    /// The length in the header, which may differ from the payload's.
    pub declared_len: DeclaredLen,
    /// The bytes after the header, unmasked.
    pub payload: Vec<u8>,
}

/// Whether a frame is masked (RFC 6455 §5.3).
///
/// ```
/// use longwire_wire::{Mask, RawFrame, Role};
///
/// let unmasked = RawFrame::text("hi").masked(Mask::Absent);
/// assert_eq!(unmasked.encode(Role::Client), b"\x81\x02hi");
/// // A key of zeros leaves the payload readable.
/// let readable = RawFrame::text("hi").masked(Mask::Key([0; 4]));
/// assert_eq!(readable.encode(Role::Client), b"\x81\x82\0\0\0\0hi");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mask {
    /// As the sender's role requires: a client masks with [`Mask::RFC_KEY`], a server does not mask. In an expectation,
    /// any key matches.
    #[default]
    ByRole,
    /// Not masked.
    Absent,
    /// Masked with this key.
    Key([u8; 4]),
}

impl Mask {
    /// The masking key of the examples in RFC 6455 §5.7.
    pub const RFC_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn key(self, from: Role) -> Option<[u8; 4]> {
        match (self, from) {
            (Mask::Key(key), _) => Some(key),
            (Mask::ByRole, Role::Client) => Some(Mask::RFC_KEY),
            (Mask::ByRole, Role::Server) | (Mask::Absent, _) => None,
        }
    }
}

impl RawFrame {
    /// A frame with this first byte: FIN, the reserved bits and the opcode, as in [`bits`](crate::bits).
    #[must_use]
    pub fn new(first_byte: u8, payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame {
            fin: first_byte & FIN != 0,
            rsv: first_byte & (RSV1 | RSV2 | RSV3),
            opcode: first_byte & 0xf,
            mask: Mask::ByRole,
            declared_len: DeclaredLen::OfPayload,
            payload: payload.into(),
        }
    }

    /// A text message in one frame. The payload may be any bytes: UTF-8 is not checked.
    #[must_use]
    pub fn text(payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame::new(FIN | TEXT, payload)
    }

    /// A binary message in one frame.
    #[must_use]
    pub fn binary(payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame::new(FIN | BINARY, payload)
    }

    /// The last fragment of a message.
    #[must_use]
    pub fn continuation(payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame::new(FIN | CONTINUATION, payload)
    }

    /// A ping.
    #[must_use]
    pub fn ping(payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame::new(FIN | PING, payload)
    }

    /// A pong.
    #[must_use]
    pub fn pong(payload: impl Into<Vec<u8>>) -> RawFrame {
        RawFrame::new(FIN | PONG, payload)
    }

    /// A Close frame with a code, allowed or not, and no reason.
    #[must_use]
    pub fn close(code: u16) -> RawFrame {
        RawFrame::close_because(code, "")
    }

    /// A Close frame with a code and a reason, of any length.
    #[must_use]
    pub fn close_because(code: u16, reason: impl AsRef<[u8]>) -> RawFrame {
        RawFrame::new(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// The same frame without FIN: more fragments of the message follow.
    #[must_use]
    pub fn not_final(self) -> RawFrame {
        RawFrame { fin: false, ..self }
    }

    /// The same frame with this mask.
    #[must_use]
    pub fn masked(self, mask: Mask) -> RawFrame {
        RawFrame { mask, ..self }
    }

    /// The same frame with this length in its header.
    #[must_use]
    pub fn declaring(self, declared_len: DeclaredLen) -> RawFrame {
        RawFrame { declared_len, ..self }
    }

    /// FIN, the reserved bits and the opcode.
    #[must_use]
    pub fn first_byte(&self) -> u8 {
        let fin = if self.fin { FIN } else { 0 };
        fin | self.rsv & (RSV1 | RSV2 | RSV3) | self.opcode & 0xf
    }

    /// The code of a Close frame; `None` for other frames, and for a Close frame without a code.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let (code, _reason) = self.payload.split_first_chunk()?;
        (self.opcode == CLOSE).then(|| u16::from_be_bytes(*code))
    }

    /// The header as this role sends it, including the masking key.
    #[must_use]
    pub fn header(&self, from: Role) -> Vec<u8> {
        let key = self.mask.key(from);
        let mut header = vec![self.first_byte()];
        self.declared_len.encode(self.payload.len(), if key.is_some() { 0x80 } else { 0 }, &mut header);
        header.extend(key.into_iter().flatten());
        header
    }

    /// The bytes of the frame as this role sends it.
    #[must_use]
    pub fn encode(&self, from: Role) -> Vec<u8> {
        let mut bytes = self.header(from);
        match self.mask.key(from) {
            // A key of zeros changes nothing, and test suites send megabytes with it.
            None | Some([0, 0, 0, 0]) => bytes.extend_from_slice(&self.payload),
            Some(key) => bytes.extend(apply(key, &self.payload)),
        }
        bytes
    }

    /// Whether a frame received from this role matches `self`.
    ///
    /// The mask must be the one of `self`; for [`Mask::ByRole`] any key matches. The declared length must have the same
    /// form.
    ///
    /// ```
    /// use longwire_wire::{Mask, RawFrame, Role};
    ///
    /// let received = RawFrame::text("hi").masked(Mask::Key([1, 2, 3, 4]));
    /// assert!(RawFrame::text("hi").matches(&received, Role::Client));
    /// assert!(!RawFrame::text("hi").matches(&received, Role::Server));
    /// ```
    #[must_use]
    pub fn matches(&self, received: &RawFrame, from: Role) -> bool {
        let masks_match = match self.mask {
            Mask::ByRole => received.is_masked_by_role(from),
            mask => mask.key(from) == received.mask.key(from),
        };
        masks_match
            && self.first_byte() == received.first_byte()
            && self.declared_len == received.declared_len
            && self.payload == received.payload
    }

    /// Whether a client's frame is masked, or a server's is not.
    pub(crate) fn is_masked_by_role(&self, from: Role) -> bool {
        self.mask.key(from).is_some() == (from == Role::Client)
    }
}

/// Masks or unmasks (RFC 6455 §5.3).
pub(crate) fn apply(key: [u8; 4], payload: &[u8]) -> impl Iterator<Item = u8> {
    payload.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_encoded() {
        let frame = RawFrame::text("Hello");
        assert_eq!(frame.encode(Role::Server), b"\x81\x05Hello");
        assert_eq!(frame.encode(Role::Client), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        assert_eq!(RawFrame::text("Hel").not_final().encode(Role::Server), b"\x01\x03Hel");
        assert_eq!(RawFrame::continuation("lo").encode(Role::Server), b"\x80\x02lo");
        assert_eq!(RawFrame::binary([0; 256]).header(Role::Server), b"\x82\x7e\x01\x00");
        assert_eq!(RawFrame::binary([0; 65536]).header(Role::Server), b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }

    #[test]
    fn lengths_are_written_as_they_are_declared() {
        let header = |len| RawFrame::text("hi").declaring(len).header(Role::Server);
        assert_eq!(header(DeclaredLen::Shortest(125)), b"\x81\x7d");
        assert_eq!(header(DeclaredLen::Shortest(126)), b"\x81\x7e\0\x7e");
        assert_eq!(header(DeclaredLen::Shortest(65535)), b"\x81\x7e\xff\xff");
        assert_eq!(header(DeclaredLen::In7Bits(127)), b"\x81\x7f");
        assert_eq!(header(DeclaredLen::In16Bits(2)), b"\x81\x7e\0\x02");
        assert_eq!(header(DeclaredLen::In64Bits(1 << 63)), b"\x81\x7f\x80\0\0\0\0\0\0\0");
    }

    #[test]
    fn what_is_expected_of_a_mask_is_compared() {
        let hi = || RawFrame::text("hi");
        let (absent, one, other) = (Mask::Absent, Mask::Key([1; 4]), Mask::Key([2; 4]));
        let matches = |expected, received, from| hi().masked(expected).matches(&hi().masked(received), from);
        assert!(matches(Mask::ByRole, one, Role::Client) && matches(Mask::ByRole, absent, Role::Server));
        assert!(!matches(Mask::ByRole, absent, Role::Client) && !matches(Mask::ByRole, one, Role::Server));
        assert!(matches(one, one, Role::Server) && !matches(one, other, Role::Client));
        assert!(matches(absent, absent, Role::Client) && !matches(absent, one, Role::Client));
    }

    #[test]
    fn any_other_difference_is_seen() {
        let expected = RawFrame::text("hi");
        let differs = |received: RawFrame| !expected.matches(&received, Role::Server);
        assert!(!differs(RawFrame::text("hi")));
        assert!(differs(RawFrame::text("ho")));
        assert!(differs(RawFrame::binary("hi")));
        assert!(differs(RawFrame::text("hi").not_final()));
        assert!(differs(RawFrame { rsv: RSV2, ..RawFrame::text("hi") }));
        assert!(differs(RawFrame::text("hi").declaring(DeclaredLen::In16Bits(2))));
    }
}

/// The length that a frame's header declares, and its encoding (RFC 6455 §5.2).
///
/// ```
/// use longwire_wire::{DeclaredLen, RawFrame, Role};
///
/// let long_form = RawFrame::text("hi").declaring(DeclaredLen::In16Bits(2));
/// assert_eq!(long_form.encode(Role::Server), b"\x81\x7e\0\x02hi");
///
/// let cut_off = RawFrame::text("hi").declaring(DeclaredLen::Shortest(1000));
/// assert_eq!(cut_off.encode(Role::Server), b"\x81\x7e\x03\xe8hi");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeclaredLen {
    /// The length of the payload, in the shortest form: the only valid choice.
    #[default]
    OfPayload,
    /// This length in the shortest form, whatever the payload's length.
    Shortest(u64),
    /// The seven bits next to the mask bit. 126 and 127 announce a longer form, which does not follow.
    In7Bits(u8),
    /// Two further bytes.
    In16Bits(u16),
    /// Eight further bytes. The highest bit must be 0, which is not checked here.
    In64Bits(u64),
}

impl DeclaredLen {
    /// The shortest form of a length.
    fn shortest(len: u64) -> DeclaredLen {
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(len @ ..=125), _) => DeclaredLen::In7Bits(len),
            (_, Ok(len)) => DeclaredLen::In16Bits(len),
            _ => DeclaredLen::In64Bits(len),
        }
    }

    /// Appends the length to a header.
    pub(crate) fn encode(self, payload: usize, mask_bit: u8, header: &mut Vec<u8>) {
        match self {
            DeclaredLen::OfPayload => DeclaredLen::shortest(payload as u64).encode(payload, mask_bit, header),
            DeclaredLen::Shortest(len) => DeclaredLen::shortest(len).encode(payload, mask_bit, header),
            DeclaredLen::In7Bits(len) => header.push(mask_bit | len & 0x7f),
            DeclaredLen::In16Bits(len) => {
                header.push(mask_bit | 126);
                header.extend(len.to_be_bytes());
            }
            DeclaredLen::In64Bits(len) => {
                header.push(mask_bit | 127);
                header.extend(len.to_be_bytes());
            }
        }
    }

    /// The declared length of a completely received frame. It equals the payload's length, so only its form matters.
    pub(crate) fn as_read(self, len: u64) -> DeclaredLen {
        if self == DeclaredLen::shortest(len) { DeclaredLen::OfPayload } else { self }
    }
}

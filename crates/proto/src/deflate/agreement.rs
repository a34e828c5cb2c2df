//! The negotiated parameters.

use std::fmt;

/// The result of negotiating permessage-deflate, from the point of view of one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// How this end compresses what it sends. `None`: not at all, because the peer limited it to a window of 256 bytes,
    /// which zlib does not support. The extension is agreed on all the same: the RSV1 bit of each message says whether
    /// it is compressed (RFC 7692 §6).
    pub compress: Option<Context>,
    /// How the peer compresses what this end receives.
    pub inflate: Context,
}

/// How one end compresses its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// How far back a message may refer.
    pub window: WindowBits,
    /// Whether it may refer to earlier messages.
    pub takeover: Takeover,
}

/// Whether a message may refer to earlier messages (RFC 7692 §7.1.1). Without context takeover, neither end needs
/// memory between messages, but short messages hardly shrink.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Takeover {
    /// It may.
    #[default]
    Yes,
    /// Each message stands alone: `server_no_context_takeover` or `client_no_context_takeover`.
    No,
}

impl Takeover {
    /// `Yes` if both say so.
    pub(super) fn and(self, other: Takeover) -> Takeover {
        match (self, other) {
            (Takeover::Yes, Takeover::Yes) => Takeover::Yes,
            _ => Takeover::No,
        }
    }
}

/// The size of an LZ77 sliding window as the base-2 logarithm of its bytes, 8 to 15 (RFC 7692 §7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes. zlib inflates such data but does not produce it: old versions silently used 512 bytes, current ones
    /// refuse.
    pub const MIN: WindowBits = WindowBits(8);
    /// 512 bytes, the smallest window that zlib compresses with.
    pub const MIN_COMPRESS: WindowBits = WindowBits(9);
    /// 32 KiB, the default of the RFC.
    pub const MAX: WindowBits = WindowBits(15);

    /// `None` if `bits` is not from 8 to 15.
    #[must_use]
    pub fn new(bits: u8) -> Option<WindowBits> {
        (Self::MIN.0..=Self::MAX.0).contains(&bits).then_some(WindowBits(bits))
    }

    /// The window nearest to `bits` with which zlib can compress.
    pub(super) fn nearest(bits: u8) -> WindowBits {
        WindowBits(bits.clamp(Self::MIN_COMPRESS.0, Self::MAX.0))
    }

    /// The value of a `*_max_window_bits` parameter: a decimal number without leading zeros (RFC 7692 §7.1.2).
    pub(super) fn parse(value: &str) -> Option<WindowBits> {
        (Self::MIN.0..=Self::MAX.0).map(WindowBits).find(|bits| bits.to_string() == value)
    }

    /// The base-2 logarithm.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        1 << self.0
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_8_to_15_bits() {
        assert_eq!(WindowBits::new(7), None);
        assert_eq!(WindowBits::new(8), Some(WindowBits::MIN));
        assert_eq!(WindowBits::new(15), Some(WindowBits::MAX));
        assert_eq!(WindowBits::new(16), None);
        assert_eq!(WindowBits::MAX.bytes(), 32_768);
        assert_eq!(WindowBits::nearest(0), WindowBits::MIN_COMPRESS);
        assert_eq!(WindowBits::nearest(255), WindowBits::MAX);
    }

    #[test]
    fn values_are_read_to_the_letter() {
        for bits in 8..=15 {
            assert_eq!(WindowBits::parse(&bits.to_string()), WindowBits::new(bits));
        }
        for value in ["", "7", "16", "08", "010", "+10", "-10", " 10", "10 ", "10.0", "0xa", "1e1", "٩"] {
            assert_eq!(WindowBits::parse(value), None, "{value:?}");
        }
    }
}

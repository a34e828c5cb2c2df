//! What this end wants of permessage-deflate.

use super::agreement::{Takeover, WindowBits};
use super::pool::Shape;

/// What this end wants of permessage-deflate. One value serves any number of connections, in either role.
///
/// [`default`](Deflate::default) is for many connections: between messages one costs at most **8 KiB**, two windows of
/// 4 KiB, or 36 KiB if the peer cannot be bound to a smaller window (Firefox and Safari do not offer it). Before the
/// first compressed message, and where context takeover was not agreed on, it costs nothing. A message that is arriving
/// in pieces holds another 47 KiB until it is whole.
///
/// [`dedicated`](Deflate::dedicated) is for few connections, and for speed: 403 KiB each.
///
/// In between, with `window` and `peer_window` in bits and `memory_level` as set here, a connection costs in bytes:
///
/// ```text
/// to send      Retain::Nothing      0
///              Retain::Window       2^window
///              Retain::Compressor   4 · 2^window + 7 · 2^(memory_level + 6) + 131 KiB
/// to receive   Takeover::Yes        2^peer_window
///              Takeover::No         0
/// ```
///
/// Each thread keeps up to two compressors and four inflaters for the use of all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    level: u8,
    memory_level: u8,
    pub(super) window: WindowBits,
    pub(super) retain: Retain,
    pub(super) peer_window: WindowBits,
    pub(super) peer_takeover: Takeover,
    pub(super) threshold: usize,
}

/// What this end keeps from one message that it sent to the next: memory against time and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retain {
    /// Nothing: the peer is told `*_no_context_takeover`. Messages of a few hundred bytes hardly shrink.
    Nothing,
    /// The window. Messages shrink almost as well as with [`Retain::Compressor`]; in return, before each one a compressor
    /// that the thread lends is fed with the newest part of the window again, twice as long as the message and at least
    /// 2 KiB, which takes some 3 µs for a short message.
    Window,
    /// The whole compressor, which belongs to the connection.
    Compressor,
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate {
            level: 6,
            memory_level: 5,
            window: WindowBits::nearest(12),
            retain: Retain::Window,
            peer_window: WindowBits::nearest(12),
            peer_takeover: Takeover::Yes,
            threshold: 256,
        }
    }
}

impl Deflate {
    /// The name that the extension is registered under (RFC 7692 §9.1).
    pub const NAME: &'static str = "permessage-deflate";

    /// For few connections: the largest windows, and a compressor that belongs to the connection.
    #[must_use]
    pub fn dedicated() -> Deflate {
        Deflate {
            memory_level: 8,
            window: WindowBits::MAX,
            retain: Retain::Compressor,
            peer_window: WindowBits::MAX,
            ..Deflate::default()
        }
    }

    /// How hard to compress, as in zlib: 0 not at all, 1 fastest, 9 smallest. More than 9 counts as 9. 6.
    #[must_use]
    pub fn level(mut self, level: u8) -> Deflate {
        self.level = level.min(9);
        self
    }

    /// How much memory zlib takes for what it has found and not written yet, 1 to 9 as in zlib: `7 · 2^(level + 6)`
    /// bytes. What lies outside counts as the nearest. 5, which is 14 KiB.
    #[must_use]
    pub fn memory_level(mut self, level: u8) -> Deflate {
        self.memory_level = level.clamp(1, 9);
        self
    }

    /// The window that this end compresses with, as the base-2 logarithm of its bytes, 9 to 15; what lies outside counts
    /// as the nearest. The peer may ask for a smaller one. 12, which is 4 KiB.
    #[must_use]
    pub fn window(mut self, bits: u8) -> Deflate {
        self.window = WindowBits::nearest(bits);
        self
    }

    /// What this end keeps between the messages that it sends. The peer may ask it to keep nothing.
    /// [`Retain::Window`].
    #[must_use]
    pub fn retain(mut self, retain: Retain) -> Deflate {
        self.retain = retain;
        self
    }

    /// The window that the peer is asked to compress with, 9 to 15 bits; what lies outside counts as the nearest. A
    /// client that does not offer to be bound, and a server that declines it, use up to 15 all the same. 12, which is
    /// 4 KiB.
    #[must_use]
    pub fn peer_window(mut self, bits: u8) -> Deflate {
        self.peer_window = WindowBits::nearest(bits);
        self
    }

    /// Whether the messages of the peer may refer to earlier ones. It has to heed a `No`. [`Takeover::Yes`].
    #[must_use]
    pub fn peer_takeover(mut self, takeover: Takeover) -> Deflate {
        self.peer_takeover = takeover;
        self
    }

    /// Messages of fewer bytes are not compressed. 256.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Deflate {
        self.threshold = bytes;
        self
    }

    /// Whether the messages that this end sends may refer to earlier ones, as far as it is concerned.
    pub(super) fn takeover(&self) -> Takeover {
        match self.retain {
            Retain::Nothing => Takeover::No,
            Retain::Window | Retain::Compressor => Takeover::Yes,
        }
    }

    /// The compressor to use with this window.
    pub(super) fn shape(&self, window: WindowBits) -> Shape {
        Shape { level: self.level, memory_level: self.memory_level, window }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setter_sets_its_own_field_and_no_other() {
        let set = Deflate::default()
            .level(1)
            .memory_level(2)
            .window(9)
            .retain(Retain::Nothing)
            .peer_window(10)
            .peer_takeover(Takeover::No)
            .threshold(3);
        let expected = Deflate {
            level: 1,
            memory_level: 2,
            window: WindowBits::MIN_COMPRESS,
            retain: Retain::Nothing,
            peer_window: WindowBits::nearest(10),
            peer_takeover: Takeover::No,
            threshold: 3,
        };
        assert_eq!(set, expected);
    }

    #[test]
    fn values_outside_count_as_the_nearest() {
        let low = Deflate::default().memory_level(0).window(8).peer_window(0);
        assert_eq!(low, Deflate::default().memory_level(1).window(9).peer_window(9));
        let high = Deflate::default().level(10).memory_level(10).window(16).peer_window(255);
        assert_eq!(high, Deflate::default().level(9).memory_level(9).window(15).peer_window(15));
    }
}

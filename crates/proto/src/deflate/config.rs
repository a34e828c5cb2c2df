//! The permessage-deflate settings of this end.

use super::agreement::{Takeover, WindowBits};
use super::pool::Shape;

/// The permessage-deflate settings of this end. One value serves any number of connections, in either role.
///
/// [`default`](Deflate::default) is for many connections. Between messages, a connection costs at most **8 KiB**, two
/// windows of 4 KiB; or 36 KiB if the peer's window cannot be limited (Firefox and Safari do not offer that). It costs
/// nothing before the first compressed message, and nothing without context takeover. A message that arrives in pieces
/// takes another 47 KiB until it is complete.
///
/// [`dedicated`](Deflate::dedicated) is for few connections, and for speed: 403 KiB per connection.
///
/// With other settings, a connection costs this many bytes, with `window` and `peer_window` in bits and `memory_level`
/// as set here:
///
/// ```text
/// to send      Retain::Nothing      0
///              Retain::Window       2^window
///              Retain::Compressor   4 · 2^window + 7 · 2^(memory_level + 6) + 131 KiB
/// to receive   Takeover::Yes        2^peer_window
///              Takeover::No         0
/// ```
///
/// In addition, each thread keeps up to two compressors and four inflaters, which its connections share.
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

/// The context that this end keeps between the messages it sends: a trade of memory against time and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retain {
    /// Nothing: this end negotiates its `*_no_context_takeover`. Messages of a few hundred bytes hardly shrink.
    Nothing,
    /// The window. Messages shrink almost as well as with [`Retain::Compressor`]. In return, the newest part of the
    /// window is loaded into a pooled compressor before each message: twice the length of the message, at least 2 KiB.
    /// That takes about 3 µs for a short message.
    Window,
    /// The whole compressor, owned by the connection.
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
    /// The registered name of the extension (RFC 7692 §9.1).
    pub const NAME: &'static str = "permessage-deflate";

    /// For few connections: the largest windows, and a compressor per connection.
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

    /// The compression level, as in zlib: 0 does not compress, 1 is fastest, 9 gives the smallest output. Values above
    /// 9 count as 9. Default: 6.
    #[must_use]
    pub fn level(mut self, level: u8) -> Deflate {
        self.level = level.min(9);
        self
    }

    /// The memory level of zlib, 1 to 9: its buffers take `7 · 2^(level + 6)` bytes. Values outside are clamped.
    /// Default: 5, which is 14 KiB.
    #[must_use]
    pub fn memory_level(mut self, level: u8) -> Deflate {
        self.memory_level = level.clamp(1, 9);
        self
    }

    /// The window with which this end compresses, as the base-2 logarithm of its bytes, 9 to 15. Values outside are
    /// clamped. The peer may demand a smaller one. Default: 12, which is 4 KiB.
    #[must_use]
    pub fn window(mut self, bits: u8) -> Deflate {
        self.window = WindowBits::nearest(bits);
        self
    }

    /// The context that this end keeps between the messages it sends. The peer may demand that it keeps none. Default:
    /// [`Retain::Window`].
    #[must_use]
    pub fn retain(mut self, retain: Retain) -> Deflate {
        self.retain = retain;
        self
    }

    /// The window that the peer is asked to use, 9 to 15 bits. Values outside are clamped. A client that does not offer
    /// the limit, and a server that declines it, may still use up to 15. Default: 12, which is 4 KiB.
    #[must_use]
    pub fn peer_window(mut self, bits: u8) -> Deflate {
        self.peer_window = WindowBits::nearest(bits);
        self
    }
    /// Whether the peer's messages may refer to earlier ones. The peer must obey a `No`. Default: [`Takeover::Yes`].
    /// Whether the messages of the peer may refer to earlier ones. It has to heed a `No`. [`Takeover::Yes`].
    #[must_use]
    pub fn peer_takeover(mut self, takeover: Takeover) -> Deflate {
        self.peer_takeover = takeover;
        self
    }

    /// Messages of fewer bytes are not compressed. Default: 256.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Deflate {
        self.threshold = bytes;
        self
    }

    /// Whether this end wants its messages to refer to earlier ones.
    pub(super) fn takeover(&self) -> Takeover {
        match self.retain {
            Retain::Nothing => Takeover::No,
            Retain::Window | Retain::Compressor => Takeover::Yes,
        }
    }

    /// The compressor settings for this window.
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

//! A connection's share of a round of its loop.

/// A connection's share of a round, in bytes of content after decompression. A message is delivered whole, so a larger
/// one is a share by itself.
const SHARE: u32 = 1 << 20;

/// The overhead of a frame, in bytes: 8,192 empty frames are a share.
const FRAME: usize = 128;

/// What is left of a connection's share of a round before the others are served: in bytes of content after
/// decompression, plus an overhead for each frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoundBudget {
    /// The round that it is for.
    pub(super) round: u32,
    pub(super) left: u32,
}

impl RoundBudget {
    /// Renews the share at the start of a round.
    pub(super) fn renew(&mut self, round: u32) {
        if self.round != round {
            self.round = round;
            self.left = SHARE;
        }
    }

    /// Records the delivery of a frame of `len` bytes.
    #[inline]
    pub(super) fn spend(&mut self, len: usize) {
        let spent = u32::try_from(FRAME.saturating_add(len)).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(spent);
    }
}

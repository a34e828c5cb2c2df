//! Fairness of writing: a connection that always has more to write, to a peer that reads as fast, must not starve the
//! other connections of its loop.

/// How often one connection is written to in a round before the others are.
pub(super) const WRITES_AT_A_TIME: usize = 4;

/// How often a connection was written to in a round of its loop. The numbers of rounds come again after 65,536 of them: then a
/// connection may be put off for one round too many.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Writes {
    round: u16,
    count: u8,
}

impl Writes {
    /// Counts a write.
    pub(super) fn note(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Whether the connection has used up its writes of this round. It then continues in the next one.
    pub(super) fn are_used_up(&mut self, round: u16) -> bool {
        if self.round != round {
            *self = Writes { round, count: 0 };
        }
        usize::from(self.count) >= WRITES_AT_A_TIME
    }
}

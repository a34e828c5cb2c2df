//! The turns of a connection at being written to. However fast its peer takes what the handler sends, and whoever makes it
//! send more, the other connections of the loop have theirs.

/// How often one connection is written to before the others have their turn.
pub(super) const WRITES_AT_A_TIME: usize = 4;

/// How often a connection was written to in a round of its loop.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Writes {
    round: u32,
    count: usize,
}

impl Writes {
    /// Notes a write.
    pub(super) fn note(&mut self) {
        self.count += 1;
    }

    /// Whether the connection was written to as often as it may be in this round. The next one is to go on with it then.
    pub(super) fn are_used_up(&mut self, round: u32) -> bool {
        if self.round != round {
            *self = Writes { round, count: 0 };
        }
        self.count >= WRITES_AT_A_TIME
    }
}

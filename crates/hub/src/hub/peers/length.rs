//! How long messages of nodes may be.

/// The longest message. NATS carries at most 1 MiB by default.
pub(super) const MAX_LEN: usize = 512 << 10;

//! Whether the demos are on.

/// Whether the server has the demos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Demos {
    On,
    Off,
}

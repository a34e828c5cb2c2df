//! Channels that are kept outside of the node, so that several nodes share them.

pub(crate) mod record;
pub(crate) mod store;

//! Channels that are kept outside of the node, so that several nodes share them.

mod effect;
mod events;
mod following;
mod held;
mod joining;
mod meter;
mod node;
pub(crate) mod options;
mod read_queue;
mod reading;
pub(crate) mod record;
pub(crate) mod remote_broker;
pub(crate) mod runtime;
mod shard;
pub(crate) mod store;
mod tasks;
mod window;

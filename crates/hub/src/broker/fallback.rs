//! A node that goes on alone while the broker that it shares cannot be reached.

pub(crate) mod fallback_broker;
mod gate;
mod gated_fanout;
mod probe;
mod vigil;

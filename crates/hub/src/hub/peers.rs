//! The other nodes that share the broker: what is known of them, and what nodes say to one another.

pub(super) mod control;
pub(super) mod known;
mod length;
pub(super) mod message;
pub(super) mod question;
pub(super) mod state;
pub(super) mod surveys;

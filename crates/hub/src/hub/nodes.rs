//! Nodes that share a broker act as one: each passes commands on to the others, and asks them before it answers.

mod answering;
mod asking;
mod described;
mod hearing;
mod pulse;
mod telling;

pub use self::asking::Surveyed;
pub use self::described::{NodeSession, NodeSessionDescription, NodeSessions};

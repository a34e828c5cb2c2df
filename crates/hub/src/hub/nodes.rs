//! Nodes that share a broker know one another: what one is told, all do, and what one is asked, all answer.

mod answering;
mod asking;
mod described;
mod hearing;
mod pulse;
mod telling;

pub use self::asking::Surveyed;
pub use self::described::{NodeSession, NodeSessionDescription, NodeSessions};

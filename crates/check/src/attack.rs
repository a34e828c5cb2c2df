//! Carries attacks out, with a well-behaved client beside them.

mod connection;
mod effort;
mod handshakes;
mod messages;
pub(crate) mod mounting;
mod skimmer;
mod verdict;
mod witness;

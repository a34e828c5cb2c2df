//! The session of one client, without I/O.

mod client;
mod commands;
mod connect;
mod entry;
mod expiry;
mod identity;
mod plain;
mod plan;
mod publish;
mod rate;
mod read;
mod refresh;
mod releasing;
mod state;
mod subscribe;
mod subscribing;
mod subscriptions;
mod timers;
mod turn;
mod unsubscribe;

pub use self::plain::PlainRequest;
pub use self::state::{Answer, Progress, Session};

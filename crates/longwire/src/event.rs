//! The event-driven server: handlers, run by one event loop per core.

mod connection;
mod door;
mod engine;
mod handler;
mod key;
mod mailbox;
mod pool;
mod publisher;
mod reactor;
mod readiness;
mod ready;
mod remote;
mod run;
mod socket;
mod topics;
#[cfg(all(target_os = "linux", feature = "uring"))]
mod uring;

pub use engine::Engine;
pub use handler::{Handler, MessageRef};
pub(crate) use mailbox::Exchange;
pub use publisher::Topics;
pub(crate) use reactor::Rules;
pub use remote::{Remote, RemoteError};
pub(crate) use run::{Plan, run};
pub use socket::{SendStatus, Socket};
pub use topics::Slow;

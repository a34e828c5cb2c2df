//! The event-driven server: handlers, run by one event loop per core.

mod ask;
mod connection;
mod dropped;
mod engine;
mod handler;
mod intake;
mod key;
mod mailbox;
mod message_ref;
mod observer;
mod pieces;
mod pool;
mod publisher;
mod reactor;
mod readiness;
mod ready;
mod registry;
mod remote;
mod rules;
mod run;
mod socket;
mod spans;
mod topics;
mod turns;
mod unparsed;
#[cfg(all(target_os = "linux", feature = "uring"))]
mod uring;
mod view;

pub use dropped::Dropped;
pub use engine::Engine;
pub use handler::Handler;
pub use key::SocketId;
pub(crate) use mailbox::Exchange;
pub use message_ref::{AsMessage, MessageRef};
pub(crate) use observer::Observer;
pub use observer::TopicEvent;
pub use pieces::MessagePieces;
pub use publisher::{CloseCount, Topics};
pub use remote::Remote;
pub(crate) use rules::Rules;
pub(crate) use run::{Plan, run};
pub use socket::Socket;
pub use topics::Slow;
pub use view::SocketView;

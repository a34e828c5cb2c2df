//! The event-driven server: one event loop per core runs the application's handlers.

mod application;
mod ask;
mod caller;
mod connection;
mod deciding;
mod deferred;
mod dropped;
mod engine;
mod gradual_close;
mod handler;
#[cfg(test)]
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "uring"))]
mod idle_page;
mod intake;
mod key;
mod loop_context;
mod loop_time;
mod mailbox;
mod message_ref;
mod observer;
mod paused;
mod pieces;
#[cfg(all(unix, target_pointer_width = "64"))]
mod poll;
mod pool;
mod publisher;
mod reactor;
mod readiness;
mod ready;
mod registry;
mod remote;
mod resumption;
mod round_budget;
mod routes;
mod rules;
mod run;
mod scheduling;
mod slow;
mod socket;
mod socket_traffic;
#[cfg(unix)]
mod sockets;
mod spans;
mod spawned;
mod stage;
mod tick_schedule;
mod ticker;
mod topics;
mod turns;
mod unparsed;
#[cfg(all(target_os = "linux", feature = "uring"))]
mod uring;
mod uring_refusal;
mod view;

pub(crate) use application::Application;
pub use caller::Caller;
pub use deferred::Timer;
pub use dropped::Dropped;
pub use engine::Engine;
pub use handler::{Handler, Socket};
pub use key::SocketId;
pub(crate) use mailbox::Exchange;
pub use message_ref::{AsMessage, MessageRef};
pub(crate) use observer::Observer;
pub use observer::TopicEvent;
pub use paused::PausedSubscription;
pub use pieces::MessagePieces;
pub use publisher::{CloseCount, Topics};
pub use remote::Remote;
pub(crate) use routes::Routes;
pub(crate) use rules::Rules;
pub(crate) use run::{Plan, ShutdownSpread, run};
pub use slow::Slow;
pub use socket_traffic::SocketTraffic;
pub use stage::{Stage, StageBuilder, StageClient, StageRequest};
pub(crate) use ticker::{Ticker, Tickers};
pub use uring_refusal::UringRefusal;
pub use view::SocketView;

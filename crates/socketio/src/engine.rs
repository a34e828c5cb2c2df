//! Engine.IO 4: one session per client, over HTTP long-polling, WebSocket, or first one and then the other.
//!
//! An [`Application`] stands on top of it. It gets the messages of each session in order, and sends through an
//! [`EngineConnection`], which does not change when the session moves from polling to WebSocket.

mod application;
mod asked;
mod budget;
mod close_reason;
mod config;
mod connection;
mod fault;
mod handshake;
mod link;
mod message;
mod opening;
mod outgoing;
mod packet;
mod pause;
mod payload;
mod serve;
mod session;
mod sid;
mod transport_kind;

pub use application::Application;
pub use close_reason::CloseReason;
pub use config::EngineConfig;
pub use connection::EngineConnection;
pub use message::EngineMessage;
pub use opening::Opening;
pub use pause::Pause;
pub use serve::{Engine, EngineHandler, EngineSocket, PollingService};
pub use sid::Sid;
pub use transport_kind::TransportKind;

//! Engine.IO on Longwire's server: polling on its HTTP service, WebSocket on its event loops.

mod cors;
mod engine_server;
mod engine_shared;
mod handler;
mod live_session;
mod polling;
mod reply;
mod schedule;
mod service;
mod sessions;

pub use engine_server::Engine;
pub use handler::{EngineHandler, EngineSocket};
pub use service::PollingService;

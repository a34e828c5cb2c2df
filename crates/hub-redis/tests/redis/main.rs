//! The Redis store with real servers, which each test starts for itself.

mod conformance;
mod connecting;
mod failover;
mod memory;
mod messages;
mod outages;
mod presence;
mod recorder;
mod restarts;
mod server;
mod streams;

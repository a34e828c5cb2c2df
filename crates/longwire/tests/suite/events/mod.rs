//! The event-driven server, on each of its engines.

mod backpressure;
mod closing;
mod fairness;
mod http;
mod ids;
mod lifetime;
mod messages;
mod opening;
mod panics;
mod pieces;
mod remote;
mod resets;
mod runtime;
mod shutdown;
mod slow_subscribers;
#[cfg(feature = "tls")]
mod tls;
mod topics;

//! The event-driven server, on each of its engines.

mod backpressure;
mod closing;
mod http;
mod lifetime;
mod messages;
mod opening;
mod panics;
mod remote;
mod runtime;
mod shutdown;
mod slow_subscribers;
#[cfg(feature = "tls")]
mod tls;
mod topics;

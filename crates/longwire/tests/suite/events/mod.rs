//! The event-driven server, on each of its engines.

mod backpressure;
mod callers;
mod closing;
mod closing_many;
mod deciding;
mod fairness;
mod falling_behind;
mod http;
mod ids;
mod lifetime;
mod messages;
mod opening;
mod panics;
mod paused;
mod pieces;
mod remote;
mod resets;
mod routes;
mod runtime;
mod shutdown;
mod slow_subscribers;
mod subscribers;
mod ticking;
#[cfg(feature = "tls")]
mod tls;
mod topic_observer;
mod topics;
mod traffic;
mod waiting;

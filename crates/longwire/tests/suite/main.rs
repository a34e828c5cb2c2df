//! Client and server as their users see them, over TCP, TLS and misbehaving transports, against each other and
//! against hand-written peers.
//!
//! All suites are one program, so that it is linked once and the tests run in parallel.
#![cfg(all(feature = "client", feature = "server"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../skipped/mod.rs"]
mod skipped;
mod support;

mod backpressure;
#[cfg(feature = "blocking")]
mod blocking;
mod byte_stream;
mod cancel_safety;
#[cfg(target_os = "linux")]
mod client_address;
mod client_handshake;
mod closing;
mod connecting;
mod deciding;
mod dropping;
mod established;
mod event_socket;
mod events;
mod exchange;
mod failures;
mod first_hour;
mod full_duplex;
mod halves;
mod handlers;
mod heard_by_a_log;
#[cfg(all(feature = "axum", feature = "tower"))]
mod hosted;
mod http;
mod judgement;
mod keepalive;
#[cfg(target_os = "linux")]
mod listening;
mod memory_limit;
#[cfg(target_os = "linux")]
mod message_limits;
mod message_reader;
mod message_writer;
#[cfg(target_os = "linux")]
mod phases;
mod pinging;
mod pipelining;
mod proxies;
mod reconnecting;
mod redirects;
mod server_handshake;
mod settings;
mod sharing;
mod shutdown;
mod sink;
mod stage;
mod task_gone;
#[cfg(feature = "metrics")]
mod telemetry;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_records;
#[cfg(feature = "tls")]
mod without_effect;
mod writes;

//! A model of the tasks that can wait on one connection. It checks that no task waits for something that has already
//! happened.
//!
//! Every pair of operations that can wait at the same time runs over an unreliable transport, in thousands of orders. A
//! scheduler polls each task by hand: a seed determines the order, and a failure names the seed.
//!
//! # Waiters and their wake-ups
//!
//! | waiting operation | waits for | woken through | woken by |
//! |---|---|---|---|
//! | `recv`, `recv_stream`, `Stream`, `AsyncRead` | bytes | the transport's reader | the peer |
//! | the same, after the closing handshake | the end | `receiver_waker` | the driver; a write through any handle |
//! | `Sink::poll_close` | the end; reads if no other task does | the transport's reader, together with the stream's half; `closer` | the peer; the driver |
//! | `send`, `feed`, `poll_ready`, `stream_…`, `AsyncWrite::poll_write` | room, and the end of a message in pieces | `room` | the driver; a write through any handle; the receiver, which writes before it reads; the last piece |
//! | `ping` | a pong, or the certainty that none will come | `end` | the receiver; the driver, which looks ahead; the end |
//! | `send_ping`, `BinaryWriter::write` | room | `room` | the same |
//! | `flush`, `poll_flush`, `poll_shutdown` | an empty queue and a flushed transport | `room` | the same |
//! | `Sender::close` | the end | `end` | the receiver; the driver; a write through any handle |
//! | the driver (a task, or the session) | room in the transport, timeouts, the end; bytes if no other task reads | the transport's writer and reader, its timer, its own waker | the peer; the clock; any handle |
//! | the session, after its handler has handed the connection on | the end, or the drop of all handles | the driver's waker | any handle; the drop of the last handle |
//!
//! # Variations
//!
//! - Each pair of [`Operation`]s that one connection allows, in one task and in two.
//! - The driver as a separate task, as a session that runs the handler, and as a session whose handler has handed the
//!   connection on.
//! - A plain transport, a transport that takes one byte at a time, one that needs a flush, and TLS.
//! - A single thread and several: between two steps another task may run ([`interrupt`](scheduler::interrupt)).
//! - A clock that stands still, so that no timeout hides a lost wake-up; and keepalive with a running clock.
//!
//! The model checks twice. While the peer stands still, no task may wait for something that has happened. At the end,
//! every task must be done.

#[cfg(all(feature = "server", feature = "client"))]
mod bytes;
#[cfg(all(feature = "server", feature = "client"))]
mod operation;
#[cfg(all(feature = "server", feature = "client"))]
mod pairs;
mod scheduler;
#[cfg(all(feature = "server", feature = "client"))]
mod wire;

use super::Driving;

/// A point at which another thread may take a step.
pub(super) fn between_steps() {
    scheduler::interrupt();
}

/// Adopts a driver that was started in a model.
pub(super) fn adopt(driving: Driving) -> Option<Driving> {
    if !scheduler::is_running() {
        return Some(driving);
    }
    scheduler::spawn_beside(scheduler::DRIVER, driving);
    None
}

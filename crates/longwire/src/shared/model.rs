//! A model of everybody who may wait on one connection: nobody waits for what has happened.
//!
//! Every pair of operations that may wait at once runs over a transport that makes trouble, in thousands of orders.
//! A scheduler polls each task by hand, so a seed determines the order, and a failure names the seed.
//!
//! # Who waits for what, and who brings it
//!
//! | waits | for | where it is told | brought by |
//! |---|---|---|---|
//! | `recv`, `recv_stream`, `Stream`, `AsyncRead` | bytes | the transport's reader | the peer |
//! | the same, after the closing handshake | the end | `receiver_waker` | the driver; any handle's write |
//! | `Sink::poll_close` | the end, reading if nobody else does | the transport's reader together with the stream's half; `closer` | the peer; the driver |
//! | `send`, `feed`, `poll_ready`, `stream_…`, `AsyncWrite::poll_write` | room, and the end of a message in pieces | `room` | the driver; any handle's write; the receiver, which writes before it reads; the last piece |
//! | `ping` | a pong, or that none will come | `end` | the receiver; the driver, which looks ahead; the end |
//! | `send_ping`, `BinaryWriter::write` | room | `room` | the same |
//! | `flush`, `poll_flush`, `poll_shutdown` | an empty queue and a flushed transport | `room` | the same |
//! | `Sender::close` | the end | `end` | the receiver; the driver; any handle's write |
//! | the driver (a task, or the session) | the transport's room, times, the end; bytes once nobody else reads | the transport's writer and reader, its timer, its own waker | the peer; the clock; any handle |
//! | the session, when its handler has handed the connection on | the end, or that nobody is left | the driver's waker | any handle; whoever drops the last one |
//!
//! # What is tried
//!
//! - Each pair of [`Operation`]s that one connection allows, in one task and in two.
//! - The driver as a task of its own, as a session that runs the handler, and as one whose handler has handed the
//!   connection on.
//! - A plain transport, one byte at a time, one that needs a flush, and TLS.
//! - As on one thread, and as on several: between two steps another task may run ([`interrupt`](scheduler::interrupt)).
//! - With a clock that stands still, so that no time limit hides a lost wake-up; and with keepalive.
//!
//! Twice the model looks: while the peer stands still, whoever waits must do so in vain; and at the end everybody is done.

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

/// Another thread may take a step here.
pub(super) fn between_steps() {
    scheduler::interrupt();
}

/// Takes over a driver that a model has started.
pub(super) fn adopt(driving: Driving) -> Option<Driving> {
    if !scheduler::is_running() {
        return Some(driving);
    }
    scheduler::spawn_beside(scheduler::DRIVER, driving);
    None
}

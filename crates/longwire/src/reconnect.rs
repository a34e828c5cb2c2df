//! A connection that is reopened when it breaks.
//!
//! ```
//! use longwire::{Client, Reconnect, WebSocket};
//!
//! # async fn follow() -> longwire::Result<()> {
//! let mut socket = Client::new()
//!     .reconnecting(Reconnect::default().tries(10))
//!     .on_open(async |mut socket: WebSocket| {
//!         socket.send("subscribe news").await?;
//!         Ok(socket)
//!     })
//!     .connect("wss://example.com/feed")?;
//! while let Some(message) = socket.recv().await? {
//!     println!("{message}");
//! }
//! println!("{}", socket.closed()); // closed by peer: 1000 (normal closure)
//! # Ok(())
//! # }
//! ```
//!
//! # When it connects
//!
//! All work happens in [`recv`](ReconnectingSocket::recv). As with a [`WebSocket`](crate::WebSocket), you must call it
//! for the connection to be opened and kept alive. There is no background task, so dropping the socket ends everything.
//! (If you only send, [split](ReconnectingSocket::split) the socket and drop the receiver: a task then takes the
//! receiver's place.)
//!
//! After a connection is opened, [`on_open`](ReconnectingClient::on_open) prepares it; then it is [open](State::Open).
//! When it breaks or cannot be opened, the socket [waits](State::Waiting) as [`Reconnect`] specifies, and tries again.
//! [`states`](ReconnectingSocket::states) reports every change of state. The [`telemetry`](crate::telemetry) counts
//! attempts, reopened connections, and sockets that gave up.
//!
//! # When it stops
//!
//! The socket ends for good ([`State::Ended`])
//! - after [`close`](ReconnectingSocket::close);
//! - when either end closes the connection with one of [`Reconnect::final_codes`]: codes that mean that the work is
//!   done (1000), or that a new attempt would fail in the same way (1002, 1003, 1007, 1008, 1009, 1010). All other
//!   codes mean that the server goes away, restarts, failed or is overloaded, or, like 1005, mean nothing;
//! - when the server or the proxy refuses with a status that requires a different request: 3xx, and 4xx except 408, 425
//!   and 429; or when a SOCKS proxy requires a different user name or password;
//! - when the response to the opening handshake is invalid, or the request cannot be built;
//! - after [`Reconnect::tries`] attempts in a row.
//!
//! `recv` returns `None` if either end closed the connection on purpose. Otherwise it returns
//! [`Error::GaveUp`](crate::Error::GaveUp) once.
//!
//! # Message delivery
//!
//! Each message is sent **at most once**: `send` passes it to the current connection, and it is never sent again on
//! another one. A message that `send` accepted shortly before a connection broke may or may not have arrived; only a
//! reply from the server can confirm it.
//!
//! A message that is sent without a connection waits in a queue ([`WhileDisconnected`]). The next connection sends
//! queued messages after `on_open` and before all later messages. They leave the queue one by one as the transport
//! takes them. If that connection breaks, too, the rest of the queue keeps waiting.

mod attempts;
mod backoff;
mod client;
mod halves;
mod policy;
mod queue;
mod send_path;
mod socket;
mod state;
mod verdict;

pub use client::ReconnectingClient;
pub use halves::{Receiver, Sender};
pub use policy::{Reconnect, WhileDisconnected};
pub use socket::ReconnectingSocket;
pub use state::{State, States};

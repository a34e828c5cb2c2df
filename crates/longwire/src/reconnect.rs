//! A connection that is made again when it breaks.
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
//! # What happens when
//!
//! All of it happens in [`recv`](ReconnectingSocket::recv), which therefore has to be called for the connection to be made
//! and to live, as that of a [`WebSocket`](crate::WebSocket) has; there is no task behind it, so nothing is left of a socket
//! that is dropped. (If you only send: [split](ReconnectingSocket::split) it and drop the receiver. A task takes its place.)
//!
//! A connection is made, [`on_open`](ReconnectingClient::on_open) prepares it, and it is [open](State::Open). When it
//! breaks, or cannot be made, there is a [wait](State::Waiting), as [`Reconnect`] says, and another try. Every change of
//! state is told by [`states`](ReconnectingSocket::states); tries, connections and those given up are counted in the
//! [`telemetry`](crate::telemetry).
//!
//! # What is not tried again
//!
//! The end is for good ([`State::Ended`])
//! - after [`close`](ReconnectingSocket::close);
//! - when the connection was closed with one of [`Reconnect::final_codes`], by either end: those that say that there is
//!   nothing more to do (1000), or that the same would only happen again (1002, 1003, 1007, 1008, 1009, 1010). All others
//!   say that the server goes away, restarts, failed or has too much to do, or, like 1005, nothing;
//! - when server or proxy refuses with a status that asks for another request: 3xx, and 4xx but for 408, 425 and 429; or a
//!   SOCKS proxy asks for another user or password;
//! - when the answer to the opening handshake is none, or the request cannot be made;
//! - after [`Reconnect::tries`] in a row.
//!
//! `recv` gives `None` for the end of a connection that one of both ends wanted, and else
//! [`Error::GaveUp`](crate::Error::GaveUp), once.
//!
//! # What becomes of messages
//!
//! Each message is sent **at most once**: `send` hands it to the connection, if there is one, and what was handed to a
//! connection is not sent on another. So whatever `send` accepted shortly before a connection broke may or may not have
//! arrived; only an answer of the server can tell.
//!
//! A message that is sent while there is no connection waits in a queue ([`WhileDisconnected`]), and goes to the next one
//! after `on_open` and before everything that is sent later. There it leaves the queue one by one, as the transport takes
//! it: if that connection breaks too, what is still in the queue waits on.

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

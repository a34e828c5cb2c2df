//! WebSockets in [axum](https://docs.rs/axum) handlers, with the names of `axum::extract::ws`: to switch, change
//! one import.
//!
//! ```
//! use axum::{Router, response::Response, routing::any};
//! use longwire::axum::{WebSocket, WebSocketUpgrade}; // instead of `axum::extract::ws`
//!
//! async fn handler(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.protocols(["chat.v2"]).on_upgrade(echo)
//! }
//!
//! async fn echo(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! let router: Router = Router::new().route("/socket", any(handler));
//! ```
//!
//! In addition there are [origins](WebSocketUpgrade::origins), [limits](WebSocketUpgrade::limits),
//! [compression](WebSocketUpgrade::deflate), and [`serve`](WebSocketUpgrade::serve) for handlers that use Longwire's
//! own [`WebSocket`](crate::WebSocket): it yields no control frames among the messages, and `?` works in the handler.
//!
//! # What differs from axum
//!
//! - Browsers are accepted only from pages of the server's own origin, unless [`origins`](WebSocketUpgrade::origins)
//!   or [`any_origin`](WebSocketUpgrade::any_origin) says otherwise.
//! - A connection is closed with 1000 when its handler returns, with 1011 when it panics, and with 1001 when it drops
//!   the connection early. axum ends the connection without a Close frame. If a message is too big, the client gets
//!   1009; other protocol errors have their own codes.
//! - By default, a message may have 16 MiB instead of 64 MiB, and a client that is silent for 30 s gets a ping. Its
//!   pong, which is empty, is received like any other.
//! - A Close frame with a code that must not be sent (RFC 6455 §7.4) is an error in both directions. axum sends it as
//!   it is.
//! - There is no `accept_unmasked_frames`: unmasked frames fail the connection, as RFC 6455 §5.1 requires. Settings
//!   for buffers that Longwire does not have do nothing and are deprecated.
//! - There are no WebSockets over HTTP/2 yet.

pub mod close_code;
mod message;
pub mod rejection;
mod socket;
mod upgrade;

pub use message::{CloseCode, CloseFrame, Message, Utf8Bytes};
pub use rejection::WebSocketUpgradeRejection;
pub use socket::WebSocket;
pub use upgrade::{DefaultOnFailedUpgrade, OnFailedUpgrade, WebSocketUpgrade};

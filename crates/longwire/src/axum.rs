//! WebSockets in the handlers of [axum](https://docs.rs/axum): what `axum::extract::ws` has, by the same names, so that
//! one import changes.
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
//! Beyond it there are [origins](WebSocketUpgrade::origins), [limits](WebSocketUpgrade::limits),
//! [compression](WebSocketUpgrade::deflate), and [`serve`](WebSocketUpgrade::serve) for handlers that hold Longwire's own
//! [`WebSocket`](crate::WebSocket): without control frames among the messages, and with `?` in the handler.
//!
//! # What differs from axum
//!
//! - Browsers are accepted from pages of the server's own origin only, unless
//!   [`origins`](WebSocketUpgrade::origins) or [`any_origin`](WebSocketUpgrade::any_origin) says otherwise.
//! - A handler that returns closes the connection with 1000, one that panics with 1011, and one that drops the connection
//!   before with 1001, where axum's ends without a Close frame. A message that is too big is told to the client as 1009,
//!   what else breaks the protocol by its own code.
//! - Unless set, a message may have 16 MiB, not 64, and a client that is silent for 30 s is pinged; its pongs, which are
//!   empty, are received as others are.
//! - A Close frame whose code must not be sent (RFC 6455 §7.4) is an error at both ends: axum sends it as it is.
//! - `accept_unmasked_frames` is not there: such frames fail the connection, as RFC 6455 §5.1 says. Settings of buffers
//!   that Longwire does not have do nothing, and say so.
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

//! The opening handshake of both sides as pure functions (RFC 6455 §4).
//!
//! The functions turn bytes into `http` types, and `http` types into an agreement or a refusal. Nothing here reads or
//! writes a socket.
//!
//! ```text
//! server   bytes → ServerHandshake → UpgradeRequest → accept() → 101 + Agreed → bytes
//!                                  ↘ plain HTTP     ↘ Refusal → 4xx → bytes
//! client   ClientHandshake → request() → bytes
//!          bytes → HeadReader → http::Response → verify() → Agreed
//! ```
//!
//! Only [`ServerHandshake`], [`HeadReader`], [`encode_request`], [`encode_response`] and [`encode_response_head`] know
//! the wire format of HTTP/1.1. Everything else works on `http` types, which lets it serve requests that another HTTP
//! implementation has read: an upgrade over HTTP/1.1 as well as an extended CONNECT over HTTP/2 ([`Bootstrap`]).
//!
//! A server and a client shaking hands:
//!
//! ```
//! use http::{HeaderValue, Uri};
//! use longwire_proto::handshake::{ClientHandshake, Offer};
//!
//! let client = ClientHandshake::new(HeaderValue::from_static("example.com"), &Uri::from_static("/chat"))
//!     .subprotocols(["chat.v2", "chat.v1"])?;
//!
//! let offer = Offer::read(&client.request())?;
//! let subprotocol = offer.choose_subprotocol(&["chat.v1"]);
//! let (response, _) = offer.accept(subprotocol, &[])?;
//!
//! assert_eq!(client.verify(&response)?.subprotocol.as_deref(), Some("chat.v1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bootstrap;
mod client;
mod field;
mod head;
mod host;
mod negotiate;
mod refusal;
mod request;
mod response;
mod rules;
mod server;
mod server_handshake;

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod sentences;
#[cfg(test)]
mod tests;

pub use crate::accept_key::{AcceptKey, ClientKey, InvalidKey};
pub use bootstrap::{Bootstrap, ConnectProtocol};
pub use client::{ClientHandshake, RequestError, ResponseError};
pub use head::{HeadError, HeadLimits, HeadReader, HeadStatus};
pub use host::HostPort;
pub use negotiate::{Agreed, Extension, ExtensionError, negotiate};
pub use refusal::Refusal;
pub use request::encode_request;
pub use response::{encode_response, encode_response_head};
pub use rules::{RequestBody, check_request, requested_host};
pub use server::{AcceptError, Offer, is_upgrade};
pub use server_handshake::{HandshakeProgress, RefusedRequest, ServerHandshake, UpgradeRequest};

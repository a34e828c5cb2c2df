//! Which clients may connect, and on which terms: shared by both ways of serving and by endpoints under another
//! HTTP server.

pub(crate) mod accepting;
pub(crate) mod answer;
pub(crate) mod census;
pub(crate) mod decision;
mod forwarded;
pub(crate) mod handshake;
pub(crate) mod hook;
pub(crate) mod introduction;
pub(crate) mod listener;
pub(crate) mod lowered_limits;
pub(crate) mod origin;
pub(crate) mod peer_address;
pub(crate) mod policy;
pub(crate) mod proxy_header;
pub(crate) mod refusals;
#[cfg(feature = "tls")]
pub(crate) mod tls_handshake;
pub(crate) mod trusted_proxies;

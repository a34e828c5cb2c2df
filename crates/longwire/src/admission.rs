//! Who may connect, and on which terms: what both ways of serving and every HTTP server in front share.

pub(crate) mod answer;
pub(crate) mod census;
pub(crate) mod decision;
pub(crate) mod handshake;
pub(crate) mod listener;
pub(crate) mod origin;
pub(crate) mod policy;
pub(crate) mod refusals;
#[cfg(feature = "tls")]
pub(crate) mod tls_handshake;

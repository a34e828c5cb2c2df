//! What a proxy did not do.

use std::error::Error as StdError;
use std::fmt;

use super::refused::RefusedResponse;

/// Why a proxy did not connect. It is named by host and port.
///
/// ```
/// use longwire::{Error, ProxyError};
///
/// /// Whether a proxy asks for a user and a password.
/// fn wants_login(error: &Error) -> bool {
///     let Error::Proxy(error) = error else { return false };
///     match &**error {
///         ProxyError::Login { .. } => true,
///         ProxyError::Refused { response, .. } => response.status() == 407,
///         _ => false,
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// This is not the address of a proxy that can be used.
    Address {
        /// The address, without user and password.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An HTTP proxy refused: with 407 if it asks for a user and a password, with 502 or 503 often if it could not
    /// connect itself.
    Refused {
        /// The proxy.
        proxy: String,
        /// Where it was to connect.
        to: String,
        /// What it answered.
        response: Box<RefusedResponse>,
    },
    /// An HTTP proxy's answer makes no sense.
    Answer {
        /// The proxy.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An HTTP proxy ended the connection before its answer was whole.
    Ended {
        /// The proxy.
        proxy: String,
    },
    /// A SOCKS proxy does not let this client in: it asks for a user and a password, for others, or for what cannot be
    /// given.
    Login {
        /// The proxy.
        proxy: String,
        /// What it said.
        reason: String,
    },
    /// A SOCKS proxy refused or could not.
    Socks {
        /// The proxy.
        proxy: String,
        /// Where it was to connect.
        to: String,
        /// The code of its reply (RFC 1928 §6); `None`: it came to none.
        reply: Option<u8>,
        /// What it said.
        reason: String,
    },
}

impl ProxyError {
    /// Whether a SOCKS proxy was asked to connect, and did not.
    #[cfg(feature = "socks")]
    pub(crate) fn is_socks_reply(&self) -> bool {
        matches!(self, ProxyError::Socks { reply: Some(_), .. })
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Address { proxy, reason } => {
                write!(f, "{proxy:?} cannot be used as a proxy: {reason}")
            }
            ProxyError::Refused { proxy, to, response } => {
                write!(f, "the proxy {proxy} refused to connect to {to} with ")?;
                response.write_answer(f)
            }
            ProxyError::Answer { proxy, reason } => {
                write!(f, "{proxy} does not answer as an HTTP proxy: {reason}")
            }
            ProxyError::Ended { proxy } => {
                write!(f, "the proxy {proxy} closed the connection instead of answering")
            }
            ProxyError::Login { proxy, reason } => {
                write!(f, "the proxy {proxy} asks for a login, or for another: {reason}")
            }
            ProxyError::Socks { proxy, to, reason, .. } => {
                write!(f, "the proxy {proxy} did not connect to {to}: {reason}")
            }
        }
    }
}

impl StdError for ProxyError {}

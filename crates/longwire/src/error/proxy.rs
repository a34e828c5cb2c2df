//! Errors of proxies.

use std::error::Error as StdError;
use std::fmt;

use super::refused::RefusedResponse;

/// Why a proxy did not connect. Its fields name the proxy as host and port.
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
    /// The address of the proxy cannot be used.
    Address {
        /// The address, without user and password.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An HTTP proxy refused. It answers 407 if it requires a user name and a password, and often 502 or 503 if it
    /// could not connect itself.
    Refused {
        /// The proxy.
        proxy: String,
        /// The destination.
        to: String,
        /// The proxy's response.
        response: Box<RefusedResponse>,
    },
    /// An HTTP proxy's response is invalid.
    Answer {
        /// The proxy.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An HTTP proxy ended the connection before its response was complete.
    Ended {
        /// The proxy.
        proxy: String,
    },
    /// A SOCKS proxy did not accept the login: it requires a user name and a password, rejected the given ones, or
    /// requires a method that this client does not support.
    Login {
        /// The proxy.
        proxy: String,
        /// The proxy's reply.
        reason: String,
    },
    /// A SOCKS proxy refused to connect or failed to.
    Socks {
        /// The proxy.
        proxy: String,
        /// The destination.
        to: String,
        /// The code of its reply (RFC 1928 §6); `None` if it did not reply.
        reply: Option<u8>,
        /// The reason that it gave.
        reason: String,
    },
}

impl ProxyError {
    /// Whether a SOCKS proxy was asked to connect and replied that it did not.
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
                write!(f, "the proxy {proxy} requires a login, or rejected the given one: {reason}")
            }
            ProxyError::Socks { proxy, to, reason, .. } => {
                write!(f, "the proxy {proxy} did not connect to {to}: {reason}")
            }
        }
    }
}

impl StdError for ProxyError {}

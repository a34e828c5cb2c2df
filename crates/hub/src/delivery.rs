//! What the hub needs of the program it is part of.

use crate::call::BoxFuture;
use crate::channel::ChannelName;
use crate::frame::Frame;
use crate::token::TokenError;

/// Brings messages to connections, and does for the hub what needs a runtime.
pub trait Delivery: Send + Sync + 'static {
    /// Hands a message to every connection that has subscribed to this topic by
    /// [`Link::subscribe_paused`](crate::Link::subscribe_paused). It must not block: a broker may hold a lock.
    fn publish(&self, topic: &str, frame: Frame);

    /// Runs this future to its end, on a thread that may wait. With a broker in memory alone, there is none.
    fn spawn(&self, work: BoxFuture<()>);

    /// Something worth a line in the log. By default, nothing is done.
    fn report(&self, event: &HubEvent<'_>) {
        let _ = event;
    }
}

/// Something worth a line in the log, which a client does not learn.
///
/// ```
/// use longwire_hub::{HubEvent, TokenError};
///
/// let event = HubEvent::TokenRefused { client: "c1", channel: None, error: &TokenError::MissingClaim("sub") };
/// assert_eq!(event.to_string(), "client c1: the token has no claim `sub`");
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum HubEvent<'a> {
    /// A token was refused.
    TokenRefused {
        /// The client's id.
        client: &'a str,
        /// The channel that a subscription token was for.
        channel: Option<&'a ChannelName>,
        /// Why.
        error: &'a TokenError,
    },
    /// The client sent something malformed or out of order, and is disconnected with 3501.
    BadRequest {
        /// The client's id; empty before it has connected.
        client: &'a str,
        /// What is wrong.
        problem: &'a str,
    },
}

impl std::fmt::Display for HubEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HubEvent::TokenRefused { client, channel: None, error } => write!(f, "client {client}: {error}"),
            HubEvent::TokenRefused { client, channel: Some(channel), error } => {
                write!(f, "client {client}, channel {channel}: {error}")
            }
            HubEvent::BadRequest { client, problem } => write!(f, "client {client}: bad request: {problem}"),
        }
    }
}

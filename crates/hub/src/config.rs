//! The configuration of a hub, which can be replaced while it runs.

use std::time::Duration;

use crate::limits::SessionLimits;
use crate::namespaces::Namespaces;
use crate::token::{Keys, TokenVerifier};

/// The configuration of a hub. [`Hub::configure`](crate::Hub::configure) replaces it; sessions that are open go on.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = longwire_hub::HubConfig::default();
/// config.ping_interval = Duration::from_secs(10);
/// config.pong_timeout = Duration::from_secs(3);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HubConfig {
    /// The namespaces.
    pub namespaces: Namespaces,
    /// Verifies connection tokens.
    pub tokens: TokenVerifier,
    /// Verifies subscription tokens, if they have keys of their own.
    pub subscription_tokens: Option<TokenVerifier>,
    /// Whether clients may connect without a token. They are anonymous.
    pub anonymous: bool,
    /// For development: clients may connect without a token, and may do everything in every channel.
    pub insecure: bool,
    /// The bounds of each session.
    pub limits: SessionLimits,
    /// The bytes of commands that wait for others of their client, in all sessions together. A client with one more is
    /// disconnected with 3013.
    pub max_waiting_bytes: usize,
    /// The time between pings of the hub; zero for no pings.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping; zero if it need not answer.
    pub pong_timeout: Duration,
    /// How long a client may take to connect, from the opening of its transport.
    pub connect_timeout: Duration,
    /// How long a connection or a subscription goes on after it has expired, so that a new token can still come.
    pub expiry_grace: Duration,
    /// How long presence lasts without renewal. Sessions renew it after a third of this time.
    pub presence_ttl: Duration,
    /// Whether a new connection of a user disconnects its older ones, with 3504, on all nodes. Which one is newer is
    /// decided by the nodes' clocks.
    pub single_connection: bool,
    /// The version that clients see.
    pub version: String,
    /// What operators call this node, such as its host. Without it, they see its id.
    pub name: String,
}

impl Default for HubConfig {
    fn default() -> HubConfig {
        HubConfig {
            namespaces: Namespaces::default(),
            tokens: TokenVerifier::new(Keys::new()),
            subscription_tokens: None,
            anonymous: true,
            insecure: false,
            limits: SessionLimits::default(),
            max_waiting_bytes: 256 << 20,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            connect_timeout: Duration::from_secs(10),
            expiry_grace: Duration::from_secs(25),
            presence_ttl: Duration::from_secs(60),
            single_connection: false,
            version: format!("Longwire {}", env!("CARGO_PKG_VERSION")),
            name: String::new(),
        }
    }
}

impl HubConfig {
    pub(crate) fn subscription_tokens(&self) -> &TokenVerifier {
        self.subscription_tokens.as_ref().unwrap_or(&self.tokens)
    }
}

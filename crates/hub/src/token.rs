//! Tokens: who a client is, and which channels it may subscribe to.

mod algorithm;
mod claims;
mod connection;
mod error;
mod jwks;
mod key;
mod keys;
mod pem;
mod refresh;
mod sign;
mod signed;
mod source;
mod subscription;
mod verifier;

pub use algorithm::Algorithm;
pub use connection::ConnectionToken;
pub use error::{TokenError, TokenRejection};
pub use jwks::RefusedKey;
pub use key::{KeyError, MAX_KEYS};
pub use keys::{JwkSet, Keys};
pub use refresh::RefreshPolicy;
pub use sign::SigningKey;
pub use signed::MAX_TOKEN_LEN;
pub use source::KeySource;
pub use subscription::{ChannelOverrides, SubscriptionGrant, SubscriptionToken};
pub use verifier::TokenVerifier;

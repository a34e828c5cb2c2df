//! Connection tokens.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::claims::Claims;
use super::error::TokenError;
use super::subscription::{GrantText, SubscriptionGrant};
use crate::channel::ChannelName;
use crate::time::Millis;

/// What a valid connection token says: who the client is.
///
/// [`TokenVerifier::connection`](crate::TokenVerifier::connection) returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionToken {
    /// The claim `sub`; empty for anonymous users.
    pub user: ByteString,
    /// When the connection ends unless it is refreshed: the claim `expire_at` (0 is never), or else `exp`.
    pub expires_at: Option<Millis>,
    /// The claims `info` or `b64info`: JSON that the members of the client's channels see.
    pub info: Option<ByteString>,
    /// The claim `meta`: JSON that only the back end sees.
    pub meta: Option<ByteString>,
    /// The claims `channels` and `subs`: the server subscribes the client to these channels.
    pub subscriptions: BTreeMap<ChannelName, SubscriptionGrant>,
    /// The claim `jti`.
    pub id: Option<String>,
    /// The claim `iat`.
    pub issued_at: Option<Millis>,
}

impl ConnectionToken {
    pub(super) fn from_claims(claims: &Claims) -> Result<ConnectionToken, TokenError> {
        if claims.has("channel") {
            return Err(TokenError::claim("channel", "this is a subscription token, not a connection token"));
        }
        Ok(ConnectionToken {
            user: claims.required("sub")?,
            expires_at: claims.end()?,
            info: claims.info()?,
            meta: claims.json("meta")?,
            subscriptions: subscriptions(claims)?,
            id: claims.get("jti")?,
            issued_at: claims.time("iat")?,
        })
    }
}

fn subscriptions(claims: &Claims) -> Result<BTreeMap<ChannelName, SubscriptionGrant>, TokenError> {
    let channel = |claim, name: &str| {
        name.parse::<ChannelName>().map_err(|error| TokenError::claim(claim, format!("{name:?}: {error}")))
    };
    let mut found = BTreeMap::new();
    for name in claims.get::<Vec<String>>("channels")?.unwrap_or_default() {
        found.insert(channel("channels", &name)?, SubscriptionGrant::default());
    }
    for (name, grant) in claims.get::<BTreeMap<String, GrantText>>("subs")?.unwrap_or_default() {
        found.insert(channel("subs", &name)?, grant.read()?);
    }
    Ok(found)
}

//! Subscription tokens.

use std::fmt;

use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::claims::{self, Claims};
use super::error::TokenError;
use crate::channel::ChannelName;
use crate::data::Data;
use crate::time::Millis;

/// What a valid subscription token says: this user may subscribe to this channel.
///
/// [`TokenVerifier::subscription`](crate::TokenVerifier::subscription) returns it. It must still be
/// [checked](SubscriptionToken::check) against the subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the token may be for another channel or user: call `check`"]
pub struct SubscriptionToken {
    /// The claim `sub`; empty for anonymous users.
    pub user: ByteString,
    /// The claim `channel`.
    pub channel: ChannelName,
    /// The claim `client`: the only connection that may use the token.
    pub client: Option<ByteString>,
    /// When the subscription ends unless it is refreshed: the claim `expire_at`, or else `exp`.
    pub expires_at: Option<Millis>,
    /// What the subscription is given.
    pub grant: SubscriptionGrant,
    /// The claim `jti`.
    pub id: Option<String>,
    /// The claim `iat`.
    pub issued_at: Option<Millis>,
}

/// What a token gives to a subscription.
///
/// ```
/// let grant = longwire_hub::SubscriptionGrant::default();
/// assert!(grant.info.is_none() && grant.overrides.presence.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SubscriptionGrant {
    /// The claims `info` or `b64info`: JSON that the channel's members see.
    pub info: Option<ByteString>,
    /// The claims `data` or `b64data`: what the client gets with the answer to its subscribe.
    pub data: Option<Data>,
    /// Options of the namespace that are different for this subscription.
    pub overrides: ChannelOverrides,
}

/// Options of a namespace that a token changes for one subscription. `None` leaves them as they are.
///
/// ```
/// let overrides = longwire_hub::ChannelOverrides::default();
/// assert_eq!(overrides.force_recovery, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ChannelOverrides {
    /// The client takes part in presence.
    pub presence: Option<bool>,
    /// The client's join and leave are published.
    pub join_leave: Option<bool>,
    /// The client gets joins and leaves without asking.
    pub force_push_join_leave: Option<bool>,
    /// The subscription is recoverable without asking.
    pub force_recovery: Option<bool>,
    /// The subscription has a position without asking.
    pub force_positioning: Option<bool>,
}

/// An entry of the claim `subs`, and the claim `override`.
#[derive(Deserialize, Default)]
pub(super) struct GrantText {
    info: Option<Box<RawValue>>,
    b64info: Option<String>,
    data: Option<Box<RawValue>>,
    b64data: Option<String>,
    #[serde(rename = "override")]
    overrides: Option<OverridesText>,
}

#[derive(Deserialize, Default)]
struct OverridesText {
    presence: Option<Setting>,
    join_leave: Option<Setting>,
    force_push_join_leave: Option<Setting>,
    force_recovery: Option<Setting>,
    force_positioning: Option<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    value: bool,
}

impl SubscriptionToken {
    pub(super) fn from_claims(claims: &Claims) -> Result<SubscriptionToken, TokenError> {
        let channel = claims.required("channel")?;
        let channel = channel.parse().map_err(|error| TokenError::claim("channel", error))?;
        let grant = GrantText {
            info: claims.get("info")?,
            b64info: claims.get("b64info")?,
            data: claims.get("data")?,
            b64data: claims.get("b64data")?,
            overrides: claims.get("override")?,
        };
        let client: Option<String> = claims.get("client")?;
        Ok(SubscriptionToken {
            user: claims.required("sub")?,
            channel,
            client: client.filter(|client| !client.is_empty()).map(ByteString::from),
            expires_at: claims.end()?,
            grant: grant.read()?,
            id: claims.get("jti")?,
            issued_at: claims.time("iat")?,
        })
    }

    /// Whether the token is for this subscription.
    ///
    /// # Errors
    ///
    /// The claim that names another channel, user or connection.
    pub fn check(&self, channel: &ChannelName, user: &str, client: &str) -> Result<(), TokenError> {
        let other = |claim, is: &dyn fmt::Display, expected: &dyn fmt::Display| {
            Err(TokenError::claim(claim, format_args!("it is {is}, not {expected}")))
        };
        if self.channel != *channel {
            return other("channel", &self.channel, channel);
        }
        if self.user != user {
            return other("sub", &self.user, &user);
        }
        match &self.client {
            Some(named) if *named != client => other("client", named, &client),
            _ => Ok(()),
        }
    }
}

impl GrantText {
    pub(super) fn read(self) -> Result<SubscriptionGrant, TokenError> {
        let data = match self.b64data.filter(|data| !data.is_empty()) {
            Some(data) => Some(Data::from_bytes(claims::decode("b64data", &data)?)),
            None => self.data.map(|data| Data::Json(String::from(Box::<str>::from(data)).into())),
        };
        let value = |setting: Option<Setting>| setting.map(|setting| setting.value);
        let overrides = self.overrides.unwrap_or_default();
        Ok(SubscriptionGrant {
            info: claims::info(self.info, self.b64info)?,
            data,
            overrides: ChannelOverrides {
                presence: value(overrides.presence),
                join_leave: value(overrides.join_leave),
                force_push_join_leave: value(overrides.force_push_join_leave),
                force_recovery: value(overrides.force_recovery),
                force_positioning: value(overrides.force_positioning),
            },
        })
    }
}

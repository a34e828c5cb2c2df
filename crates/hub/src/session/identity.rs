//! Who a client is.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::expiry::Expiry;
use crate::backend::ConnectGrant;
use crate::channel::ChannelName;
use crate::data::Data;
use crate::token::{ConnectionToken, SubscriptionGrant};

/// Who a client is, and what the server subscribes it to.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) user: ByteString,
    pub(super) info: Option<ByteString>,
    pub(super) meta: Option<ByteString>,
    pub(super) data: Option<Data>,
    pub(super) expiry: Expiry,
    pub(super) subscriptions: BTreeMap<ChannelName, SubscriptionGrant>,
}

impl Identity {
    /// A client without a token.
    pub(super) fn anonymous() -> Identity {
        Identity {
            user: ByteString::new(),
            info: None,
            meta: None,
            data: None,
            expiry: Expiry::Never,
            subscriptions: BTreeMap::new(),
        }
    }
}

impl From<ConnectionToken> for Identity {
    fn from(token: ConnectionToken) -> Identity {
        Identity {
            user: token.user,
            info: token.info,
            meta: token.meta,
            data: None,
            expiry: Expiry::by_token(token.expires_at),
            subscriptions: token.subscriptions,
        }
    }
}

impl From<ConnectGrant> for Identity {
    fn from(grant: ConnectGrant) -> Identity {
        Identity {
            user: grant.user,
            info: grant.info,
            meta: grant.meta,
            data: grant.data,
            expiry: Expiry::by_hook(grant.expires_at),
            subscriptions: grant.subscriptions,
        }
    }
}

//! What a session keeps of its client.

use std::time::Duration;

use bytestring::ByteString;

use super::expiry::Expiry;
use super::subscriptions::Subscriptions;
use crate::backend::HookClient;
use crate::publication::ClientInfo;
use crate::time::Millis;
use crate::transport::Transport;
use crate::uuid::Uuid;

/// Later than any moment.
pub(super) const NEVER: Millis = Millis(u64::MAX);

/// A client that has connected. Nodes have many, so what not all of them need is boxed.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: Uuid,
    /// `None` for an anonymous client of which nothing more is known.
    credentials: Option<Box<Credentials>>,
    pub(super) subscriptions: Subscriptions,
    pub(super) heartbeat: Heartbeat,
    /// When presence is renewed next; [`NEVER`] without any.
    pub(super) presence_due: Millis,
}

/// What a token or the back end has said of a client.
#[derive(Debug)]
pub(super) struct Credentials {
    /// Empty for an anonymous client.
    pub(super) user: ByteString,
    pub(super) info: Option<Box<ByteString>>,
    pub(super) meta: Option<Box<ByteString>>,
    pub(super) expiry: Expiry,
}

impl Default for Credentials {
    fn default() -> Credentials {
        Credentials { user: ByteString::new(), info: None, meta: None, expiry: Expiry::Never }
    }
}

/// What is seldom there, for the memory of many sessions.
pub(super) fn boxed(text: Option<ByteString>) -> Option<Box<ByteString>> {
    text.map(Box::new)
}

/// Pings of the hub and their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heartbeat {
    /// The next ping; [`NEVER`] without pings.
    pub(super) ping_at: Millis,
    /// A ping was sent. Without an answer until then, the client is disconnected. [`NEVER`] if no answer is missing.
    pub(super) pong_by: Millis,
}

impl Heartbeat {
    /// Without pings.
    pub(super) const OFF: Heartbeat = Heartbeat { ping_at: NEVER, pong_by: NEVER };
}

impl Client {
    pub(super) fn new(id: Uuid, credentials: Credentials, heartbeat: Heartbeat) -> Client {
        let Credentials { user, info, meta, expiry } = &credentials;
        let is_unknown = user.is_empty() && info.is_none() && meta.is_none() && *expiry == Expiry::Never;
        Client {
            id,
            credentials: (!is_unknown).then(|| Box::new(credentials)),
            subscriptions: Subscriptions::default(),
            heartbeat,
            presence_due: NEVER,
        }
    }

    /// The user; empty for an anonymous client.
    pub(super) fn user(&self) -> ByteString {
        self.credentials.as_ref().map(|known| known.user.clone()).unwrap_or_default()
    }

    fn info(&self) -> Option<ByteString> {
        self.credentials.as_ref()?.info.as_deref().cloned()
    }

    pub(super) fn expiry(&self) -> Expiry {
        self.credentials.as_ref().map_or(Expiry::Never, |known| known.expiry)
    }

    /// Renews the time to live, and what is known of the client if it is given anew.
    pub(super) fn renew(&mut self, expiry: Expiry, info: Option<ByteString>, meta: Option<ByteString>) {
        let known = self.credentials.get_or_insert_default();
        known.expiry = expiry;
        known.info = boxed(info).or(known.info.take());
        known.meta = boxed(meta).or(known.meta.take());
    }

    /// What the members of a channel see of the client.
    pub(super) fn info_in(&self, chan_info: Option<ByteString>) -> ClientInfo {
        ClientInfo { user: self.user(), client: self.id.text(), conn_info: self.info(), chan_info }
    }

    /// What hooks learn of the client.
    pub(super) fn for_hooks(&self, transport: &Transport) -> HookClient {
        HookClient {
            client: self.id.text(),
            user: self.user(),
            meta: self.credentials.as_ref().and_then(|known| known.meta.as_deref().cloned()),
            transport: transport.clone(),
        }
    }

    /// The next moment at which the client needs attention. A session that `waits` neither asks the back end nor misses an
    /// answer to a ping, which may be among the frames that it has not read.
    pub(super) fn next_deadline(&self, grace: impl Fn() -> Duration, waits: bool) -> Option<Millis> {
        let Heartbeat { ping_at, pong_by } = self.heartbeat;
        let pong_by = if waits { NEVER } else { pong_by };
        let moments = [ping_at, pong_by, self.presence_due].into_iter().filter(|at| *at != NEVER);
        let due = |expiry: Expiry| match expiry {
            Expiry::Never => None,
            Expiry::Hook(_) if waits => None,
            expiry => expiry.due(grace()),
        };
        // One that is held ends after its reply at the earliest.
        let replied = self.subscriptions.iter().filter(|(_, subscription)| subscription.hold().is_none());
        let subscriptions = replied.filter_map(|(_, subscription)| due(subscription.expiry()));
        moments.chain(due(self.expiry())).chain(subscriptions).min()
    }
}

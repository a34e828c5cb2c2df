//! Subscriptions that may begin.

use std::sync::Arc;

use bytes::Bytes;

use super::expiry::Expiry;
use crate::broker::Recovery;
use crate::centrifuge::{ServerSideResult, SubscribeRequest};
use crate::channel::ChannelName;
use crate::namespace::NamespaceOptions;
use crate::publication::StreamPosition;
use crate::token::SubscriptionGrant;
use crate::uuid::Uuid;
use crate::variant::Naming;

/// A subscription that may begin.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) channel: ChannelName,
    pub(super) options: Arc<NamespaceOptions>,
    pub(super) grant: SubscriptionGrant,
    pub(super) expiry: Expiry,
    pub(super) origin: Origin,
    pub(super) has_token: bool,
    pub(super) wishes: Wishes,
    /// The bytes of publications that may be recovered.
    pub(super) room: usize,
}

impl Plan {
    /// What was missed, unless it is too long for the reply.
    pub(super) fn in_room(&self, recovery: Recovery) -> Recovery {
        let Recovery::Recovered(missed) = recovery else { return recovery };
        let len: usize = missed.iter().map(|publication| publication.content_len()).sum();
        if len > self.room { Recovery::Unrecoverable } else { Recovery::Recovered(missed) }
    }
}

/// Who has made a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Client,
    /// The client, in place of one that the server had made.
    TakenOver,
    Server,
}

/// What the client asks for.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// The position after which it wants what it missed.
    pub(super) since: Option<StreamPosition>,
    pub(super) recoverable: bool,
    pub(super) positioned: bool,
    pub(super) joins: bool,
    pub(super) delta: bool,
    pub(super) naming: Naming,
    /// Whether it wants error 112 if not everything can be recovered.
    pub(super) all_or_nothing: bool,
}

impl Wishes {
    pub(super) fn of(request: &SubscribeRequest, naming: Naming) -> Wishes {
        let since = StreamPosition { offset: request.offset, epoch: request.epoch.as_str().into() };
        Wishes {
            since: request.recover.then_some(since),
            recoverable: request.recoverable,
            positioned: request.positioned,
            joins: request.join_leave,
            delta: request.accepts_fossil(),
            naming,
            all_or_nothing: request.rejects_unrecovered(),
        }
    }
}

/// A connect whose client is known, and whose server-side subscriptions begin one after the other.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) id: u32,
    pub(super) session: Option<Uuid>,
    pub(super) data: Bytes,
    pub(super) plans: std::vec::IntoIter<Plan>,
    pub(super) begun: Vec<ServerSideResult>,
    /// The bytes of publications that may still be recovered.
    pub(super) room: usize,
}

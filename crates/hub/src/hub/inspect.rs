//! What an operator sees of a node: its largest channels and users, and its sessions.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::api_error::ApiError;
use super::largest::{Largest, Ranking};
use super::node::Hub;
use super::pattern::matches;
use super::registry::LiveClient;
use crate::broker::Presence;
use crate::call::Call;
use crate::channel::ChannelName;
use crate::control::{ControlMessage, DescriptionSink};
use crate::time::Millis;
use crate::uuid::Uuid;

/// A live session.
///
/// [`Hub::user_sessions`] and [`Hub::live_session`] return them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The connection's id.
    pub client: ByteString,
    /// The user; empty for an anonymous one.
    pub user: ByteString,
    /// When it connected.
    pub since: Millis,
}

impl LiveSession {
    fn of(client: Uuid, live: &LiveClient) -> LiveSession {
        LiveSession { client: client.text(), user: live.user.clone(), since: live.since }
    }
}

/// Channels with the number of their subscribers.
pub(super) struct ChannelsHere {
    pub(super) found: BTreeMap<ChannelName, usize>,
    /// How many there are, with those that are left out.
    pub(super) total: usize,
}

impl Hub {
    /// The channels of this node whose names match a pattern, by name.
    pub(super) fn channels_here(&self, pattern: &str, limit: usize) -> ChannelsHere {
        let (mut found, mut total) = (BTreeMap::new(), 0);
        self.channels_table().each(|channel, clients| {
            if pattern.is_empty() || matches(pattern, channel) {
                total += 1;
                found.insert(channel.clone(), clients);
                if found.len() > limit {
                    found.pop_last();
                }
            }
        });
        ChannelsHere { found, total }
    }

    pub(super) fn largest_channels_here(&self, pattern: &str, limit: usize) -> Largest<ChannelName> {
        let mut ranking = Ranking::new(limit);
        self.channels_table().each(|channel, clients| {
            if pattern.is_empty() || matches(pattern, channel) {
                ranking.offer(channel, clients);
            }
        });
        ranking.into_largest()
    }

    pub(super) fn largest_users_here(&self, pattern: &str, limit: usize) -> Largest<ByteString> {
        let mut ranking = Ranking::new(limit);
        self.registry().each_user(|user, clients| {
            if pattern.is_empty() || matches(pattern, user) {
                ranking.offer(user, clients);
            }
        });
        ranking.into_largest()
    }

    /// How many clients are subscribed to a channel on this node.
    #[must_use]
    pub fn subscribers_here(&self, channel: &ChannelName) -> usize {
        self.channels_table().clients(channel)
    }

    /// Some of the clients that are present in a channel: all of them, unless they are more than `limit`.
    pub fn some_present(&self, channel: &str, limit: usize, now: Millis) -> Call<Result<Presence, ApiError>> {
        match self.channel_with_presence(channel) {
            Ok(channel) => {
                self.broker().presence(&channel, limit, now).map(|presence| presence.map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// The live sessions of a user on this node.
    #[must_use]
    pub fn user_sessions(&self, user: &str) -> Vec<LiveSession> {
        let clients = self.registry().of_user(user).into_iter();
        clients.map(|(client, live)| LiveSession::of(client, &live)).collect()
    }

    /// The live session of a client, if it is on this node.
    #[must_use]
    pub fn live_session(&self, client: &str) -> Option<LiveSession> {
        let client = Uuid::parse(client)?;
        self.registry().client(client).map(|live| LiveSession::of(client, &live))
    }

    /// Asks a client's session to describe itself. Says whether there is one. A session that is overloaded or ends may
    /// drop the question.
    pub fn describe(&self, client: &str, sink: DescriptionSink) -> bool {
        let live = Uuid::parse(client).and_then(|client| self.registry().client(client));
        live.map(|live| live.control.deliver(ControlMessage::Describe(sink))).is_some()
    }

    /// Until when a user is blocked, if it is.
    #[must_use]
    pub fn blocked_until(&self, user: &str, now: Millis) -> Option<Millis> {
        self.block_of(user).filter(|until| *until > now)
    }
}

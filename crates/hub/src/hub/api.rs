//! What back ends can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;

use super::api_error::ApiError;
use super::node::Hub;
use super::pattern::matches;
use super::registry::LiveClient;
use crate::broker::{HistoryPage, HistoryQuery, NewPublication, PublishOutcome};
use crate::call::Call;
use crate::centrifuge::{Disconnect, EmulationRequest, ErrorCode};
use crate::channel::ChannelName;
use crate::control::{ControlMessage, ServerSubscription};
use crate::data::Data;
use crate::frame::Frame;
use crate::namespace::NamespaceOptions;
use crate::time::Millis;
use crate::uuid::Uuid;

/// What a back end publishes.
///
/// ```
/// use longwire_hub::{Data, PublishCall};
///
/// let mut call = PublishCall::new(Data::from_text("{\"text\":\"It rains\"}"));
/// call.skip_history = true;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PublishCall {
    /// The content.
    pub data: Data,
    /// Publishes without adding to history.
    pub skip_history: bool,
    /// Labels.
    pub tags: BTreeMap<String, String>,
    /// See [`NewPublication::idempotency_key`].
    pub idempotency_key: Option<ByteString>,
    /// See [`NewPublication::version`].
    pub version: Option<(u64, ByteString)>,
}

impl PublishCall {
    /// Publishes this.
    #[must_use]
    pub fn new(data: Data) -> PublishCall {
        PublishCall { data, skip_history: false, tags: BTreeMap::new(), idempotency_key: None, version: None }
    }

    fn publication(self) -> NewPublication {
        let mut publication = NewPublication::new(self.data);
        publication.tags = self.tags;
        publication.idempotency_key = self.idempotency_key;
        publication.version = self.version;
        publication
    }
}

/// Which clients a call is about: all of a user's, one of them, or one by itself.
///
/// ```
/// use longwire_hub::ClientFilter;
///
/// let filter = ClientFilter { user: "42".into(), except: vec!["c1".into()], ..ClientFilter::default() };
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// The user; empty with a client or a session alone.
    pub user: ByteString,
    /// Only this client.
    pub client: Option<ByteString>,
    /// Only the client with this session.
    pub session: Option<ByteString>,
    /// Not these clients.
    pub except: Vec<ByteString>,
}

/// A channel that has subscribers.
///
/// ```
/// let figures = longwire_hub::ChannelFigures { clients: 3 };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelFigures {
    /// How many clients are subscribed on this node.
    pub clients: usize,
}

/// Figures of this node.
///
/// [`Hub::info`] returns them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubInfo {
    /// The node's id.
    pub node: ByteString,
    /// The version that clients see.
    pub version: String,
    /// Clients.
    pub clients: usize,
    /// Users, without anonymous clients.
    pub users: usize,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Channels with subscribers.
    pub channels: usize,
}

impl Hub {
    /// Publishes to a channel.
    pub fn publish(
        &self,
        channel: &str,
        call: PublishCall,
        now: Millis,
    ) -> Call<Result<PublishOutcome, ApiError>> {
        match self.channel(channel) {
            Ok((channel, options)) => {
                let without = call.skip_history.then(|| options.history.without_history());
                let history = without.as_ref().unwrap_or(&options.history);
                let published = self.broker().publish(&channel, call.publication(), history, now);
                published.map(|outcome| outcome.map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// Publishes to several channels. The outcomes are in the order of the channels.
    pub fn broadcast(
        &self,
        channels: &[String],
        call: &PublishCall,
        now: Millis,
    ) -> Call<Vec<Result<PublishOutcome, ApiError>>> {
        let calls = channels.iter().map(|channel| self.publish(channel, call.clone(), now));
        let mut outcomes = Vec::with_capacity(channels.len());
        let mut waiting = Vec::new();
        for call in calls {
            match call {
                Call::Ready(outcome) if waiting.is_empty() => outcomes.push(outcome),
                call => waiting.push(call),
            }
        }
        if waiting.is_empty() {
            return Call::Ready(outcomes);
        }
        Call::Later(Box::pin(async move {
            for call in waiting {
                outcomes.push(match call {
                    Call::Ready(outcome) => outcome,
                    Call::Later(future) => future.await,
                });
            }
            outcomes
        }))
    }

    /// Subscribes clients on the server's side.
    ///
    /// # Errors
    ///
    /// There is no such channel, or the filter names nobody.
    pub fn subscribe(
        &self,
        filter: &ClientFilter,
        subscription: &ServerSubscription,
    ) -> Result<(), ApiError> {
        self.config().namespaces.find(&subscription.channel)?;
        let message = ControlMessage::Subscribe(Box::new(subscription.clone()));
        self.deliver(filter, &message)
    }

    /// Ends the subscription of clients to a channel, or all of their subscriptions without one.
    ///
    /// # Errors
    ///
    /// The channel's name is invalid, or the filter names nobody.
    pub fn unsubscribe(&self, filter: &ClientFilter, channel: Option<&str>) -> Result<(), ApiError> {
        let channel = channel.map(str::parse).transpose()?;
        self.deliver(filter, &ControlMessage::Unsubscribe(channel))
    }

    /// Disconnects clients.
    ///
    /// # Errors
    ///
    /// The filter names nobody.
    pub fn disconnect(&self, filter: &ClientFilter, why: Disconnect) -> Result<(), ApiError> {
        self.deliver(filter, &ControlMessage::Disconnect(why))
    }

    /// Disconnects a user and refuses its connections until a time. `None` ends that.
    ///
    /// # Errors
    ///
    /// 100,000 users are blocked, or the user is empty.
    pub fn block(&self, user: &str, until: Option<Millis>) -> Result<(), ApiError> {
        if user.is_empty() {
            return Err(ErrorCode::BadRequest.into());
        }
        if !self.set_blocked(user.into(), until) {
            return Err(ErrorCode::LimitExceeded.into());
        }
        if until.is_some() {
            let filter = ClientFilter { user: user.into(), ..ClientFilter::default() };
            self.disconnect(&filter, Disconnect::PERMISSION_DENIED)?;
        }
        Ok(())
    }

    /// Renews connections, or ends them if `expired`.
    ///
    /// # Errors
    ///
    /// The filter names nobody.
    pub fn refresh(
        &self,
        filter: &ClientFilter,
        expired: bool,
        expires_at: Option<Millis>,
        info: Option<ByteString>,
    ) -> Result<(), ApiError> {
        self.deliver(
            filter,
            &match expired {
                true => ControlMessage::Disconnect(Disconnect::EXPIRED),
                false => ControlMessage::Refresh { expires_at, info },
            },
        )
    }

    /// Sends a message to clients, outside of channels.
    ///
    /// # Errors
    ///
    /// The filter names nobody.
    pub fn send(&self, filter: &ClientFilter, data: Data) -> Result<(), ApiError> {
        self.deliver(filter, &ControlMessage::Message(data))
    }

    /// A page of a channel's history, of at most as many publications and bytes as the configuration allows. After a page
    /// that is shorter than the history, the next one begins at the offset of its last publication.
    pub fn history(
        &self,
        channel: &str,
        mut query: HistoryQuery,
        now: Millis,
    ) -> Call<Result<HistoryPage, ApiError>> {
        match self.channel_with_history(channel) {
            Ok((channel, options)) => {
                let config = self.config();
                query.limit = query.limit.min(config.limits.history_page);
                let room = config.limits.page_bytes;
                let page = self.broker().history(&channel, query, &options.history, now);
                page.map(move |page| page.map(|page| page.within(room)).map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// Removes the history of a channel.
    pub fn history_remove(&self, channel: &str, now: Millis) -> Call<Result<(), ApiError>> {
        match self.channel_with_history(channel) {
            Ok((channel, _)) => {
                self.broker().remove_history(&channel, now).map(|removed| removed.map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// The channels with subscribers on this node whose names match a pattern, in which `*` stands for any text and `?`
    /// for one character. At most `limit`; those with the first names.
    #[must_use]
    pub fn channels(&self, pattern: &str, limit: usize) -> BTreeMap<ChannelName, ChannelFigures> {
        let mut found = BTreeMap::new();
        self.channels_table().each(|channel, clients| {
            if pattern.is_empty() || matches(pattern, channel) {
                found.insert(channel.clone(), ChannelFigures { clients });
                if found.len() > limit {
                    found.pop_last();
                }
            }
        });
        found
    }

    /// Figures of this node.
    #[must_use]
    pub fn info(&self) -> HubInfo {
        let counts = self.counts();
        HubInfo {
            node: self.node().clone(),
            version: self.config().version.clone(),
            clients: counts.clients,
            users: counts.users,
            subscriptions: counts.subscribes.saturating_sub(counts.unsubscribes),
            channels: counts.channels,
        }
    }

    /// Hands over the commands of a client whose transport cannot send. The replies go through its stream.
    ///
    /// # Errors
    ///
    /// The session is not on this node, or has ended.
    pub fn emulate(&self, request: EmulationRequest) -> Result<(), ApiError> {
        let session = Uuid::parse(&request.session).filter(|_| *request.node == **self.node());
        let found = session.and_then(|session| self.registry().of_session(session));
        let Some((_, live)) = found else { return Err(ErrorCode::NotAvailable.into()) };
        live.control.deliver(ControlMessage::Frame(Frame::Binary(request.data)));
        Ok(())
    }

    pub(super) fn channel(&self, name: &str) -> Result<(ChannelName, Arc<NamespaceOptions>), ApiError> {
        let channel: ChannelName = name.parse()?;
        let options = self.config().namespaces.find(&channel)?.clone();
        Ok((channel, options))
    }

    fn channel_with_history(&self, name: &str) -> Result<(ChannelName, Arc<NamespaceOptions>), ApiError> {
        let (channel, options) = self.channel(name)?;
        if options.history.is_kept() { Ok((channel, options)) } else { Err(ErrorCode::NotAvailable.into()) }
    }

    fn deliver(&self, filter: &ClientFilter, message: &ControlMessage) -> Result<(), ApiError> {
        let except: Vec<Uuid> = filter.except.iter().filter_map(|client| Uuid::parse(client)).collect();
        for (client, live) in self.found(filter)? {
            if !except.contains(&client) {
                live.control.deliver(message.clone());
            }
        }
        Ok(())
    }

    /// The clients that a filter names, without its exceptions.
    fn found(&self, filter: &ClientFilter) -> Result<Vec<(Uuid, LiveClient)>, ApiError> {
        let session = filter.session.as_deref().and_then(Uuid::parse);
        let is_of_user = |live: &LiveClient| filter.user.is_empty() || live.user == filter.user;
        let one = match (&filter.client, &filter.session) {
            (Some(client), _) => Uuid::parse(client)
                .and_then(|client| self.registry().client(client).map(|live| (client, live))),
            (None, Some(_)) => session.and_then(|session| self.registry().of_session(session)),
            (None, None) if filter.user.is_empty() => return Err(ErrorCode::BadRequest.into()),
            (None, None) => return Ok(self.registry().of_user(&filter.user)),
        };
        let has_session =
            |live: &LiveClient| filter.session.is_none() || (session.is_some() && live.session == session);
        Ok(one.into_iter().filter(|(_, live)| is_of_user(live) && has_session(live)).collect())
    }
}

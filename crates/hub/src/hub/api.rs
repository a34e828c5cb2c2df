//! What back ends can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;

use super::api_error::ApiError;
use super::filter::ClientFilter;
use super::node::Hub;
use crate::broker::{HistoryPage, HistoryQuery, NewPublication, PublishOutcome};
use crate::call::Call;
use crate::centrifuge::{Disconnect, ErrorCode};
use crate::channel::ChannelName;
use crate::control::{ControlMessage, ServerSubscription};
use crate::data::Data;
use crate::namespace::NamespaceOptions;
use crate::time::Millis;

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

/// A channel that has subscribers.
///
/// ```
/// let figures = longwire_hub::ChannelFigures { clients: 3 };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelFigures {
    /// How many clients are subscribed, on all nodes.
    pub clients: usize,
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

    /// Subscribes clients on the server's side, on whichever node they are. The answer is an error if there is no such
    /// channel, the filter names nobody, or other nodes cannot be told; their clients then are as they were.
    pub fn subscribe(
        &self,
        filter: &ClientFilter,
        subscription: &ServerSubscription,
    ) -> Call<Result<(), ApiError>> {
        if let Err(refusal) = self.config().namespaces.find(&subscription.channel) {
            return Call::Ready(Err(refusal.into()));
        }
        self.deliver(filter, &ControlMessage::Subscribe(Box::new(subscription.clone())))
    }

    /// Ends the subscription of clients to a channel, or all of their subscriptions without one, on all nodes. The answer
    /// is an error if the channel's name is invalid, the filter names nobody, or other nodes cannot be told.
    pub fn unsubscribe(&self, filter: &ClientFilter, channel: Option<&str>) -> Call<Result<(), ApiError>> {
        match channel.map(str::parse).transpose() {
            Ok(channel) => self.deliver(filter, &ControlMessage::Unsubscribe(channel)),
            Err(error) => Call::Ready(Err(ApiError::from(error))),
        }
    }

    /// Disconnects clients, on all nodes. The answer is an error if the filter names nobody, or other nodes cannot be told.
    pub fn disconnect(&self, filter: &ClientFilter, why: Disconnect) -> Call<Result<(), ApiError>> {
        self.deliver(filter, &ControlMessage::Disconnect(why))
    }

    /// Renews connections on all nodes, or ends them if `expired`. The answer is an error if the filter names nobody, or
    /// other nodes cannot be told.
    pub fn refresh(
        &self,
        filter: &ClientFilter,
        expired: bool,
        expires_at: Option<Millis>,
        info: Option<ByteString>,
    ) -> Call<Result<(), ApiError>> {
        self.deliver(
            filter,
            &match expired {
                true => ControlMessage::Disconnect(Disconnect::EXPIRED),
                false => ControlMessage::Refresh { expires_at, info },
            },
        )
    }

    /// Sends a message to clients, outside of channels, on all nodes. The answer is an error if the filter names nobody, or
    /// other nodes cannot be told. With several nodes, a message has at most some 500 KiB: a longer one is error 106.
    pub fn send(&self, filter: &ClientFilter, data: Data) -> Call<Result<(), ApiError>> {
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

    pub(super) fn channel(&self, name: &str) -> Result<(ChannelName, Arc<NamespaceOptions>), ApiError> {
        let channel: ChannelName = name.parse()?;
        let options = self.config().namespaces.find(&channel)?.clone();
        Ok((channel, options))
    }

    fn channel_with_history(&self, name: &str) -> Result<(ChannelName, Arc<NamespaceOptions>), ApiError> {
        let (channel, options) = self.channel(name)?;
        if options.history.is_kept() { Ok((channel, options)) } else { Err(ErrorCode::NotAvailable.into()) }
    }
}

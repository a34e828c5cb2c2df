//! The commands `publish` and `rpc`, and messages to the client.

use std::sync::Arc;

use super::state::{Outcome, Turn};
use super::subscriptions::Subscription;
use crate::access::{Permission, Requester};
use crate::broker::NewPublication;
use crate::call::Call;
use crate::centrifuge::{
    CommandResult, ErrorCode, MessagePush, PublishRequest, PushEvent, PushTarget, RpcRequest, RpcResult,
};
use crate::channel::ChannelName;
use crate::data::Data;
use crate::namespace::NamespaceOptions;

impl Turn<'_> {
    pub(super) fn publish(&mut self, id: u32, request: PublishRequest) -> Outcome {
        if request.channel.is_empty() || request.data.is_empty() {
            return self.bad_request("publish without a channel or data");
        }
        let data = self.session.transport.encoding.data(request.data);
        self.publish_data(id, &request.channel, data)
    }

    /// Publishes for a client, if it may.
    pub(super) fn publish_data(&mut self, id: u32, channel: &str, data: Data) -> Outcome {
        let (channel, options) = match self.channel(channel) {
            Ok(found) => found,
            Err(code) => return self.fail(id, code),
        };
        if data.len() > self.config.limits.publication {
            return self.fail(id, ErrorCode::LimitExceeded);
        }
        let permission = self.permission(&channel, options.publish);
        if permission == Permission::Denied {
            return self.fail(id, ErrorCode::PermissionDenied);
        }
        if !self.take_rate(&channel, &options) {
            return self.fail(id, ErrorCode::TooManyRequests);
        }
        if permission == Permission::Allowed {
            return self.publish_as(id, &channel, &options, data, false);
        }
        let Some(client) = self.client() else { return Outcome::Done };
        let hooked = client.for_hooks(&self.session.transport);
        let backend = self.session.hub.backend();
        let Some(answer) = backend.and_then(|backend| backend.publish(hooked, channel.clone(), data.clone()))
        else {
            return self.fail(id, ErrorCode::PermissionDenied);
        };
        self.then(Call::Later(answer), move |turn, grant| match grant {
            Ok(grant) => {
                turn.publish_as(id, &channel, &options, grant.data.unwrap_or(data), grant.skip_history)
            }
            Err(error) => turn.refused(id, error),
        })
    }

    /// Publishes for a client that may.
    fn publish_as(
        &mut self,
        id: u32,
        channel: &ChannelName,
        options: &Arc<NamespaceOptions>,
        data: Data,
        skip_history: bool,
    ) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        let chan_info = client.subscriptions.get(channel).and_then(Subscription::info);
        let mut publication = NewPublication::new(data);
        publication.info = Some(client.info_in(chan_info));
        let without = skip_history.then(|| options.history.without_history());
        let history = without.as_ref().unwrap_or(&options.history);
        let published = self.session.hub.broker().publish(channel, publication, history, self.now);
        self.then(published, move |turn, published| match published {
            Ok(_) => turn.reply(id, CommandResult::Publish),
            Err(error) => turn.fail(id, error.into()),
        })
    }

    /// Whether the client may do something in a channel.
    pub(super) fn permission(&self, channel: &ChannelName, access: crate::access::Access) -> Permission {
        let Some(client) = self.client() else { return Permission::Denied };
        let subscription = client.subscriptions.get(channel);
        let who = Requester {
            user: &client.user(),
            is_subscriber: subscription.is_some(),
            has_token: subscription.is_some_and(|subscription| subscription.has_token),
        };
        if self.config.insecure { Permission::Allowed } else { access.decide(&who) }
    }

    /// Counts a publication towards the namespace's rate. Says whether it is allowed.
    fn take_rate(&mut self, channel: &ChannelName, options: &NamespaceOptions) -> bool {
        let Some(rate) = options.publish_rate else { return true };
        let now = self.now;
        let rates = &mut self.session.rates.get_or_insert_default().publications;
        let namespace = channel.namespace().unwrap_or("");
        let place = match rates.iter().position(|(name, _)| **name == *namespace) {
            Some(place) => place,
            None => {
                // Only existing namespaces come here, so there are no more entries than namespaces.
                rates.push((namespace.into(), super::rate::Rate::default()));
                rates.len() - 1
            }
        };
        rates.get_mut(place).is_some_and(|(_, counted)| counted.take(rate.count, rate.per, now))
    }

    pub(super) fn rpc(&mut self, id: u32, request: RpcRequest) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        if request.method.len() + request.data.len() > self.config.limits.publication {
            return self.fail(id, ErrorCode::LimitExceeded);
        }
        let data = match request.data.is_empty() {
            true => Data::Json("null".into()),
            false => self.session.transport.encoding.data(request.data),
        };
        let hooked = client.for_hooks(&self.session.transport);
        let backend = self.session.hub.backend();
        let Some(answer) = backend.and_then(|backend| backend.rpc(hooked, request.method, data)) else {
            return self.fail(id, ErrorCode::NotAvailable);
        };
        self.then(Call::Later(answer), move |turn, answer| match answer {
            Ok(data) => {
                let data = turn.session.transport.encoding.payload(&data);
                turn.reply(id, CommandResult::Rpc(RpcResult { data }))
            }
            Err(error) => turn.refused(id, error),
        })
    }

    /// Sends a message of the back end.
    pub(super) fn message(&mut self, data: &Data) -> Outcome {
        if self.client().is_some() {
            let data = self.session.transport.encoding.payload(data);
            self.push(PushTarget::Client, PushEvent::Message(MessagePush { data }));
        }
        Outcome::Done
    }
}

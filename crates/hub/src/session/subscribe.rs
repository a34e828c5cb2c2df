//! The command `subscribe`, and subscriptions that the server makes.

use super::client::Expiry;
use super::plan::{Plan, Wishes};
use super::state::{Step, Turn};
use crate::access::{Permission, Requester};
use crate::backend::SubscribeGrant;
use crate::call::Call;
use crate::centrifuge::{
    CommandResult, Disconnect, ErrorCode, PushEvent, PushTarget, SubscribePush, SubscribeRequest,
    SubscribeResult,
};
use crate::channel::ChannelName;
use crate::control::ServerSubscription;
use crate::data::Data;
use crate::delivery::HubEvent;
use crate::token::{SubscriptionGrant, SubscriptionToken, TokenError, TokenRejection};

impl Turn<'_> {
    pub(super) fn subscribe(&mut self, id: u32, request: SubscribeRequest) -> Step {
        if request.channel.is_empty() {
            return self.bad_request("subscribe without a channel");
        }
        if !request.delta.is_empty() && !request.accepts_fossil() {
            return self.bad_request("subscribe with an unknown delta format");
        }
        let (channel, _) = match self.channel(&request.channel) {
            Ok(found) => found,
            Err(code) => return self.fail(id, code),
        };
        let Some(client) = self.client() else { return Step::Done };
        if client.subscriptions.get(&channel).is_some() {
            return self.fail(id, ErrorCode::AlreadySubscribed);
        }
        if client.subscriptions.len() >= self.config.limits.channels {
            return self.fail(id, ErrorCode::LimitExceeded);
        }
        if request.token.is_empty() {
            return self.subscribe_without_token(id, channel, request);
        }
        let verified = self.config.subscription_tokens().subscription(&request.token, self.now);
        self.then(verified, move |turn, token| match turn.checked(&channel, token) {
            Ok(token) => {
                let expiry = Expiry::by_token(token.expires_at);
                turn.subscribe_as(id, channel, &request, token.grant, expiry)
            }
            Err(code) => turn.fail(id, code),
        })
    }

    /// A subscription token that is valid for this client and channel.
    pub(super) fn checked(
        &mut self,
        channel: &ChannelName,
        token: Result<SubscriptionToken, TokenError>,
    ) -> Result<SubscriptionToken, ErrorCode> {
        let Some(client) = self.client() else { return Err(ErrorCode::Unauthorized) };
        let checked = token.and_then(|token| {
            token.check(channel, &client.user, &client.id)?;
            Ok(token)
        });
        let token = checked.map_err(|error| {
            let event = HubEvent::TokenRefused { client: &client.id, channel: Some(channel), error: &error };
            self.session.hub.delivery().report(&event);
            match error.rejection() {
                TokenRejection::Expired => ErrorCode::TokenExpired,
                TokenRejection::Invalid => ErrorCode::PermissionDenied,
                TokenRejection::Unavailable => ErrorCode::Internal,
            }
        })?;
        if Expiry::by_token(token.expires_at).is_past(self.now) {
            return Err(ErrorCode::TokenExpired);
        }
        Ok(token)
    }

    fn subscribe_without_token(&mut self, id: u32, channel: ChannelName, request: SubscribeRequest) -> Step {
        let Some(client) = self.client() else { return Step::Done };
        let Ok(options) = self.config.namespaces.find(&channel) else {
            return self.fail(id, ErrorCode::UnknownChannel);
        };
        let who = Requester { user: &client.user, is_subscriber: false, has_token: false };
        let permission =
            if self.config.insecure { Permission::Allowed } else { options.may_subscribe(&channel, &who) };
        let answer = match permission {
            Permission::Allowed => {
                return self.subscribe_as(id, channel, &request, SubscriptionGrant::default(), Expiry::Never);
            }
            Permission::Denied => None,
            Permission::AskHook => {
                let data = match request.data.is_empty() {
                    true => Data::Json("null".into()),
                    false => self.session.transport.encoding.data(request.data.clone()),
                };
                let hooked = client.for_hooks(&self.session.transport);
                self.session
                    .hub
                    .backend()
                    .and_then(|backend| backend.subscribe(hooked, channel.clone(), data))
            }
        };
        let Some(answer) = answer else { return self.fail(id, ErrorCode::PermissionDenied) };
        self.then(Call::Later(answer), move |turn, granted| match granted {
            Ok(SubscribeGrant { grant, expires_at }) => {
                turn.subscribe_as(id, channel, &request, grant, Expiry::by_hook(expires_at))
            }
            Err(error) => turn.refused(id, error),
        })
    }

    /// Subscribes a client that may.
    fn subscribe_as(
        &mut self,
        id: u32,
        channel: ChannelName,
        request: &SubscribeRequest,
        grant: SubscriptionGrant,
        expiry: Expiry,
    ) -> Step {
        let Some(client) = self.client() else { return Step::Done };
        let has_token = matches!(expiry, Expiry::Token(_)) || !request.token.is_empty();
        let Ok(options) = self.config.namespaces.find(&channel).cloned() else {
            return self.fail(id, ErrorCode::UnknownChannel);
        };
        if has_token && !self.config.insecure {
            let who = Requester { user: &client.user, is_subscriber: false, has_token };
            if options.may_subscribe(&channel, &who) == Permission::Denied {
                return self.fail(id, ErrorCode::PermissionDenied);
            }
        }
        let wishes = Wishes::from(request);
        let plan = Plan { channel, options, grant, expiry, server_side: false, has_token, wishes };
        self.begin(plan, move |turn, begun| match begun {
            Ok(result) => turn.reply(id, CommandResult::Subscribe(result)),
            Err(code) => turn.fail(id, code),
        })
    }

    /// Subscribes on the server's side.
    pub(super) fn subscribe_by_server(&mut self, subscription: ServerSubscription) -> Step {
        let ServerSubscription { channel, grant, expires_at, since } = subscription;
        let Some(client) = self.client() else { return Step::Done };
        let Ok(options) = self.config.namespaces.find(&channel).cloned() else { return Step::Done };
        if client.subscriptions.get(&channel).is_some() {
            return Step::Done;
        }
        if client.subscriptions.len() >= self.config.limits.channels {
            return Step::Close(Disconnect::CHANNEL_LIMIT);
        }
        let mut plan = Plan::by_server(channel.clone(), options, grant, &SubscribeRequest::default());
        plan.expiry = Expiry::by_hook(expires_at);
        plan.wishes.since = since;
        self.begin(plan, move |turn, begun| match begun {
            Ok(result) => turn.subscribed_by_server(channel, result),
            Err(_) => Step::Close(Disconnect::SERVER_ERROR),
        })
    }

    fn subscribed_by_server(&mut self, channel: ChannelName, result: SubscribeResult) -> Step {
        let SubscribeResult { recoverable, epoch, offset, positioned, data, publications, .. } = result;
        let event = SubscribePush { recoverable, epoch, offset, positioned, data };
        self.push(PushTarget::Channel(channel.clone()), PushEvent::Subscribe(event));
        for publication in publications {
            self.push(PushTarget::Channel(channel.clone()), PushEvent::Publication(publication));
        }
        Step::Done
    }
}

//! The command `subscribe`, and subscriptions that the server makes.

use super::expiry::Expiry;
use super::plan::{Origin, Plan, Wishes};
use super::state::{Outcome, Turn};
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
use crate::variant::Naming;

impl Turn<'_> {
    pub(super) fn subscribe(&mut self, id: u32, request: SubscribeRequest) -> Outcome {
        if request.channel.is_empty() {
            return self.bad_request("subscribe without a channel");
        }
        if !request.delta.is_empty() && !request.accepts_fossil() {
            return self.bad_request("subscribe with an unknown delta format");
        }
        if request.data.len() > self.config.limits.publication {
            return self.fail(id, ErrorCode::LimitExceeded);
        }
        let (channel, _) = match self.channel(&request.channel) {
            Ok(found) => found,
            Err(code) => return self.fail(id, code),
        };
        let Some(client) = self.client() else { return Outcome::Done };
        match client.subscriptions.get(&channel) {
            None if client.subscriptions.len() >= self.config.limits.channels => {
                return self.fail(id, ErrorCode::LimitExceeded);
            }
            None => {}
            Some(subscription) => match subscription.grant_of_server() {
                None => return self.fail(id, ErrorCode::AlreadySubscribed),
                // That the server has subscribed the client is the permission.
                Some(grant) if request.token.is_empty() => {
                    let grant = SubscriptionGrant { info: subscription.info(), ..grant.clone() };
                    let (expiry, has_token) = (subscription.expiry(), subscription.has_token);
                    return self.subscribe_as(id, channel, &request, grant, expiry, has_token);
                }
                Some(_) => {}
            },
        }
        if !self.may_subscribe_now() {
            return self.fail(id, ErrorCode::TooManyRequests);
        }
        if request.token.is_empty() {
            return self.subscribe_if_allowed(id, channel, request, None);
        }
        let verified = self.config.subscription_tokens().subscription(&request.token, self.now);
        self.then(verified, move |turn, token| match turn.checked(&channel, token) {
            Ok(token) => turn.subscribe_if_allowed(id, channel, request, Some(token)),
            Err(code) => turn.fail(id, code),
        })
    }

    /// Counts a request to subscribe. Says whether the client's rate allows it.
    fn may_subscribe_now(&mut self) -> bool {
        let (count, per) = (self.config.limits.subscribes, self.config.limits.subscribes_per);
        let now = self.now;
        self.session.rates.as_mut().is_none_or(|rates| rates.subscribes.take(count, per, now))
    }

    /// A subscription token that is valid for this client and channel.
    pub(super) fn checked(
        &mut self,
        channel: &ChannelName,
        token: Result<SubscriptionToken, TokenError>,
    ) -> Result<SubscriptionToken, ErrorCode> {
        let Some(client) = self.client() else { return Err(ErrorCode::Unauthorized) };
        let checked = token.and_then(|token| {
            token.check(channel, &client.user(), &client.id.text())?;
            Ok(token)
        });
        let token = checked.map_err(|error| {
            let client = &client.id.text();
            let event = HubEvent::TokenRefused { client, channel: Some(channel), error: &error };
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

    /// Subscribes a client, with a token that is valid for it or without one, if it may.
    fn subscribe_if_allowed(
        &mut self,
        id: u32,
        channel: ChannelName,
        request: SubscribeRequest,
        token: Option<SubscriptionToken>,
    ) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        let Ok(options) = self.config.namespaces.find(&channel) else {
            return self.fail(id, ErrorCode::UnknownChannel);
        };
        let has_token = token.is_some();
        let who = Requester { user: &client.user(), is_subscriber: false, has_token };
        let permission =
            if self.config.insecure { Permission::Allowed } else { options.may_subscribe(&channel, &who) };
        match permission {
            Permission::Allowed => {
                let (grant, expiry) = match token {
                    Some(token) => (token.grant, Expiry::by_token(token.expires_at)),
                    None => (SubscriptionGrant::default(), Expiry::Never),
                };
                self.subscribe_as(id, channel, &request, grant, expiry, has_token)
            }
            Permission::Denied => self.fail(id, ErrorCode::PermissionDenied),
            Permission::AskHook => self.subscribe_by_hook(id, channel, request),
        }
    }

    fn subscribe_by_hook(&mut self, id: u32, channel: ChannelName, request: SubscribeRequest) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        let data = match request.data.is_empty() {
            true => Data::Json("null".into()),
            false => self.session.transport.encoding.data(request.data.clone()),
        };
        let hooked = client.for_hooks(&self.session.transport);
        let backend = self.session.hub.backend();
        let Some(answer) = backend.and_then(|backend| backend.subscribe(hooked, channel.clone(), data))
        else {
            return self.fail(id, ErrorCode::PermissionDenied);
        };
        self.then(Call::Later(answer), move |turn, granted| match granted {
            Ok(SubscribeGrant { grant, expires_at }) => {
                turn.subscribe_as(id, channel, &request, grant, Expiry::by_hook(expires_at), false)
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
        has_token: bool,
    ) -> Outcome {
        let Ok(options) = self.config.namespaces.find(&channel).cloned() else {
            return self.fail(id, ErrorCode::UnknownChannel);
        };
        let naming = match request.accepts_channel_id(self.session.transport.encoding) {
            true => Naming::Number,
            false => Naming::Name,
        };
        let wishes = Wishes::of(request, naming);
        let is_taken_over = self.client().is_some_and(|client| client.subscriptions.get(&channel).is_some());
        let origin = if is_taken_over { Origin::TakenOver } else { Origin::Client };
        let name = channel.clone();
        let room = self.config.limits.page_bytes;
        let plan = Plan { channel, options, grant, expiry, origin, has_token, wishes, room };
        self.begin(plan, move |turn, begun| match begun {
            Ok(result) => match turn.reply(id, CommandResult::Subscribe(result)) {
                Outcome::Done => turn.release(&name),
                step => step,
            },
            // The server's subscription may go on.
            Err(code) => match turn.fail(id, code) {
                Outcome::Done => turn.release(&name),
                step => step,
            },
        })
    }

    /// Subscribes on the server's side.
    pub(super) fn subscribe_by_server(&mut self, subscription: ServerSubscription) -> Outcome {
        let ServerSubscription { channel, grant, expires_at, since } = subscription;
        let Some(client) = self.client() else { return Outcome::Done };
        let Ok(options) = self.config.namespaces.find(&channel).cloned() else { return Outcome::Done };
        if client.subscriptions.get(&channel).is_some() {
            return Outcome::Done;
        }
        if client.subscriptions.len() >= self.config.limits.channels {
            return Outcome::Close(Disconnect::CHANNEL_LIMIT);
        }
        let room = self.config.limits.page_bytes;
        let mut plan = Plan::by_server(channel.clone(), options, grant, &SubscribeRequest::default(), room);
        plan.expiry = Expiry::by_hook(expires_at);
        plan.wishes.since = since;
        self.begin(plan, move |turn, begun| match begun {
            Ok(result) => turn.subscribed_by_server(&channel, result),
            Err(_) => Outcome::Close(Disconnect::SERVER_ERROR),
        })
    }

    fn subscribed_by_server(&mut self, channel: &ChannelName, result: SubscribeResult) -> Outcome {
        let SubscribeResult { recoverable, epoch, offset, positioned, data, publications, .. } = result;
        let event = SubscribePush { recoverable, epoch, offset, positioned, data };
        self.push(PushTarget::Channel(channel.clone()), PushEvent::Subscribe(event));
        for publication in publications {
            self.push(PushTarget::Channel(channel.clone()), PushEvent::Publication(publication));
        }
        self.release(channel)
    }
}

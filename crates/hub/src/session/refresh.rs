//! Renewing connections and subscriptions.

use bytestring::ByteString;

use super::expiry::Expiry;
use super::state::{Outcome, Turn};
use crate::centrifuge::{
    CommandResult, Disconnect, ErrorCode, ErrorReply, PushEvent, PushTarget, RefreshPush, RefreshResult,
    SubRefreshResult,
};
use crate::channel::ChannelName;
use crate::delivery::HubEvent;
use crate::time::Millis;
use crate::token::{ConnectionToken, TokenError, TokenRejection};

impl Turn<'_> {
    pub(super) fn refresh(&mut self, id: u32, token: &str) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        if token.is_empty() {
            return self.bad_request("refresh without a token");
        }
        if !matches!(client.expiry(), Expiry::Token(_)) {
            return self
                .bad_request("refresh of a connection that does not expire, or that the back end renews");
        }
        let verified = self.config.tokens.connection(token, self.now);
        self.then(verified, move |turn, token| turn.refresh_with(id, token))
    }

    fn refresh_with(&mut self, id: u32, token: Result<ConnectionToken, TokenError>) -> Outcome {
        let now = self.now;
        let version = self.config.version.clone();
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let token = token.and_then(|token| match token.user == client.user() {
            true => Ok(token),
            false => Err(TokenError::WrongClaim { claim: "sub", problem: "it is another user".into() }),
        });
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                let event =
                    HubEvent::TokenRefused { client: &client.id.text(), channel: None, error: &error };
                self.session.hub.delivery().report(&event);
                return match error.rejection() {
                    TokenRejection::Expired => Outcome::Close(Disconnect::EXPIRED),
                    TokenRejection::Invalid => Outcome::Close(Disconnect::INVALID_TOKEN),
                    TokenRejection::Unavailable => self.fail(id, ErrorCode::Internal),
                };
            }
        };
        let expiry = Expiry::by_token(token.expires_at);
        if expiry.is_past(now) {
            return self.fail(id, ErrorCode::Expired);
        }
        client.renew(expiry, token.info, token.meta);
        let (expires, ttl) = expiry.fields(now);
        let result = RefreshResult { client: client.id.to_string(), version, expires, ttl };
        self.reply(id, CommandResult::Refresh(result))
    }

    pub(super) fn sub_refresh(&mut self, id: u32, channel: &str, token: &str) -> Outcome {
        if channel.is_empty() {
            return self.bad_request("sub_refresh without a channel");
        }
        let Some(client) = self.client() else { return Outcome::Done };
        let Some(subscription) = client.subscriptions.get(channel) else {
            return self.fail(id, ErrorCode::PermissionDenied);
        };
        if !matches!(subscription.expiry(), Expiry::Token(_)) {
            return self.bad_request("sub_refresh of a subscription that does not expire by a token");
        }
        if token.is_empty() {
            return self.fail(id, ErrorCode::BadRequest);
        }
        let Ok(channel) = channel.parse::<ChannelName>() else { return self.fail(id, ErrorCode::BadRequest) };
        let verified = self.config.subscription_tokens().subscription(token, self.now);
        self.then(verified, move |turn, token| {
            let now = turn.now;
            let token = match turn.checked(&channel, token) {
                Ok(token) => token,
                // Clients that see this as temporary fetch another token.
                Err(ErrorCode::TokenExpired) => {
                    let error = ErrorReply { temporary: true, ..ErrorCode::TokenExpired.into() };
                    return turn.fail_with(id, error);
                }
                Err(code) => return turn.fail(id, code),
            };
            let expiry = Expiry::by_token(token.expires_at);
            let subscription = turn.client_mut().and_then(|client| client.subscriptions.get_mut(&channel));
            let Some(subscription) = subscription else { return turn.fail(id, ErrorCode::PermissionDenied) };
            subscription.renew(expiry, token.grant.info);
            let (expires, ttl) = expiry.fields(now);
            turn.reply(id, CommandResult::SubRefresh(SubRefreshResult { expires, ttl }))
        })
    }

    /// Renews the connection for the back end.
    pub(super) fn refresh_by_server(
        &mut self,
        expires_at: Option<Millis>,
        info: Option<ByteString>,
    ) -> Outcome {
        let now = self.now;
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let expiry = match client.expiry() {
            Expiry::Hook(_) => Expiry::by_hook(expires_at),
            Expiry::Token(_) | Expiry::Never => Expiry::by_token(expires_at),
        };
        if expiry.is_past(now) {
            return Outcome::Close(Disconnect::EXPIRED);
        }
        client.renew(expiry, info, None);
        let (expires, ttl) = expiry.fields(now);
        self.push(PushTarget::Client, PushEvent::Refresh(RefreshPush { expires, ttl }));
        Outcome::Done
    }
}

//! What a session does when time has passed.

use super::client::NEVER;
use super::expiry::Expiry;
use super::state::{Outcome, Phase, Turn};
use crate::backend::{BackendError, RefreshGrant};
use crate::broker::Member;
use crate::call::Call;
use crate::centrifuge::{Disconnect, Reply, UnsubscribeCode};
use crate::channel::ChannelName;

impl Turn<'_> {
    /// Does what is due. A session that `waits` asks the back end later.
    pub(super) fn tick(&mut self, waits: bool) -> Outcome {
        match &self.session.phase {
            Phase::Closed => return Outcome::Done,
            Phase::New { deadline, .. } if *deadline <= self.now && !waits => {
                return Outcome::Close(Disconnect::STALE);
            }
            Phase::New { .. } => return Outcome::Done,
            Phase::Open(_) => {}
        }
        if let Some(why) = self.beat(waits) {
            return Outcome::Close(why);
        }
        self.renew_presence();
        match self.expire_subscriptions(waits) {
            Outcome::Done => self.expire(waits),
            step => step,
        }
    }

    /// Sends a ping if it is due. Returns why the client must be disconnected, if it did not answer the last one.
    fn beat(&mut self, waits: bool) -> Option<Disconnect> {
        let (now, wants_pongs) = (self.now, self.wants_pongs());
        let (interval, timeout) = (self.config.ping_interval, self.config.pong_timeout);
        let heartbeat = &mut self.client_mut()?.heartbeat;
        // Its answer may be among the frames that are not read yet.
        if heartbeat.pong_by <= now && !waits {
            return Some(Disconnect::NO_PONG);
        }
        if heartbeat.ping_at <= now {
            heartbeat.ping_at = now + interval;
            if wants_pongs && heartbeat.pong_by == NEVER {
                heartbeat.pong_by = now + timeout;
            }
            self.batch.push(Reply::Ping);
        }
        None
    }

    /// Gives a client time to answer a ping again, after it was not listened to.
    pub(super) fn excuse_late_pong(&mut self) {
        let pong_by = self.now + self.config.pong_timeout;
        let heartbeat = self.client_mut().map(|client| &mut client.heartbeat);
        if let Some(heartbeat) = heartbeat.filter(|heartbeat| heartbeat.pong_by != NEVER) {
            heartbeat.pong_by = heartbeat.pong_by.max(pong_by);
        }
    }

    fn renew_presence(&mut self) {
        let (now, ttl) = (self.now, self.config.presence_ttl);
        let hub = self.hub();
        let Some(client) = self.client_mut().filter(|client| client.presence_due <= now) else { return };
        let mut has_any = false;
        for (channel, subscription) in
            client.subscriptions.iter().filter(|(_, subscription)| subscription.presence)
        {
            has_any = true;
            let member = Member { info: client.info_in(subscription.info()), ttl };
            hub.detach(hub.broker().add_presence(channel, member, subscription.announces, now));
        }
        client.presence_due = if has_any { now + ttl / 3 } else { NEVER };
    }

    /// Ends the subscriptions that have expired, or asks the back end about one of them.
    fn expire_subscriptions(&mut self, waits: bool) -> Outcome {
        let (now, grace) = (self.now, self.config.expiry_grace);
        let Some(client) = self.client() else { return Outcome::Done };
        let due: Vec<(ChannelName, bool, Expiry)> = client
            .subscriptions
            .iter()
            .filter(|(_, subscription)| subscription.hold().is_none())
            .filter(|(_, subscription)| subscription.expiry().due(grace).is_some_and(|due| due <= now))
            .map(|(channel, subscription)| {
                (channel.clone(), subscription.is_server_side(), subscription.expiry())
            })
            .collect();
        for (channel, server_side, expiry) in due {
            if let Expiry::Hook(_) = expiry {
                if waits {
                    continue;
                }
                let hooked = client_for_hooks(self);
                let backend = self.session.hub.backend();
                let answer = hooked.and_then(|hooked| {
                    backend.and_then(|backend| backend.sub_refresh(hooked, channel.clone()))
                });
                if let Some(answer) = answer {
                    // Others that are due come with the next tick.
                    return self.then(Call::Later(answer), move |turn, grant| {
                        turn.sub_refreshed(&channel, server_side, grant)
                    });
                }
            }
            if server_side {
                return Outcome::Close(Disconnect::SUB_EXPIRED);
            }
            match self.end(&channel, UnsubscribeCode::Expired) {
                Outcome::Done => {}
                // Others that are due come with the next tick.
                step => return step,
            }
        }
        Outcome::Done
    }

    fn sub_refreshed(
        &mut self,
        channel: &ChannelName,
        server_side: bool,
        grant: Result<RefreshGrant, BackendError>,
    ) -> Outcome {
        let now = self.now;
        let subscription = self.client_mut().and_then(|client| client.subscriptions.get_mut(channel));
        let Some(subscription) = subscription else { return Outcome::Done };
        match grant {
            Ok(grant) if !grant.expired && !Expiry::by_hook(grant.expires_at).is_past(now) => {
                let info = grant.info.or(subscription.info());
                subscription.renew(Expiry::by_hook(grant.expires_at), info);
                Outcome::Done
            }
            Err(BackendError::Disconnect(why)) => Outcome::Close(why),
            _ if server_side => Outcome::Close(Disconnect::SUB_EXPIRED),
            _ => self.end(channel, UnsubscribeCode::Expired),
        }
    }

    /// Ends the connection if it has expired, or asks the back end about it.
    fn expire(&mut self, waits: bool) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        if client.expiry().due(self.config.expiry_grace).is_none_or(|due| due > self.now) {
            return Outcome::Done;
        }
        if let Expiry::Hook(_) = client.expiry() {
            if waits {
                return Outcome::Done;
            }
            let hooked = client.for_hooks(&self.session.transport);
            if let Some(answer) = self.session.hub.backend().and_then(|backend| backend.refresh(hooked)) {
                return self.then(Call::Later(answer), |turn, grant| match grant {
                    Ok(grant) if !grant.expired => turn.refreshed_by_hook(grant),
                    Ok(_) => Outcome::Close(Disconnect::EXPIRED),
                    Err(BackendError::Disconnect(why)) => Outcome::Close(why),
                    Err(BackendError::Error(_) | BackendError::Unavailable) => {
                        Outcome::Close(Disconnect::SERVER_ERROR)
                    }
                });
            }
        }
        Outcome::Close(Disconnect::EXPIRED)
    }

    fn refreshed_by_hook(&mut self, grant: RefreshGrant) -> Outcome {
        let now = self.now;
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let expiry = Expiry::by_hook(grant.expires_at);
        if expiry.is_past(now) {
            return Outcome::Close(Disconnect::EXPIRED);
        }
        client.renew(expiry, grant.info, None);
        Outcome::Done
    }
}

fn client_for_hooks(turn: &Turn<'_>) -> Option<crate::backend::HookClient> {
    turn.client().map(|client| client.for_hooks(&turn.session.transport))
}

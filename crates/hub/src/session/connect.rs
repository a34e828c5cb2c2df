//! The command `connect`.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::client::{Client, Credentials, Heartbeat, NEVER, boxed};
use super::expiry::Expiry;
use super::identity::Identity;
use super::plan::{Opening, Plan};
use super::state::{Outcome, Phase, Turn, Work};
use crate::backend::{BackendError, ConnectHook, HookClient};
use crate::call::Call;
use crate::centrifuge::{
    CommandResult, ConnectPush, ConnectRequest, ConnectResult, Disconnect, ErrorCode, PushEvent, PushTarget,
    ServerSideResult, SubscribeRequest,
};
use crate::control::ControlMessage;
use crate::delivery::HubEvent;
use crate::hub::LiveClient;
use crate::token::{TokenError, TokenRejection};
use crate::uuid::Uuid;

impl Turn<'_> {
    pub(super) fn connect(&mut self, id: u32, request: ConnectRequest) -> Outcome {
        if !matches!(self.session.phase, Phase::New { .. }) {
            return self.bad_request("a second connect");
        }
        if let Some(step) = self.too_much(id, &request) {
            return step;
        }
        let client = self.session.hub.next_id();
        let ConnectRequest { token, data, subs, name, version, headers, flag: _ } = request;
        if !token.is_empty() {
            let verified = self.config.tokens.connection(&token, self.now);
            return self.then(verified, move |turn, token| match token {
                Ok(token) => turn.identified(id, client, token.into(), subs),
                Err(error) => turn.token_refused(id, &client.text(), &error),
            });
        }
        let data = (!data.is_empty()).then(|| self.session.transport.encoding.data(data));
        let hook = ConnectHook { name, version, data, headers, channels: subs.keys().cloned().collect() };
        let hooked = HookClient {
            client: client.text(),
            user: ByteString::new(),
            meta: None,
            transport: self.session.transport.clone(),
        };
        if let Some(answer) = self.session.hub.backend().and_then(|backend| backend.connect(hooked, hook)) {
            return self.then(Call::Later(answer), move |turn, grant| match grant {
                Ok(grant) => turn.identified(id, client, grant.into(), subs),
                Err(error) => turn.refused_to_connect(id, error),
            });
        }
        if self.config.anonymous || self.config.insecure {
            self.identified(id, client, Identity::anonymous(), subs)
        } else {
            self.fail_to_connect(id, ErrorCode::Unauthorized)
        }
    }

    /// Refuses what no client needs: all of it would be kept until the back end answers.
    fn too_much(&mut self, id: u32, request: &ConnectRequest) -> Option<Outcome> {
        let limits = &self.config.limits;
        if request.subs.len() > limits.channels {
            return Some(Outcome::Close(Disconnect::CHANNEL_LIMIT));
        }
        let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
        let subs = request.subs.iter().map(|(channel, sub)| {
            let texts = [&sub.channel, &sub.token, &sub.epoch, &sub.delta];
            channel.len() + sub.data.len() + texts.map(String::len).iter().sum::<usize>()
        });
        let texts = [&request.name, &request.version].map(String::len);
        let len = request.data.len() + texts.into_iter().chain(headers).chain(subs).sum::<usize>();
        (len > limits.publication).then(|| self.fail_to_connect(id, ErrorCode::LimitExceeded))
    }

    fn token_refused(&mut self, id: u32, client: &str, error: &TokenError) -> Outcome {
        self.session.hub.delivery().report(&HubEvent::TokenRefused { client, channel: None, error });
        match error.rejection() {
            TokenRejection::Expired => self.fail_to_connect(id, ErrorCode::TokenExpired),
            TokenRejection::Invalid => Outcome::Close(Disconnect::INVALID_TOKEN),
            TokenRejection::Unavailable => self.fail_to_connect(id, ErrorCode::Internal),
        }
    }

    fn refused_to_connect(&mut self, id: u32, error: BackendError) -> Outcome {
        match error {
            BackendError::Error(_) if self.session.transport.kind.is_one_way() => {
                Outcome::Close(Disconnect::PERMISSION_DENIED)
            }
            BackendError::Unavailable => self.fail_to_connect(id, ErrorCode::Internal),
            error => self.refused(id, error),
        }
    }

    /// One-way clients cannot receive errors: they are disconnected instead.
    fn fail_to_connect(&mut self, id: u32, code: ErrorCode) -> Outcome {
        if !self.session.transport.kind.is_one_way() {
            return self.fail(id, code);
        }
        Outcome::Close(match code {
            ErrorCode::TokenExpired | ErrorCode::Expired => Disconnect::EXPIRED,
            ErrorCode::Unauthorized => Disconnect::INVALID_TOKEN,
            _ => Disconnect::SERVER_ERROR,
        })
    }

    fn identified(
        &mut self,
        id: u32,
        client: Uuid,
        mut identity: Identity,
        mut wanted: BTreeMap<String, SubscribeRequest>,
    ) -> Outcome {
        if identity.expiry.is_past(self.now) {
            return self.fail_to_connect(id, ErrorCode::Expired);
        }
        let subscriptions = std::mem::take(&mut identity.subscriptions);
        if subscriptions.len() > self.config.limits.channels {
            return Outcome::Close(Disconnect::CHANNEL_LIMIT);
        }
        let room = self.config.limits.page_bytes;
        let mut plans = Vec::with_capacity(subscriptions.len());
        for (channel, grant) in subscriptions {
            let Ok(options) = self.config.namespaces.find(&channel).cloned() else {
                return self.fail_to_connect(id, ErrorCode::UnknownChannel);
            };
            let request = wanted.remove(&*channel).unwrap_or_default();
            plans.push(Plan::by_server(channel, options, grant, &request, room));
        }
        let data = identity.data.take().map(|data| self.session.transport.encoding.payload(&data));
        let session = self.session.transport.kind.is_emulated().then(|| self.session.hub.next_id());
        if let Err(why) = self.admit(client, identity, session) {
            return Outcome::Close(why);
        }
        let (data, plans) = (data.unwrap_or_default(), plans.into_iter());
        self.open(Opening { id, session, data, plans, begun: Vec::new(), room })
    }

    /// Makes the client one of the hub's, unless its user has too many or is blocked.
    pub(super) fn admit(
        &mut self,
        client: Uuid,
        identity: Identity,
        session: Option<Uuid>,
    ) -> Result<(), Disconnect> {
        let Phase::New { control, .. } = &self.session.phase else { return Err(Disconnect::BAD_REQUEST) };
        let Identity { user, info, meta, expiry, .. } = identity;
        let (hub, control, since) = (self.hub(), control.clone(), self.now);
        let is_single = self.config.single_connection;
        let limit = if is_single { 0 } else { self.config.limits.user_connections };
        let live = LiveClient { user: user.clone(), session, control, since };
        let older = hub.registry().add(client, live, limit, is_single);
        let older = older.map_err(|_| Disconnect::CONNECTION_LIMIT)?;
        for older in older.iter().filter_map(|older| hub.registry().client(*older)) {
            older.control.deliver(ControlMessage::Disconnect(Disconnect::CONNECTION_LIMIT));
        }
        if is_single {
            hub.announce_connection(&user, client, since);
        }
        hub.counters().connects.add(1);
        let pings = !self.config.ping_interval.is_zero() && self.session.transport.has_pings();
        let heartbeat = match pings {
            true => Heartbeat { ping_at: self.now + self.config.ping_interval, pong_by: NEVER },
            false => Heartbeat::OFF,
        };
        let credentials = Credentials { user, info: boxed(info), meta: boxed(meta), expiry };
        self.session.phase = Phase::Open(Client::new(client, credentials, heartbeat));
        // After it was added, so that whoever blocks the user either finds it there or is seen here.
        match self.client() {
            Some(client) if hub.blocked_until(&client.user(), self.now).is_some() => {
                Err(Disconnect::PERMISSION_DENIED)
            }
            _ => Ok(()),
        }
    }

    /// Begins the next server-side subscription, or replies if there is none left.
    pub(super) fn open(&mut self, mut opening: Opening) -> Outcome {
        let Some(mut plan) = opening.plans.next() else { return self.opened(opening) };
        plan.room = opening.room;
        let channel = plan.channel.to_string();
        self.begin(plan, move |turn, begun| match begun {
            Ok(begun) => {
                let recovered: usize =
                    begun.publications.iter().map(|publication| publication.data.len()).sum();
                opening.room = opening.room.saturating_sub(recovered);
                opening.begun.push(ServerSideResult { channel, result: Some(begun) });
                // The rest goes on by the queue: calling `open` here would nest as deep as there are subscriptions.
                turn.queue.work.push_front(Work::Open(Box::new(opening)));
                Outcome::Done
            }
            Err(_) => Outcome::Close(Disconnect::SERVER_ERROR),
        })
    }

    fn opened(&mut self, opening: Opening) -> Outcome {
        let Opening { id, session, data, begun, .. } = opening;
        let Some(client) = self.client() else { return Outcome::Done };
        let (expires, ttl) = match client.expiry() {
            expiry @ Expiry::Token(_) => expiry.fields(self.now),
            // The client would ask its program for a token, although the back end renews the connection.
            Expiry::Hook(_) | Expiry::Never => (false, 0),
        };
        let node = if session.is_some() { self.session.hub.node().to_string() } else { String::new() };
        let pings = self.session.transport.has_pings();
        let ping = if pings { self.config.ping_interval.as_secs() } else { 0 };
        let result = ConnectResult {
            client: client.id.to_string(),
            version: self.config.version.clone(),
            expires,
            ttl,
            data,
            subs: begun,
            ping: u32::try_from(ping).unwrap_or(u32::MAX),
            pong: self.wants_pongs(),
            session: session.map(|session| session.to_string()).unwrap_or_default(),
            node,
            time: 0,
        };
        if self.session.transport.kind.is_one_way() {
            self.push(PushTarget::Client, PushEvent::Connect(ConnectPush::from(result)));
            return self.release_all();
        }
        match self.reply(id, CommandResult::Connect(result)) {
            Outcome::Done => self.release_all(),
            step => step,
        }
    }

    /// Whether the client has to answer pings.
    pub(super) fn wants_pongs(&self) -> bool {
        let pings = !self.config.ping_interval.is_zero() && !self.config.pong_timeout.is_zero();
        pings && self.session.transport.has_pings() && !self.session.transport.kind.is_one_way()
    }
}

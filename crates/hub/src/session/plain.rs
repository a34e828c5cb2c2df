//! The plain face: a WebSocket is a subscription, and its messages are publications.

use std::sync::Arc;

use super::expiry::Expiry;
use super::identity::Identity;
use super::plan::{Origin, Plan, Wishes};
use super::state::{Outcome, Phase, Progress, Session, Turn};
use crate::access::{Permission, Requester};
use crate::backend::SubscribeGrant;
use crate::broker::HistoryQuery;
use crate::call::Call;
use crate::centrifuge::{Disconnect, ErrorCode, SubscribeResult};
use crate::channel::ChannelName;
use crate::data::Data;
use crate::delivery::HubEvent;
use crate::frame::Frame;
use crate::link::Link;
use crate::namespace::NamespaceOptions;
use crate::publication::Publication;
use crate::time::Millis;
use crate::token::SubscriptionGrant;
use crate::uuid::Uuid;

/// What a plain client asks for by its URL: `/channel/news?history=10&token=…`.
///
/// ```
/// let request = longwire_hub::PlainRequest { channel: "news".into(), history: 10, ..Default::default() };
/// assert_eq!(request.token, "");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainRequest {
    /// The channel.
    pub channel: String,
    /// A connection token; empty without one. If it names the channel among its `channels` or `subs`, it is also the
    /// permission to subscribe.
    pub token: String,
    /// How many of the newest publications come first, from old to new, within
    /// [`plain_history`](crate::SessionLimits::plain_history) bytes.
    pub history: usize,
}

impl Session {
    /// Opens a plain session, whose transport is [`TransportKind::Plain`](crate::TransportKind::Plain). Each message that
    /// it [receives](Session::receive) is published, and each publication is sent as it was published. Errors disconnect.
    pub fn open_plain(&mut self, link: &mut dyn Link, request: PlainRequest, now: Millis) -> Progress {
        if !matches!(self.phase, Phase::New { .. }) || self.waits() {
            return Progress::Idle;
        }
        let mut turn = Turn::new(self, link, now);
        let step = turn.open_plain(request);
        turn.run(step)
    }
}

impl Turn<'_> {
    fn open_plain(&mut self, request: PlainRequest) -> Outcome {
        let client = self.session.hub.next_id();
        if request.token.is_empty() {
            if !self.config.anonymous && !self.config.insecure {
                return Outcome::Close(Disconnect::PERMISSION_DENIED);
            }
            return self.subscribe_plain(client, Identity::anonymous(), &request);
        }
        let verified = self.config.tokens.connection(&request.token, self.now);
        self.then(verified, move |turn, token| match token {
            Ok(token) => turn.subscribe_plain(client, token.into(), &request),
            Err(error) => {
                let event = HubEvent::TokenRefused { client: &client.text(), channel: None, error: &error };
                turn.session.hub.delivery().report(&event);
                match error.rejection().code() {
                    3500 => Outcome::Close(Disconnect::INVALID_TOKEN),
                    109 => Outcome::Close(Disconnect::EXPIRED),
                    _ => Outcome::Close(Disconnect::SERVER_ERROR),
                }
            }
        })
    }

    fn subscribe_plain(&mut self, client: Uuid, mut identity: Identity, request: &PlainRequest) -> Outcome {
        if identity.expiry.is_past(self.now) {
            return Outcome::Close(Disconnect::EXPIRED);
        }
        let (channel, options) = match self.channel(&request.channel) {
            Ok(found) => found,
            Err(code) => return self.fail(0, code),
        };
        let named = std::mem::take(&mut identity.subscriptions).remove(&channel);
        let who = Requester { user: &identity.user, is_subscriber: false, has_token: named.is_some() };
        let permission =
            if self.config.insecure { Permission::Allowed } else { options.may_subscribe(&channel, &who) };
        if permission == Permission::Denied {
            // Before it is admitted, which may disconnect others.
            return self.fail(0, ErrorCode::PermissionDenied);
        }
        if let Err(why) = self.admit(client, identity, None) {
            return Outcome::Close(why);
        }
        let has_token = named.is_some();
        let grant = named.unwrap_or_default();
        match permission {
            Permission::Allowed => {
                let plan = plan(channel, options, grant, Expiry::Never, has_token);
                self.begin_plain(plan, request.history)
            }
            Permission::Denied => self.fail(0, ErrorCode::PermissionDenied),
            Permission::AskHook => {
                let Some(client) = self.client() else { return Outcome::Done };
                let hooked = client.for_hooks(&self.session.transport);
                let backend = self.session.hub.backend();
                let nothing = Data::Json("null".into());
                let Some(answer) =
                    backend.and_then(|backend| backend.subscribe(hooked, channel.clone(), nothing))
                else {
                    return self.fail(0, ErrorCode::PermissionDenied);
                };
                let history = request.history;
                self.then(Call::Later(answer), move |turn, granted| match granted {
                    Ok(SubscribeGrant { grant, expires_at }) => {
                        let plan = plan(channel, options, grant, Expiry::by_hook(expires_at), has_token);
                        turn.begin_plain(plan, history)
                    }
                    Err(error) => turn.refused(0, error),
                })
            }
        }
    }

    fn begin_plain(&mut self, plan: Plan, history: usize) -> Outcome {
        let (channel, options) = (plan.channel.clone(), plan.options.clone());
        self.begin(plan, move |turn, begun| match begun {
            Ok(begun) if history > 0 && options.history.is_kept() => {
                turn.send_past(&channel, &options, &begun, history)
            }
            Ok(_) => turn.release(&channel),
            Err(code) => turn.fail(0, code),
        })
    }

    /// Sends the newest publications up to the position at which the subscription has begun: those after it come by the
    /// subscription.
    fn send_past(
        &mut self,
        channel: &ChannelName,
        options: &Arc<NamespaceOptions>,
        begun: &SubscribeResult,
        history: usize,
    ) -> Outcome {
        if self.permission(channel, options.read_history) != Permission::Allowed {
            return self.fail(0, ErrorCode::PermissionDenied);
        }
        let limit = history.min(options.max_page).min(self.config.limits.history_page);
        let query = HistoryQuery { limit, since: None, reverse: true };
        let page = self.hub().broker().history(channel, query, &options.history, self.now);
        let (channel, begun) = (channel.clone(), begun.offset);
        self.then(page, move |turn, page| match page {
            Ok(page) => {
                let past = page.publications.iter().filter(|publication| publication.offset <= begun);
                let mut room = turn.config.limits.plain_history;
                let fits = |(place, publication): &(usize, &Arc<Publication>)| {
                    let len = publication.data.len();
                    let fits = *place == 0 || len <= room;
                    room = room.saturating_sub(len);
                    fits
                };
                let newest: Vec<_> = past.enumerate().take_while(fits).collect();
                for (_, publication) in newest.into_iter().rev() {
                    turn.link.send(Frame::from(&publication.data));
                }
                turn.release(&channel)
            }
            Err(error) => turn.fail(0, error.into()),
        })
    }

    /// Publishes a message of a plain client.
    pub(super) fn publish_plain(&mut self, data: Data) -> Outcome {
        let channel =
            self.client().and_then(|client| client.subscriptions.iter().next().map(|(name, _)| name.clone()));
        match channel {
            Some(channel) => self.publish_data(0, &channel, data),
            None => Outcome::Done,
        }
    }
}

fn plan(
    channel: ChannelName,
    options: Arc<NamespaceOptions>,
    grant: SubscriptionGrant,
    expiry: Expiry,
    has_token: bool,
) -> Plan {
    let wishes = Wishes { positioned: true, ..Wishes::default() };
    // Its past comes in another way.
    Plan { channel, options, grant, expiry, origin: Origin::Client, has_token, wishes, room: 0 }
}

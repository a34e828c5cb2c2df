//! Beginning a subscription, of a client or of the server.

use std::sync::Arc;

use super::expiry::Expiry;
use super::plan::{Origin, Plan, Wishes};
use super::state::{Outcome, Turn};
use super::subscriptions::{Hold, Maker, Subscription, SubscriptionDetails};
use crate::broker::{BrokerError, Joined, Member, Recovery, Since, Start};
use crate::call::Call;
use crate::centrifuge::{Disconnect, ErrorCode, Form, SubscribeRequest, SubscribeResult, WirePublication};
use crate::channel::ChannelName;
use crate::hub::{BeginningId, Entered, Hub, NewSubscription, Place};
use crate::namespace::{NamespaceOptions, RecoveryMode, RecoveryPolicy, SlowPolicy};
use crate::time::Millis;
use crate::token::SubscriptionGrant;
use crate::transport::TransportKind;
use crate::variant::{Naming, Variant};

/// What a subscription is like, by the namespace, the token and the client's wishes.
struct Features {
    recoverable: bool,
    positioned: bool,
    delta: bool,
    is_member: bool,
    announces: bool,
    slow: SlowPolicy,
    variant: Variant,
    joins: Option<Variant>,
}

/// A subscription that has been counted. Dropping it ends that, and the subscription at the broker if it has begun.
struct Counted {
    hub: Arc<Hub>,
    channel: ChannelName,
    variant: Variant,
    joins: Option<Variant>,
    beginning: BeginningId,
    number: u64,
    generation: u16,
    begun: bool,
    kept: bool,
    now: Millis,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let place = Place::Beginning(self.beginning);
        self.hub.channels_table().leave(&self.channel, self.variant, self.joins, place);
        if self.begun {
            self.hub.detach(self.hub.broker().unsubscribe(&self.channel, self.now));
        }
    }
}

impl Plan {
    /// A subscription that the server makes when a client connects. The client only says what it has seen.
    pub(super) fn by_server(
        channel: ChannelName,
        options: Arc<NamespaceOptions>,
        grant: SubscriptionGrant,
        request: &SubscribeRequest,
        room: usize,
    ) -> Plan {
        let wishes = Wishes {
            // Server-side subscriptions recover if their channel does: the client cannot ask before it knows them.
            recoverable: true,
            delta: false,
            all_or_nothing: false,
            // Clients find their own subscriptions by numbers, and not these.
            ..Wishes::of(request, Naming::Name)
        };
        Plan {
            channel,
            options,
            grant,
            expiry: Expiry::Never,
            origin: Origin::Server,
            has_token: false,
            wishes,
            room,
        }
    }

    fn features(&self, turn: &Turn<'_>) -> Features {
        let NamespaceOptions { recovery, join_leave, force_push_join_leave, .. } = *self.options;
        let overrides = &self.grant.overrides;
        let is_kept = self.options.history.is_kept();
        let by_policy = match recovery {
            RecoveryPolicy::Off => false,
            RecoveryPolicy::OnRequest => self.wishes.recoverable || self.wishes.since.is_some(),
            RecoveryPolicy::Forced => true,
        };
        let recoverable = is_kept && overrides.force_recovery.unwrap_or(by_policy);
        let positions = self.wishes.positioned || overrides.force_positioning == Some(true);
        let positioned = is_kept && (recoverable || positions);
        let transport = &turn.session.transport;
        let is_plain = transport.kind == TransportKind::Plain;
        let delta = self.options.delta && self.wishes.delta && !transport.kind.is_one_way();
        let announces = overrides.join_leave.unwrap_or(join_leave);
        let is_pushed = overrides.force_push_join_leave.unwrap_or(force_push_join_leave);
        let wants_joins = (join_leave || announces) && (self.wishes.joins || is_pushed);
        let naming = self.wishes.naming;
        Features {
            recoverable,
            positioned,
            delta,
            is_member: announces || overrides.presence.unwrap_or(self.options.presence),
            announces,
            // Whoever has a position counts on missing nothing, and a delta needs what precedes it.
            slow: if (positioned && !is_plain) || delta { SlowPolicy::Disconnect } else { self.options.slow },
            variant: match is_plain {
                true => Variant::Plain,
                false => Variant::of(transport.encoding, transport.wrapping(), delta, naming),
            },
            joins: wants_joins.then(|| Variant::joins(transport.encoding, transport.wrapping(), naming)),
        }
    }

    /// What is read of the past.
    fn since(&self, features: &Features, limit: usize) -> Since {
        match (self.options.recovery_mode, &self.wishes.since) {
            _ if !features.recoverable => Since::Now,
            (RecoveryMode::Cache, position) => Since::Newest { position: position.clone() },
            (RecoveryMode::Stream, Some(position)) => {
                Since::Position { position: position.clone(), limit: limit.min(self.options.max_page) }
            }
            (RecoveryMode::Stream, None) => Since::Now,
        }
    }
}

impl Turn<'_> {
    /// Begins a subscription, and calls `next` with the result. What comes for the subscription is held until `next`, or what
    /// follows it, has added the reply and [released](Self::release) it.
    pub(super) fn begin(
        &mut self,
        mut plan: Plan,
        next: impl FnOnce(&mut Turn<'_>, Result<SubscribeResult, ErrorCode>) -> Outcome + Send + 'static,
    ) -> Outcome {
        let features = plan.features(self);
        if plan.origin == Origin::TakenOver {
            self.give_up(&plan.channel, features.is_member);
        }
        let since = plan.since(&features, self.config.limits.history_page);
        let hub = self.hub();
        let Features { variant, joins, slow, .. } = features;
        let new = NewSubscription { publications: variant, joins, slow, room: self.config.limits.held };
        let Entered { beginning, number, generation, name } = hub.channels_table().enter(&plan.channel, new);
        plan.channel = name;
        let starts = self.paused(&plan.channel, variant, joins, slow, generation);
        let mut counted = Counted {
            hub: hub.clone(),
            channel: plan.channel.clone(),
            variant,
            joins,
            beginning,
            number,
            generation,
            begun: false,
            kept: false,
            now: self.now,
        };
        let (deliverer, channel) = (hub.deliverer().clone(), plan.channel.clone());
        let start = Box::new(move || deliverer.channels.begin(&channel, beginning));
        let joined = hub.broker().subscribe(&plan.channel, since, &plan.options.history, self.now, start);
        let hold = Hold { id: beginning, starts, slow };
        let joined = joined.map(move |joined| {
            counted.begun = joined.is_ok();
            (joined, counted, hold)
        });
        self.then(joined, move |turn, (joined, counted, hold)| {
            turn.joined(plan, &features, joined, counted, hold, next)
        })
    }

    /// Subscribes to the topics of a channel. They start when what was held for the subscription is released.
    pub(super) fn paused(
        &mut self,
        channel: &ChannelName,
        variant: Variant,
        joins: Option<Variant>,
        slow: SlowPolicy,
        generation: u16,
    ) -> Vec<Start> {
        let publications = self.link.subscribe_paused(&variant.topic(channel, generation), slow);
        let joins = joins.map(|joins| {
            // A missed join or leave does no harm to the order of publications, but would leave members that are gone.
            self.link.subscribe_paused(&joins.topic(channel, generation), SlowPolicy::Disconnect)
        });
        std::iter::once(publications).chain(joins).collect()
    }

    fn joined(
        &mut self,
        plan: Plan,
        features: &Features,
        joined: Result<Joined, BrokerError>,
        mut counted: Counted,
        hold: Hold,
        next: impl FnOnce(&mut Turn<'_>, Result<SubscribeResult, ErrorCode>) -> Outcome + Send + 'static,
    ) -> Outcome {
        let mut joined = match joined {
            Ok(joined) => joined,
            // The server's subscription has ended for it.
            Err(_) if plan.origin == Origin::TakenOver => {
                self.leave_presence(&plan.channel);
                return Outcome::Close(Disconnect::INSUFFICIENT_STATE);
            }
            Err(error) => return next(self, Err(error.into())),
        };
        joined.recovery = plan.in_room(joined.recovery);
        let (now, presence_ttl) = (self.now, self.config.presence_ttl);
        let hub = self.hub();
        if plan.wishes.since.is_some() && features.recoverable {
            let counters = hub.counters();
            match joined.recovery {
                Recovery::Recovered(_) => counters.recovered.add(1),
                Recovery::Unrecoverable => counters.unrecovered.add(1),
                Recovery::NotAsked => {}
            }
        }
        let mut result = self.subscribe_result(&plan, features, &joined);
        if features.variant.naming() == Naming::Number {
            result.id = i64::try_from(counted.number).unwrap_or(0);
        }
        let Plan { channel, grant, expiry, origin, has_token, wishes, .. } = plan;
        let is_refused = wishes.all_or_nothing
            && matches!(joined.recovery, Recovery::Unrecoverable)
            && wishes.since.is_some();
        let maker = match origin {
            Origin::Server => Maker::Server(Box::new(grant.clone())),
            Origin::TakenOver if is_refused => Maker::Server(Box::new(grant.clone())),
            Origin::Client | Origin::TakenOver => Maker::Client,
        };
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let info = client.info_in(grant.info.clone());
        let details = SubscriptionDetails { maker, info: grant.info, expiry, hold: Some(hold) };
        client.subscriptions.insert(
            channel.clone(),
            Subscription {
                variant: features.variant,
                joins: features.joins,
                presence: features.is_member,
                announces: features.announces,
                has_token,
                generation: counted.generation,
                details: Some(Box::new(details)),
            },
        );
        if features.is_member {
            client.presence_due = client.presence_due.min(now + presence_ttl / 3);
        }
        counted.kept = true;
        hub.counters().subscribes.add(1);
        if is_refused && origin == Origin::TakenOver {
            // The server's subscription goes on.
            return next(self, Err(ErrorCode::UnrecoverablePosition));
        }
        if is_refused {
            // It was never a member, so nothing is announced.
            if let Some(subscription) =
                self.client_mut().and_then(|client| client.subscriptions.get_mut(&channel))
            {
                subscription.presence = false;
            }
            let left = self.leave(&channel).unwrap_or(Call::Ready(()));
            return self.then(left, |turn, ()| next(turn, Err(ErrorCode::UnrecoverablePosition)));
        }
        if !features.is_member {
            return next(self, Ok(result));
        }
        let member = Member { info, ttl: presence_ttl };
        let added = hub.broker().add_presence(&channel, member, features.announces, now);
        self.then(added, move |turn, added| match added {
            Ok(()) => next(turn, Ok(result)),
            Err(error) => {
                let left = turn.leave(&channel).unwrap_or(Call::Ready(()));
                turn.then(left, move |turn, ()| next(turn, Err(error.into())))
            }
        })
    }

    fn subscribe_result(&self, plan: &Plan, features: &Features, joined: &Joined) -> SubscribeResult {
        let encoding = self.session.transport.encoding;
        let mut result = SubscribeResult {
            recoverable: features.recoverable,
            positioned: features.positioned,
            delta: features.delta,
            was_recovering: plan.wishes.since.is_some(),
            data: plan.grant.data.as_ref().map(|data| encoding.payload(data)).unwrap_or_default(),
            ..SubscribeResult::default()
        };
        if let (Expiry::Token(_), Origin::Client | Origin::TakenOver) = (plan.expiry, plan.origin) {
            (result.expires, result.ttl) = plan.expiry.fields(self.now);
        }
        if features.positioned {
            result.epoch = joined.position.epoch.to_string();
            result.offset = joined.position.offset;
        }
        let Recovery::Recovered(publications) = &joined.recovery else { return result };
        let form = if features.delta { Form::Whole } else { Form::Plain };
        let wire = publications.iter().map(|publication| WirePublication::new(encoding, publication, form));
        result.publications = wire.collect();
        result.recovered = plan.wishes.since.is_some() || !publications.is_empty();
        if let (RecoveryMode::Stream, Some(since)) = (plan.options.recovery_mode, &plan.wishes.since) {
            // Clients move it with each publication that follows.
            result.offset = since.offset;
        }
        result
    }
}

//! Ending subscriptions.

use std::sync::Arc;

use super::client::Client;
use super::state::{Outcome, Turn, Work};
use super::subscriptions::Subscription;
use crate::call::Call;
use crate::centrifuge::{CommandResult, Disconnect, PushEvent, PushTarget, UnsubscribeCode, UnsubscribePush};
use crate::channel::ChannelName;
use crate::control::ControlMessage;
use crate::hub::{Hub, Place};
use crate::time::Millis;
use crate::transport::TransportKind;
use crate::uuid::Uuid;

impl Turn<'_> {
    pub(super) fn unsubscribe(&mut self, id: u32, channel: &str) -> Outcome {
        if channel.is_empty() {
            return self.bad_request("unsubscribe without a channel");
        }
        // From now on, it counts how often the client subscribes.
        self.session.rates.get_or_insert_default();
        let left = self.leave(channel).unwrap_or(Call::Ready(()));
        self.then(left, move |turn, ()| turn.reply(id, CommandResult::Unsubscribe))
    }

    /// Ends a subscription, or all of them without a channel, and tells the client.
    pub(super) fn unsubscribe_by_server(&mut self, channel: Option<ChannelName>) -> Outcome {
        if let Some(channel) = channel {
            return self.end(&channel, UnsubscribeCode::Server);
        }
        let Some(client) = self.client() else { return Outcome::Done };
        let channels: Vec<_> = client.subscriptions.iter().map(|(channel, _)| channel.clone()).collect();
        for channel in channels.into_iter().rev() {
            let message = ControlMessage::Unsubscribe(Some(channel));
            self.queue.work.push_front(Work::Control(message));
        }
        Outcome::Done
    }

    /// Ends a subscription and tells the client why.
    pub(super) fn end(&mut self, channel: &ChannelName, why: UnsubscribeCode) -> Outcome {
        let Some(left) = self.leave(channel) else { return Outcome::Done };
        if self.session.transport.kind == TransportKind::Plain {
            self.session.hub.detach(left);
            // The connection is the subscription.
            return Outcome::Close(match why {
                UnsubscribeCode::Expired => Disconnect::SUB_EXPIRED,
                UnsubscribeCode::Server => Disconnect::FORCE_NO_RECONNECT,
                UnsubscribeCode::InsufficientState | UnsubscribeCode::StateInvalidated => {
                    Disconnect::INSUFFICIENT_STATE
                }
            });
        }
        self.push(PushTarget::Channel(channel.clone()), PushEvent::Unsubscribe(UnsubscribePush::from(why)));
        if self.session.waits() {
            self.session.hub.detach(left);
            return Outcome::Done;
        }
        self.then(left, |_, ()| Outcome::Done)
    }

    /// Ends a subscription whose client may miss publications, unless it began after they were lost.
    pub(super) fn lose_generation(&mut self, channel: &ChannelName, generation: u16) -> Outcome {
        match self.client().and_then(|client| client.subscriptions.get(channel)) {
            Some(subscription) if subscription.generation == generation => self.lose(channel),
            _ => Outcome::Done,
        }
    }

    /// Ends a subscription whose client may miss publications. The client subscribes again, or connects again if the server
    /// has made the subscription.
    pub(super) fn lose(&mut self, channel: &ChannelName) -> Outcome {
        match self.client().and_then(|client| client.subscriptions.get(channel)) {
            Some(subscription) if subscription.is_server_side() => {
                Outcome::Close(Disconnect::INSUFFICIENT_STATE)
            }
            Some(_) => self.end(channel, UnsubscribeCode::InsufficientState),
            None => Outcome::Done,
        }
    }

    /// Ends a subscription, if there is one. The client's next command must wait for the broker: if it subscribes again, its
    /// presence must not end afterwards.
    pub(super) fn leave(&mut self, channel: &str) -> Option<Call<()>> {
        let removed = self.client_mut().and_then(|client| client.subscriptions.remove(channel));
        let (channel, subscription) = removed?;
        Some(self.end_removed(&channel, &subscription))
    }

    /// Ends a subscription in whose place another one comes, without a word. Its member stays, if the other has one.
    pub(super) fn give_up(&mut self, channel: &str, stays_member: bool) {
        let removed = self.client_mut().and_then(|client| client.subscriptions.remove(channel));
        if let Some((channel, mut subscription)) = removed {
            subscription.presence &= !stays_member;
            let left = self.end_removed(&channel, &subscription);
            self.session.hub.detach(left);
        }
    }

    /// Ends the client's presence in a channel of which it is no subscriber any more.
    pub(super) fn leave_presence(&mut self, channel: &ChannelName) {
        let (hub, now) = (self.hub(), self.now);
        if let Some(client) = self.client() {
            hub.detach(hub.broker().remove_presence(channel, &client.id.text(), true, now));
        }
    }

    fn end_removed(&mut self, channel: &ChannelName, subscription: &Subscription) -> Call<()> {
        let (hub, now) = (self.hub(), self.now);
        let Some(id) = self.client().map(|client| client.id) else { return Call::Ready(()) };
        self.link.unsubscribe(&subscription.variant.topic(channel, subscription.generation));
        if let Some(joins) = subscription.joins {
            self.link.unsubscribe(&joins.topic(channel, subscription.generation));
        }
        hub.carried_out(ended(&hub, channel, subscription, id, now))
    }
}

/// Ends a subscription of a client everywhere but at its connection.
fn ended(
    hub: &Hub,
    channel: &ChannelName,
    subscription: &Subscription,
    client: Uuid,
    now: Millis,
) -> Call<()> {
    let place = subscription.hold().map_or(Place::Released(client), |hold| Place::Beginning(hold.id));
    hub.channels_table().leave(channel, subscription.variant, subscription.joins, place);
    hub.counters().unsubscribes.add(1);
    let left = hub.broker().unsubscribe(channel, now).map(drop);
    if !subscription.presence {
        return left;
    }
    let removed =
        hub.broker().remove_presence(channel, &client.text(), subscription.announces, now).map(drop);
    left.and(removed)
}

/// Ends everything of a client that is gone.
pub(super) fn leave_all(hub: &Arc<Hub>, mut client: Client, now: Millis) {
    while let Some((channel, subscription)) = client.subscriptions.pop() {
        hub.detach(ended(hub, &channel, &subscription, client.id, now));
    }
    hub.registry().remove(client.id);
    hub.counters().disconnects.add(1);
}

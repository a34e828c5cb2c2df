//! Ending subscriptions.

use std::sync::Arc;

use super::client::{Client, Subscription};
use super::state::{Outcome, Turn, Work};
use crate::centrifuge::{CommandResult, Disconnect, PushEvent, PushTarget, UnsubscribeCode, UnsubscribePush};
use crate::channel::ChannelName;
use crate::control::ControlMessage;
use crate::hub::Hub;
use crate::time::Millis;
use crate::transport::TransportKind;

impl Turn<'_> {
    pub(super) fn unsubscribe(&mut self, id: u32, channel: &str) -> Outcome {
        if channel.is_empty() {
            return self.bad_request("unsubscribe without a channel");
        }
        self.leave(channel);
        self.reply(id, CommandResult::Unsubscribe)
    }

    /// Ends a subscription, or all of them without a channel, and tells the client.
    pub(super) fn unsubscribe_by_server(&mut self, channel: Option<ChannelName>) -> Outcome {
        match channel {
            Some(channel) => self.end(&channel, UnsubscribeCode::Server),
            None => {
                let Some(client) = self.client() else { return Outcome::Done };
                let channels: Vec<_> =
                    client.subscriptions.iter().map(|(channel, _)| channel.clone()).collect();
                for channel in channels {
                    self.end(&channel, UnsubscribeCode::Server);
                }
            }
        }
        Outcome::Done
    }

    /// Ends a subscription and tells the client why.
    pub(super) fn end(&mut self, channel: &ChannelName, why: UnsubscribeCode) {
        if !self.leave(channel) {
            return;
        }
        if self.session.transport.kind == TransportKind::Plain {
            // The connection is the subscription.
            let why = match why {
                UnsubscribeCode::Expired => Disconnect::SUB_EXPIRED,
                UnsubscribeCode::Server => Disconnect::FORCE_NO_RECONNECT,
                UnsubscribeCode::InsufficientState | UnsubscribeCode::StateInvalidated => {
                    Disconnect::INSUFFICIENT_STATE
                }
            };
            self.session.queue.push_front(Work::Control(ControlMessage::Disconnect(why)));
        } else {
            let event = PushEvent::Unsubscribe(UnsubscribePush::from(why));
            self.push(PushTarget::Channel(channel.clone()), event);
        }
    }

    /// Ends a subscription. Says whether there was one.
    pub(super) fn leave(&mut self, channel: &str) -> bool {
        let removed = self.client_mut().and_then(|client| client.subscriptions.remove(channel));
        let was_subscribed = removed.is_some();
        if let Some((channel, subscription)) = removed {
            self.end_removed(&channel, &subscription);
        }
        was_subscribed
    }

    /// Ends a subscription in whose place another one comes, without a word. Its member stays, if the other has one.
    pub(super) fn give_up(&mut self, channel: &str, stays_member: bool) {
        let removed = self.client_mut().and_then(|client| client.subscriptions.remove(channel));
        if let Some((channel, mut subscription)) = removed {
            subscription.presence &= !stays_member;
            self.end_removed(&channel, &subscription);
        }
    }

    /// Ends the client's presence in a channel of which it is no subscriber any more.
    pub(super) fn leave_presence(&mut self, channel: &ChannelName) {
        let (hub, now) = (self.hub(), self.now);
        if let Some(client) = self.client() {
            hub.detach(hub.broker().remove_presence(channel, &client.id, true, now));
        }
    }

    fn end_removed(&mut self, channel: &ChannelName, subscription: &Subscription) {
        let (hub, now) = (self.hub(), self.now);
        let Some(id) = self.client().map(|client| client.id.clone()) else { return };
        self.link.unsubscribe(&subscription.variant.topic(channel));
        if let Some(joins) = subscription.joins {
            self.link.unsubscribe(&joins.topic(channel));
        }
        ended(&hub, channel, subscription, &id, now);
    }
}

/// Ends a subscription of a client everywhere but at its connection.
fn ended(hub: &Hub, channel: &ChannelName, subscription: &Subscription, client: &str, now: Millis) {
    let beginning = subscription.hold.as_ref().map(|hold| hold.id);
    hub.channels_table().leave(channel, subscription.variant, subscription.joins, beginning);
    hub.detach(hub.broker().unsubscribe(channel, now));
    if subscription.presence {
        hub.detach(hub.broker().remove_presence(channel, client, subscription.announces, now));
    }
    hub.counters().unsubscribes.add(1);
}

/// Ends everything of a client that is gone.
pub(super) fn leave_all(hub: &Arc<Hub>, mut client: Client, now: Millis) {
    while let Some((channel, subscription)) = client.subscriptions.pop() {
        ended(hub, &channel, &subscription, &client.id, now);
    }
    hub.registry().remove(&client.id);
    hub.counters().disconnects.add(1);
}

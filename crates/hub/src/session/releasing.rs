//! The end of holding back what comes for a subscription.

use super::state::{Outcome, Turn};
use super::subscriptions::Hold;
use crate::broker::Start;
use crate::channel::ChannelName;
use crate::hub::Release;
use crate::namespace::SlowPolicy;

impl Turn<'_> {
    /// Sends what was held for a subscription, whose reply was added, and lets it receive what follows.
    pub(super) fn release(&mut self, channel: &str) -> Outcome {
        let hub = self.hub();
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let id = client.id;
        let Some((channel, subscription)) = client.subscriptions.entry_mut(channel) else {
            return Outcome::Done;
        };
        let Some(mut hold) = subscription.take_hold() else { return Outcome::Done };
        let (channel, mut generation) = (channel.clone(), subscription.generation);
        loop {
            let Hold { id: beginning, starts, slow } = hold;
            let start = || starts.into_iter().for_each(|start| start());
            match hub.channels_table().release(&channel, beginning, id, generation, start) {
                Release::Held(held) => {
                    held.into_iter().for_each(|frame| self.pass(frame));
                    return Outcome::Done;
                }
                Release::Incomplete => return self.lose(&channel),
                Release::Moved(next) => {
                    let starts = self.move_topics(&channel, next, slow);
                    (hold, generation) = (Hold { id: beginning, starts, slow }, next);
                }
            }
        }
    }

    /// Subscribes to the topics of another generation instead. Nothing has come from the old ones.
    fn move_topics(&mut self, channel: &ChannelName, generation: u16, slow: SlowPolicy) -> Vec<Start> {
        let subscription = self.client_mut().and_then(|client| client.subscriptions.get_mut(channel));
        let Some(subscription) = subscription else { return Vec::new() };
        let (variant, joins) = (subscription.variant, subscription.joins);
        let old = std::mem::replace(&mut subscription.generation, generation);
        for variant in std::iter::once(variant).chain(joins) {
            self.link.unsubscribe(&variant.topic(channel, old));
        }
        self.paused(channel, variant, joins, slow, generation)
    }

    /// Releases what was held for all subscriptions.
    pub(super) fn release_all(&mut self) -> Outcome {
        let Some(client) = self.client() else { return Outcome::Done };
        let held = client.subscriptions.iter().filter(|(_, subscription)| subscription.hold().is_some());
        let channels: Vec<ChannelName> = held.map(|(channel, _)| channel.clone()).collect();
        for channel in channels {
            match self.release(&channel) {
                Outcome::Done => {}
                step => return step,
            }
        }
        Outcome::Done
    }
}

//! The end of holding back what comes for a subscription.

use super::state::{Outcome, Turn};
use super::subscriptions::Hold;
use crate::channel::ChannelName;

impl Turn<'_> {
    /// Sends what was held for a subscription, whose reply was added, and lets it receive what follows.
    pub(super) fn release(&mut self, channel: &str) -> Outcome {
        let hub = self.hub();
        let Some(client) = self.client_mut() else { return Outcome::Done };
        let id = client.id;
        let Some((channel, subscription)) = client.subscriptions.entry_mut(channel) else {
            return Outcome::Done;
        };
        let Some(hold) = subscription.take_hold() else { return Outcome::Done };
        let channel = channel.clone();
        let Hold { id: beginning, starts } = hold;
        let start = || starts.into_iter().for_each(|start| start());
        match hub.channels_table().release(&channel, beginning, id, start) {
            Some(held) => {
                held.into_iter().for_each(|frame| self.pass(frame));
                Outcome::Done
            }
            None => self.lose(&channel),
        }
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

//! The fan-out of one of several brokers.

use std::sync::Arc;

use bytes::Bytes;

use super::gate::{Gate, Source};
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::publication::{ClientInfo, Publication};

/// Passes on what a broker delivers while it has the channel.
pub(super) struct GatedFanout {
    pub(super) gate: Arc<Gate>,
    pub(super) source: Source,
    pub(super) fanout: Arc<dyn Fanout>,
}

impl Fanout for GatedFanout {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        epoch: &str,
        previous: Option<&Publication>,
    ) {
        self.gate.pass(channel, self.source, || {
            self.fanout.publication(channel, publication, epoch, previous);
        });
    }

    fn join(&self, channel: &ChannelName, client: &ClientInfo) {
        self.gate.pass(channel, self.source, || self.fanout.join(channel, client));
    }

    fn leave(&self, channel: &ChannelName, client: &ClientInfo) {
        self.gate.pass(channel, self.source, || self.fanout.leave(channel, client));
    }

    fn lost(&self, channel: &ChannelName) {
        self.gate.pass(channel, self.source, || self.fanout.lost(channel));
    }

    fn told(&self, message: Bytes) {
        // What another node says is true whichever broker has the channels.
        self.fanout.told(message);
    }
}

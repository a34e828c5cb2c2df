//! Who is present in a channel.

use super::api_error::ApiError;
use super::node::Hub;
use crate::broker::{BrokerError, Presence, PresenceStats};
use crate::call::Call;
use crate::centrifuge::ErrorCode;
use crate::channel::ChannelName;
use crate::limits::SessionLimits;
use crate::publication::ClientInfo;
use crate::time::Millis;

impl Hub {
    /// All clients that are present in a channel. If they are more than the configuration allows, the answer is error 106:
    /// [`presence_stats`](Self::presence_stats) counts any number.
    pub fn presence(&self, channel: &str, now: Millis) -> Call<Result<Presence, ApiError>> {
        match self.channel_with_presence(channel) {
            Ok(channel) => {
                let presence = self.whole_presence(&channel, now);
                presence.map(|presence| presence.map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// How many clients and users are present in a channel.
    pub fn presence_stats(&self, channel: &str, now: Millis) -> Call<Result<PresenceStats, ApiError>> {
        match self.channel_with_presence(channel) {
            Ok(channel) => {
                self.broker().presence_stats(&channel, now).map(|stats| stats.map_err(ApiError::from))
            }
            Err(error) => Call::Ready(Err(error)),
        }
    }

    /// All clients that are present, or an error if they are too many for one reply: the protocol has no pages, and a part
    /// would look like all.
    pub(crate) fn whole_presence(
        &self,
        channel: &ChannelName,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        let SessionLimits { presence_page, presence_bytes, .. } = self.config().limits;
        let presence = self.broker().presence(channel, presence_page.saturating_add(1), now);
        presence.map(move |presence| {
            let presence = presence?;
            let bytes: usize = presence.clients.values().map(len).sum();
            match presence.clients.len() > presence_page || bytes > presence_bytes {
                true => Err(BrokerError::LimitExceeded),
                false => Ok(presence),
            }
        })
    }

    pub(super) fn channel_with_presence(&self, name: &str) -> Result<ChannelName, ApiError> {
        let (channel, options) = self.channel(name)?;
        if options.presence { Ok(channel) } else { Err(ErrorCode::NotAvailable.into()) }
    }
}

/// The length of what a reply says about a client.
fn len(client: &ClientInfo) -> usize {
    let ClientInfo { user, client, conn_info, chan_info } = client;
    let json: usize = conn_info.iter().chain(chan_info).map(|json| json.len()).sum();
    client.len() + user.len() + json
}

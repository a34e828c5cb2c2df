//! Removing what has expired, and keeping positions that are in use.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use longwire_hub::{ChannelName, HistoryOptions, Millis};

use super::{History, is_old};
use crate::entry::Newest;
use crate::failure::Failure;

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(1);

impl History {
    /// Removes the publications of a channel if all of them have expired.
    async fn expire(&self, channel: &ChannelName, history: &HistoryOptions) -> Result<(), Failure> {
        let now = now();
        let has_expired = |entry_time: u64| Millis(entry_time) + history.ttl <= now;
        let is_expired = |newest: &Newest| {
            let has_publications = newest.entry.removed < newest.entry.offset;
            has_publications && has_expired(newest.entry.time)
        };
        self.remove_if(channel, now, is_expired).await
    }

    async fn renew(&self, channel: &ChannelName, history: &HistoryOptions) -> Result<(), Failure> {
        let now = now();
        let place = self.place(channel, history).await?;
        let Some(newest) = self.newest(&place).await? else { return Ok(()) };
        if !is_old(&newest, history, now) {
            return Ok(());
        }
        match self.append_entry(&place, &newest, newest.renewed(now.0)).await {
            Ok(_) | Err(Failure::Conflict) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn care(&self) {
        for (channel, history) in self.upkeep.take_expiring() {
            let expired =
                tokio::time::timeout(self.line.call_timeout(), self.expire(&channel, &history)).await;
            if !matches!(expired, Ok(Ok(()))) {
                self.upkeep.expires(&channel, &history);
            }
        }
        for (channel, history) in self.upkeep.take_followed() {
            let renewed =
                tokio::time::timeout(self.line.call_timeout(), self.renew(&channel, &history)).await;
            if !matches!(renewed, Ok(Ok(()))) {
                tracing::debug!(%channel, "the position of a channel was not renewed");
            }
        }
    }
}

/// Cares for streams until they are dropped.
pub(crate) async fn keep_up(history: Weak<History>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(history): Option<Arc<History>> = history.upgrade() else { return };
        if history.line.is_connected() {
            history.care().await;
        }
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

//! Removing what has expired, and keeping positions that are in use.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use longwire_hub::{ChannelName, HistoryOptions, Millis};

use super::{History, is_old};
use crate::clock;
use crate::entry::Newest;
use crate::failure::Failure;

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(1);

/// For how many channels something is done at once.
const AT_ONCE: usize = 16;

/// What a channel needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    Expire,
    Renew,
}

impl History {
    /// Removes the publications of a channel if all of them have expired.
    async fn expire(&self, channel: &ChannelName, history: &HistoryOptions) -> Result<(), Failure> {
        let now = clock::now();
        let is_expired = |newest: &Newest| {
            let has_publications = newest.entry.removed < newest.entry.offset;
            has_publications && Millis(newest.entry.time) + history.ttl <= now
        };
        match self.remove_if(channel, now, is_expired).await {
            // Somebody has removed it all.
            Err(Failure::NoStream) => Ok(()),
            other => other,
        }
    }

    async fn renew(&self, channel: &ChannelName, history: &HistoryOptions) -> Result<(), Failure> {
        let now = clock::now();
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

    /// Does everything that is due.
    async fn care(&self) {
        loop {
            let expiring = self.upkeep.take_expiring();
            let followed = self.upkeep.take_followed();
            if expiring.is_empty() && followed.is_empty() {
                return;
            }
            let expiring = expiring.into_iter().map(|(channel, history)| (channel, history, Care::Expire));
            let followed = followed.into_iter().map(|(channel, history)| (channel, history, Care::Renew));
            let all: Vec<_> = expiring.chain(followed).collect();
            stream::iter(all)
                .for_each_concurrent(AT_ONCE, |(channel, history, care)| async move {
                    self.care_for(&channel, &history, care).await;
                })
                .await;
        }
    }

    async fn care_for(&self, channel: &ChannelName, history: &HistoryOptions, care: Care) {
        let time = self.line.call_timeout();
        let done = match care {
            Care::Expire => tokio::time::timeout(time, self.expire(channel, history)).await,
            Care::Renew => tokio::time::timeout(time, self.renew(channel, history)).await,
        };
        if !matches!(done, Ok(Ok(()))) {
            tracing::debug!(%channel, ?care, "a channel was not cared for");
            if care == Care::Expire {
                self.upkeep.expires(channel, history);
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

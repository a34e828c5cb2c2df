//! Which streams need care, and when: what has expired is removed, and positions in use are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use longwire_hub::{ChannelName, HistoryOptions};

/// How many channels are taken at once. The others follow a moment later.
const AT_ONCE: usize = 256;

/// The most channels of which a node removes what has expired. What is left expires with its position.
const MOST_EXPIRING: usize = 100_000;

/// How much later than a publication expires it is removed, since clocks differ.
const SLACK: Duration = Duration::from_millis(500);

/// Notes which channels need care, and when.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Channels in which this node has published.
    expiring: Mutex<HashMap<ChannelName, Due>>,
    /// Channels that this node listens to, once their history was read.
    followed: Mutex<HashMap<ChannelName, Option<Due>>>,
}

#[derive(Debug, Clone)]
struct Due {
    at: Instant,
    history: HistoryOptions,
}

impl Upkeep {
    /// Something was published, which will expire.
    pub(crate) fn expires(&self, channel: &ChannelName, history: &HistoryOptions) {
        let due = Due { at: later(history.ttl.saturating_add(SLACK)), history: history.clone() };
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        if expiring.len() < MOST_EXPIRING || expiring.contains_key(channel) {
            expiring.insert(channel.clone(), due);
        }
    }

    /// The position of this channel is to be kept until [`Self::unfollow`], once its options are known.
    pub(crate) fn follow(&self, channel: &ChannelName) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).entry(channel.clone()).or_default();
    }

    pub(crate) fn unfollow(&self, channel: &ChannelName) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(channel);
    }

    /// History was read with these options.
    pub(crate) fn used(&self, channel: &ChannelName, history: &HistoryOptions) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(due) = followed.get_mut(channel) {
            *due = Some(Due { at: later(renewal_interval(history)), history: history.clone() });
        }
    }

    /// Channels of which something may have expired. They are noted no more.
    pub(crate) fn take_expiring(&self) -> Vec<(ChannelName, HistoryOptions)> {
        let now = Instant::now();
        let mut expiring = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        let due = expiring.iter().filter(|(_, due)| due.at <= now).take(AT_ONCE);
        let due: Vec<_> = due.map(|(channel, due)| (channel.clone(), due.history.clone())).collect();
        for (channel, _) in &due {
            expiring.remove(channel);
        }
        due
    }

    /// Channels whose position may have to be renewed.
    pub(crate) fn take_followed(&self) -> Vec<(ChannelName, HistoryOptions)> {
        let now = Instant::now();
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let due = followed.iter_mut().filter_map(|(channel, due)| Some((channel, due.as_mut()?)));
        let due = due.filter(|(_, due)| due.at <= now).take(AT_ONCE);
        due.map(|(channel, due)| {
            due.at = later(renewal_interval(&due.history));
            (channel.clone(), due.history.clone())
        })
        .collect()
    }
}

/// Well before a position is old.
fn renewal_interval(history: &HistoryOptions) -> Duration {
    (history.meta_ttl.max(history.ttl) / 8).max(Duration::from_millis(250))
}

fn later(time: Duration) -> Instant {
    // Times that no clock reaches are far enough away.
    Instant::now().checked_add(time).unwrap_or_else(|| Instant::now() + Duration::from_secs(365 * 86_400))
}

//! One publication of a channel at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use longwire_hub::ChannelName;

use crate::entry::Newest;

/// How long a publisher trusts what it wrote last. NATS refuses what follows something else than its newest message, which
/// costs a round trip. Only a stream that is lost and grows again to the same sequence could fool it, so the time is short.
const FRESH: Duration = Duration::from_secs(1);

/// How many lanes there are before unused ones are looked for.
const FEW: usize = 1024;

/// The most lanes. Further channels publish without: NATS keeps their order, at the price of more attempts.
const MOST: usize = 100_000;

/// The lanes of channels. Publishers of one channel on this node take turns, in the order in which they came, instead of
/// refusing one another at NATS.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    table: Mutex<LaneTable>,
}

#[derive(Debug, Default)]
struct LaneTable {
    lanes: HashMap<ChannelName, Arc<Lane>>,
    sweep_at: usize,
}

/// What the one publisher knows whose turn it is.
pub(crate) type Lane = tokio::sync::Mutex<LastWritten>;

/// The newest entry of the channel, if this node wrote it a moment ago.
#[derive(Debug, Default)]
pub(crate) struct LastWritten(Option<(Newest, Instant)>);

impl LastWritten {
    pub(crate) fn take(&mut self) -> Option<Newest> {
        self.0.take().filter(|(_, at)| at.elapsed() < FRESH).map(|(newest, _)| newest)
    }

    pub(crate) fn set(&mut self, newest: Newest) {
        self.0 = Some((newest, Instant::now()));
    }

    fn is_fresh(&self) -> bool {
        self.0.as_ref().is_some_and(|(_, at)| at.elapsed() < FRESH)
    }
}

impl Lanes {
    pub(crate) fn of(&self, channel: &ChannelName) -> Arc<Lane> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = table.lanes.get(channel) {
            return lane.clone();
        }
        table.sweep();
        let lane = Arc::new(Lane::default());
        if table.lanes.len() < MOST {
            table.lanes.insert(channel.clone(), lane.clone());
        }
        lane
    }

    /// Forgets what was written.
    pub(crate) fn forget(&self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).lanes.clear();
    }
}

impl LaneTable {
    /// Drops unused lanes, once as many have come as were left the last time.
    fn sweep(&mut self) {
        if self.lanes.len() < self.sweep_at.max(FEW) {
            return;
        }
        self.lanes.retain(|_, lane| {
            Arc::strong_count(lane) > 1 || lane.try_lock().is_ok_and(|written| written.is_fresh())
        });
        self.sweep_at = self.lanes.len().saturating_mul(2).min(MOST);
    }
}

//! What publishers have published before: idempotency keys and versions.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytestring::ByteString;

use super::limits::{MemoryLimits, Totals};
use crate::broker::BrokerError;
use crate::publication::StreamPosition;
use crate::time::Millis;

/// The idempotency keys of one channel.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    answers: HashMap<ByteString, KnownAnswer>,
    /// In the order in which they were added, which is that of their expiry unless the configuration has changed.
    order: VecDeque<(Millis, ByteString)>,
}

/// The answer to the first publication with a key.
#[derive(Debug)]
struct KnownAnswer {
    position: Option<StreamPosition>,
    expiry: Millis,
}

impl KnownKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The answer to the first publication with this key.
    pub(super) fn answer(&self, key: &str, now: Millis) -> Option<Option<StreamPosition>> {
        let answer = self.answers.get(key).filter(|answer| answer.expiry > now)?;
        Some(answer.position.clone())
    }

    /// Reserves the place of one more key. [`insert`](Self::insert) has to follow.
    pub(super) fn reserve(&self, limits: &MemoryLimits, totals: &Totals) -> Result<(), BrokerError> {
        if self.order.len() >= limits.keys_per_channel {
            return Err(BrokerError::LimitExceeded);
        }
        totals.keys.take(limits.keys)
    }

    pub(super) fn insert(&mut self, key: ByteString, position: Option<StreamPosition>, expiry: Millis) {
        self.order.push_back((expiry, key.clone()));
        self.answers.insert(key, KnownAnswer { position, expiry });
    }

    pub(super) fn next_expiry(&self) -> Option<Millis> {
        self.order.front().map(|(expiry, _)| *expiry)
    }

    pub(super) fn trim(&mut self, now: Millis, totals: &Totals) {
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            let Some((expiry, key)) = self.order.pop_front() else { return };
            totals.keys.subtract(1);
            // A key that came again after its time, while an older one still blocked the order, has a later expiry.
            if self.answers.get(&key).is_some_and(|answer| answer.expiry == expiry) {
                self.answers.remove(&key);
            }
        }
    }
}

/// The last version that was published to a channel.
#[derive(Debug)]
pub(super) struct LastVersion {
    version: u64,
    epoch: ByteString,
    expiry: Millis,
}

impl LastVersion {
    pub(super) fn new((version, epoch): (u64, ByteString), now: Millis, ttl: Duration) -> LastVersion {
        LastVersion { version, epoch, expiry: now + ttl }
    }

    pub(super) fn expiry(&self) -> Millis {
        self.expiry
    }

    /// Whether this one or a higher one of the same epoch was published. An empty epoch is compared with any.
    pub(super) fn covers(&self, version: u64, epoch: &str) -> bool {
        (epoch.is_empty() || epoch == &*self.epoch) && version <= self.version
    }
}

//! What the memory broker keeps of one channel.

use std::sync::Arc;

use bytestring::ByteString;

use super::epochs::Epochs;
use super::known::{KnownKeys, LastVersion};
use super::limits::{MemoryLimits, Totals};
use super::presence::Members;
use super::stream::{OVERHEAD, Stream};
use crate::broker::{BrokerError, HistoryOptions, Joined, NewPublication, PublishOutcome, Recovery, Since};
use crate::channel::ChannelName;
use crate::fanout::Fanout;
use crate::publication::{Publication, StreamPosition};
use crate::time::Millis;

/// What all shards share.
pub(super) struct Common {
    pub(super) fanout: Arc<dyn Fanout>,
    pub(super) limits: MemoryLimits,
    pub(super) totals: Totals,
}

/// The circumstances of a call.
pub(super) struct Visit<'a> {
    pub(super) channel: &'a ChannelName,
    pub(super) now: Millis,
    pub(super) common: &'a Common,
}

/// A channel's parts, each only while it has something to keep.
#[derive(Debug, Default)]
pub(super) struct ChannelState {
    subscriptions: usize,
    stream: Option<Box<Stream>>,
    pub(super) members: Option<Box<Members>>,
    keys: Option<Box<KnownKeys>>,
    version: Option<Box<LastVersion>>,
    /// The channel's place in the shard's deadlines.
    pub(super) queued: Option<Millis>,
    /// The channel's place in the shard's order of history.
    pub(super) queued_oldest: Option<Millis>,
}

/// The position in a channel without history.
pub(super) fn no_position() -> StreamPosition {
    StreamPosition { offset: 0, epoch: Arc::from("") }
}

impl ChannelState {
    pub(super) fn is_empty(&self) -> bool {
        let has_memory = self.stream.is_some() || self.members.is_some();
        self.subscriptions == 0 && !has_memory && self.keys.is_none() && self.version.is_none()
    }

    /// Whether only a stream is kept, which nobody has subscribed to.
    pub(super) fn may_give_way(&self) -> bool {
        let is_used = self.members.is_some() || self.keys.is_some() || self.version.is_some();
        self.subscriptions == 0 && self.stream.is_some() && !is_used
    }

    /// Forgets what has expired. Says whether a stream that had begun was among it.
    #[must_use]
    pub(super) fn sweep(&mut self, visit: &Visit<'_>) -> bool {
        let Visit { channel, now, common } = *visit;
        if let Some(members) = &mut self.members {
            members.trim(now, &common.totals, |info| common.fanout.leave(channel, info));
        }
        if let Some(keys) = &mut self.keys {
            keys.trim(now, &common.totals);
        }
        self.version.take_if(|version| version.expiry() <= now);
        let Some(stream) = &mut self.stream else { return false };
        stream.trim(now, &common.totals);
        let is_over = self.subscriptions == 0 && stream.forgotten_at() <= now;
        if is_over {
            stream.clear(&common.totals);
        }
        let ended = self.stream.take_if(|_| is_over);
        ended.is_some_and(|stream| stream.has_begun())
    }

    /// Drops the parts that keep nothing.
    pub(super) fn tidy(&mut self) {
        self.members.take_if(|members| members.is_empty());
        self.keys.take_if(|keys| keys.is_empty());
        let is_subscribed = self.subscriptions > 0;
        self.stream.take_if(|stream| !is_subscribed && !stream.has_begun());
    }

    /// The next moment at which something may expire.
    pub(super) fn next_expiry(&self) -> Option<Millis> {
        let stream = self.stream.as_ref();
        let forgotten = stream.filter(|_| self.subscriptions == 0).map(|stream| stream.forgotten_at());
        let expiries = [
            stream.and_then(|stream| stream.next_expiry()),
            forgotten,
            self.members.as_ref().and_then(|members| members.next_expiry()),
            self.keys.as_ref().and_then(|keys| keys.next_expiry()),
            self.version.as_ref().map(|version| version.expiry()),
        ];
        expiries.into_iter().flatten().min()
    }

    /// When the oldest publication in history was published.
    pub(super) fn oldest(&self) -> Option<Millis> {
        self.stream.as_ref()?.oldest()
    }

    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        self.stream.as_deref_mut()
    }

    /// The stream, which begins if there is none, with these bounds from now on.
    fn begun(&mut self, visit: &Visit<'_>, history: &HistoryOptions, epochs: &Epochs) -> &mut Stream {
        let begin = || Box::new(Stream::new(epochs.name(visit.channel), history, visit.now));
        let stream = self.stream.get_or_insert_with(begin);
        stream.adjust(history, visit.now, &visit.common.totals);
        stream
    }

    /// Publishes, unless the key or a newer version is known.
    pub(super) fn publish(
        &mut self,
        visit: &Visit<'_>,
        mut new: NewPublication,
        history: &HistoryOptions,
        epochs: &Epochs,
    ) -> Result<PublishOutcome, BrokerError> {
        let version = new.version.take();
        let key = new.idempotency_key.take().filter(|_| !history.idempotency.is_zero());
        if let Some(position) = key.as_ref().and_then(|key| self.keys.as_ref()?.answer(key, visit.now)) {
            return Ok(PublishOutcome { position, was_known: true });
        }
        let publication = publication(new, visit.now);
        check_len(&publication, history, &visit.common.limits)?;
        if key.is_some() {
            let keys = self.keys.get_or_insert_default();
            keys.reserve(&visit.common.limits, &visit.common.totals)?;
        }
        let last = self.version.as_ref();
        let was_known = version
            .as_ref()
            .is_some_and(|(version, epoch)| last.is_some_and(|last| last.covers(*version, epoch)));
        let position = if was_known {
            self.position(visit, history, epochs)
        } else {
            self.pass(visit, publication, history, epochs)
        };
        if let Some(key) = key {
            let expiry = visit.now + history.idempotency;
            self.keys.get_or_insert_default().insert(key, position.clone(), expiry);
        }
        if let Some(version) = version.filter(|_| !was_known) {
            let ttl = history.meta_ttl.max(history.ttl);
            self.version = Some(Box::new(LastVersion::new(version, visit.now, ttl)));
        }
        Ok(PublishOutcome { position, was_known })
    }

    /// The position, if history is kept.
    fn position(
        &self,
        visit: &Visit<'_>,
        history: &HistoryOptions,
        epochs: &Epochs,
    ) -> Option<StreamPosition> {
        let stream = self.stream.as_ref().map(|stream| stream.position());
        let position =
            stream.unwrap_or_else(|| StreamPosition { offset: 0, epoch: epochs.name(visit.channel) });
        history.is_kept().then_some(position)
    }

    /// Adds a publication to the stream, if history is kept, and delivers it.
    fn pass(
        &mut self,
        visit: &Visit<'_>,
        mut publication: Publication,
        history: &HistoryOptions,
        epochs: &Epochs,
    ) -> Option<StreamPosition> {
        let Visit { channel, now, common } = *visit;
        if !history.is_kept() {
            self.pass_by(visit, &publication);
            return None;
        }
        let stream = self.begun(visit, history, epochs);
        publication.offset = stream.next_offset();
        let publication = Arc::new(publication);
        let previous = stream.append(publication.clone(), now, &common.totals);
        common.fanout.publication(channel, &publication, stream.epoch(), previous.as_deref());
        Some(stream.position())
    }

    /// Delivers a publication that is not part of the stream.
    pub(super) fn pass_by(&mut self, visit: &Visit<'_>, publication: &Publication) {
        if let Some(stream) = &mut self.stream {
            stream.interrupt();
        }
        visit.common.fanout.publication(visit.channel, publication, "", None);
    }

    /// Counts a subscription. The caller starts it under the same lock.
    pub(super) fn subscribe(
        &mut self,
        visit: &Visit<'_>,
        since: &Since,
        history: &HistoryOptions,
        epochs: &Epochs,
    ) -> Joined {
        self.subscriptions += 1;
        if history.is_kept() {
            let stream = self.begun(visit, history, epochs);
            return Joined { position: stream.position(), recovery: stream.recover(since) };
        }
        let recovery = match since {
            Since::Now => Recovery::NotAsked,
            Since::Position { .. } | Since::Newest { .. } => Recovery::Unrecoverable,
        };
        Joined { position: no_position(), recovery }
    }

    pub(super) fn unsubscribe(&mut self, now: Millis) {
        self.subscriptions = self.subscriptions.saturating_sub(1);
        if let Some(stream) = &mut self.stream {
            stream.touch(now);
        }
    }
}

/// The publication that is made of what a publisher sends, without an offset.
pub(super) fn publication(new: NewPublication, now: Millis) -> Publication {
    let NewPublication { data, info, tags, .. } = new;
    Publication { offset: 0, data, info, tags, time: now }
}

/// Refuses what history could not keep.
fn check_len(
    publication: &Publication,
    history: &HistoryOptions,
    limits: &MemoryLimits,
) -> Result<(), BrokerError> {
    let len = publication.content_len();
    let is_too_long = len > history.bytes || len.saturating_add(OVERHEAD) > limits.history_bytes;
    if history.is_kept() && is_too_long { Err(BrokerError::LimitExceeded) } else { Ok(()) }
}

/// Refuses keys and epochs of versions that are too long to be remembered.
pub(super) fn check_keys(new: &NewPublication, limits: &MemoryLimits) -> Result<(), BrokerError> {
    let version_epoch = new.version.as_ref().map(|(_, epoch)| epoch);
    let is_too_long = |key: &ByteString| key.len() > limits.key_len;
    if new.idempotency_key.iter().chain(version_epoch).any(is_too_long) {
        return Err(BrokerError::LimitExceeded);
    }
    Ok(())
}

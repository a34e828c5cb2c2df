//! The stream of one channel: its newest publications, and its position.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::limits::Totals;
use crate::broker::{HistoryOptions, HistoryPage, HistoryQuery, Recovery, Since};
use crate::publication::{Publication, StreamPosition};
use crate::time::Millis;

use crate::broker::BrokerError;

/// What a publication takes beside its content, in bytes.
pub(super) const OVERHEAD: usize = 256;

/// The capacity up to which a ring keeps its memory.
const SMALL_RING: usize = 64;

/// A stream. The ring holds the publications with the offsets up to `top`, without a gap.
#[derive(Debug)]
pub(super) struct Stream {
    epoch: Arc<str>,
    top: u64,
    ring: VecDeque<Arc<Publication>>,
    /// The sum of [`Publication::content_len`] over the ring.
    bytes: usize,
    bounds: Bounds,
    last_use: Millis,
    /// Whether something was published without history after the newest publication, so that subscribers saw another
    /// one last.
    is_interrupted: bool,
}

/// How much is kept: what the last call wanted.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    size: usize,
    bytes: usize,
    ttl: Duration,
    meta_ttl: Duration,
}

impl Bounds {
    fn new(history: &HistoryOptions) -> Bounds {
        let HistoryOptions { size, bytes, ttl, meta_ttl, .. } = *history;
        Bounds { size, bytes, ttl, meta_ttl: meta_ttl.max(ttl) }
    }
}

impl Stream {
    pub(super) fn new(epoch: Arc<str>, history: &HistoryOptions, now: Millis) -> Stream {
        Stream {
            epoch,
            top: 0,
            ring: VecDeque::new(),
            bytes: 0,
            bounds: Bounds::new(history),
            last_use: now,
            is_interrupted: false,
        }
    }

    pub(super) fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    pub(super) fn position(&self) -> StreamPosition {
        StreamPosition { offset: self.top, epoch: self.epoch.clone() }
    }

    pub(super) fn next_offset(&self) -> u64 {
        self.top + 1
    }

    /// Whether something was ever published, so that its epoch must not be given again.
    pub(super) fn has_begun(&self) -> bool {
        self.top > 0
    }

    /// When the oldest publication was published.
    pub(super) fn oldest(&self) -> Option<Millis> {
        self.ring.front().map(|publication| publication.time)
    }

    /// When the oldest publication expires.
    pub(super) fn next_expiry(&self) -> Option<Millis> {
        self.oldest().map(|time| time + self.bounds.ttl)
    }

    /// When the position is forgotten, if nobody is subscribed.
    pub(super) fn forgotten_at(&self) -> Millis {
        self.last_use + self.bounds.meta_ttl
    }

    /// Notes that the stream is used, with these bounds from now on.
    pub(super) fn adjust(&mut self, history: &HistoryOptions, now: Millis, totals: &Totals) {
        self.bounds = Bounds::new(history);
        self.touch(now);
        self.trim(now, totals);
    }

    pub(super) fn touch(&mut self, now: Millis) {
        self.last_use = self.last_use.max(now);
    }

    /// Drops what exceeds the bounds.
    pub(super) fn trim(&mut self, now: Millis, totals: &Totals) {
        while self.ring.len() > self.bounds.size
            || self.bytes > self.bounds.bytes
            || self.next_expiry().is_some_and(|expiry| expiry <= now)
        {
            self.drop_oldest(totals);
        }
    }

    pub(super) fn drop_oldest(&mut self, totals: &Totals) {
        let Some(oldest) = self.ring.pop_front() else { return };
        let len = oldest.content_len();
        self.bytes -= len;
        totals.history_bytes.subtract(len + OVERHEAD);
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        } else if self.ring.capacity() > SMALL_RING && self.ring.len() * 4 < self.ring.capacity() {
            self.ring.shrink_to(self.ring.len() * 2);
        }
    }

    /// Drops all publications.
    pub(super) fn clear(&mut self, totals: &Totals) {
        totals.history_bytes.subtract(self.bytes + self.ring.len() * OVERHEAD);
        self.ring = VecDeque::new();
        self.bytes = 0;
    }

    /// Notes that something passes without history.
    pub(super) fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// Adds a publication that has [`next_offset`](Self::next_offset) and is no longer than the bound. The answer is the
    /// publication before it, if subscribers saw it last.
    pub(super) fn append(
        &mut self,
        publication: Arc<Publication>,
        now: Millis,
        totals: &Totals,
    ) -> Option<Arc<Publication>> {
        let previous = if self.is_interrupted { None } else { self.ring.back().cloned() };
        self.is_interrupted = false;
        self.top = publication.offset;
        let len = publication.content_len();
        self.bytes += len;
        totals.history_bytes.add(len + OVERHEAD);
        self.ring.push_back(publication);
        self.trim(now, totals);
        previous
    }

    /// What a new subscriber has missed.
    pub(super) fn recover(&self, since: &Since) -> Recovery {
        match since {
            Since::Now => Recovery::NotAsked,
            Since::Position { position, limit } => self.recover_after(position, *limit),
            Since::Newest { position } => self.recover_newest(position.as_ref()),
        }
    }

    /// Centrifugo takes an empty epoch for that of the current stream. Here it is, too, but only of a client that has
    /// seen nothing: an offset without an epoch may belong to a stream that is lost.
    fn recover_after(&self, position: &StreamPosition, limit: usize) -> Recovery {
        let has_seen_nothing = position.offset == 0 && position.epoch.is_empty();
        if position.epoch != self.epoch && !has_seen_nothing {
            return Recovery::Unrecoverable;
        }
        let missed = self.top.checked_sub(position.offset).and_then(|missed| usize::try_from(missed).ok());
        let kept = self.ring.len();
        match missed {
            Some(missed) if missed <= limit && missed <= kept => {
                Recovery::Recovered(self.ring.iter().skip(kept - missed).cloned().collect())
            }
            _ => Recovery::Unrecoverable,
        }
    }

    fn recover_newest(&self, position: Option<&StreamPosition>) -> Recovery {
        let has_newest = self.has_begun() && position.is_some_and(|position| *position == self.position());
        match self.ring.back() {
            _ if has_newest => Recovery::Recovered(Vec::new()),
            Some(newest) => Recovery::Recovered(vec![newest.clone()]),
            None => Recovery::Unrecoverable,
        }
    }

    pub(super) fn page(&self, query: &HistoryQuery) -> Result<HistoryPage, BrokerError> {
        if let Some(since) = &query.since
            && !since.epoch.is_empty()
            && since.epoch != self.epoch
        {
            return Err(BrokerError::UnrecoverablePosition);
        }
        let since = query.since.as_ref().map(|since| since.offset);
        let publications =
            if query.reverse { self.backward(since, query.limit) } else { self.forward(since, query.limit) };
        Ok(HistoryPage { publications, position: self.position() })
    }

    /// The oldest publications after an offset.
    fn forward(&self, since: Option<u64>, limit: usize) -> Vec<Arc<Publication>> {
        let skipped = self.kept_up_to(since.unwrap_or(0));
        self.ring.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// The newest publications before an offset. One that begins outside of the ring is empty, as in Centrifugo.
    fn backward(&self, since: Option<u64>, limit: usize) -> Vec<Arc<Publication>> {
        let before = match since {
            None => self.ring.len(),
            Some(since) if since > self.next_offset() => 0,
            Some(since) => self.kept_up_to(since.saturating_sub(1)),
        };
        self.ring.iter().take(before).rev().take(limit).cloned().collect()
    }

    /// How many publications in the ring have an offset up to this one.
    fn kept_up_to(&self, offset: u64) -> usize {
        let newer = usize::try_from(self.top.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.ring.len().saturating_sub(newer)
    }
}

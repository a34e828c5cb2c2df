//! Pages of history.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longwire_hub::{
    BrokerError, ChannelName, HistoryOptions, HistoryPage, HistoryQuery, Millis, Publication, Record,
    StreamPosition,
};

use super::{History, Place, entry_of};
use crate::entry::{Entry, Newest};
use crate::failure::Failure;

/// How many messages are read at once.
const AT_ONCE: usize = 32;

/// What is kept of a stream, as its options say.
struct Kept<'a> {
    newest: &'a Newest,
    history: &'a HistoryOptions,
    now: Millis,
}

/// The publications that a query asks for, by their offsets.
struct Asked {
    /// The oldest, if so many are kept.
    from: u64,
    /// The newest.
    to: u64,
}

/// A message, with the offset of the publication that it has.
#[derive(Clone, Copy)]
struct Located {
    offset: u64,
    sequence: u64,
}

impl History {
    pub(crate) async fn page(
        &self,
        channel: &ChannelName,
        query: &HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Result<HistoryPage, Failure> {
        if !history.is_kept() {
            let position = StreamPosition { offset: 0, epoch: Arc::from("") };
            return Ok(HistoryPage { publications: Vec::new(), position });
        }
        let place = self.place(channel, history).await?;
        let newest = self.begun(&place, history, now).await?;
        self.upkeep.used(channel, history);
        let position = newest.position();
        let is_another = |since: &StreamPosition| !since.epoch.is_empty() && since.epoch != position.epoch;
        if query.since.as_ref().is_some_and(is_another) {
            return Err(BrokerError::UnrecoverablePosition.into());
        }
        let kept = Kept { newest: &newest, history, now };
        let publications = match Asked::new(query, &kept) {
            Some(asked) if query.limit > 0 => self.read(&place, &kept, &asked, query).await?,
            _ => Vec::new(),
        };
        Ok(HistoryPage { publications, position })
    }

    async fn read(
        &self,
        place: &Place,
        kept: &Kept<'_>,
        asked: &Asked,
        query: &HistoryQuery,
    ) -> Result<Vec<Arc<Publication>>, Failure> {
        let located = self.locate(place, kept, asked.from).await?;
        let located: Vec<Located> = located.into_iter().filter(|one| one.offset <= asked.to).collect();
        let mut read = BTreeMap::new();
        let located = self.without_expired(place, kept, located, &mut read).await?;
        let page: Vec<Located> = if query.reverse {
            located.into_iter().rev().take(query.limit).collect()
        } else {
            located.into_iter().take(query.limit).collect()
        };
        self.read_entries(place, &page, &mut read).await?;
        // A record that this version does not know is left out, as it is when it arrives.
        let publications = page.iter().filter_map(|one| publication_of(read.get(&one.offset)?));
        Ok(publications.map(Arc::new).collect())
    }

    /// Where the publications from this offset on are, from old to new, as far as they are kept. Each entry names some of
    /// its predecessors, so this reads one entry for each so many publications.
    async fn locate(&self, place: &Place, kept: &Kept<'_>, from: u64) -> Result<VecDeque<Located>, Failure> {
        let mut located = VecDeque::new();
        let mut known: Vec<(u64, u64)> = kept.newest.publications().collect();
        loop {
            for (offset, sequence) in known.into_iter().filter(|(offset, _)| *offset >= from) {
                located.push_front(Located { offset, sequence });
            }
            let Some(oldest) = located.front().filter(|oldest| oldest.offset > from).copied() else {
                return Ok(located);
            };
            let Some(stored) = self.jetstream.at(&place.stream, oldest.sequence).await? else {
                return Ok(located);
            };
            let entry = entry_of(&stored)?;
            known = entry.predecessors().collect();
            if known.is_empty() || entry.offset != oldest.offset || !kept.keeps(&entry) {
                return Ok(located);
            }
        }
    }

    /// Without the oldest publications that are not kept any more.
    async fn without_expired(
        &self,
        place: &Place,
        kept: &Kept<'_>,
        mut located: Vec<Located>,
        read: &mut BTreeMap<u64, Entry>,
    ) -> Result<Vec<Located>, Failure> {
        while !located.is_empty() {
            let part: Vec<Located> = located.iter().take(AT_ONCE).copied().collect();
            read.clear();
            self.read_entries(place, &part, read).await?;
            let is_kept = |one: &Located| read.get(&one.offset).is_some_and(|entry| kept.keeps(entry));
            let expired = part.iter().rposition(|one| !is_kept(one)).map_or(0, |last| last + 1);
            located.drain(..expired);
            if expired < part.len() {
                break;
            }
        }
        Ok(located)
    }

    /// Reads these entries, as far as they are still there and were not read before.
    async fn read_entries(
        &self,
        place: &Place,
        located: &[Located],
        read: &mut BTreeMap<u64, Entry>,
    ) -> Result<(), Failure> {
        let missing: Vec<Located> =
            located.iter().filter(|one| !read.contains_key(&one.offset)).copied().collect();
        let reads = missing.into_iter().map(|one| async move {
            let stored = self.jetstream.at(&place.stream, one.sequence).await?;
            let entry = stored.map(|stored| entry_of(&stored)).transpose()?;
            Ok::<_, Failure>(entry.map(|entry| (one.offset, entry)))
        });
        let entries: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        read.extend(entries.into_iter().flatten());
        Ok(())
    }
}

impl Kept<'_> {
    /// The oldest offset that the number of publications and a removal leave.
    fn oldest(&self) -> u64 {
        let size = u64::try_from(self.history.size).unwrap_or(u64::MAX);
        let entry = &self.newest.entry;
        entry.offset.saturating_sub(size).max(entry.removed).saturating_add(1)
    }

    /// Whether their length and their time leave this publication.
    fn keeps(&self, entry: &Entry) -> bool {
        let bytes = u64::try_from(self.history.bytes).unwrap_or(u64::MAX);
        let is_short = self.newest.total().saturating_sub(entry.before) <= bytes;
        is_short && Millis(entry.time) + self.history.ttl > self.now
    }
}

impl Asked {
    /// `None` if the query asks for nothing that can be kept.
    fn new(query: &HistoryQuery, kept: &Kept<'_>) -> Option<Asked> {
        let (oldest, newest) = (kept.oldest(), kept.newest.entry.offset);
        let since = query.since.as_ref().map(|since| since.offset);
        let limit = u64::try_from(query.limit).unwrap_or(u64::MAX);
        let asked = match (query.reverse, since) {
            (false, since) => Asked { from: oldest.max(since.unwrap_or(0).saturating_add(1)), to: newest },
            // One that begins outside of what is kept is empty, as in Centrifugo.
            (true, Some(since)) if since > newest.saturating_add(1) => return None,
            (true, since) => {
                let to = since.map_or(newest, |since| since.saturating_sub(1));
                Asked { from: oldest.max(to.saturating_sub(limit.saturating_sub(1))), to }
            }
        };
        (asked.from <= asked.to).then_some(asked)
    }
}

fn publication_of(entry: &Entry) -> Option<Publication> {
    match Record::decode(entry.record.clone()?) {
        Ok(Record::Publication(publication)) => Some(Publication { offset: entry.offset, ..publication }),
        _ => None,
    }
}

//! The streams of channels: their newest entries, and what names them.

pub(crate) mod care;
mod continuity;
mod page;
mod publishing;

use std::sync::Arc;

use bytes::Bytes;
use longwire_hub::{BrokerError, ChannelName, HistoryOptions, Millis};
use prost::Message as _;
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use crate::acknowledged::Acknowledged;
use crate::entry::{Entry, Newest};
use crate::failure::Failure;
use crate::jetstream::{Appended, Expect, JetStream, Stored};
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::line::Line;
use crate::names::{Group, Kind, Names};
use crate::streams::Streams;
use crate::upkeep::Upkeep;

/// The length of an epoch in characters.
const EPOCH_LEN: usize = 10;

/// Publishes to the streams of channels, and reads them.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) line: Arc<Line>,
    pub(crate) jetstream: JetStream,
    pub(crate) names: Names,
    pub(crate) streams: Arc<Streams>,
    pub(crate) keys: Keys,
    pub(crate) lanes: Lanes,
    pub(crate) acknowledged: Acknowledged,
    /// Held while a stream is looked at that may have lost something.
    pub(crate) confirming: tokio::sync::Mutex<()>,
    pub(crate) upkeep: Upkeep,
}

/// Where a channel's stream is.
#[derive(Debug)]
struct Place {
    stream: String,
    subject: String,
}

impl History {
    async fn place(&self, channel: &ChannelName, history: &HistoryOptions) -> Result<Place, Failure> {
        let stream = self.streams.history(&Group::of(channel), history).await?;
        self.confirm(&stream).await?;
        Ok(Place { stream, subject: self.names.history(channel) })
    }

    /// The newest entry, if the stream has begun.
    async fn newest(&self, place: &Place) -> Result<Option<Newest>, Failure> {
        let stored = self.jetstream.last(&place.stream, &place.subject).await?;
        stored.map(|stored| Ok(Newest::new(entry_of(&stored)?, stored.sequence))).transpose()
    }

    /// Writes an entry behind another.
    async fn append_entry(&self, place: &Place, newest: &Newest, entry: Entry) -> Result<Newest, Failure> {
        let appended = self.write(place, newest, &entry, None).await?;
        Ok(Newest::new(entry, appended.sequence))
    }

    /// Writes an entry behind another, unless an earlier one has the same id.
    async fn write(
        &self,
        place: &Place,
        newest: &Newest,
        entry: &Entry,
        id: Option<&str>,
    ) -> Result<Appended, Failure> {
        let (payload, expect) = (Bytes::from(entry.encode_to_vec()), Expect::Last(newest.sequence));
        let before = self.acknowledged.newest(&place.stream);
        let appended = self.jetstream.append(place.subject.clone(), payload.clone(), expect, id).await?;
        let is_behind = before.is_none_or(|before| before.sequence < appended.sequence);
        if !is_behind && !appended.is_duplicate {
            self.acknowledged.doubt(&place.stream);
            self.confirm(&place.stream).await?;
        }
        self.acknowledged.note(&place.stream, appended.sequence, &payload);
        Ok(appended)
    }

    /// The newest entry. A stream begins by this, so that its position can be continued, and one that was not used for
    /// long is kept for as long again.
    async fn begun(&self, place: &Place, history: &HistoryOptions, now: Millis) -> Result<Newest, Failure> {
        loop {
            let newest = match self.newest(place).await? {
                Some(newest) if !is_old(&newest, history, now) => return Ok(newest),
                Some(newest) => newest,
                None => Newest::unwritten(random_epoch()),
            };
            match self.append_entry(place, &newest, newest.renewed(now.0)).await {
                // Another node was faster.
                Err(Failure::Conflict) => {}
                other => return other,
            }
        }
    }

    /// Removes the publications of a channel.
    pub(crate) async fn remove(&self, channel: &ChannelName, now: Millis) -> Result<(), Failure> {
        self.remove_if(channel, now, |_| true).await
    }

    /// Removes the publications of a channel if its newest entry is like this. Its position stays.
    async fn remove_if(
        &self,
        channel: &ChannelName,
        now: Millis,
        is_removable: impl Fn(&Newest) -> bool,
    ) -> Result<(), Failure> {
        let stream = self.names.stream(Kind::History, &Group::of(channel));
        let place = Place { stream, subject: self.names.history(channel) };
        let lane = self.lanes.of(channel);
        let mut written = lane.lock().await;
        let mut has_made_room = false;
        loop {
            let newest = self.newest(&place).await?.filter(&is_removable);
            let Some(newest) = newest else { return Ok(()) };
            match self.append_entry(&place, &newest, newest.emptied(now.0)).await {
                Ok(emptied) => {
                    let sequence = emptied.sequence;
                    written.set(emptied);
                    return self.jetstream.purge_before(&place.stream, &place.subject, sequence).await;
                }
                Err(Failure::Conflict) => {}
                // What is full has no room for this entry, either.
                Err(Failure::Broker(BrokerError::LimitExceeded)) if !has_made_room => {
                    self.jetstream.purge_before(&place.stream, &place.subject, newest.sequence).await?;
                    has_made_room = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// Whether a stream would be forgotten before long.
fn is_old(newest: &Newest, history: &HistoryOptions, now: Millis) -> bool {
    now.since(Millis(newest.entry.time)) > history.meta_ttl.max(history.ttl) / 4
}

/// The entry of a message. One that no node wrote makes the stream unusable: to go on would break its order.
fn entry_of(stored: &Stored) -> Result<Entry, Failure> {
    Entry::decode(stored.payload.clone()).map_err(|error| Failure::unavailable(&error))
}

fn random_epoch() -> String {
    rand::rng().sample_iter(Alphanumeric).take(EPOCH_LEN).map(char::from).collect()
}

//! Publishing with and without history.

use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{
    BrokerError, ChannelName, HistoryOptions, Millis, NewPublication, Publication, PublishOutcome, Record,
    StreamPosition,
};
use prost::Message as _;
use rand::RngExt as _;

use super::{History, Place, entry_of, random_epoch};
use crate::entry::{Entry, Newest, Next, VersionEntry};
use crate::failure::Failure;
use crate::jetstream::Expect;
use crate::keys::{Found, Key};
use crate::lanes::LastWritten;
use crate::names::Group;

/// The longest idempotency key and epoch of a version, in bytes, as in the memory broker.
const KEY_LEN: usize = 255;

/// After so many attempts in which another node was faster, a publisher waits before the next.
const AT_ONCE: u32 = 3;

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// What is published, apart from its place in the stream.
struct Draft {
    record: Bytes,
    len: u64,
    version: Option<VersionEntry>,
    now: Millis,
}

impl History {
    pub(crate) async fn publish(
        &self,
        channel: &ChannelName,
        mut new: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Result<PublishOutcome, Failure> {
        check_keys(&new)?;
        let key = new.idempotency_key.take().filter(|_| !history.idempotency.is_zero());
        let Some(key) = key else {
            let draft = draft(new, history, now)?;
            return self.publish_draft(channel, draft, history, None).await;
        };
        let key = match self.keys.find(channel, &key, history.idempotency, now).await? {
            Found::Known(position) => return Ok(PublishOutcome { position, was_known: true }),
            Found::New(key) => key,
        };
        let draft = draft(new, history, now)?;
        if !history.is_kept() && !self.keys.set(&key, None, now).await? {
            // Another node has it at this moment.
            return Ok(PublishOutcome { position: None, was_known: true });
        }
        let outcome = self.publish_draft(channel, draft, history, Some(&key)).await?;
        if history.is_kept() {
            self.keys.set(&key, outcome.position.as_ref(), now).await?;
        }
        Ok(outcome)
    }

    async fn publish_draft(
        &self,
        channel: &ChannelName,
        draft: Draft,
        history: &HistoryOptions,
        key: Option<&Key>,
    ) -> Result<PublishOutcome, Failure> {
        if history.is_kept() {
            return self.append(channel, draft, history, key).await;
        }
        if let Some(version) = draft.version
            && !self.is_newer(channel, version, history, draft.now).await?
        {
            return Ok(PublishOutcome { position: None, was_known: true });
        }
        let passing = Entry::passing(draft.record).encode_to_vec();
        self.line.publish(self.names.events(channel), passing.into()).await?;
        Ok(PublishOutcome { position: None, was_known: false })
    }

    /// Adds a publication to the channel's stream, unless its version is known.
    async fn append(
        &self,
        channel: &ChannelName,
        draft: Draft,
        history: &HistoryOptions,
        key: Option<&Key>,
    ) -> Result<PublishOutcome, Failure> {
        let place = self.place(channel, history).await?;
        let lane = self.lanes.of(channel);
        let mut written = lane.lock().await;
        let mut attempt = 0;
        loop {
            let newest = match written.take() {
                // An older version of other epochs may be what is known here.
                Some(newest) if draft.version.is_none() => newest,
                _ => self.newest(&place).await?.unwrap_or_else(|| Newest::unwritten(random_epoch())),
            };
            if draft.is_known(&newest) {
                return Ok(PublishOutcome { position: Some(newest.position()), was_known: true });
            }
            match self.append_to(&place, &newest, &draft, key, &mut written).await {
                Err(Failure::Conflict) => {}
                Ok(outcome) => {
                    self.upkeep.expires(channel, history);
                    return Ok(outcome);
                }
                Err(failure) => return Err(failure),
            }
            attempt += 1;
            if attempt > AT_ONCE {
                tokio::time::sleep(random_wait(attempt)).await;
            }
        }
    }

    /// Adds a publication behind this entry, if no other is there.
    async fn append_to(
        &self,
        place: &Place,
        newest: &Newest,
        draft: &Draft,
        key: Option<&Key>,
        written: &mut LastWritten,
    ) -> Result<PublishOutcome, Failure> {
        let Draft { record, len, version, now } = draft;
        let next = Next { record: record.clone(), len: *len, time: now.0, version: version.clone() };
        let entry = newest.followed_by(next);
        let id = key.map(Key::message_id);
        let appended = self.write(place, newest, &entry, id).await?;
        if appended.is_duplicate {
            let position = self.position_at(place, appended.sequence).await?;
            return Ok(PublishOutcome { position: position.or(Some(newest.position())), was_known: true });
        }
        let newest = Newest::new(entry, appended.sequence);
        let position = Some(newest.position());
        written.set(newest);
        Ok(PublishOutcome { position, was_known: false })
    }

    async fn position_at(&self, place: &Place, sequence: u64) -> Result<Option<StreamPosition>, Failure> {
        let stored = self.jetstream.at(&place.stream, sequence).await?;
        Ok(stored.map(|stored| entry_of(&stored)).transpose()?.and_then(|entry| entry.position()))
    }

    /// Notes the version of a publication without history. Says whether it is newer than what was published.
    async fn is_newer(
        &self,
        channel: &ChannelName,
        version: VersionEntry,
        history: &HistoryOptions,
        now: Millis,
    ) -> Result<bool, Failure> {
        let stream = self.streams.history(&Group::of(channel), history).await?;
        let subject = self.names.version(channel);
        loop {
            let stored = self.jetstream.last(&stream, &subject).await?;
            let last = stored.as_ref().and_then(|stored| VersionEntry::decode(stored.payload.clone()).ok());
            if last.is_some_and(|last| last.covers(version.version, &version.epoch, now.0)) {
                return Ok(false);
            }
            let expect = Expect::Last(stored.map_or(0, |stored| stored.sequence));
            match self.jetstream.append(subject.clone(), version.encode_to_vec(), expect, None).await {
                Ok(_) => return Ok(true),
                Err(Failure::Conflict) => {}
                Err(failure) => return Err(failure),
            }
        }
    }
}

impl Draft {
    fn is_known(&self, newest: &Newest) -> bool {
        let version = self.version.as_ref();
        version.is_some_and(|version| newest.covers(version.version, &version.epoch, self.now.0))
    }
}

fn draft(new: NewPublication, history: &HistoryOptions, now: Millis) -> Result<Draft, Failure> {
    let NewPublication { data, info, tags, version, .. } = new;
    let expiry = (now + history.meta_ttl.max(history.ttl)).0;
    let version = version.map(|(version, epoch)| VersionEntry { version, epoch: epoch.to_string(), expiry });
    let publication = Publication { offset: 0, data, info, tags, time: now };
    let len = publication.content_len();
    if history.is_kept() && len > history.bytes {
        return Err(Failure::limit());
    }
    let record = Record::Publication(publication).encode();
    Ok(Draft { record, len: u64::try_from(len).unwrap_or(u64::MAX), version, now })
}

/// Refuses keys and epochs of versions that are too long.
fn check_keys(new: &NewPublication) -> Result<(), BrokerError> {
    let version_epoch = new.version.as_ref().map(|(_, epoch)| epoch);
    if new.idempotency_key.iter().chain(version_epoch).any(|key| key.len() > KEY_LEN) {
        return Err(BrokerError::LimitExceeded);
    }
    Ok(())
}

/// Between nothing and a time that grows with the attempts, so that publishers that meet do not meet again.
fn random_wait(attempt: u32) -> Duration {
    let longest = LONGEST_WAIT.min(Duration::from_millis(1 << attempt.min(10)));
    longest.mul_f64(rand::rng().random())
}

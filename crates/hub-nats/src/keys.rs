//! Idempotency keys.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{ChannelName, Millis, StreamPosition};
use prost::Message as _;

use crate::entry::KeyEntry;
use crate::failure::Failure;
use crate::jetstream::{Expect, JetStream};
use crate::names::{Group, Names};
use crate::streams::Streams;

/// Remembers the answers to publications with keys.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) jetstream: JetStream,
    pub(crate) names: Names,
    pub(crate) streams: Arc<Streams>,
}

/// A key that is not remembered.
#[derive(Debug)]
pub(crate) struct Key {
    subject: String,
    /// The sequence of an answer that has expired; 0 if there is none.
    sequence: u64,
    message_id: String,
    idempotency: Duration,
}

/// What is known of a key.
#[derive(Debug)]
pub(crate) enum Found {
    /// The answer to the first publication.
    Known(Option<StreamPosition>),
    /// Nothing.
    New(Key),
}

impl Key {
    /// The id of the message of a publication with this key. Nodes that publish with one key at the same moment have the
    /// same id, of which NATS takes one. After a key has expired, it is another.
    pub(crate) fn message_id(&self) -> &str {
        &self.message_id
    }
}

impl Keys {
    pub(crate) async fn find(
        &self,
        channel: &ChannelName,
        key: &str,
        idempotency: Duration,
        now: Millis,
    ) -> Result<Found, Failure> {
        let stream = self.streams.keys(&Group::of(channel), idempotency).await?;
        let subject = self.names.key(channel, key);
        let stored = self.jetstream.last(&stream, &subject).await?;
        let sequence = stored.as_ref().map_or(0, |stored| stored.sequence);
        let known = stored.and_then(|stored| KeyEntry::decode(stored.payload).ok());
        if let Some(known) = known.filter(|known| known.expiry > now.0) {
            let KeyEntry { offset, epoch, .. } = known;
            // A position has an epoch, even if nothing was published but what was known.
            let position = (!epoch.is_empty()).then(|| StreamPosition { offset, epoch: epoch.into() });
            return Ok(Found::Known(position));
        }
        let message_id = format!("{subject}.{sequence}");
        Ok(Found::New(Key { subject, sequence, message_id, idempotency }))
    }

    /// Remembers the answer to a publication. `true`: no other node had done it before.
    pub(crate) async fn set(
        &self,
        key: &Key,
        position: Option<&StreamPosition>,
        now: Millis,
    ) -> Result<bool, Failure> {
        let (offset, epoch) = position.map_or((0, ""), |position| (position.offset, &*position.epoch));
        let entry = KeyEntry { offset, epoch: epoch.to_owned(), expiry: (now + key.idempotency).0 };
        let expect = Expect::Last(key.sequence);
        match self.jetstream.append(key.subject.clone(), entry.encode_to_vec(), expect, None).await {
            Ok(_) => Ok(true),
            Err(Failure::Conflict) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

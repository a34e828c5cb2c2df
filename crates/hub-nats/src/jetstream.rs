//! The calls of JetStream that the store needs.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{
    Config, DeleteMessageErrorKind, DirectGetErrorKind, Info, RawMessageErrorKind, Stream,
};
use async_nats::jetstream::{Context, ContextBuilder};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use longwire_hub::BrokerError;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::failure::Failure;

/// How many acknowledgements are awaited at once. More publishers wait for their turn, so that what is on the way to NATS is
/// bounded. So is what its client keeps of requests that are never answered.
const IN_FLIGHT: usize = 4096;

/// How many other calls are made at once.
const CALLS: usize = 4096;

/// A client of JetStream.
#[derive(Debug, Clone)]
pub(crate) struct JetStream {
    context: Context,
    turns: Arc<Semaphore>,
}

/// A message that a stream has.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) payload: Bytes,
}

/// On which condition a message is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect {
    /// None.
    Anything,
    /// The last message of the subject has this sequence; 0 if there is none.
    Last(u64),
}

/// A message was stored, or was stored before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) sequence: u64,
    /// Whether an earlier message had the same id.
    pub(crate) is_duplicate: bool,
}

impl JetStream {
    pub(crate) fn new(client: async_nats::Client, timeout: Duration) -> JetStream {
        let context = ContextBuilder::new()
            .timeout(timeout)
            .ack_timeout(timeout)
            .max_ack_inflight(IN_FLIGHT)
            .build(client);
        JetStream { context, turns: Arc::new(Semaphore::new(CALLS)) }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The configuration of a stream, if it exists.
    pub(crate) async fn config(&self, stream: &str) -> Result<Option<Config>, Failure> {
        match self.info(stream).await {
            Ok(info) => Ok(Some(info.config)),
            Err(Failure::NoStream) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn create(&self, config: Config) -> Result<(), Failure> {
        self.context.create_stream(config).await?;
        Ok(())
    }

    pub(crate) async fn change(&self, config: Config) -> Result<(), Failure> {
        self.context.update_stream(config).await?;
        Ok(())
    }

    /// Stores a message. What has the same id as one of late is left out.
    pub(crate) async fn append(
        &self,
        subject: String,
        payload: impl Into<Bytes>,
        expect: Expect,
        id: Option<&str>,
    ) -> Result<Appended, Failure> {
        let mut message = PublishMessage::build().payload(payload.into());
        if let Expect::Last(sequence) = expect {
            message = message.expected_last_subject_sequence(sequence);
        }
        if let Some(id) = id {
            message = message.message_id(id);
        }
        let ack = self.context.send_publish(subject, message).await?.await?;
        Ok(Appended { sequence: ack.sequence, is_duplicate: ack.duplicate })
    }

    /// The last message of a subject, as the leader of the stream knows it: nothing that was acknowledged is missing.
    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Failure> {
        let _turn = self.turn().await?;
        let found = self.stream(stream).await?.get_last_raw_message_by_subject(subject).await;
        match found {
            Ok(message) => Ok(Some(message.into())),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The last message of a subject, as any replica knows it.
    pub(crate) async fn last_of_any(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Failure> {
        let _turn = self.turn().await?;
        let found = self.stream(stream).await?.direct_get_last_for_subject(subject).await;
        match found {
            Ok(message) => Ok(Some(message.into())),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The message with this sequence. A replica that does not have it yet is no reason to miss it.
    pub(crate) async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Stored>, Failure> {
        if let Some(stored) = self.at_any(stream, sequence).await? {
            return Ok(Some(stored));
        }
        let _turn = self.turn().await?;
        match self.stream(stream).await?.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.into())),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The message with this sequence, if any replica that is asked has it.
    pub(crate) async fn at_any(&self, stream: &str, sequence: u64) -> Result<Option<Stored>, Failure> {
        let _turn = self.turn().await?;
        match self.stream(stream).await?.direct_get(sequence).await {
            Ok(message) => Ok(Some(message.into())),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn info(&self, stream: &str) -> Result<Info, Failure> {
        let _turn = self.turn().await?;
        Ok(self.context.get_stream(stream).await?.cached_info().clone())
    }

    /// Removes a stream with all of its messages.
    pub(crate) async fn delete_stream(&self, stream: &str) -> Result<(), Failure> {
        match self.context.delete_stream(stream).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::unavailable(&error)),
        }
    }

    /// Removes a message. Says whether it was there, which is said once.
    pub(crate) async fn delete(&self, stream: &str, sequence: u64) -> Result<bool, Failure> {
        let _turn = self.turn().await?;
        match self.stream(stream).await?.delete_message(sequence).await {
            Ok(deleted) => Ok(deleted),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(_) => Ok(false),
                _ => Err(Failure::unavailable(&error)),
            },
        }
    }

    /// Removes the messages of a subject. Says how many there were.
    pub(crate) async fn purge(&self, stream: &str, subject: &str) -> Result<u64, Failure> {
        let _turn = self.turn().await?;
        let purged = self.stream(stream).await?.purge().filter(subject).await?;
        Ok(purged.purged)
    }

    /// Removes the messages of a subject before this sequence.
    pub(crate) async fn purge_before(
        &self,
        stream: &str,
        subject: &str,
        sequence: u64,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await?;
        self.stream(stream).await?.purge().filter(subject).sequence(sequence).await?;
        Ok(())
    }

    /// Calls a function with each subject that has messages, until it is satisfied.
    pub(crate) async fn each_subject(
        &self,
        stream: &str,
        filter: &str,
        mut act: impl FnMut(String) -> Wanted,
    ) -> Result<(), Failure> {
        let _turn = self.turn().await?;
        let mut subjects = self.stream(stream).await?.info_with_subjects(filter).await?;
        while let Some((subject, _)) = subjects.try_next().await? {
            if act(subject) == Wanted::NoMore {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.turns.acquire().await.map_err(|_| Failure::Broker(BrokerError::Unavailable))
    }

    async fn stream(&self, name: &str) -> Result<Stream<()>, Failure> {
        // This asks nobody.
        self.context.get_stream_no_info(name).await.map_err(|_| Failure::Broker(BrokerError::Unavailable))
    }
}

/// Whether more subjects are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    More,
    NoMore,
}

impl From<StreamMessage> for Stored {
    fn from(message: StreamMessage) -> Stored {
        Stored { subject: message.subject.to_string(), sequence: message.sequence, payload: message.payload }
    }
}

//! The streams of each namespace, which begin when they are first needed.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, StorageType};
use longwire_hub::HistoryOptions;

use crate::failure::Failure;
use crate::jetstream::JetStream;
use crate::names::{Group, Kind, Names};
use crate::options::{NatsOptions, NatsStorage};

/// The most streams of one prefix. Namespaces come from the configuration, so this is a precaution.
const MOST: usize = 3 * 1024;

/// Messages of a subject beside the publications: what keeps the state of a stream that is not used.
const STATES: i64 = 2;

/// How often a stream is made, because another node has made it in another way meanwhile.
const ATTEMPTS: usize = 3;

/// Creates streams, and gives them the limits that channels need.
///
/// The limits of history and keys are only raised, since channels of one stream and nodes with different configurations may
/// want different ones. What is read is exact, whatever the stream keeps. The time of presence is that of the node that
/// started last.
#[derive(Debug)]
pub(crate) struct Streams {
    jetstream: JetStream,
    names: Names,
    replicas: usize,
    storage: StorageType,
    max_bytes: Option<i64>,
    ensured: RwLock<HashMap<(Kind, Group), StreamLimits>>,
    /// Held while a stream is created or changed.
    changing: tokio::sync::Mutex<()>,
}

/// What depends on the options of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StreamLimits {
    per_subject: i64,
    max_age: Duration,
    duplicates: Duration,
}

impl Streams {
    pub(crate) fn new(jetstream: JetStream, names: Names, options: &NatsOptions) -> Streams {
        let storage = match options.storage {
            NatsStorage::File => StorageType::File,
            NatsStorage::Memory => StorageType::Memory,
        };
        let max_bytes = options.stream_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        Streams {
            jetstream,
            names,
            replicas: options.replicas,
            storage,
            max_bytes,
            ensured: RwLock::new(HashMap::new()),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    /// The stream of history, with room for these options.
    pub(crate) async fn history(&self, group: &Group, history: &HistoryOptions) -> Result<String, Failure> {
        let limits = StreamLimits {
            per_subject: i64::try_from(history.size).unwrap_or(i64::MAX).saturating_add(STATES),
            max_age: lifetime(history.meta_ttl.max(history.ttl)),
            duplicates: history.idempotency,
        };
        self.ensure(Kind::History, group, limits).await
    }

    /// The stream of idempotency keys that are remembered for so long.
    pub(crate) async fn keys(&self, group: &Group, idempotency: Duration) -> Result<String, Failure> {
        self.ensure(Kind::Keys, group, StreamLimits::of_states(idempotency)).await
    }

    /// The stream of clients that are present for so long after each renewal.
    pub(crate) async fn presence(&self, group: &Group, ttl: Duration) -> Result<String, Failure> {
        self.ensure(Kind::Presence, group, StreamLimits::of_states(ttl)).await
    }

    /// Whether several servers have each message.
    pub(crate) fn has_replicas(&self) -> bool {
        self.replicas > 1
    }

    /// Forgets which streams exist: one is missing, or the connection was interrupted.
    pub(crate) fn forget(&self) {
        self.ensured.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn ensure(&self, kind: Kind, group: &Group, limits: StreamLimits) -> Result<String, Failure> {
        let name = self.names.stream(kind, group);
        let key = (kind, group.clone());
        if self.known(&key).is_some_and(|known| known.cover(limits)) {
            return Ok(name);
        }
        let _one_at_a_time = self.changing.lock().await;
        let known = self.known(&key);
        if known.is_some_and(|known| known.cover(limits)) {
            return Ok(name);
        }
        let limits = known.map_or(limits, |known| known.or_higher(limits));
        let limits = self.create_or_change(kind, group, &name, limits).await?;
        let mut ensured = self.ensured.write().unwrap_or_else(PoisonError::into_inner);
        if ensured.len() >= MOST && !ensured.contains_key(&key) {
            return Err(Failure::limit());
        }
        ensured.insert(key, limits);
        Ok(name)
    }

    fn known(&self, key: &(Kind, Group)) -> Option<StreamLimits> {
        self.ensured.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Makes a stream as it has to be. Says which limits it has then.
    async fn create_or_change(
        &self,
        kind: Kind,
        group: &Group,
        name: &str,
        limits: StreamLimits,
    ) -> Result<StreamLimits, Failure> {
        let mut attempt = 1;
        loop {
            let existing = self.jetstream.config(name).await?;
            let before = existing.as_ref().map(StreamLimits::of);
            // To lower the limits would take away what other nodes keep. Presence has to end in time.
            let raised =
                before.filter(|_| kind != Kind::Presence).map_or(limits, |before| before.or_higher(limits));
            let made = match existing {
                None => self.jetstream.create(self.config(kind, group, raised, blank(name))).await,
                Some(existing) => {
                    let config = self.config(kind, group, raised, existing.clone());
                    if config == existing { Ok(()) } else { self.jetstream.change(config).await }
                }
            };
            match made {
                Ok(()) => return Ok(raised),
                Err(Failure::Conflict | Failure::NoStream) if attempt < ATTEMPTS => attempt += 1,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// How a stream has to be. All else stays as it is.
    fn config(&self, kind: Kind, group: &Group, limits: StreamLimits, existing: Config) -> Config {
        // What is published reaches every subscriber at once, also if JetStream then refuses it. Nodes therefore listen
        // to what JetStream publishes again after it was stored.
        let republish = (kind == Kind::History).then(|| Republish {
            source: self.names.all_history(group),
            destination: self.names.all_events(group),
            headers_only: false,
        });
        Config {
            subjects: self.names.kept_by(kind, group),
            max_messages_per_subject: limits.per_subject,
            max_age: limits.max_age,
            duplicate_window: limits.duplicates.clamp(Duration::from_secs(1), limits.max_age),
            max_bytes: self.max_bytes.unwrap_or(existing.max_bytes),
            // What is full refuses, so that no channel loses its position silently.
            discard: DiscardPolicy::New,
            storage: self.storage,
            num_replicas: self.replicas,
            allow_direct: true,
            republish,
            ..existing
        }
    }
}

/// A stream without limits.
fn blank(name: &str) -> Config {
    Config {
        name: name.to_owned(),
        max_bytes: -1,
        max_messages: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Config::default()
    }
}

impl StreamLimits {
    /// The limits of a stream that only has the last message of each subject.
    fn of_states(lifetime_wanted: Duration) -> StreamLimits {
        StreamLimits { per_subject: 1, max_age: lifetime(lifetime_wanted), duplicates: Duration::ZERO }
    }

    /// The limits of a stream that exists.
    fn of(config: &Config) -> StreamLimits {
        StreamLimits {
            per_subject: config.max_messages_per_subject,
            max_age: config.max_age,
            duplicates: config.duplicate_window,
        }
    }

    fn cover(&self, other: StreamLimits) -> bool {
        self.or_higher(other) == *self
    }

    fn or_higher(self, other: StreamLimits) -> StreamLimits {
        StreamLimits {
            per_subject: self.per_subject.max(other.per_subject),
            max_age: self.max_age.max(other.max_age),
            duplicates: self.duplicates.max(other.duplicates),
        }
    }
}

/// How long messages are kept. NATS takes no shorter times.
fn lifetime(wanted: Duration) -> Duration {
    wanted.clamp(Duration::from_secs(1), Duration::from_secs(100 * 365 * 86_400))
}

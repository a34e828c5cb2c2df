//! The connection that messages of one server arrive on.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{ChannelName, StoreEvents};
use redis::{PushKind, Value};
use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::dial::{Dialer, Purpose};
use crate::envelope;
use crate::figures::Figures;
use crate::monitored::{Heard, Monitored};
use crate::subscriptions::{Entry, Request, Restored, Subscriptions, Unexpected};
use crate::topic::Topic;
use crate::url::RedisUrl;

/// How many requests are written at once.
const BATCH: usize = 512;

/// The pause after a lost connection, and after several.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Listens to topics on one server, and connects again by itself.
///
/// Messages are handed over as they are read: when that takes long, they wait in Redis, which ends the connection if
/// there are too many. That is an interruption like any other.
#[derive(Debug)]
pub(crate) struct Subscriber {
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What a subscriber is made of.
pub(crate) struct SubscriberTarget {
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) server: RedisUrl,
    pub(crate) purpose: Purpose,
    pub(crate) silence: Duration,
    pub(crate) figures: Arc<Figures>,
    pub(crate) events: Arc<dyn StoreEvents>,
    /// Rung when the servers may have changed.
    pub(crate) look_around: Arc<Notify>,
}

struct Shared {
    target: SubscriberTarget,
    /// Locked while events are reported, so that they are reported one after another.
    subscriptions: Mutex<Subscriptions>,
    has_requests: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("server", &self.target.server).finish_non_exhaustive()
    }
}

impl Subscriber {
    /// Begins to connect.
    pub(crate) fn start(target: SubscriberTarget) -> Subscriber {
        let shared =
            Arc::new(Shared { target, subscriptions: Mutex::default(), has_requests: Notify::new() });
        let task = tokio::spawn(run(shared.clone())).abort_handle();
        Subscriber { shared, task }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.shared.lock().is_connected()
    }

    /// Listens to a topic. The receiver gets an answer when messages of the topic arrive from then on.
    pub(crate) fn listen(&self, name: &[u8], topic: Topic) -> oneshot::Receiver<()> {
        let receiver = self.shared.lock().add(name, topic);
        self.shared.has_requests.notify_one();
        receiver
    }

    /// Listens no more.
    pub(crate) fn stop(&self, name: &[u8]) {
        self.shared.lock().take(name);
        self.shared.has_requests.notify_one();
    }

    /// Ends what was never answered and nobody waits for. Says whether it has.
    pub(crate) fn cancel(&self, name: &[u8]) -> bool {
        let is_ended = self.shared.lock().cancel(name);
        self.shared.has_requests.notify_one();
        is_ended
    }

    /// Hands subscriptions to other servers, which is an interruption of them.
    pub(crate) fn give(&self, names: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Entry)> {
        let mut subscriptions = self.shared.lock();
        let (given, newly_lost) = subscriptions.take_lost(names);
        self.shared.interrupted(&newly_lost);
        drop(subscriptions);
        self.shared.has_requests.notify_one();
        given
    }

    pub(crate) fn receive(&self, name: Vec<u8>, entry: Entry) {
        self.shared.lock().put(name, entry);
        self.shared.has_requests.notify_one();
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called with the lock held.
    fn interrupted(&self, topics: &HashSet<Topic>) {
        if !topics.is_empty() {
            self.target.figures.interruptions.add_one();
            self.target.events.interrupted(&|channel| contains(topics, channel));
        }
    }

    /// Called with the lock held.
    fn restored(&self, restored: Restored) {
        if let Some(topics) = restored {
            self.target.events.restored(&|channel| contains(&topics, channel));
        }
    }

    fn received(&self, value: Value) -> Result<(), Unexpected> {
        let mut subscriptions = self.lock();
        match value {
            Value::Push { kind: PushKind::Message | PushKind::SMessage, data } => {
                if let Ok([Value::BulkString(name), Value::BulkString(message)]) =
                    <[Value; 2]>::try_from(data)
                    && let Some(topic) = subscriptions.topic(&name)
                {
                    self.arrived(topic, &message.into());
                }
            }
            Value::Push { kind: PushKind::Subscribe | PushKind::SSubscribe, data } => {
                let Some(Value::BulkString(name)) = data.first() else { return Err(Unexpected) };
                let restored = subscriptions.subscribed(name)?;
                self.restored(restored);
            }
            Value::Push { kind: PushKind::Unsubscribe | PushKind::SUnsubscribe, data } => {
                let Some(Value::BulkString(name)) = data.first() else { return Err(Unexpected) };
                if let Some(topic) = subscriptions.unsubscribed(name) {
                    self.interrupted(&HashSet::from([topic]));
                    self.target.look_around.notify_one();
                }
            }
            Value::Push { .. } => {}
            Value::ServerError(refusal) => {
                let server = &self.target.server;
                if matches!(refusal.code(), "MOVED" | "CLUSTERDOWN") {
                    tracing::debug!(%server, %refusal, "a slot has moved");
                } else {
                    tracing::warn!(%server, %refusal, "Redis refuses a subscription");
                }
                let restored = subscriptions.answered(true)?;
                self.restored(restored);
                self.target.look_around.notify_one();
            }
            _ => {
                let restored = subscriptions.answered(false)?;
                self.restored(restored);
            }
        }
        if subscriptions.has_to_send() {
            self.has_requests.notify_one();
        }
        Ok(())
    }

    fn arrived(&self, topic: &Topic, message: &Bytes) {
        let read = match topic {
            Topic::Nodes => envelope::from_node(message).map(|message| self.target.events.told(message)),
            Topic::Channel(channel) => envelope::read(message)
                .map(|arrival| self.target.events.arrived(channel, arrival.record, arrival.position)),
        };
        if read.is_err() {
            self.target.figures.unknown_records.add_one();
        }
    }
}

fn contains(topics: &HashSet<Topic>, channel: &ChannelName) -> bool {
    topics.contains(&Topic::Channel(channel.clone()))
}

/// Keeps a connection, for as long as the task is not aborted.
async fn run(shared: Arc<Shared>) {
    let SubscriberTarget { dialer, server, purpose, figures, look_around, .. } = &shared.target;
    let mut pause = FIRST_PAUSE;
    let mut is_reported = false;
    loop {
        match dialer.connect(server, *purpose).await {
            Ok(stream) => {
                figures.connections.add_one();
                tracing::info!(%server, "messages of Redis arrive");
                let start = Instant::now();
                let failure = serve(&shared, stream).await;
                let mut subscriptions = shared.lock();
                let newly_lost = subscriptions.disconnected();
                shared.interrupted(&newly_lost);
                drop(subscriptions);
                tracing::warn!(%server, %failure, "messages of Redis no longer arrive");
                is_reported = true;
                if start.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                }
            }
            Err(failure) if !std::mem::replace(&mut is_reported, true) => {
                tracing::warn!(%failure, "Redis cannot be reached");
            }
            Err(failure) => tracing::debug!(%failure, "Redis cannot be reached"),
        }
        look_around.notify_one();
        sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Uses a connection until it fails.
async fn serve(shared: &Shared, stream: Monitored) -> io::Error {
    let heard = stream.heard();
    let (reader, writer) = tokio::io::split(stream);
    shared.lock().connected();
    tokio::select! {
        failure = read(shared, reader) => failure,
        failure = write(shared, writer) => failure,
        failure = watch(shared, &heard) => failure,
    }
}

async fn read(shared: &Shared, mut reader: ReadHalf<Monitored>) -> io::Error {
    let mut decoder = combine::stream::Decoder::new();
    loop {
        match redis::parse_redis_value_async(&mut decoder, &mut reader).await {
            Ok(value) => {
                if shared.received(value).is_err() {
                    return io::Error::other("Redis has sent an answer that was not asked for");
                }
            }
            Err(failure) => return io::Error::other(failure),
        }
    }
}

async fn write(shared: &Shared, mut writer: WriteHalf<Monitored>) -> io::Error {
    let is_sharded = shared.target.purpose == Purpose::ClusterMaster;
    loop {
        let requests = shared.lock().next_requests(BATCH);
        if requests.is_empty() {
            shared.has_requests.notified().await;
            continue;
        }
        let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request, is_sharded)).collect();
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if let Err(failure) = written.await {
            return failure;
        }
    }
}

fn encode(request: &Request, is_sharded: bool) -> Vec<u8> {
    let command = match request {
        Request::Subscribe { name, .. } => (if is_sharded { "SSUBSCRIBE" } else { "SUBSCRIBE" }, Some(name)),
        Request::Unsubscribe(name) => (if is_sharded { "SUNSUBSCRIBE" } else { "UNSUBSCRIBE" }, Some(name)),
        Request::Ping => ("PING", None),
    };
    redis::cmd(command.0).arg(command.1).get_packed_command()
}

/// Notices that nothing arrives any more, not even answers.
async fn watch(shared: &Shared, heard: &Heard) -> io::Error {
    loop {
        shared.lock().ping();
        shared.has_requests.notify_one();
        if !heard.anything_within(shared.target.silence).await {
            return io::Error::new(io::ErrorKind::TimedOut, "Redis does not answer");
        }
    }
}

#[cfg(test)]
mod tests;

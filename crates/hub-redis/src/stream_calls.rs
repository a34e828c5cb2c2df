//! Calls that use a channel's stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longwire_hub::{
    BrokerError, HistoryOptions, HistoryPage, HistoryQuery, Millis, NewPublication, Publication,
    PublishOutcome, Record, StreamPosition, UnknownRecord,
};
use rand::distr::{Alphanumeric, SampleString as _};
use redis::Value;

use crate::dial::text;
use crate::envelope;
use crate::execute::{Errand, Repetition};
use crate::figures::Figures;
use crate::link::Order;
use crate::options::{Clock, Deployment, RedisOptions};
use crate::script::{HISTORY, PUBLISH, ScriptCall};
use crate::topic::{KeyKind, Topic};

/// The length of an idempotency key and of the epoch of a version, in bytes, as in memory.
const MAX_KEY: usize = 255;

/// Scripts have no larger numbers that are exact.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Longer times mean the same: 100 years.
const MAX_MILLIS: u64 = 100 * 365 * 86_400_000;

/// The length of an epoch in characters. 62^12 is 71 bits: two streams do not get the same one by chance.
const EPOCH_LEN: usize = 12;

/// The time as an argument of scripts.
pub(crate) fn clock(options: &RedisOptions, now: Millis) -> String {
    match options.clock {
        Clock::Server => String::new(),
        Clock::Caller => now.0.min(MAX_NUMBER).to_string(),
    }
}

/// A span of time as an argument of scripts: in milliseconds, at least one.
pub(crate) fn millis(time: Duration) -> String {
    u64::try_from(time.as_millis()).unwrap_or(MAX_MILLIS).clamp(1, MAX_MILLIS).to_string()
}

/// A count as an argument of scripts.
pub(crate) fn number(count: usize) -> String {
    u64::try_from(count).unwrap_or(MAX_NUMBER).min(MAX_NUMBER).to_string()
}

/// The command by which events are sent.
pub(crate) fn publish_command(options: &RedisOptions) -> &'static str {
    match options.deployment {
        Deployment::Cluster(_) => "SPUBLISH",
        _ => "PUBLISH",
    }
}

fn keep(history: &HistoryOptions) -> Duration {
    history.meta_ttl.max(history.ttl)
}

/// The arguments that all scripts of streams have.
fn with_stream(
    call: ScriptCall,
    options: &RedisOptions,
    history: &HistoryOptions,
    now: Millis,
) -> ScriptCall {
    let size = if history.is_kept() { history.size } else { 0 };
    // The generation precedes them, as soon as the server is known.
    call.arg(clock(options, now))
        .arg(Alphanumeric.sample_string(&mut rand::rng(), EPOCH_LEN))
        .arg(number(size))
        .arg(number(history.bytes))
        .arg(millis(history.ttl))
        .arg(millis(keep(history)))
}

fn stream_keys(topic: &Topic, prefix: &str) -> Vec<Vec<u8>> {
    [KeyKind::Position, KeyKind::Entries, KeyKind::Sizes].map(|kind| topic.key(prefix, kind)).into()
}

/// What publishing takes.
pub(crate) fn publish(
    options: &RedisOptions,
    topic: Topic,
    new: NewPublication,
    history: &HistoryOptions,
    now: Millis,
) -> Result<Errand, BrokerError> {
    let key = new.idempotency_key.filter(|_| !history.idempotency.is_zero());
    let version_epoch = new.version.as_ref().map(|(_, epoch)| epoch);
    if key.iter().chain(version_epoch).any(|key| key.len() > MAX_KEY) {
        return Err(BrokerError::LimitExceeded);
    }
    let NewPublication { data, info, tags, version, .. } = new;
    let publication = Publication { offset: 0, data, info, tags, time: now };
    let len = publication.content_len();
    let record = Record::Publication(publication).encode();
    let prefix = &options.prefix;
    let is_stored = history.is_kept() || key.is_some() || version.is_some();
    if !is_stored {
        let mut command = redis::cmd(publish_command(options));
        command.arg(topic.name(prefix)).arg([b"1P::", &*record].concat());
        let order = Order::Command(command);
        let repetition = Repetition::Harmful;
        return Ok(Errand { topic, order, repetition, is_durable: false });
    }
    let mut keys = stream_keys(&topic, prefix);
    keys.extend(key.as_ref().map(|key| topic.idempotency_key(prefix, key)));
    keys.extend(version.as_ref().map(|_| topic.key(prefix, KeyKind::Version)));
    let version = version.map(|(version, epoch)| (format!("{version:020}"), epoch));
    let (version, version_epoch) = version.unwrap_or_default();
    let call = with_stream(PUBLISH.call(keys), options, history, now)
        .arg(number(len))
        .arg(record)
        .arg(key.as_ref().map(|_| millis(history.idempotency)).unwrap_or_default())
        .arg(version)
        .arg(&*version_epoch)
        .arg(publish_command(options))
        .arg(topic.name(prefix));
    let order = Order::StreamScript(call, options.continuity);
    // With a key, the second time is answered like the first.
    let repetition = if key.is_some() { Repetition::Harmless } else { Repetition::Harmful };
    Ok(Errand { topic, order, repetition, is_durable: true })
}

/// Reads the answer to publishing.
pub(crate) fn published(answer: &Value) -> Result<PublishOutcome, BrokerError> {
    let Value::Array(parts) = answer else {
        // Of the command, which says how many have received it.
        return Ok(PublishOutcome { position: None, was_known: false });
    };
    let [Value::Int(outcome), _, Value::BulkString(offset), Value::BulkString(epoch)] = &**parts else {
        return Err(BrokerError::Unavailable);
    };
    let position = envelope::position(offset, epoch).map_err(|_| BrokerError::Unavailable)?;
    match outcome {
        0 | 1 => Ok(PublishOutcome { position, was_known: *outcome == 1 }),
        2 => Err(BrokerError::LimitExceeded),
        _ => Err(BrokerError::Unavailable),
    }
}

/// What reading a page takes.
pub(crate) fn history(
    options: &RedisOptions,
    topic: Topic,
    query: &HistoryQuery,
    history: &HistoryOptions,
    now: Millis,
) -> Errand {
    let since = query.since.as_ref();
    let offset = since.map(|since| since.offset.min(MAX_NUMBER).to_string());
    let epoch = since.map(|since| since.epoch.as_bytes().to_vec());
    let keys = stream_keys(&topic, &options.prefix);
    let call = with_stream(HISTORY.call(keys), options, history, now)
        .arg(if query.reverse { "backward" } else { "forward" })
        .arg(number(query.limit.min(MAX_PAGE)))
        .arg(offset.unwrap_or_default())
        .arg(epoch.unwrap_or_default());
    let order = Order::StreamScript(call, options.continuity);
    Errand { topic, order, repetition: Repetition::Harmless, is_durable: false }
}

/// Redis takes no larger count.
const MAX_PAGE: usize = i32::MAX as usize;

/// Reads a page. Entries that this version does not know are left out: the offsets show what is missing.
pub(crate) fn page(answer: Value, figures: &Figures) -> Result<HistoryPage, BrokerError> {
    let Value::Array(parts) = answer else { return Err(BrokerError::Unavailable) };
    let parts: [Value; 5] = parts.try_into().map_err(|_| BrokerError::Unavailable)?;
    let [Value::Int(outcome), _, Value::BulkString(offset), Value::BulkString(epoch), Value::Array(entries)] =
        parts
    else {
        return Err(BrokerError::Unavailable);
    };
    if outcome == 1 {
        return Err(BrokerError::UnrecoverablePosition);
    }
    let position = envelope::position(&offset, &epoch).ok().flatten().ok_or(BrokerError::Unavailable)?;
    let mut publications = Vec::with_capacity(entries.len());
    for entry in entries {
        match publication(entry) {
            Ok(publication) => publications.push(Arc::new(publication)),
            Err(UnknownRecord) => figures.unknown_records.add_one(),
        }
    }
    Ok(HistoryPage { publications, position })
}

/// The page of a channel without history.
pub(crate) fn empty_page() -> HistoryPage {
    let position = StreamPosition { offset: 0, epoch: Arc::from("") };
    HistoryPage { publications: Vec::new(), position }
}

/// Reads an entry: its id `offset-0`, and its fields, of which the first names the format.
fn publication(entry: Value) -> Result<Publication, UnknownRecord> {
    let Value::Array(parts) = entry else { return Err(UnknownRecord) };
    let [id, Value::Array(fields)] = <[Value; 2]>::try_from(parts).map_err(|_| UnknownRecord)? else {
        return Err(UnknownRecord);
    };
    let [format, Value::BulkString(record)] = <[Value; 2]>::try_from(fields).map_err(|_| UnknownRecord)?
    else {
        return Err(UnknownRecord);
    };
    let offset = text(&id).and_then(|id| id.split_once('-')?.0.parse().ok()).ok_or(UnknownRecord)?;
    match Record::decode(Bytes::from(record))? {
        Record::Publication(publication) if text(&format) == Some("1") => {
            Ok(Publication { offset, ..publication })
        }
        _ => Err(UnknownRecord),
    }
}

/// What removing the publications of a channel takes.
pub(crate) fn remove_history(options: &RedisOptions, topic: Topic) -> Errand {
    let mut command = redis::cmd("DEL");
    command.arg(topic.key(&options.prefix, KeyKind::Entries)).arg(topic.key(&options.prefix, KeyKind::Sizes));
    let order = Order::Command(command);
    Errand { topic, order, repetition: Repetition::Harmless, is_durable: true }
}

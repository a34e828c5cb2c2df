//! Calls that use a channel's presence.

use std::collections::BTreeMap;

use bytes::Bytes;
use longwire_hub::{BrokerError, Member, Millis, Presence, PresenceStats, Record};
use redis::Value;
use tokio::time::timeout;

use crate::dial::text;
use crate::execute::{Errand, Executor, Repetition};
use crate::figures::Figures;
use crate::link::Order;
use crate::options::RedisOptions;
use crate::script::{
    ADD_PRESENCE, PRESENCE_STATS, READ_PRESENCE, REMOVE_PRESENCE, RENEW_PRESENCE, ScriptCall, StoredScript,
};
use crate::stream_calls::{clock, millis, number, publish_command};
use crate::topic::{KeyKind, Topic};

/// The circumstances of a call.
#[derive(Debug, Clone)]
pub(crate) struct PresenceCall<'a> {
    pub(crate) executor: &'a Executor,
    pub(crate) topic: Topic,
    pub(crate) now: Millis,
}

impl PresenceCall<'_> {
    fn options(&self) -> &RedisOptions {
        &self.executor.servers.options
    }

    fn script(&self, script: &'static StoredScript) -> ScriptCall {
        let prefix = &self.options().prefix;
        let kinds = [KeyKind::Members, KeyKind::Deadlines, KeyKind::Users];
        let keys = kinds.map(|kind| self.topic.key(prefix, kind)).into();
        script
            .call(keys)
            .arg(clock(self.options(), self.now))
            .arg(publish_command(self.options()))
            .arg(self.topic.name(prefix))
    }

    /// Runs a script until it has no more expired clients to remove.
    async fn run(&self, call: ScriptCall) -> Result<Value, BrokerError> {
        let done = timeout(self.options().timeout, async {
            loop {
                let errand = Errand {
                    topic: self.topic.clone(),
                    order: Order::Script(call.clone()),
                    repetition: Repetition::Harmless,
                    is_durable: false,
                };
                let answer = self.executor.run(errand).await?;
                if text(&answer) != Some("more") {
                    return Ok(answer);
                }
            }
        });
        done.await.unwrap_or(Err(BrokerError::Unavailable))
    }

    pub(crate) async fn add(&self, member: Member, announce: bool) -> Result<(), BrokerError> {
        let Member { info, ttl } = member;
        let (client, user) = (info.client.clone(), info.user.clone());
        let add = self
            .script(&ADD_PRESENCE)
            .arg(&*client)
            .arg(&*user)
            .arg(flag(announce))
            .arg(Record::Join(info).encode())
            .arg(millis(ttl))
            .arg(number(self.options().presences_per_channel));
        match self.run(add).await {
            Ok(answer) => done(&answer),
            Err(BrokerError::LimitExceeded) => {
                // Memory is full, but a client that is there already stays.
                let renew = self.script(&RENEW_PRESENCE).arg(&*client).arg(millis(ttl));
                done(&self.run(renew).await?)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn remove(&self, client: &str, announce: bool) -> Result<(), BrokerError> {
        let remove = self.script(&REMOVE_PRESENCE).arg(client).arg(flag(announce));
        done(&self.run(remove).await?)
    }

    pub(crate) async fn read(&self, limit: usize) -> Result<Presence, BrokerError> {
        let read = self.script(&READ_PRESENCE).arg(number(limit));
        let Value::Array(records) = self.run(read).await? else { return Err(BrokerError::Unavailable) };
        Ok(presence(records, &self.executor.servers.figures))
    }

    pub(crate) async fn stats(&self) -> Result<PresenceStats, BrokerError> {
        let counts = self.run(self.script(&PRESENCE_STATS)).await?;
        let (clients, users) = redis::from_redis_value(counts).map_err(|_| BrokerError::Unavailable)?;
        Ok(PresenceStats { clients, users })
    }
}

fn flag(is_set: bool) -> &'static str {
    if is_set { "1" } else { "0" }
}

fn done(answer: &Value) -> Result<(), BrokerError> {
    match text(answer) {
        Some("done") => Ok(()),
        Some("full") => Err(BrokerError::LimitExceeded),
        _ => Err(BrokerError::Unavailable),
    }
}

fn presence(records: Vec<Value>, figures: &Figures) -> Presence {
    let mut clients = BTreeMap::new();
    for record in records {
        let Value::BulkString(record) = record else { continue };
        match Record::decode(Bytes::from(record)) {
            Ok(Record::Join(info)) => drop(clients.insert(info.client.clone(), info)),
            _ => figures.unknown_records.add_one(),
        }
    }
    Presence { clients }
}

//! Who is present.
//!
//! A client is a message whose subject names the channel, the client and the user. It expires by itself unless it is
//! written again, and statistics read subjects only.

pub(crate) mod leaving;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longwire_hub::{ChannelName, ClientInfo, Member, Millis, Presence, PresenceStats, Record};
use prost::Message as _;

use crate::entry::{Entry, PresenceEntry};
use crate::failure::Failure;
use crate::jetstream::{Expect, JetStream, Wanted};
use crate::leaves::Leaves;
use crate::line::Line;
use crate::names::{Group, Kind, Names, user_of};
use crate::streams::Streams;

/// The longest id of a client, in bytes, so that subjects stay short.
const CLIENT_LEN: usize = 255;

/// How many clients are read at once.
const AT_ONCE: usize = 64;

/// The most clients that a node remembers to have added. Others cost a round trip more when they are renewed.
const MOST: usize = 1_000_000;

/// How much longer NATS keeps a client than its time, so that a node sees it and announces its leave.
const GRACE: Duration = Duration::from_secs(2);

/// The presences of all channels.
#[derive(Debug)]
pub(crate) struct Presences {
    line: Arc<Line>,
    jetstream: JetStream,
    names: Names,
    streams: Arc<Streams>,
    pub(crate) leaves: Leaves,
    /// What this node has added, by channel and client.
    added: Mutex<HashMap<(ChannelName, ByteString), Added>>,
}

#[derive(Debug, Clone)]
struct Added {
    subject: String,
    until: Instant,
}

impl Presences {
    pub(crate) fn new(
        line: Arc<Line>,
        jetstream: JetStream,
        names: Names,
        streams: Arc<Streams>,
    ) -> Presences {
        Presences {
            line,
            jetstream,
            names,
            streams,
            leaves: Leaves::default(),
            added: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) async fn add(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Result<(), Failure> {
        let Member { info, ttl } = member;
        if info.client.len() > CLIENT_LEN {
            return Err(Failure::limit());
        }
        let group = Group::of(channel);
        let stream = self.streams.presence(&group, ttl.saturating_add(GRACE)).await?;
        self.leaves.watch(&group);
        let subject = self.names.present(channel, &info.client, &info.user);
        let record = Record::Join(info.clone()).encode();
        let entry = PresenceEntry { record: record.clone(), expiry: (now + ttl).0, announce }.encode_to_vec();
        let is_new = match self.added(channel, &info.client) {
            None => self.is_new(&stream, &subject, entry, now).await?,
            Some(before) => {
                self.jetstream.append(subject.clone(), entry, Expect::Anything, None).await?;
                if before.subject != subject {
                    self.jetstream.purge(&stream, &before.subject).await?;
                }
                false
            }
        };
        self.remember(channel, &info.client, subject, ttl);
        if is_new && announce {
            self.announce(self.names.events(channel), record).await?;
        }
        Ok(())
    }

    /// Adds a client that this node does not know. Says whether it is new.
    async fn is_new(
        &self,
        stream: &str,
        subject: &str,
        entry: Vec<u8>,
        now: Millis,
    ) -> Result<bool, Failure> {
        match self.jetstream.append(subject.to_owned(), entry.clone(), Expect::Last(0), None).await {
            Ok(_) => Ok(true),
            Err(Failure::Conflict) => {
                let was_there = self.read(stream, subject, now).await?.is_some();
                self.jetstream.append(subject.to_owned(), entry, Expect::Anything, None).await?;
                Ok(!was_there)
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn remove(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Result<(), Failure> {
        if client.len() > CLIENT_LEN {
            return Ok(());
        }
        let stream = self.names.stream(Kind::Presence, &Group::of(channel));
        let subjects = match self.forget(channel, client) {
            Some(added) => vec![added.subject],
            None => self.subjects(&stream, &self.names.present_client(channel, client), usize::MAX).await?,
        };
        for subject in subjects {
            let info = if announce { self.read(&stream, &subject, now).await? } else { None };
            // Whoever removed it announces it.
            let was_there = self.jetstream.purge(&stream, &subject).await? > 0;
            if let Some(info) = info.filter(|_| was_there) {
                self.announce(self.names.events(channel), Record::Leave(info).encode()).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn list(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Result<Presence, Failure> {
        let stream = self.names.stream(Kind::Presence, &Group::of(channel));
        let subjects = self.subjects(&stream, &self.names.all_present(channel), limit).await?;
        let reads: Vec<_> = subjects.iter().map(|subject| self.read(&stream, subject, now)).collect();
        let infos: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        let clients: BTreeMap<_, _> =
            infos.into_iter().flatten().map(|info| (info.client.clone(), info)).collect();
        Ok(Presence { clients })
    }

    pub(crate) async fn stats(&self, channel: &ChannelName) -> Result<PresenceStats, Failure> {
        let stream = self.names.stream(Kind::Presence, &Group::of(channel));
        let (mut clients, mut users) = (0, HashSet::new());
        let count = |subject: String| {
            clients += 1;
            users.insert(user_of(&subject).to_owned());
            Wanted::More
        };
        let all = self.names.all_present(channel);
        nothing_without_stream(self.jetstream.each_subject(&stream, &all, count).await)?;
        Ok(PresenceStats { clients, users: u64::try_from(users.len()).unwrap_or(u64::MAX) })
    }

    /// Forgets whom this node has added: the stream may have lost them.
    pub(crate) fn forget_all(&self) {
        self.added.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn subjects(&self, stream: &str, filter: &str, limit: usize) -> Result<Vec<String>, Failure> {
        let mut subjects = Vec::new();
        if limit == 0 {
            return Ok(subjects);
        }
        let listed = self.jetstream.each_subject(stream, filter, |subject| {
            subjects.push(subject);
            if subjects.len() < limit { Wanted::More } else { Wanted::NoMore }
        });
        nothing_without_stream(listed.await)?;
        Ok(subjects)
    }

    /// A client whose time is not over.
    async fn read(&self, stream: &str, subject: &str, now: Millis) -> Result<Option<ClientInfo>, Failure> {
        let stored = self.jetstream.last_of_any(stream, subject).await?;
        let entry = stored.and_then(|stored| PresenceEntry::decode(stored.payload).ok());
        Ok(entry.filter(|entry| entry.expiry > now.0).and_then(info_of))
    }

    async fn announce(&self, events: String, record: Bytes) -> Result<(), Failure> {
        let payload = Entry::passing(record).encode_to_vec();
        self.line.publish(events, payload.into()).await
    }

    fn added(&self, channel: &ChannelName, client: &ByteString) -> Option<Added> {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (channel.clone(), client.clone());
        added.get(&key).filter(|added| added.until > Instant::now()).cloned()
    }

    fn remember(&self, channel: &ChannelName, client: &ByteString, subject: String, ttl: Duration) {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        if added.len() >= MOST {
            let now = Instant::now();
            added.retain(|_, added| added.until > now);
        }
        let key = (channel.clone(), client.clone());
        if (added.len() < MOST || added.contains_key(&key))
            && let Some(until) = Instant::now().checked_add(ttl)
        {
            added.insert(key, Added { subject, until });
        }
    }

    fn forget(&self, channel: &ChannelName, client: &str) -> Option<Added> {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        added.remove(&(channel.clone(), ByteString::from(client)))
    }
}

fn info_of(entry: PresenceEntry) -> Option<ClientInfo> {
    match Record::decode(entry.record) {
        Ok(Record::Join(info)) => Some(info),
        _ => None,
    }
}

/// Without a stream, nobody is present.
fn nothing_without_stream(listed: Result<(), Failure>) -> Result<(), Failure> {
    match listed {
        Err(Failure::NoStream) => Ok(()),
        other => other,
    }
}

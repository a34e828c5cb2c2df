//! Clients that leave because their time is over.

use std::sync::Weak;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longwire_hub::{Millis, Record};
use prost::Message as _;

use super::{Presences, info_of};
use crate::clock;
use crate::entry::PresenceEntry;
use crate::failure::Failure;
use crate::jetstream::Stored;
use crate::names::{Group, Kind};

/// After this time, it is looked again where nobody is present.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// It is not looked again before.
const SOONEST: Duration = Duration::from_millis(200);

/// How many messages are looked at together. A node may have died with thousands of clients.
const WINDOW: u64 = 128;

/// For how many clients something is done at once.
const AT_ONCE: usize = 64;

/// A client that is present, or was until a moment ago.
struct Candidate {
    entry: PresenceEntry,
    subject: String,
    sequence: u64,
}

impl Presences {
    /// Announces the leaves of clients whose time is over, and forgets them. Says when to look again.
    ///
    /// Each renewal moves a client to the end of the stream, so they are the first.
    async fn reap(&self, group: &Group, now: Millis) -> Result<Duration, Failure> {
        let stream = self.names.stream(Kind::Presence, group);
        loop {
            let (over, present) = self.oldest(&stream, now).await?;
            if over.is_empty() {
                let next = present.iter().map(|one| Millis(one.entry.expiry).since(now)).min();
                return Ok(next.unwrap_or(LOOK_AGAIN).max(SOONEST));
            }
            let stream = &stream;
            let leaves = over.into_iter().map(|one| async move { self.leave(stream, one).await });
            let leaves: Vec<_> = leaves.collect();
            stream::iter(leaves).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
    }

    /// The oldest messages: those of clients whose time is over, and the others.
    async fn oldest(&self, stream: &str, now: Millis) -> Result<(Vec<Candidate>, Vec<Candidate>), Failure> {
        let first = match self.jetstream.info(stream).await {
            Ok(info) if info.state.messages > 0 => info.state.first_sequence,
            Err(Failure::NoStream) | Ok(_) => return Ok((Vec::new(), Vec::new())),
            Err(failure) => return Err(failure),
        };
        let window = first..first.saturating_add(WINDOW);
        let reads: Vec<_> = window.map(|sequence| self.jetstream.at_any(stream, sequence)).collect();
        let stored: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(stored.into_iter().flatten().filter_map(Candidate::new).partition(|one| one.entry.expiry <= now.0))
    }

    /// Forgets a client. Of several nodes that do so, one announces it. A client that is renewed at this moment stays: its
    /// message is another one then.
    async fn leave(&self, stream: &str, one: Candidate) -> Result<(), Failure> {
        let Candidate { entry, subject, sequence } = one;
        let announce = entry.announce;
        let has_left = self.jetstream.delete(stream, sequence).await?;
        let event = info_of(entry).zip(self.names.events_of_present(&subject));
        match event.filter(|_| has_left && announce) {
            Some((info, events)) => self.announce(events, Record::Leave(info).encode()).await,
            None => Ok(()),
        }
    }
}

impl Candidate {
    /// What cannot be read expires by itself.
    fn new(stored: Stored) -> Option<Candidate> {
        let entry = PresenceEntry::decode(stored.payload).ok()?;
        Some(Candidate { entry, subject: stored.subject, sequence: stored.sequence })
    }
}

/// Announces leaves until the presences are dropped.
pub(crate) async fn announce_leaves(presences: Weak<Presences>) {
    loop {
        tokio::time::sleep(SOONEST).await;
        let Some(presences) = presences.upgrade() else { return };
        if !presences.line.is_connected() {
            continue;
        }
        for group in presences.leaves.due() {
            let time = presences.line.call_timeout();
            let next = tokio::time::timeout(time, presences.reap(&group, clock::now())).await;
            presences.leaves.look_after(&group, next.ok().and_then(Result::ok).unwrap_or(SOONEST));
        }
    }
}

//! The presence of one channel.

use std::collections::HashMap;

use bytestring::ByteString;

use super::limits::{MemoryLimits, Totals};
use crate::broker::deadlines::DeadlineHeap;
use crate::broker::{BrokerError, Member, Presence, PresenceStats};
use crate::publication::ClientInfo;
use crate::time::Millis;
use crate::uuid::Uuid;

/// The clients in a channel's presence, with the number of clients of each user. Most channels have few, so the
/// collections are of a kind that is small while it has few entries.
#[derive(Debug, Default)]
pub(super) struct Members {
    clients: HashMap<PresenceKey, Box<PresentClient>>,
    users: HashMap<ByteString, usize>,
    deadlines: DeadlineHeap<PresenceKey>,
}

/// The id of a client. That of the hub's own clients is a UUID, which takes less memory than its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum PresenceKey {
    Uuid(Uuid),
    Text(Box<str>),
}

/// What is kept of a client: little, since there are many.
#[derive(Debug)]
struct PresentClient {
    user: ByteString,
    /// `None` for a client without any.
    description: Option<Box<ClientDescription>>,
    expiry: Millis,
    /// Whether its leave is announced when it expires.
    announce: bool,
    /// The entry in the deadlines that counts, which is at or before its expiry.
    queued: Option<Millis>,
}

/// What the members see of a client beside its ids.
#[derive(Debug)]
struct ClientDescription {
    conn_info: Option<ByteString>,
    chan_info: Option<ByteString>,
}

impl PresenceKey {
    fn of(client: &str) -> PresenceKey {
        Uuid::parse(client).map_or_else(|| PresenceKey::Text(client.into()), PresenceKey::Uuid)
    }

    fn text(&self) -> ByteString {
        match self {
            PresenceKey::Uuid(id) => id.text(),
            PresenceKey::Text(text) => ByteString::from(&**text),
        }
    }
}

impl ClientDescription {
    fn new(conn_info: Option<ByteString>, chan_info: Option<ByteString>) -> Option<Box<ClientDescription>> {
        let is_empty = conn_info.is_none() && chan_info.is_none();
        (!is_empty).then(|| Box::new(ClientDescription { conn_info, chan_info }))
    }
}

impl PresentClient {
    fn info(&self, key: &PresenceKey) -> ClientInfo {
        let description = self.description.as_ref();
        ClientInfo {
            user: self.user.clone(),
            client: key.text(),
            conn_info: description.and_then(|description| description.conn_info.clone()),
            chan_info: description.and_then(|description| description.chan_info.clone()),
        }
    }
}

impl Members {
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Adds or renews a client. Says whether it is new.
    pub(super) fn add(
        &mut self,
        member: Member,
        announce: bool,
        now: Millis,
        limits: &MemoryLimits,
        totals: &Totals,
    ) -> Result<bool, BrokerError> {
        let Member { info, ttl } = member;
        let ClientInfo { user, client, conn_info, chan_info } = info;
        let (key, expiry) = (PresenceKey::of(&client), now + ttl);
        let description = ClientDescription::new(conn_info, chan_info);
        if let Some(present) = self.clients.get_mut(&key) {
            let user_before = std::mem::replace(&mut present.user, user.clone());
            (present.description, present.expiry, present.announce) = (description, expiry, announce);
            self.deadlines.ensure(&mut present.queued, expiry, &key);
            if user_before != user {
                self.uncount(&user_before);
                self.count(user);
            }
            return Ok(false);
        }
        if self.clients.len() >= limits.presences_per_channel {
            return Err(BrokerError::LimitExceeded);
        }
        totals.presences.take(limits.presences)?;
        self.count(user.clone());
        let mut present = Box::new(PresentClient { user, description, expiry, announce, queued: None });
        self.deadlines.ensure(&mut present.queued, expiry, &key);
        self.clients.insert(key, present);
        Ok(true)
    }

    /// Removes a client, if it is there.
    pub(super) fn remove(&mut self, client: &str, totals: &Totals) -> Option<ClientInfo> {
        let (key, present) = self.clients.remove_entry(&PresenceKey::of(client))?;
        self.forget(&present, totals);
        let Members { clients, deadlines, .. } = self;
        let counts =
            |at, key: &PresenceKey| clients.get(key).is_some_and(|present| present.queued == Some(at));
        deadlines.compact(clients.len(), counts);
        Some(present.info(&key))
    }

    /// Removes the clients whose time is over. `leave` hears of those whose leave is to be announced.
    pub(super) fn trim(&mut self, now: Millis, totals: &Totals, mut leave: impl FnMut(&ClientInfo)) {
        while let Some((at, key)) = self.deadlines.pop_due(now) {
            let present = self.clients.get_mut(&key).filter(|present| present.queued == Some(at));
            let Some(present) = present else { continue };
            present.queued = None;
            if present.expiry > now {
                self.deadlines.ensure(&mut present.queued, present.expiry, &key);
            } else if let Some(present) = self.clients.remove(&key) {
                self.forget(&present, totals);
                if present.announce {
                    leave(&present.info(&key));
                }
            }
        }
    }

    /// The earliest moment at which a client may expire.
    pub(super) fn next_expiry(&self) -> Option<Millis> {
        self.deadlines.first()
    }

    /// At most `limit` clients.
    pub(super) fn read(&self, limit: usize) -> Presence {
        let clients = self.clients.iter().take(limit);
        Presence { clients: clients.map(|(key, present)| (key.text(), present.info(key))).collect() }
    }

    pub(super) fn stats(&self) -> PresenceStats {
        let count = |len| u64::try_from(len).unwrap_or(u64::MAX);
        PresenceStats { clients: count(self.clients.len()), users: count(self.users.len()) }
    }

    fn forget(&mut self, present: &PresentClient, totals: &Totals) {
        totals.presences.subtract(1);
        self.uncount(&present.user);
    }

    fn count(&mut self, user: ByteString) {
        *self.users.entry(user).or_insert(0) += 1;
    }

    fn uncount(&mut self, user: &ByteString) {
        if let Some(count) = self.users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(user);
            }
        }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    /// There are as many of them as clients that are present.
    #[test]
    fn what_each_client_has_is_small() {
        assert!(size_of::<PresentClient>() <= 72, "{} bytes", size_of::<PresentClient>());
        assert!(size_of::<PresenceKey>() <= 24, "{} bytes", size_of::<PresenceKey>());
    }
}

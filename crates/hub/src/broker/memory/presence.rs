//! The presence of one channel.

use std::collections::HashMap;

use bytestring::ByteString;

use super::deadlines::DeadlineHeap;
use super::limits::{MemoryLimits, Totals};
use crate::broker::{BrokerError, Member, Presence, PresenceStats};
use crate::publication::ClientInfo;
use crate::time::Millis;

/// The clients in a channel's presence, with the number of clients of each user. Most channels have few, so the
/// collections are of a kind that is small while it has few entries.
#[derive(Debug, Default)]
pub(super) struct Members {
    clients: HashMap<ByteString, Box<PresentClient>>,
    users: HashMap<ByteString, usize>,
    deadlines: DeadlineHeap<ByteString>,
}

#[derive(Debug)]
struct PresentClient {
    info: ClientInfo,
    expiry: Millis,
    /// Whether its leave is announced when it expires.
    announce: bool,
    /// The entry in the deadlines that counts, which is at or before its expiry.
    queued: Option<Millis>,
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
        let (id, user, expiry) = (info.client.clone(), info.user.clone(), now + ttl);
        if let Some(present) = self.clients.get_mut(&id) {
            let user_before = std::mem::replace(&mut present.info, info).user;
            (present.expiry, present.announce) = (expiry, announce);
            self.deadlines.ensure(&mut present.queued, expiry, &id);
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
        let mut present = Box::new(PresentClient { info, expiry, announce, queued: None });
        self.deadlines.ensure(&mut present.queued, expiry, &id);
        self.clients.insert(id, present);
        self.count(user);
        Ok(true)
    }

    /// Removes a client, if it is there.
    pub(super) fn remove(&mut self, client: &str, totals: &Totals) -> Option<ClientInfo> {
        let present = self.clients.remove(client)?;
        self.forget(&present, totals);
        let Members { clients, deadlines, .. } = self;
        let counts = |at, id: &ByteString| clients.get(id).is_some_and(|present| present.queued == Some(at));
        deadlines.compact(clients.len(), counts);
        Some(present.info)
    }

    /// Removes the clients whose time is over. `leave` hears of those whose leave is to be announced.
    pub(super) fn trim(&mut self, now: Millis, totals: &Totals, mut leave: impl FnMut(&ClientInfo)) {
        while let Some((at, id)) = self.deadlines.pop_due(now) {
            let present = self.clients.get_mut(&id).filter(|present| present.queued == Some(at));
            let Some(present) = present else { continue };
            present.queued = None;
            if present.expiry > now {
                self.deadlines.ensure(&mut present.queued, present.expiry, &id);
            } else if let Some(present) = self.clients.remove(&id) {
                self.forget(&present, totals);
                if present.announce {
                    leave(&present.info);
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
        Presence { clients: clients.map(|(id, present)| (id.clone(), present.info.clone())).collect() }
    }

    pub(super) fn stats(&self) -> PresenceStats {
        let count = |len| u64::try_from(len).unwrap_or(u64::MAX);
        PresenceStats { clients: count(self.clients.len()), users: count(self.users.len()) }
    }

    fn forget(&mut self, present: &PresentClient, totals: &Totals) {
        totals.presences.subtract(1);
        self.uncount(&present.info.user);
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

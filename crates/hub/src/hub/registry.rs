//! The live sessions of a node.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;

use super::client_set::ClientSet;
use crate::control::Control;
use crate::time::Millis;
use crate::uuid::Uuid;

/// The number of locks among which clients and users are divided.
const SHARDS: u64 = 64;

/// The live sessions, by client and by user. Anonymous clients are found by client only.
pub(crate) struct Registry {
    hasher: RandomState,
    clients: Vec<Mutex<HashMap<Uuid, Entry>>>,
    users: Vec<Mutex<HashMap<ByteString, ClientSet>>>,
    /// The clients by session.
    sessions: Mutex<HashMap<Uuid, Uuid>>,
}

/// A live session.
#[derive(Clone)]
pub(crate) struct LiveClient {
    pub(crate) user: ByteString,
    /// The id that emulated transports have.
    pub(crate) session: Option<Uuid>,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) since: Millis,
}

/// What is kept of a live session: little, since there are many.
struct Entry {
    /// `None` for an anonymous client without a session id.
    names: Option<Box<Names>>,
    control: Arc<dyn Control>,
    since: Millis,
}

struct Names {
    user: ByteString,
    session: Option<Uuid>,
}

impl From<LiveClient> for Entry {
    fn from(live: LiveClient) -> Entry {
        let LiveClient { user, session, control, since } = live;
        let is_nameless = user.is_empty() && session.is_none();
        Entry { names: (!is_nameless).then(|| Box::new(Names { user, session })), control, since }
    }
}

impl From<&Entry> for LiveClient {
    fn from(entry: &Entry) -> LiveClient {
        let names = entry.names.as_deref();
        LiveClient {
            user: names.map(|names| names.user.clone()).unwrap_or_default(),
            session: names.and_then(|names| names.session),
            control: entry.control.clone(),
            since: entry.since,
        }
    }
}

/// The user has as many connections as it may.
pub(crate) struct TooManyConnections;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub(crate) fn new() -> Registry {
        Registry {
            hasher: RandomState::new(),
            clients: (0..SHARDS).map(|_| Mutex::default()).collect(),
            users: (0..SHARDS).map(|_| Mutex::default()).collect(),
            sessions: Mutex::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many shards as remainders")]
    fn shard<'a, T>(&self, shards: &'a [Mutex<T>], key: impl Hash) -> MutexGuard<'a, T> {
        lock(&shards[usize::try_from(self.hasher.hash_one(key) % SHARDS).unwrap_or(0)])
    }

    /// Adds a session, unless its user has `limit` connections; 0 is no limit. Returns the user's older clients if the
    /// caller wants them: of two that come at the same time, exactly one is the older one.
    pub(crate) fn add(
        &self,
        client: Uuid,
        live: LiveClient,
        limit: usize,
        wants_older: bool,
    ) -> Result<BTreeSet<Uuid>, TooManyConnections> {
        let (user, session) = (live.user.clone(), live.session);
        self.shard(&self.clients, client).insert(client, live.into());
        if let Some(session) = session {
            lock(&self.sessions).insert(session, client);
        }
        if user.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut users = self.shard(&self.users, &*user);
        let Some(clients) = users.get_mut(&user) else {
            users.insert(user, ClientSet::One(client));
            return Ok(BTreeSet::new());
        };
        if limit > 0 && clients.len() >= limit {
            drop(users);
            self.remove(client);
            return Err(TooManyConnections);
        }
        let older = if wants_older { clients.all() } else { BTreeSet::new() };
        clients.insert(client);
        Ok(older)
    }

    pub(crate) fn remove(&self, client: Uuid) {
        let removed = self.shard(&self.clients, client).remove(&client);
        let Some(names) = removed.and_then(|entry| entry.names) else { return };
        let Names { user, session } = *names;
        if let Some(session) = session {
            lock(&self.sessions).remove(&session);
        }
        if !user.is_empty() {
            let mut users = self.shard(&self.users, &*user);
            if users.get_mut(&user).is_some_and(|clients| clients.remove(client)) {
                users.remove(&user);
            }
        }
    }

    pub(crate) fn client(&self, client: Uuid) -> Option<LiveClient> {
        self.shard(&self.clients, client).get(&client).map(LiveClient::from)
    }

    /// The client that has this session.
    pub(crate) fn of_session(&self, session: Uuid) -> Option<(Uuid, LiveClient)> {
        let client = lock(&self.sessions).get(&session).copied()?;
        let live = self.client(client)?;
        Some((client, live))
    }

    /// The clients of a user.
    pub(crate) fn of_user(&self, user: &str) -> Vec<(Uuid, LiveClient)> {
        let clients = self.shard(&self.users, user).get(user).map(ClientSet::all).unwrap_or_default();
        clients.into_iter().filter_map(|client| self.client(client).map(|live| (client, live))).collect()
    }

    /// Calls `visit` with each client.
    pub(crate) fn each(&self, mut visit: impl FnMut(&LiveClient)) {
        for shard in &self.clients {
            for entry in lock(shard).values() {
                visit(&entry.into());
            }
        }
    }

    /// Calls `visit` with each user and the number of its clients.
    pub(crate) fn each_user(&self, mut visit: impl FnMut(&ByteString, usize)) {
        for shard in &self.users {
            for (user, clients) in lock(shard).iter() {
                visit(user, clients.len());
            }
        }
    }

    /// The numbers of clients and of users.
    pub(crate) fn len(&self) -> (usize, usize) {
        let clients = self.clients.iter().map(|shard| lock(shard).len()).sum();
        let users = self.users.iter().map(|shard| lock(shard).len()).sum();
        (clients, users)
    }
}

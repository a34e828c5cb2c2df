//! What is listened to by one connection, and what is asked for and answered on it. No I/O.
//!
//! Redis answers requests in their order, so the oldest one that was sent is the one that an answer belongs to. Only
//! the end of a sharded subscription comes unasked, when its slot has moved to another server.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio::sync::oneshot;

use crate::topic::Topic;

/// How many requests may be unanswered.
const WINDOW: usize = 4096;

/// The subscriptions of a connection, also while there is none.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    entries: HashMap<Vec<u8>, Entry>,
    queue: VecDeque<Request>,
    sent: VecDeque<Request>,
    is_connected: bool,
    /// Whether the server may have refused or ended something.
    has_failed: bool,
    /// How many entries are to be restored and have been asked for.
    restoring: usize,
    restored: HashSet<Topic>,
    last_id: u64,
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Entry {
    topic: Topic,
    /// That of its newest request: answers to earlier ones, before it ended and began again, say nothing of it.
    id: u64,
    state: State,
    /// Whether messages may have been missed, which was said and not yet taken back.
    is_lost: bool,
    /// Whether a caller was told that it listens.
    is_held: bool,
    waiters: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no connection.
    Idle,
    Requested,
    Listening,
    /// The server has refused it, or has ended it.
    Failed,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Subscribe { name: Vec<u8>, id: u64 },
    Unsubscribe(Vec<u8>),
    Ping,
}

/// An answer that no request belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unexpected;

/// The topics that are listened to again.
pub(crate) type Restored = Option<HashSet<Topic>>;

impl Entry {
    /// Notes that messages may be missed. Says whether that is new, and of interest to somebody.
    fn lose(&mut self) -> bool {
        self.is_held && !std::mem::replace(&mut self.is_lost, true)
    }

    fn is_restoring(&self) -> bool {
        self.is_lost && self.state == State::Requested
    }
}

impl Subscriptions {
    pub(crate) fn topic(&self, name: &[u8]) -> Option<&Topic> {
        self.entries.get(name).map(|entry| &entry.topic)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Adds a topic. The receiver gets an answer when Redis has confirmed the subscription.
    pub(crate) fn add(&mut self, name: &[u8], topic: Topic) -> oneshot::Receiver<()> {
        let (waiter, receiver) = oneshot::channel();
        if !self.entries.contains_key(name) {
            let new = Entry {
                topic,
                id: 0,
                state: State::Idle,
                is_lost: false,
                is_held: false,
                waiters: Vec::new(),
            };
            self.put(name.to_vec(), new);
        }
        if let Some(entry) = self.entries.get_mut(name) {
            if entry.state == State::Listening {
                entry.is_held = true;
                let _gone = waiter.send(());
            } else {
                entry.waiters.push(waiter);
            }
        }
        receiver
    }

    /// Ends a subscription that was never answered and that nobody waits for any more. Says whether it has.
    pub(crate) fn cancel(&mut self, name: &[u8]) -> bool {
        let Some(entry) = self.entries.get_mut(name) else { return true };
        entry.waiters.retain(|waiter| !waiter.is_closed());
        let is_unused = !entry.is_held && entry.waiters.is_empty();
        if is_unused {
            self.take(name);
        }
        is_unused
    }

    /// Listens no more.
    pub(crate) fn take(&mut self, name: &[u8]) -> Option<Entry> {
        let entry = self.entries.remove(name)?;
        if entry.is_restoring() {
            self.restoring -= 1;
        }
        if matches!(entry.state, State::Requested | State::Listening) {
            self.queue.push_back(Request::Unsubscribe(name.to_owned()));
        }
        Some(entry)
    }

    /// Takes subscriptions that another connection is to have. The topics are those whose messages may be missed from
    /// now on.
    pub(crate) fn take_lost(&mut self, names: Vec<Vec<u8>>) -> (Vec<(Vec<u8>, Entry)>, HashSet<Topic>) {
        let mut newly_lost = HashSet::new();
        let taken = names.into_iter().filter_map(|name| {
            let mut entry = self.take(&name)?;
            if entry.lose() {
                newly_lost.insert(entry.topic.clone());
            }
            Some((name, entry))
        });
        (taken.collect(), newly_lost)
    }

    /// Adds a subscription as it was elsewhere.
    pub(crate) fn put(&mut self, name: Vec<u8>, mut entry: Entry) {
        entry.state = State::Idle;
        self.entries.insert(name.clone(), entry);
        if self.is_connected {
            self.request(name);
        }
    }

    /// Asks for everything on a new connection.
    pub(crate) fn connected(&mut self) {
        self.is_connected = true;
        self.restoring = 0;
        let names: Vec<Vec<u8>> = self.entries.keys().cloned().collect();
        for name in names {
            self.request(name);
        }
    }

    fn request(&mut self, name: Vec<u8>) {
        let Some(entry) = self.entries.get_mut(&name) else { return };
        self.last_id += 1;
        (entry.id, entry.state) = (self.last_id, State::Requested);
        self.restoring += usize::from(entry.is_lost);
        self.queue.push_back(Request::Subscribe { name, id: entry.id });
    }

    /// The topics whose messages may be missed from now on.
    pub(crate) fn disconnected(&mut self) -> HashSet<Topic> {
        self.is_connected = false;
        self.queue = VecDeque::new();
        self.sent = VecDeque::new();
        // They have to be restored once more.
        self.restored = HashSet::new();
        self.restoring = 0;
        let mut newly_lost = HashSet::new();
        for entry in self.entries.values_mut() {
            if entry.lose() {
                newly_lost.insert(entry.topic.clone());
            }
            entry.state = State::Idle;
        }
        newly_lost
    }

    /// Asks the server for an answer, and once more for what it has refused.
    pub(crate) fn ping(&mut self) {
        if std::mem::take(&mut self.has_failed) {
            let failed = self.entries.iter().filter(|(_, entry)| entry.state == State::Failed);
            let names: Vec<Vec<u8>> = failed.map(|(name, _)| name.clone()).collect();
            for name in names {
                self.request(name);
            }
        }
        self.queue.push_back(Request::Ping);
    }

    /// Some requests to send now.
    pub(crate) fn next_requests(&mut self, most: usize) -> Vec<Request> {
        let count = most.min(self.queue.len()).min(WINDOW.saturating_sub(self.sent.len()));
        let requests: Vec<Request> = self.queue.drain(..count).collect();
        self.sent.extend(requests.iter().cloned());
        requests
    }

    /// Whether requests wait that may be sent.
    pub(crate) fn has_to_send(&self) -> bool {
        !self.queue.is_empty() && self.sent.len() <= WINDOW / 2
    }

    pub(crate) fn subscribed(&mut self, name: &[u8]) -> Result<Restored, Unexpected> {
        let id = match self.sent.pop_front() {
            Some(Request::Subscribe { name: sent, id }) if sent == name => id,
            _ => return Err(Unexpected),
        };
        let Some(entry) = self.entries.get_mut(name).filter(|entry| entry.id == id) else { return Ok(None) };
        entry.state = State::Listening;
        entry.is_held |= !entry.waiters.is_empty();
        if std::mem::take(&mut entry.is_lost) {
            self.restoring -= 1;
            self.restored.insert(entry.topic.clone());
        }
        let waiters = std::mem::take(&mut entry.waiters);
        let restored = self.take_restored();
        for waiter in waiters {
            let _gone = waiter.send(());
        }
        Ok(restored)
    }

    /// A subscription has ended. The topic is one whose messages may be missed from now on, since nobody asked for that.
    pub(crate) fn unsubscribed(&mut self, name: &[u8]) -> Option<Topic> {
        if matches!(self.sent.front(), Some(Request::Unsubscribe(sent)) if sent == name) {
            self.sent.pop_front();
            return None;
        }
        let entry = self.entries.get_mut(name).filter(|entry| entry.state == State::Listening)?;
        entry.state = State::Failed;
        self.has_failed = true;
        entry.lose().then(|| entry.topic.clone())
    }

    /// The oldest request is answered: by a `PONG`, or by an error.
    pub(crate) fn answered(&mut self, is_error: bool) -> Result<Restored, Unexpected> {
        match self.sent.pop_front().ok_or(Unexpected)? {
            Request::Subscribe { name, id } if is_error => {
                if let Some(entry) = self.entries.get_mut(&name).filter(|entry| entry.id == id) {
                    if entry.is_restoring() {
                        self.restoring -= 1;
                    }
                    entry.state = State::Failed;
                    self.has_failed = true;
                }
                Ok(self.take_restored())
            }
            // What was waited for may have ended or moved.
            Request::Ping => Ok(self.take_restored()),
            Request::Unsubscribe(_) if is_error => Ok(None),
            Request::Subscribe { .. } | Request::Unsubscribe(_) => Err(Unexpected),
        }
    }

    fn take_restored(&mut self) -> Restored {
        let is_complete = self.restoring == 0 && !self.restored.is_empty();
        is_complete.then(|| std::mem::take(&mut self.restored))
    }
}

#[cfg(test)]
mod tests;

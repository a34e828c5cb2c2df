//! A broker with a channel to try, and what its fan-out hears.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use longwire_hub::{
    Broker, BrokerError, Call, ChannelName, ClientInfo, Data, Fanout, HistoryOptions, HistoryQuery, Joined,
    Member, MemoryBroker, MemoryLimits, Millis, NewPublication, Publication, PublishOutcome, Recovery, Since,
    StreamPosition,
};

/// The answer of a broker that answers at once.
pub(crate) fn ready<T>(call: Call<T>) -> T {
    match call {
        Call::Ready(answer) => answer,
        Call::Later(_) => panic!("the memory broker answers at once"),
    }
}

pub(crate) fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

pub(crate) fn text(publication: &Publication) -> &str {
    std::str::from_utf8(publication.data.as_bytes()).unwrap()
}

/// History of this size, kept for a minute; positions are kept for an hour.
pub(crate) fn history(size: usize) -> HistoryOptions {
    let mut history = HistoryOptions::default();
    history.size = size;
    history.ttl = Duration::from_secs(60);
    history.meta_ttl = Duration::from_secs(3600);
    history
}

/// Writes down what happens, one line each.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Fanout for Heard {
    fn publication(
        &self,
        _: &ChannelName,
        publication: &Publication,
        _: &str,
        previous: Option<&Publication>,
    ) {
        let after = previous.map(|previous| format!(" after {}", text(previous)));
        self.note(format!("{} {}{}", publication.offset, text(publication), after.unwrap_or_default()));
    }

    fn join(&self, _: &ChannelName, client: &ClientInfo) {
        self.note(format!("join {}", client.client));
    }

    fn leave(&self, _: &ChannelName, client: &ClientInfo) {
        self.note(format!("leave {}", client.client));
    }
}

/// A broker, the channel that is tried, and the time.
pub(crate) struct Trial {
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) channel: ChannelName,
    pub(crate) history: HistoryOptions,
    pub(crate) now: Millis,
    heard: Arc<Heard>,
}

impl Trial {
    pub(crate) fn new(size: usize) -> Trial {
        Trial::with_limits(size, MemoryLimits::default())
    }

    pub(crate) fn with_limits(size: usize, limits: MemoryLimits) -> Trial {
        let heard = Arc::new(Heard::default());
        let broker = Arc::new(MemoryBroker::with_seed(heard.clone(), limits, 1));
        Trial { broker, channel: channel("news"), history: history(size), now: Millis(0), heard }
    }

    pub(crate) fn on(&mut self, name: &str) -> &mut Trial {
        self.channel = channel(name);
        self
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// What was heard since the last call.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }

    pub(crate) fn try_publish(&self, new: NewPublication) -> Result<PublishOutcome, BrokerError> {
        ready(self.broker.publish(&self.channel, new, &self.history, self.now))
    }

    /// Publishes a text. The answer is the offset.
    pub(crate) fn publish(&self, text: &str) -> u64 {
        let outcome = self.try_publish(new(text)).unwrap();
        outcome.position.map_or(0, |position| position.offset)
    }

    pub(crate) fn try_subscribe(&self, since: Since) -> Result<Joined, BrokerError> {
        let heard = self.heard.clone();
        let start = Box::new(move || heard.note("start".to_owned()));
        ready(self.broker.subscribe(&self.channel, since, &self.history, self.now, start))
    }

    pub(crate) fn subscribe(&self) -> StreamPosition {
        self.try_subscribe(Since::Now).unwrap().position
    }

    pub(crate) fn unsubscribe(&self) {
        ready(self.broker.unsubscribe(&self.channel, self.now)).unwrap();
    }

    /// Subscribes with a wish for the past, and ends the subscription: the offsets that were recovered.
    pub(crate) fn recover(&self, since: Since) -> Option<Vec<u64>> {
        let joined = self.try_subscribe(since).unwrap();
        self.unsubscribe();
        match joined.recovery {
            Recovery::Recovered(missed) => {
                Some(missed.iter().map(|publication| publication.offset).collect())
            }
            Recovery::Unrecoverable => None,
            Recovery::NotAsked => panic!("it was asked"),
        }
    }

    /// The newest position.
    pub(crate) fn position(&self) -> StreamPosition {
        let query = HistoryQuery { limit: 0, since: None, reverse: false };
        ready(self.broker.history(&self.channel, query, &self.history, self.now)).unwrap().position
    }

    /// The position of this offset in the present stream.
    pub(crate) fn at(&self, offset: u64) -> StreamPosition {
        StreamPosition { offset, ..self.position() }
    }

    /// The offsets of all that is kept.
    pub(crate) fn kept(&self) -> Vec<u64> {
        let query = HistoryQuery { limit: usize::MAX, since: None, reverse: false };
        let page = ready(self.broker.history(&self.channel, query, &self.history, self.now)).unwrap();
        page.publications.iter().map(|publication| publication.offset).collect()
    }

    pub(crate) fn remove_history(&self) {
        ready(self.broker.remove_history(&self.channel, self.now)).unwrap();
    }

    pub(crate) fn try_join(&self, client: &str, user: &str, ttl: u64) -> Result<(), BrokerError> {
        ready(self.broker.add_presence(&self.channel, member(client, user, ttl), true, self.now))
    }

    pub(crate) fn join(&self, client: &str, user: &str, ttl: u64) {
        self.try_join(client, user, ttl).unwrap();
    }

    pub(crate) fn leave(&self, client: &str) {
        ready(self.broker.remove_presence(&self.channel, client, true, self.now)).unwrap();
    }

    /// The number of clients and of users.
    pub(crate) fn present(&self) -> (u64, u64) {
        let stats = ready(self.broker.presence_stats(&self.channel, self.now)).unwrap();
        (stats.clients, stats.users)
    }

    pub(crate) fn expire(&self) {
        self.broker.expire(self.now);
    }
}

pub(crate) fn new(text: &str) -> NewPublication {
    NewPublication::new(Data::from_text(text))
}

pub(crate) fn member(client: &str, user: &str, ttl: u64) -> Member {
    let info = ClientInfo { user: user.into(), client: client.into(), ..ClientInfo::default() };
    Member { info, ttl: Duration::from_secs(ttl) }
}

//! The node under test, and what is known about it.

use std::collections::BTreeMap;
use std::time::Duration;

use longwire_hub::{
    Access, ChannelName, ClientFilter, Data, HistoryQuery, NamespaceOptions, Namespaces, PublishCall,
};

use super::reader::Reader;
use crate::support::{World, config, finish};

const CLIENTS: usize = 4;
const CHANNELS: [&str; 2] = ["demo:a", "demo:b"];

/// A generator of random numbers (xorshift).
pub(super) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// When the broker answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answers {
    AtOnce,
    /// Later, though each command waits only for a moment.
    Later,
    /// At any time: what the broker does and its answer are two random steps.
    AnyTime,
    /// As [`AnyTime`](Answers::AnyTime), from an engine of which some publications do not arrive.
    Shared,
}

/// What was published to a channel, by its offset, for each epoch.
pub(super) type Published = BTreeMap<(String, u64), String>;

pub(super) struct Model {
    pub(super) random: Random,
    world: World,
    answers: Answers,
    published: [Published; CHANNELS.len()],
    readers: Vec<Reader>,
    numbers: u64,
    transcript: String,
}

/// Contents that have much in common, so that deltas are made.
fn text(number: u64) -> String {
    format!(r#"{{"text":"It rains in Bern, and it has rained for days","number":{number}}}"#)
}

impl Model {
    pub(super) fn new(seed: u64, answers: Answers) -> Model {
        let mut random = Random::new(seed);
        let mut options = NamespaceOptions::demo();
        options.history.size = 3 + random.below(6);
        options.history.ttl = Duration::from_secs(60);
        options.history.meta_ttl = Duration::from_secs(600);
        options.publish = Access::ANONYMOUS;
        options.publish_rate = None;
        options.max_page = 2 + random.below(8);
        let mut config = config();
        config.namespaces = Namespaces::default().with("demo", options).unwrap();
        let seed = seed.to_le_bytes()[0];
        let world = match answers {
            Answers::AtOnce => World::with(config, None, seed),
            Answers::Later => World::a_moment_later(config, seed),
            Answers::AnyTime => World::later(config, seed),
            Answers::Shared => World::shared(config, seed),
        };
        if let Answers::AnyTime | Answers::Shared = answers {
            world.delay_work();
        }
        let readers =
            (0..CLIENTS).map(|place| Reader::new(CHANNELS.len(), place % 2 == 1, place > 1)).collect();
        let (published, transcript) = (Default::default(), String::new());
        Model { random, world, answers, published, readers, numbers: 0, transcript }
    }

    pub(super) fn clients(&self) -> usize {
        self.readers.len()
    }

    pub(super) fn channels(&self) -> usize {
        CHANNELS.len()
    }

    fn next_text(&mut self) -> String {
        self.numbers += 1;
        text(self.numbers)
    }

    /// The back end publishes.
    pub(super) fn publish(&mut self, channel: usize) {
        let text = self.next_text();
        let call = PublishCall::new(Data::from_text(text.clone()));
        let outcome = finish(self.world.hub.publish(CHANNELS[channel], call, self.world.now));
        let position = outcome.unwrap().position.unwrap();
        self.published[channel].insert((position.epoch.to_string(), position.offset), text);
    }

    /// A client publishes. It receives its own publication if it is subscribed.
    pub(super) fn publish_by(&mut self, client: usize, channel: usize) {
        if let Answers::AnyTime | Answers::Shared = self.answers {
            // Nobody knows yet which offset it will have.
            return self.publish(channel);
        }
        let text = self.next_text();
        let Some(connection) = self.connect(client) else { return };
        let command = format!(r#"{{"id":9,"publish":{{"channel":"{}","data":{text}}}}}"#, CHANNELS[channel]);
        self.world.say(connection, &command);
        let position = self.position(channel);
        self.published[channel].insert(position, text);
    }

    /// The newest position of a channel.
    fn position(&self, channel: usize) -> (String, u64) {
        let query = HistoryQuery { limit: 0, since: None, reverse: false };
        let page = finish(self.world.hub.history(CHANNELS[channel], query, self.world.now));
        let position = page.unwrap().position;
        (position.epoch.to_string(), position.offset)
    }

    pub(super) fn deliver_some(&mut self) {
        let count = 1 + self.random.below(4);
        self.world.handle_some_mail(count);
    }

    /// The broker does something, or its answer arrives.
    pub(super) fn answer_some(&mut self) {
        let waiting: Vec<usize> = self.waiting().collect();
        if waiting.is_empty() || self.random.once_in(8) {
            self.world.finish_work();
            return;
        }
        let connection = waiting[self.random.below(waiting.len())];
        // Work in the background ends in the order in which it began.
        self.world.finish_work();
        if self.random.once_in(2) {
            self.world.act(connection);
        } else {
            self.world.answer(connection);
        }
    }

    /// The connections whose commands wait.
    fn waiting(&self) -> impl Iterator<Item = usize> {
        let connections = self.readers.iter().filter_map(|reader| reader.connection);
        connections.filter(|connection| self.world.waits(*connection))
    }

    /// Every command gets its answer.
    fn answer_all(&mut self) {
        for connection in self.waiting().collect::<Vec<_>>() {
            while self.world.waits(connection) {
                self.world.finish_work();
                self.world.answer(connection);
            }
        }
    }

    /// The client's connection, opened if it has none. A client that returns subscribes in the same frame.
    fn connect(&mut self, client: usize) -> Option<usize> {
        if let Some(connection) = self.readers[client].connection {
            return Some(connection);
        }
        let connection = self.world.open();
        let frame = self.readers[client].connecting(connection, &CHANNELS);
        self.world.say(connection, &frame);
        Some(connection)
    }

    pub(super) fn subscribe(&mut self, client: usize, channel: usize) {
        let Some(connection) = self.connect(client) else { return };
        if let Some(command) = self.readers[client].subscribing(channel, CHANNELS[channel]) {
            self.world.say(connection, &command);
        }
    }

    pub(super) fn unsubscribe(&mut self, client: usize, channel: usize) {
        let Some(connection) = self.readers[client].connection else { return };
        self.read(client);
        if self.readers[client].unsubscribe(channel) {
            let id = 200 + channel;
            let command = format!(r#"{{"id":{id},"unsubscribe":{{"channel":"{}"}}}}"#, CHANNELS[channel]);
            self.world.say(connection, &command);
        }
    }

    pub(super) fn unsubscribe_by_server(&mut self, client: usize, channel: usize) {
        let Some(id) = self.readers[client].connection.and_then(|at| self.world.session(at).client()) else {
            return;
        };
        let filter = ClientFilter { client: Some(id), ..ClientFilter::default() };
        finish(self.world.hub.unsubscribe(&filter, Some(CHANNELS[channel]))).unwrap();
        if self.random.once_in(2) {
            self.world.handle_controls();
        }
    }

    /// The connection ends, and what the client has not read is lost, as it is for one that is too slow.
    pub(super) fn cut(&mut self, client: usize) {
        if let Some(connection) = self.readers[client].connection.take() {
            self.world.cut(connection);
            self.world.received(connection);
            self.readers[client].cut();
        }
    }

    /// The client reads what has arrived.
    pub(super) fn read(&mut self, client: usize) {
        let Some(connection) = self.readers[client].connection else { return };
        for frame in self.world.received(connection) {
            for line in String::from_utf8_lossy(frame.as_bytes()).lines() {
                self.transcript += line;
                self.transcript.push('\n');
                self.readers[client].read(line, &CHANNELS, &self.published);
            }
        }
    }

    /// No call takes the broker as long as time passes at once. Its answer may.
    fn act_all(&mut self) {
        for connection in self.waiting().collect::<Vec<_>>() {
            self.world.finish_work();
            self.world.act(connection);
        }
        self.world.finish_work();
    }

    pub(super) fn pass_short(&mut self) {
        self.act_all();
        let time = [1, 700, 1_000, 5_000, 20_000][self.random.below(5)];
        self.world.pass(Duration::from_millis(time));
    }

    pub(super) fn pass_long(&mut self) {
        self.act_all();
        let time = [25, 59, 60, 61, 600, 900][self.random.below(6)];
        self.world.pass(Duration::from_secs(time));
    }

    fn pass_a_minute(&mut self) {
        self.answer_all();
        self.act_all();
        self.world.pass(Duration::from_secs(61));
        self.answer_all();
        self.expire();
        self.world.settle();
    }

    pub(super) fn expire(&mut self) {
        self.world.hub.expire(self.world.now);
    }

    pub(super) fn trim(&mut self, channel: usize) {
        finish(self.world.hub.history_remove(CHANNELS[channel], self.world.now)).unwrap();
    }

    pub(super) fn settle(&mut self) {
        self.world.settle();
    }

    /// Presence has exactly the clients whose sessions are subscribed.
    pub(super) fn check_presence(&mut self, channel: usize) {
        for _ in 0..2 {
            self.answer_all();
            self.world.settle();
            self.world.finish_work();
        }
        for client in 0..CLIENTS {
            self.read(client);
        }
        let name: ChannelName = CHANNELS[channel].parse().unwrap();
        let presence = finish(self.world.hub.presence(&name, self.world.now));
        let present: Vec<String> = presence.unwrap().clients.keys().map(ToString::to_string).collect();
        let subscribed = self.readers.iter().filter(|reader| reader.is_subscribed(channel));
        let mut expected: Vec<String> = subscribed
            .filter_map(|reader| self.world.session(reader.connection?).client().map(|id| id.to_string()))
            .collect();
        expected.sort();
        assert_eq!(present, expected, "present in {name}");
    }

    /// Everybody reads everything: nothing is missing at the end.
    pub(super) fn end(&mut self) {
        for _ in 0..2 {
            // What a shared engine has lost on the way is found when positions are compared.
            self.pass_a_minute();
        }
        for (channel, name) in CHANNELS.iter().enumerate() {
            self.check_presence(channel);
            let top = self.position(channel);
            for (client, reader) in self.readers.iter().enumerate() {
                if reader.is_subscribed(channel) {
                    assert_eq!(reader.position(channel), Some(&top), "client {client} in {name}",);
                }
            }
        }
        for client in 0..CLIENTS {
            self.cut(client);
        }
        self.world.finish_work();
        let counts = self.world.hub.counts();
        assert_eq!((counts.clients, counts.channels), (0, 0));
        assert_eq!(counts.subscribes, counts.unsubscribes);
        self.world.assert_forgotten();
    }

    pub(super) fn transcript(self) -> String {
        self.transcript
    }
}

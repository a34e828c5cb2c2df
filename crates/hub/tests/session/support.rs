//! A node with clients: connections, topics and time are simulated.

pub(crate) mod bus;
mod net;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longwire_hub::centrifuge::{Disconnect, Encoding};
use longwire_hub::{
    Answer, Backend, BoxFuture, Broker, Call, Fanout, Frame, Hub, HubConfig, Link, MemoryBroker,
    MemoryLimits, Millis, Progress, Session, SlowPolicy, Transport, TransportKind,
};

use self::bus::Bus;
use self::net::{Net, NetControl, NetDelivery, NetLink};
use crate::later::LaterBroker;
use crate::shared::shared;

/// A node with clients.
pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) broker: Arc<MemoryBroker>,
    /// What the broker calls.
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) now: Millis,
    net: Arc<Net>,
    sessions: Vec<Session>,
    /// The clients whose commands wait, with what they wait for.
    waiting: BTreeMap<usize, Waiting>,
    /// Whether what a command waits for is answered at once.
    answers_itself: bool,
    /// Whether a broker that answers later cannot be reached by who subscribes.
    is_down: Arc<AtomicBool>,
    /// Ids that are random in the protocol, and the names that tests use for them.
    names: Vec<(String, String)>,
    /// The clients that have a name.
    named: HashSet<usize>,
}

/// What a command waits for.
enum Waiting {
    Call(BoxFuture<Answer>),
    /// The broker has done its part. Its answer is on its way.
    Answered(Answer),
}

pub(crate) const START: Millis = Millis(1_000_000_000_000);

impl World {
    pub(crate) fn new(config: HubConfig) -> World {
        World::with(config, None, 7)
    }

    pub(crate) fn with_backend(config: HubConfig, backend: impl Backend) -> World {
        World::with(config, Some(Arc::new(backend)), 7)
    }

    /// A node whose broker answers later.
    pub(crate) fn later(config: HubConfig, seed: u8) -> World {
        let is_down = Arc::new(AtomicBool::new(false));
        let (limits, shared) = (MemoryLimits::default(), is_down.clone());
        let later =
            |broker, _| -> Arc<dyn Broker> { Arc::new(LaterBroker { broker, is_down: shared, bus: None }) };
        World { is_down, ..World::of(config, None, limits, seed, later) }
    }

    /// One of several nodes. Each has channels of its own, and their messages go over a bus.
    pub(crate) fn node(config: HubConfig, bus: &Arc<Bus>, seed: u8) -> World {
        let later = |broker, fanout| -> Arc<dyn Broker> {
            bus.join(fanout);
            Arc::new(LaterBroker { broker, is_down: Arc::default(), bus: Some(bus.clone()) })
        };
        World { answers_itself: true, ..World::of(config, None, MemoryLimits::default(), seed, later) }
    }

    /// A node that shares an engine, of which some publications do not arrive.
    pub(crate) fn shared(config: HubConfig, seed: u8) -> World {
        World::over(config, None, seed, |fanout| shared(fanout, MemoryLimits::default(), seed.into()))
    }

    /// A node whose broker answers later, though each command waits only for a moment.
    pub(crate) fn a_moment_later(config: HubConfig, seed: u8) -> World {
        World { answers_itself: true, ..World::later(config, seed) }
    }

    pub(crate) fn with(config: HubConfig, backend: Option<Arc<dyn Backend>>, seed: u8) -> World {
        World::of(config, backend, MemoryLimits::default(), seed, |broker, _| broker)
    }

    /// A node whose broker has these limits.
    pub(crate) fn with_limits(config: HubConfig, limits: MemoryLimits) -> World {
        World::of(config, None, limits, 7, |broker, _| broker)
    }

    fn of(
        config: HubConfig,
        backend: Option<Arc<dyn Backend>>,
        limits: MemoryLimits,
        seed: u8,
        wrap: impl FnOnce(Arc<MemoryBroker>, Arc<dyn Fanout>) -> Arc<dyn Broker>,
    ) -> World {
        World::over(config, backend, seed, |fanout| {
            let broker = Arc::new(MemoryBroker::with_seed(fanout.clone(), limits, seed.into()));
            (broker.clone(), wrap(broker, fanout))
        })
    }

    /// A node with the broker that is made, over a broker in memory.
    fn over(
        config: HubConfig,
        backend: Option<Arc<dyn Backend>>,
        seed: u8,
        make: impl FnOnce(Arc<dyn Fanout>) -> (Arc<MemoryBroker>, Arc<dyn Broker>),
    ) -> World {
        let net = Arc::new(Net::default());
        let mut made = None;
        let make = |fanout: Arc<dyn Fanout>| -> Arc<dyn Broker> {
            let (memory, broker) = make(fanout.clone());
            made = Some((memory, fanout));
            broker
        };
        let hub = Hub::new(config, Arc::new(NetDelivery(net.clone())), backend, &[seed; 32], make);
        let (broker, fanout) = made.unwrap();
        let names = vec![(hub.node().to_string(), "NODE".into())];
        World {
            hub,
            broker,
            fanout,
            now: START,
            net,
            sessions: Vec::new(),
            waiting: BTreeMap::new(),
            answers_itself: false,
            is_down: Arc::default(),
            names,
            named: HashSet::new(),
        }
    }

    /// From now on, what nobody waits for is delayed.
    pub(crate) fn delay_work(&self) {
        self.net.state().work = Some(Vec::new());
    }

    /// How many messages wait for sessions.
    pub(crate) fn controls_waiting(&self) -> usize {
        self.net.state().controls.len()
    }

    /// What was delayed is done.
    pub(crate) fn finish_work(&self) {
        let mut state = self.net.state();
        let work = state.work.as_mut().map(std::mem::take);
        drop(state);
        work.into_iter().flatten().for_each(ready);
    }

    /// From now on, the broker that answers later cannot be reached by who subscribes.
    pub(crate) fn fail_broker(&self) {
        self.is_down.store(true, Ordering::Relaxed);
    }

    /// Opens a WebSocket that speaks JSON.
    pub(crate) fn open(&mut self) -> usize {
        self.open_as(Transport::new(TransportKind::WebSocket, Encoding::Json))
    }

    pub(crate) fn open_as(&mut self, transport: Transport) -> usize {
        let connection = self.net.open();
        let control = Arc::new(NetControl(self.net.clone(), connection));
        self.sessions.push(Session::new(self.hub.clone(), transport, control, self.now));
        connection
    }

    /// A client that has connected without a token.
    pub(crate) fn connected(&mut self) -> usize {
        let client = self.open();
        self.say(client, r#"{"id":1,"connect":{}}"#);
        assert!(self.heard(client)[0].starts_with(r#"{"id":1,"connect":{"client":"#));
        client
    }

    /// A client that is subscribed to a channel.
    pub(crate) fn subscribed(&mut self, channel: &str) -> usize {
        let client = self.connected();
        self.say(client, &format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#));
        let heard = self.heard(client);
        assert!(heard[0].contains(r#""subscribe":{"#), "{heard:?}");
        client
    }

    /// The client sends a text message.
    pub(crate) fn say(&mut self, client: usize, text: &str) {
        self.send(client, &Frame::Text(text.to_owned().into()));
    }

    pub(crate) fn send(&mut self, client: usize, frame: &Frame) {
        let now = self.now;
        self.call(client, |session, link| session.receive(link, frame, now));
    }

    pub(crate) fn call(&mut self, client: usize, call: impl FnOnce(&mut Session, &mut dyn Link) -> Progress) {
        let mut link = NetLink(self.net.clone(), client);
        if let Progress::Wait(future) = call(&mut self.sessions[client], &mut link) {
            let replaced = self.waiting.insert(client, Waiting::Call(future));
            assert!(replaced.is_none(), "it waits for two answers");
            if self.answers_itself {
                self.answer(client);
            }
        }
        if let Some(id) = self.sessions[client].client().map(|id| id.to_string())
            && self.named.insert(client)
        {
            self.names.push((id, format!("C{client}")));
        }
    }

    /// Whether a command of the client waits.
    pub(crate) fn waits(&self, client: usize) -> bool {
        self.waiting.contains_key(&client)
    }

    /// The broker does what the client's command waits for. Its answer does not arrive yet.
    pub(crate) fn act(&mut self, client: usize) {
        let waiting = self.waiting.remove(&client).expect("it waits");
        let answered = match waiting {
            Waiting::Call(future) => Waiting::Answered(ready(future)),
            answered => answered,
        };
        self.waiting.insert(client, answered);
    }

    /// The answer that the client's command waits for arrives.
    pub(crate) fn answer(&mut self, client: usize) {
        let waiting = self.waiting.remove(&client).expect("it waits");
        let now = self.now;
        let answer = match waiting {
            Waiting::Call(future) => ready(future),
            Waiting::Answered(answer) => answer,
        };
        self.call(client, |session, link| session.resume(link, answer, now));
    }

    /// What the client's command waits for is ready, and dropped.
    pub(crate) fn drop_answer(&mut self, client: usize) {
        self.act(client);
        self.waiting.remove(&client);
    }

    /// Checks that the broker keeps nothing any more, once the time has passed that it remembers positions for.
    pub(crate) fn assert_forgotten(&mut self) {
        self.now = self.now + Duration::from_secs(100 * 86_400);
        self.hub.expire(self.now);
        let usage = self.broker.usage();
        assert_eq!((usage.channels, usage.presences, usage.history_bytes), (0, 0, 0));
        assert_eq!(self.hub.broker_status().followed, 0);
    }

    /// The connection ends.
    pub(crate) fn cut(&mut self, client: usize) {
        self.net.state().connections[client].closed.get_or_insert(Disconnect::CONNECTION_CLOSED);
        self.waiting.remove(&client);
        self.sessions[client].closed(self.now);
    }

    /// Time passes, and each session does what is due on the way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = |session: &Session| session.next_deadline();
            let next = self
                .sessions
                .iter()
                .enumerate()
                .filter_map(|(client, session)| Some((due(session)?, client)))
                .min();
            let Some((at, client)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            let now = self.now;
            self.call(client, |session, link| session.tick(link, now));
            let after = self.sessions[client].next_deadline();
            assert!(after.is_none_or(|after| after > at), "a tick at {at:?} changed nothing");
        }
        self.now = end;
    }

    /// The event loop and the sessions handle what waits for them.
    pub(crate) fn settle(&mut self) {
        loop {
            self.net.go_on();
            self.net.handle_mail(usize::MAX);
            let controls = std::mem::take(&mut self.net.state().controls);
            if controls.is_empty() {
                return;
            }
            let now = self.now;
            for (client, message) in controls {
                self.call(client, |session, link| session.control(link, message, now));
            }
        }
    }

    /// Handles some of what waits, for random schedules.
    pub(crate) fn handle_some_mail(&mut self, count: usize) {
        self.net.handle_mail(count);
    }

    pub(crate) fn handle_controls(&mut self) {
        let controls = std::mem::take(&mut self.net.state().controls);
        let now = self.now;
        for (client, message) in controls {
            self.call(client, |session, link| session.control(link, message, now));
        }
    }

    /// The frames that the client has received since the last time. Random ids have their names, and the times of publications
    /// are left out.
    pub(crate) fn heard(&mut self, client: usize) -> Vec<String> {
        self.settle();
        let frames = self.received(client);
        let frames: Vec<String> =
            frames.iter().map(|frame| String::from_utf8_lossy(frame.as_bytes()).into_owned()).collect();
        for frame in &frames {
            self.learn_epochs(frame);
        }
        frames.iter().map(|frame| without_times(&self.named(frame))).collect()
    }

    pub(crate) fn received(&mut self, client: usize) -> Vec<Frame> {
        std::mem::take(&mut self.net.state().connections[client].received)
    }

    /// Checks exactly what the client has received since the last time.
    #[track_caller]
    pub(crate) fn expect(&mut self, client: usize, frames: &[&str]) {
        assert_eq!(self.heard(client), frames);
    }

    /// Sends a text message and checks exactly what comes.
    #[track_caller]
    pub(crate) fn ask(&mut self, client: usize, text: &str, frames: &[&str]) {
        self.say(client, text);
        self.expect(client, frames);
    }

    /// Sends a text message that disconnects.
    #[track_caller]
    pub(crate) fn ask_for_end(&mut self, client: usize, text: &str, code: u16) {
        self.say(client, text);
        self.expect(client, &[]);
        assert_eq!(self.end(client), Some(code));
    }

    /// The code with which the hub has closed the connection.
    pub(crate) fn end(&mut self, client: usize) -> Option<u16> {
        self.settle();
        self.net.state().connections[client].closed.as_ref().map(Disconnect::code)
    }

    /// What was reported for the log since the last time.
    pub(crate) fn log(&mut self) -> Vec<String> {
        let log = std::mem::take(&mut self.net.state().log);
        log.iter().map(|line| self.named(line)).collect()
    }

    pub(crate) fn policy(&self, client: usize, topic: &str) -> Option<SlowPolicy> {
        self.net.state().connections[client].policies.get(topic).copied()
    }

    pub(crate) fn session(&self, client: usize) -> &Session {
        &self.sessions[client]
    }

    /// The id behind a name.
    pub(crate) fn id(&self, name: &str) -> String {
        self.names.iter().find(|(_, known)| known == name).expect("a known name").0.clone()
    }

    /// Gives names to the epochs in a text: the first that is seen is `EPOCH`, the next `EPOCH2`.
    fn learn_epochs(&mut self, text: &str) {
        for part in text.split("\"epoch\":\"").skip(1) {
            let epoch = part.split('"').next().unwrap_or("");
            if !epoch.is_empty() && !self.names.iter().any(|(known, _)| known == epoch) {
                let count = self.names.iter().filter(|(_, name)| name.starts_with("EPOCH")).count();
                let name = if count == 0 { "EPOCH".into() } else { format!("EPOCH{}", count + 1) };
                self.names.push((epoch.into(), name));
            }
        }
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }
}

/// Text without the times of publications, which are the world's.
fn without_times(text: &str) -> String {
    let mut parts = text.split(",\"time\":");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|byte: char| byte.is_ascii_digit());
        assert_eq!(part.len() - rest.len(), START.0.to_string().len(), "a time: {part}");
        text + rest
    })
}

/// The answer to a call, which is ready.
pub(crate) fn finish<T>(call: Call<T>) -> T {
    match call {
        Call::Ready(answer) => answer,
        Call::Later(future) => ready(future),
    }
}

/// The output of a future that is ready.
pub(crate) fn ready<T>(mut future: BoxFuture<T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the future is not ready"),
    }
}

/// A configuration without pings, for tests that are not about them.
pub(crate) fn config() -> HubConfig {
    let mut config = HubConfig::default();
    config.ping_interval = Duration::ZERO;
    config.version = "test".into();
    config
}

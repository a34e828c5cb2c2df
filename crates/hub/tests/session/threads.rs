//! Sessions and publishers on several threads: each subscription begins at one exact point, whatever happens meanwhile.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use longwire_hub::centrifuge::{Disconnect, Encoding};
use longwire_hub::{
    BoxFuture, Control, ControlMessage, Data, Delivery, Frame, Hub, Link, MemoryBroker, MemoryLimits,
    NamespaceOptions, Namespaces, Progress, PublishCall, Session, SlowPolicy, Start, Transport,
    TransportKind,
};
use serde_json::Value;

use crate::support::{START, config, finish};

const PUBLISHERS: usize = 2;
const PUBLICATIONS: u64 = 1_500;
const SUBSCRIBERS: usize = 3;

/// What waits for a connection, whose own thread handles it.
enum Mail {
    Start(String, u64),
    Publish(String, Frame),
}

type Mailbox = Arc<Mutex<VecDeque<Mail>>>;

/// The mailboxes of all connections. A publication is put into each.
#[derive(Default)]
struct Mailboxes(Mutex<Vec<Mailbox>>);

impl Delivery for Mailboxes {
    fn publish(&self, topic: &str, frame: Frame) {
        for mailbox in &*self.0.lock().unwrap() {
            mailbox.lock().unwrap().push_back(Mail::Publish(topic.into(), frame.clone()));
        }
    }

    fn spawn(&self, _: BoxFuture<()>) {
        panic!("the memory broker answers at once");
    }
}

struct Nowhere;

impl Control for Nowhere {
    fn deliver(&self, _: ControlMessage) {}
}

/// A connection, used by one thread.
#[derive(Default)]
struct Connection {
    mailbox: Mailbox,
    paused: HashMap<String, u64>,
    live: HashSet<String>,
    received: Vec<Frame>,
    numbers: u64,
}

impl Connection {
    fn handle_mail(&mut self) {
        let mail = std::mem::take(&mut *self.mailbox.lock().unwrap());
        for mail in mail {
            match mail {
                Mail::Start(topic, number) if self.paused.get(&topic) == Some(&number) => {
                    self.paused.remove(&topic);
                    self.live.insert(topic);
                }
                Mail::Publish(topic, frame) if self.live.contains(&topic) => self.received.push(frame),
                Mail::Start(..) | Mail::Publish(..) => {}
            }
        }
    }
}

impl Link for Connection {
    fn send(&mut self, frame: Frame) {
        self.received.push(frame);
    }

    fn subscribe_paused(&mut self, topic: &str, _: SlowPolicy) -> Start {
        self.numbers += 1;
        let (mailbox, topic, number) = (self.mailbox.clone(), topic.to_owned(), self.numbers);
        self.paused.insert(topic.clone(), number);
        // A start at the wrong point would let publications pass by before or after it.
        Box::new(move || {
            std::thread::yield_now();
            mailbox.lock().unwrap().push_back(Mail::Start(topic, number));
            std::thread::yield_now();
        })
    }

    fn unsubscribe(&mut self, topic: &str) {
        self.live.remove(topic);
        self.paused.remove(topic);
    }

    fn close(&mut self, why: &Disconnect) {
        panic!("{why}");
    }
}

/// Connects, subscribes after a position, reads for a while, and goes; again and again. Returns the last position.
fn subscribe_again_and_again(
    hub: &Arc<Hub>,
    mailboxes: &Mailboxes,
    is_over: &AtomicBool,
    delta: bool,
) -> u64 {
    let mut position: Option<(String, u64)> = None;
    let mut rounds = 0;
    loop {
        // Read before the last round begins.
        let is_last = is_over.load(Ordering::SeqCst);
        rounds += 1;
        let mut connection = Connection::default();
        mailboxes.0.lock().unwrap().push(connection.mailbox.clone());
        let transport = Transport::new(TransportKind::WebSocket, Encoding::Json);
        let mut session = Session::new(hub.clone(), transport, Arc::new(Nowhere), START);
        let since = match &position {
            Some((epoch, offset)) => format!(r#","recover":true,"offset":{offset},"epoch":"{epoch}""#),
            None => String::new(),
        };
        let delta = if delta { r#","delta":"fossil""# } else { "" };
        let frame = format!(
            "{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"demo:tea\",\"recoverable\":true{since}{delta}}}}}"
        );
        let progress = session.receive(&mut connection, &Frame::Text(frame.into()), START);
        assert!(matches!(progress, Progress::Idle));
        for _ in 0..rounds % 7 {
            std::thread::yield_now();
            connection.handle_mail();
        }
        connection.handle_mail();
        for frame in connection.received.drain(..) {
            for line in String::from_utf8_lossy(frame.as_bytes()).lines() {
                read(&serde_json::from_str(line).unwrap(), &mut position);
            }
        }
        session.closed(START);
        mailboxes.0.lock().unwrap().retain(|mailbox| !Arc::ptr_eq(mailbox, &connection.mailbox));
        if is_last {
            return position.unwrap().1;
        }
    }
}

/// Moves the position by a message, whose publications must be the next ones.
fn read(message: &Value, position: &mut Option<(String, u64)>) {
    let result = &message["subscribe"];
    if result.is_object() {
        let at = (result["epoch"].as_str().unwrap().to_owned(), result["offset"].as_u64().unwrap_or(0));
        if let Some(position) = position {
            assert_eq!(result["recovered"], true);
            assert_eq!(*position, at);
        }
        *position = Some(at);
    }
    let pushed = &message["push"]["pub"];
    for publication in
        result["publications"].as_array().into_iter().flatten().chain(pushed.is_object().then_some(pushed))
    {
        let (_, offset) = position.as_mut().unwrap();
        assert_eq!(publication["offset"].as_u64(), Some(*offset + 1), "the next one");
        *offset += 1;
    }
}

#[test]
fn nothing_is_missed_and_nothing_comes_twice_while_threads_publish() {
    let mut options = NamespaceOptions::demo();
    options.history.size = 100_000;
    options.history.bytes = 64 << 20;
    options.max_page = 100_000;
    let mut config = config();
    config.limits.history_page = 100_000;
    config.namespaces = Namespaces::default().with("demo", options).unwrap();
    let mailboxes = Arc::new(Mailboxes::default());
    let hub = Hub::new(config, mailboxes.clone(), None, &[7; 32], |fanout| {
        Arc::new(MemoryBroker::new(fanout, MemoryLimits::default()))
    });
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|number| {
                scope.spawn({
                    let (hub, mailboxes, is_over) = (&hub, &mailboxes, &is_over);
                    move || subscribe_again_and_again(hub, mailboxes, is_over, number % 2 == 1)
                })
            })
            .collect();
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| {
                scope.spawn(|| {
                    for number in 0..PUBLICATIONS {
                        let call = PublishCall::new(Data::from_text(format!("{number}")));
                        finish(hub.publish("demo:tea", call, START)).unwrap();
                    }
                })
            })
            .collect();
        let ended: Vec<_> = publishers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok));
        for subscriber in subscribers {
            let position = subscriber.join().unwrap();
            assert_eq!(position, PUBLICATIONS * u64::try_from(PUBLISHERS).unwrap());
        }
    });
    let counts = hub.counts();
    assert_eq!((counts.clients, counts.channels), (0, 0));
}

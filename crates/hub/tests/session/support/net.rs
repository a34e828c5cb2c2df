//! Simulated connections and topics.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{BoxFuture, Control, ControlMessage, Delivery, Frame, HubEvent, Link, SlowPolicy, Start};

/// The connections and topics of a program with one event loop: publications wait in its mailbox until it handles them.
#[derive(Default)]
pub(super) struct Net(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    mail: VecDeque<Mail>,
    pub(super) connections: Vec<Connection>,
    pub(super) log: Vec<String>,
    pub(super) controls: Vec<(usize, ControlMessage)>,
    next_number: u64,
    /// What was spawned and is delayed; `None` if it is done at once.
    pub(super) work: Option<Vec<BoxFuture<()>>>,
    /// What was spawned and waits for others.
    waiting: Vec<BoxFuture<()>>,
}

enum Mail {
    Start { connection: usize, topic: String, number: u64 },
    Publish { topic: String, frame: Frame },
}

#[derive(Default)]
pub(super) struct Connection {
    paused: HashMap<String, u64>,
    live: HashSet<String>,
    pub(super) policies: BTreeMap<String, SlowPolicy>,
    pub(super) received: Vec<Frame>,
    pub(super) closed: Option<Disconnect>,
}

impl Net {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn open(&self) -> usize {
        let mut state = self.state();
        state.connections.push(Connection::default());
        state.connections.len() - 1
    }

    fn run(&self, work: Vec<BoxFuture<()>>) {
        let mut context = Context::from_waker(Waker::noop());
        let waits = |mut work: BoxFuture<()>| work.as_mut().poll(&mut context).is_pending().then_some(work);
        let waiting: Vec<_> = work.into_iter().filter_map(waits).collect();
        self.state().waiting.extend(waiting);
    }

    /// What was spawned and waits goes on, if it can.
    pub(super) fn go_on(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        self.run(waiting);
    }

    /// The event loop handles its mail.
    pub(super) fn handle_mail(&self, at_most: usize) {
        let mut state = self.state();
        for _ in 0..at_most {
            let Some(mail) = state.mail.pop_front() else { return };
            match mail {
                Mail::Start { connection, topic, number } => {
                    let connection = &mut state.connections[connection];
                    if connection.paused.get(&topic) == Some(&number) {
                        connection.paused.remove(&topic);
                        connection.live.insert(topic);
                    }
                }
                Mail::Publish { topic, frame } => {
                    for connection in &mut state.connections {
                        if connection.closed.is_none() && connection.live.contains(&topic) {
                            connection.received.push(frame.clone());
                        }
                    }
                }
            }
        }
    }
}

pub(super) struct NetDelivery(pub(super) Arc<Net>);

impl Delivery for NetDelivery {
    fn publish(&self, topic: &str, frame: Frame) {
        self.0.state().mail.push_back(Mail::Publish { topic: topic.into(), frame });
    }

    fn spawn(&self, work: BoxFuture<()>) {
        let mut state = self.0.state();
        match &mut state.work {
            Some(waiting) => waiting.push(work),
            None => {
                drop(state);
                self.0.run(vec![work]);
            }
        }
    }

    fn report(&self, event: &HubEvent<'_>) {
        self.0.state().log.push(event.to_string());
    }
}

pub(super) struct NetControl(pub(super) Arc<Net>, pub(super) usize);

impl Control for NetControl {
    fn deliver(&self, message: ControlMessage) {
        self.0.state().controls.push((self.1, message));
    }
}

pub(super) struct NetLink(pub(super) Arc<Net>, pub(super) usize);

impl Link for NetLink {
    fn send(&mut self, frame: Frame) {
        let connection = &mut self.0.state().connections[self.1];
        assert_eq!(connection.closed, None, "sent after closing: {frame:?}");
        connection.received.push(frame);
    }

    fn subscribe_paused(&mut self, topic: &str, slow: SlowPolicy) -> Start {
        let (net, connection, topic) = (self.0.clone(), self.1, topic.to_owned());
        let mut state = self.0.state();
        state.next_number += 1;
        let number = state.next_number;
        let subscriber = &mut state.connections[connection];
        assert!(!subscriber.live.contains(&topic), "subscribed twice to {topic}");
        subscriber.paused.insert(topic.clone(), number);
        subscriber.policies.insert(topic.clone(), slow);
        Box::new(move || net.state().mail.push_back(Mail::Start { connection, topic, number }))
    }

    fn unsubscribe(&mut self, topic: &str) {
        let connection = &mut self.0.state().connections[self.1];
        let was_subscribed = connection.live.remove(topic) | connection.paused.remove(topic).is_some();
        assert!(was_subscribed, "not subscribed to {topic}");
        connection.policies.remove(topic);
    }

    fn close(&mut self, why: &Disconnect) {
        let connection = &mut self.0.state().connections[self.1];
        assert_eq!(connection.closed, None, "closed twice");
        connection.closed = Some(why.clone());
        connection.live.clear();
        connection.paused.clear();
    }
}

//! Threads publish while event loops subscribe and resume: no publication falls between.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel as pipe};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use longwire_hub::{
    Broker, ChannelName, ClientInfo, Fanout, Joined, MemoryBroker, MemoryLimits, Millis, Publication,
    Recovery, Since, Start, StreamPosition,
};

use crate::support::{channel, history, new, ready};

const LOOPS: usize = 2;
const PUBLISHERS: usize = 2;
const PUBLICATIONS: usize = 4_000;

enum Mail {
    Start(usize),
    Publication(u64, Arc<str>),
}

#[derive(Default)]
struct Loops([Mutex<VecDeque<Mail>>; LOOPS]);

impl Fanout for Loops {
    fn publication(&self, _: &ChannelName, new: &Publication, epoch: &str, _: Option<&Publication>) {
        for mailbox in &self.0 {
            mailbox.lock().unwrap().push_back(Mail::Publication(new.offset, epoch.into()));
        }
    }

    fn join(&self, _: &ChannelName, _: &ClientInfo) {}

    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
}

/// One subscriber, which resumes after each few publications that it has received.
fn subscribe_again_and_again(
    broker: &MemoryBroker,
    loops: &Arc<Loops>,
    own: usize,
    are_over: &AtomicBool,
) -> (u64, usize) {
    let channel = channel("busy");
    let mut seen = StreamPosition { offset: 0, epoch: "".into() };
    let (mut attempt, mut started, mut received, mut recovered) = (0, 0, 0, 0);
    loop {
        if attempt == 0 || received > 3 {
            if attempt > 0 {
                ready(broker.unsubscribe(&channel, Millis(0))).unwrap();
            }
            attempt += 1;
            received = 0;
            let (loops, number) = (loops.clone(), attempt);
            let start = Box::new(move || loops.0[own].lock().unwrap().push_back(Mail::Start(number)));
            let since = Since::Position { position: seen.clone(), limit: 100 };
            let joined = ready(broker.subscribe(&channel, since, &history(100), Millis(0), start)).unwrap();
            if let Recovery::Recovered(missed) = joined.recovery {
                recovered += missed.len();
                let offsets = missed.iter().map(|publication| publication.offset);
                assert!(offsets.eq(seen.offset + 1..=joined.position.offset));
            }
            seen = joined.position;
        }
        let is_over = are_over.load(Ordering::Acquire);
        let mail = loops.0[own].lock().unwrap().pop_front();
        match mail {
            Some(Mail::Start(number)) => started = number,
            Some(Mail::Publication(offset, epoch)) if started == attempt => {
                assert_eq!((offset, &epoch), (seen.offset + 1, &seen.epoch));
                seen.offset = offset;
                received += 1;
            }
            Some(Mail::Publication(..)) => {}
            None if is_over => return (seen.offset, recovered),
            None => thread::yield_now(),
        }
    }
}

#[test]
fn nothing_is_missed_between_reading_and_subscribing() {
    let loops = Arc::new(Loops::default());
    let broker = MemoryBroker::new(loops.clone(), MemoryLimits::default());
    let are_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..PUBLICATIONS {
                        ready(broker.publish(&channel("busy"), new("1"), &history(100), Millis(0))).unwrap();
                    }
                })
            })
            .collect();
        let (broker, loops, are_over) = (&broker, &loops, &are_over);
        let subscribers: Vec<_> = (0..LOOPS)
            .map(|own| scope.spawn(move || subscribe_again_and_again(broker, loops, own, are_over)))
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        are_over.store(true, Ordering::Release);
        for subscriber in subscribers {
            let (newest, _recovered) = subscriber.join().unwrap();
            assert_eq!(newest, u64::try_from(PUBLISHERS * PUBLICATIONS).unwrap());
        }
    });
}

/// How long a thread gets to do what it must not. A broker that lets it do so needs some microseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// Says when it is called, and waits until it may return.
struct Gate {
    called: Sender<u64>,
    open: Mutex<Receiver<()>>,
}

impl Fanout for Gate {
    fn publication(&self, _: &ChannelName, new: &Publication, _: &str, _: Option<&Publication>) {
        self.called.send(new.offset).unwrap();
        self.open.lock().unwrap().recv().unwrap();
    }

    fn join(&self, _: &ChannelName, _: &ClientInfo) {}

    fn leave(&self, _: &ChannelName, _: &ClientInfo) {}
}

fn subscribe(broker: &MemoryBroker, start: Start) -> Joined {
    ready(broker.subscribe(&channel("busy"), Since::Now, &history(9), Millis(0), start)).unwrap()
}

fn publish(broker: &MemoryBroker) {
    ready(broker.publish(&channel("busy"), new("1"), &history(9), Millis(0))).unwrap();
}

#[test]
fn no_publication_passes_while_a_subscription_begins() {
    let (called, passed) = pipe();
    let (open, gate) = pipe();
    let broker = Arc::new(MemoryBroker::new(
        Arc::new(Gate { called, open: Mutex::new(gate) }),
        MemoryLimits::default(),
    ));
    open.send(()).unwrap();
    let publisher = broker.clone();
    let passed = Arc::new(Mutex::new(passed));
    let heard = passed.clone();
    let (joined_thread, thread_of) = pipe();
    let start = Box::new(move || {
        joined_thread.send(thread::spawn(move || publish(&publisher))).unwrap();
        let passed = heard.lock().unwrap().recv_timeout(PATIENCE);
        assert!(passed.is_err(), "a publication passed after the history was read, and before the start");
    });
    assert_eq!(subscribe(&broker, start).position.offset, 0);
    assert_eq!(passed.lock().unwrap().recv(), Ok(1));
    thread_of.recv().unwrap().join().unwrap();
}

#[test]
fn no_subscription_begins_while_a_publication_is_delivered() {
    let (called, passed) = pipe();
    let (open, gate) = pipe();
    let fanout = Arc::new(Gate { called, open: Mutex::new(gate) });
    let broker = &MemoryBroker::new(fanout, MemoryLimits::default());
    thread::scope(|scope| {
        scope.spawn(|| publish(broker));
        assert_eq!(passed.recv(), Ok(1));
        let (started, has_started) = pipe();
        let subscriber = scope.spawn(move || subscribe(broker, Box::new(move || started.send(()).unwrap())));
        let began = has_started.recv_timeout(PATIENCE);
        open.send(()).unwrap();
        assert!(
            began.is_err(),
            "a subscription began before a publication with a lower offset was delivered"
        );
        assert_eq!(subscriber.join().unwrap().position.offset, 1);
    });
}

//! Threads publish while event loops subscribe and resume: no publication falls between.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use longwire_hub::{
    Broker, ChannelName, ClientInfo, Fanout, MemoryBroker, MemoryLimits, Millis, Publication, Recovery,
    Since, StreamPosition,
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

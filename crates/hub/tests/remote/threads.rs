//! Clients come, wait, and go on several threads, while another one brings what the engine has.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use longwire_hub::{BoxFuture, Millis, RemoteOptions, Since};

use crate::node::{Got, poll};
use crate::support::{Trial, channel};

/// A client that subscribes, and goes after some polls of its answer, whether it has come or not. If it has come, what it
/// gets must follow from there.
fn come_and_go(trial: &Trial, id: usize) {
    let (subscribers, of) = (trial.node.subscribers.clone(), channel("news"));
    let start = Box::new(move || subscribers.begin(id, &of));
    let broker = &trial.node.broker;
    let call = broker.subscribe(&channel("news"), Since::Now, &trial.history, Millis(1), start);
    let mut answer: BoxFuture<_> = Box::pin(call.answer());
    for _ in 0..id % 7 {
        if let std::task::Poll::Ready(outcome) = poll(&mut answer) {
            let mut seen = outcome.unwrap().position.offset;
            thread::yield_now();
            while let Some(Got::Publication { offset, .. }) = trial.node.subscribers.take(id) {
                assert_eq!(offset, seen + 1, "the next one");
                seen = offset;
            }
            trial.unsubscribe("news", id);
            return;
        }
        thread::yield_now();
    }
    drop(answer);
    trial.node.subscribers.end(id);
}

#[test]
fn clients_on_several_threads_leave_nothing_behind() {
    let mut trial = Trial::new(RemoteOptions::default());
    let (next, is_over) = (AtomicUsize::new(1), AtomicBool::new(false));
    thread::scope(|scope| {
        let engine = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                trial.publish_without_answers("news", "a");
                trial.settle();
            }
        });
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        come_and_go(&trial, next.fetch_add(1, Ordering::Relaxed));
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        engine.join().unwrap();
        ended.into_iter().for_each(|ended| ended.unwrap());
    });
    trial.settle();
    trial.pass(Duration::from_secs(6));
    trial.settle();
    assert_eq!((trial.status().followed, trial.listens("news")), (0, false));
}

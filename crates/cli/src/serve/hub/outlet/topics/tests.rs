use std::task::{Context, Poll, Waker};

use super::super::budget::Budget;
use super::super::inbox::Inbox;
use super::*;

fn link(topics: &Arc<StreamTopics>) -> (StreamLink, Arc<Outbox>) {
    let outbox = Arc::new(Outbox::new(Arc::new(Budget::new(usize::MAX)), Arc::new(Inbox::unbounded())));
    (StreamLink::new(Arc::clone(topics), Arc::clone(&outbox), None), outbox)
}

fn count(outbox: &Outbox) -> usize {
    match outbox.poll_frames(&mut Context::from_waker(Waker::noop()), usize::MAX) {
        Poll::Ready(Some(frames)) => frames.len(),
        Poll::Ready(None) | Poll::Pending => 0,
    }
}

fn is_empty(topics: &StreamTopics) -> bool {
    topics.shards.iter().all(|shard| shard.read().unwrap().is_empty())
}

#[test]
fn a_subscription_has_what_is_published_between_its_start_and_its_end() {
    let topics = Arc::new(StreamTopics::new());
    let (mut link, outbox) = link(&topics);
    let publish = || topics.publish("tea", &"1".into());
    let start = link.subscribe_paused("tea", SlowPolicy::Disconnect);
    publish();
    assert_eq!(count(&outbox), 0, "it has not started");
    start();
    publish();
    topics.publish("coffee", &"2".into());
    assert_eq!(count(&outbox), 1);
    link.unsubscribe("tea");
    publish();
    assert_eq!(count(&outbox), 0);
    assert!(is_empty(&topics));
}

#[test]
fn a_subscription_that_ended_or_was_replaced_does_not_start() {
    let topics = Arc::new(StreamTopics::new());
    let (mut link, outbox) = link(&topics);
    let ended = link.subscribe_paused("tea", SlowPolicy::Disconnect);
    link.unsubscribe("tea");
    let replaced = link.subscribe_paused("tea", SlowPolicy::Disconnect);
    let last = link.subscribe_paused("tea", SlowPolicy::Disconnect);
    ended();
    replaced();
    topics.publish("tea", &"1".into());
    assert_eq!(count(&outbox), 0);
    last();
    topics.publish("tea", &"2".into());
    assert_eq!(count(&outbox), 1);
    drop(link);
    assert!(is_empty(&topics));
}

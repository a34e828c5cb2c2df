use std::collections::HashMap;
use std::thread;

use super::*;

const LOOPS: usize = 4;

fn change(topic: &str, has_subscribers: bool) -> Option<TopicChange> {
    Some(TopicChange { topic: topic.into(), has_subscribers })
}

/// The changes that the observer would see now.
fn all_changes(registry: &TopicRegistry) -> Vec<(String, bool)> {
    let mut changes = Vec::new();
    let mut state = registry.lock();
    while let Some(topic) = state.changes.take() {
        changes.push((topic.to_string(), state.topics.contains_key(&topic)));
    }
    changes
}

#[test]
fn the_first_subscriber_of_all_loops_and_the_last_are_changes_and_no_others() {
    let registry = TopicRegistry::default();
    registry.observe();
    let record = registry.enter("news", 0, LOOPS);
    record.count_in(0);
    assert_eq!(registry.next_change(), change("news", true));
    let same = registry.enter("news", 3, LOOPS);
    assert!(Arc::ptr_eq(&record, &same));
    assert_eq!((record.subscribers(), record.subscribers_in(0), record.subscribers_in(1)), (3, 2, 0));
    record.count_out(0);
    registry.leave(&record, 0);
    assert_eq!((registry.len(), record.subscribers()), (1, 1));
    assert_eq!(all_changes(&registry), []);
    registry.leave(&record, 3);
    assert_eq!(registry.next_change(), change("news", false));
    assert!(registry.find("news").is_none() && registry.names().is_empty());
    registry.stop_observing();
    assert_eq!(registry.next_change(), None);
}

/// Otherwise, clients that come and go while the observer is busy would fill the server's memory.
#[test]
fn a_change_that_is_undone_before_the_observer_sees_it_leaves_nothing() {
    let registry = TopicRegistry::default();
    registry.observe();
    for number in 0..1_000 {
        let record = registry.enter(&number.to_string(), 0, LOOPS);
        registry.leave(&record, 0);
    }
    let state = registry.lock();
    assert!(state.topics.is_empty() && state.changes.is_empty());
    drop(state);
    let record = registry.enter("news", 0, LOOPS);
    assert_eq!(registry.next_change(), change("news", true));
    registry.leave(&record, 0);
    registry.enter("news", 1, LOOPS);
    assert_eq!(all_changes(&registry), []);
}

#[test]
fn changes_come_in_the_order_of_their_topics() {
    let registry = TopicRegistry::default();
    registry.observe();
    let first = registry.enter("a", 0, LOOPS);
    registry.enter("b", 0, LOOPS);
    registry.leave(&first, 0);
    registry.enter("c", 0, LOOPS);
    registry.enter("a", 0, LOOPS);
    let names = ["b", "c", "a"].map(|name| (name.to_owned(), true));
    assert_eq!(all_changes(&registry), names);
}

#[test]
fn nothing_is_kept_for_an_observer_that_is_not_there() {
    let registry = TopicRegistry::default();
    let record = registry.enter("news", 0, LOOPS);
    assert!(registry.lock().changes.is_empty());
    registry.observe();
    registry.stop_observing();
    registry.leave(&record, 0);
    assert_eq!(registry.next_change(), None);
}

/// Each loop subscribes and unsubscribes as fast as it can while the observer watches.
#[test]
fn however_loops_race_first_and_last_take_turns_and_the_end_is_seen() {
    const TOPICS: [&str; 3] = ["a", "b", "c"];
    const TIMES: usize = 20_000;
    let registry = TopicRegistry::default();
    registry.observe();
    let seen = thread::scope(|scope| {
        let observer = scope.spawn(|| std::iter::from_fn(|| registry.next_change()).collect::<Vec<_>>());
        let loops: Vec<_> = (0..LOOPS)
            .map(|event_loop| {
                let registry = &registry;
                scope.spawn(move || {
                    for name in TOPICS.into_iter().cycle().skip(event_loop).take(TIMES) {
                        let record = registry.enter(name, event_loop, LOOPS);
                        assert!(registry.find(name).is_some_and(|found| Arc::ptr_eq(&found, &record)));
                        registry.leave(&record, event_loop);
                    }
                    // One topic stays.
                    registry.enter("a", event_loop, LOOPS);
                })
            })
            .collect();
        for event_loop in loops {
            event_loop.join().unwrap();
        }
        registry.stop_observing();
        observer.join().unwrap()
    });
    let mut known = HashMap::from(TOPICS.map(|name| (name, false)));
    for TopicChange { topic, has_subscribers } in &seen {
        let before =
            known.insert(TOPICS.into_iter().find(|name| **name == **topic).unwrap(), *has_subscribers);
        assert_eq!(before, Some(!has_subscribers), "{topic}");
    }
    assert_eq!(known, HashMap::from([("a", true), ("b", false), ("c", false)]));
    assert_eq!(registry.find("a").unwrap().subscribers(), LOOPS);
}

//! Streams: their offsets, epochs, bounds and ends.

use std::collections::HashSet;
use std::time::Duration;

use longwire_hub::{BrokerError, MemoryBroker, MemoryLimits, MemoryUsage, Since};

use crate::support::{Trial, new};

#[test]
fn offsets_begin_at_1_and_the_previous_publication_is_handed_on() {
    let trial = Trial::new(10);
    assert_eq!((trial.publish("a"), trial.publish("b")), (1, 2));
    assert_eq!(trial.heard(), ["1 a", "2 b after a"]);
    assert_eq!(trial.position().epoch.len(), 8);
}

#[test]
fn a_subscription_begins_between_two_publications() {
    let trial = Trial::new(10);
    trial.publish("a");
    assert_eq!(trial.subscribe().offset, 1);
    trial.publish("b");
    assert_eq!(trial.heard(), ["1 a", "start", "2 b after a"]);
}

#[test]
fn without_history_publications_pass_with_offset_0_and_nothing_is_kept() {
    let trial = Trial::new(0);
    let position = trial.subscribe();
    assert_eq!((position.offset, &*position.epoch), (0, ""));
    let outcome = trial.try_publish(new("a")).unwrap();
    assert_eq!((outcome.position, outcome.was_known), (None, false));
    trial.unsubscribe();
    trial.publish("b");
    assert_eq!(trial.heard(), ["start", "0 a", "0 b"]);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn the_size_the_bytes_and_the_age_are_bounded() {
    let mut trial = Trial::new(3);
    for text in ["a", "b", "c", "d"] {
        trial.publish(text);
    }
    assert_eq!(trial.kept(), [2, 3, 4]);
    trial.history.bytes = 5;
    assert_eq!(trial.publish("1234"), 5);
    assert_eq!(trial.kept(), [4, 5]);
    trial.pass(30);
    trial.publish("e");
    assert_eq!(trial.kept(), [5, 6]);
    trial.pass(29);
    assert_eq!(trial.kept(), [5, 6]);
    trial.pass(1);
    assert_eq!(trial.kept(), [6]);
    trial.pass(30);
    assert_eq!(trial.kept(), [0; 0]);
    assert_eq!(trial.position().offset, 6);
}

#[test]
fn a_publication_that_history_could_not_keep_is_refused() {
    let mut trial = Trial::new(10);
    trial.history.bytes = 4;
    assert_eq!(trial.try_publish(new("12345")), Err(BrokerError::LimitExceeded));
    let mut labelled = new("1");
    labelled.tags.insert("long".into(), "label".into());
    assert_eq!(trial.try_publish(labelled), Err(BrokerError::LimitExceeded));
    assert_eq!(trial.heard(), [""; 0]);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn there_is_no_previous_publication_where_subscribers_saw_another_one_last() {
    let mut trial = Trial::new(10);
    trial.publish("a");
    trial.history.size = 0;
    trial.publish("aside");
    trial.history.size = 10;
    trial.publish("b");
    trial.remove_history();
    trial.publish("c");
    trial.publish("d");
    assert_eq!(trial.heard(), ["1 a", "0 aside", "2 b", "3 c", "4 d after c"]);
}

#[test]
fn removed_history_leaves_the_position() {
    let trial = Trial::new(10);
    trial.publish("a");
    let before = trial.position();
    trial.remove_history();
    assert_eq!((trial.kept(), trial.position()), (vec![], before));
    assert_eq!(trial.broker.usage().history_bytes, 0);
}

#[test]
fn a_position_is_forgotten_some_time_after_its_last_use() {
    let mut trial = Trial::new(10);
    trial.publish("a");
    let first = trial.position();
    trial.pass(3599);
    assert_eq!(trial.position(), first);
    trial.pass(3599);
    trial.expire();
    assert_eq!(trial.position(), first, "reading is a use");
    trial.pass(3600);
    let second = trial.position();
    assert_eq!(second.offset, 0);
    assert_ne!(second.epoch, first.epoch);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn a_position_is_not_forgotten_while_there_are_subscribers() {
    let mut trial = Trial::new(10);
    trial.publish("a");
    let first = trial.subscribe();
    trial.subscribe();
    trial.pass(10_000);
    trial.expire();
    trial.unsubscribe();
    trial.pass(10_000);
    trial.expire();
    assert_eq!(trial.recover(Since::Position { position: first.clone(), limit: 0 }), Some(vec![]));
    trial.unsubscribe();
    trial.pass(3599);
    trial.expire();
    assert_eq!(trial.broker.usage().channels, 1);
    trial.pass(1);
    trial.expire();
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
    assert_ne!(trial.position().epoch, first.epoch);
}

#[test]
fn the_position_is_kept_no_shorter_than_the_publications() {
    let mut trial = Trial::new(10);
    trial.history.meta_ttl = Duration::from_secs(1);
    trial.publish("a");
    trial.pass(59);
    trial.expire();
    assert_eq!(trial.kept(), [1]);
}

#[test]
fn a_stream_to_which_nothing_was_published_costs_nothing_and_keeps_its_name() {
    let mut trial = Trial::new(10);
    let first = trial.subscribe();
    assert_eq!(trial.broker.usage().channels, 1);
    trial.unsubscribe();
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
    trial.pass(100_000);
    assert_eq!(trial.position(), first);
    trial.publish("a");
    assert_eq!(trial.recover(Since::Position { position: first, limit: 9 }), Some(vec![1]));
}

#[test]
fn no_later_stream_has_the_epoch_of_a_stream_that_was_forgotten() {
    let mut trial = Trial::new(10);
    let mut epochs = HashSet::new();
    for _ in 0..1_000 {
        trial.publish("a");
        assert!(epochs.insert(trial.position().epoch));
        trial.pass(3600);
    }
}

#[test]
fn epochs_follow_from_the_seed_and_the_channel() {
    let epoch = |seed, name: &str| {
        let mut trial = Trial::new(10);
        let fanout = std::sync::Arc::new(crate::support::Heard::default());
        trial.broker = std::sync::Arc::new(MemoryBroker::with_seed(fanout, MemoryLimits::default(), seed));
        trial.on(name).position().epoch
    };
    assert_eq!(epoch(1, "a"), epoch(1, "a"));
    assert_ne!(epoch(1, "a"), epoch(2, "a"));
    assert_ne!(epoch(1, "a"), epoch(1, "b"));
}

//! Idempotency keys and versions.

use std::time::Duration;

use longwire_hub::{BrokerError, MemoryLimits, MemoryUsage, NewPublication};

use crate::support::{Trial, new};

fn keyed(text: &str, key: &str) -> NewPublication {
    let mut new = new(text);
    new.idempotency_key = Some(key.into());
    new
}

fn versioned(text: &str, version: u64, epoch: &str) -> NewPublication {
    let mut new = new(text);
    new.version = Some((version, epoch.into()));
    new
}

#[test]
fn a_key_publishes_once_and_answers_the_same() {
    let trial = Trial::new(10);
    let first = trial.try_publish(keyed("a", "k")).unwrap();
    trial.publish("b");
    let again = trial.try_publish(keyed("c", "k")).unwrap();
    assert_eq!((again.position, again.was_known, first.was_known), (first.position, true, false));
    assert_eq!(trial.heard(), ["1 a", "2 b after a"]);
}

#[test]
fn keys_belong_to_a_channel() {
    let mut trial = Trial::new(10);
    trial.try_publish(keyed("a", "k")).unwrap();
    assert!(!trial.on("other").try_publish(keyed("b", "k")).unwrap().was_known);
}

#[test]
fn a_key_is_forgotten_after_its_time() {
    let mut trial = Trial::new(0);
    trial.try_publish(keyed("a", "k")).unwrap();
    trial.pass(299);
    assert!(trial.try_publish(keyed("b", "k")).unwrap().was_known);
    trial.pass(1);
    assert!(!trial.try_publish(keyed("c", "k")).unwrap().was_known);
    trial.pass(300);
    trial.expire();
    assert_eq!(trial.heard(), ["0 a", "0 c"]);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn a_key_that_is_kept_shorter_than_older_ones_is_known_again_after_it_returns() {
    let mut trial = Trial::new(0);
    trial.try_publish(keyed("a", "long")).unwrap();
    trial.history.idempotency = Duration::from_secs(10);
    trial.try_publish(keyed("b", "short")).unwrap();
    trial.pass(10);
    trial.history.idempotency = Duration::from_secs(1_000);
    assert!(!trial.try_publish(keyed("c", "short")).unwrap().was_known);
    trial.pass(290);
    trial.expire();
    assert!(trial.try_publish(keyed("d", "short")).unwrap().was_known);
    trial.pass(1_000);
    trial.expire();
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn without_a_time_no_key_is_kept() {
    let mut trial = Trial::new(0);
    trial.history.idempotency = Duration::ZERO;
    trial.try_publish(keyed("a", "k")).unwrap();
    assert!(!trial.try_publish(keyed("a", "k")).unwrap().was_known);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn a_version_that_is_not_higher_is_not_published() {
    for size in [0, 10] {
        let trial = Trial::new(size);
        for (text, version, epoch) in [
            ("a", 5, "e"),
            ("same", 5, "e"),
            ("lower", 4, "e"),
            ("lower of any", 3, ""),
            ("b", 6, "e"),
            ("c", 1, "other"),
            ("same", 1, "other"),
            ("d", 2, ""),
        ] {
            let outcome = trial.try_publish(versioned(text, version, epoch)).unwrap();
            assert_eq!(outcome.was_known, text.len() > 1, "{text}");
            assert_eq!(outcome.position, (size > 0).then(|| trial.position()));
        }
        let heard = trial.heard();
        let texts: Vec<&str> = heard.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
    }
}

#[test]
fn a_version_is_forgotten_after_the_time_of_a_position() {
    let mut trial = Trial::new(0);
    trial.try_publish(versioned("a", 5, "e")).unwrap();
    trial.pass(3599);
    trial.expire();
    assert!(trial.try_publish(versioned("b", 5, "e")).unwrap().was_known);
    trial.pass(1);
    trial.expire();
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
    assert!(!trial.try_publish(versioned("c", 5, "e")).unwrap().was_known);
}

#[test]
fn a_key_of_an_old_version_is_remembered_too() {
    let trial = Trial::new(10);
    trial.try_publish(versioned("a", 5, "e")).unwrap();
    let mut old = versioned("b", 4, "e");
    old.idempotency_key = Some("k".into());
    assert!(trial.try_publish(old).unwrap().was_known);
    assert!(trial.try_publish(keyed("c", "k")).unwrap().was_known);
    assert_eq!(trial.heard(), ["1 a"]);
}

#[test]
fn keys_are_bounded_in_length_and_number() {
    let mut limits = MemoryLimits::default();
    (limits.key_len, limits.keys_per_channel, limits.keys) = (4, 2, 3);
    let mut trial = Trial::with_limits(10, limits);
    assert_eq!(trial.try_publish(keyed("a", "12345")), Err(BrokerError::LimitExceeded));
    assert_eq!(trial.try_publish(versioned("a", 1, "12345")), Err(BrokerError::LimitExceeded));
    trial.try_publish(keyed("a", "1")).unwrap();
    trial.try_publish(keyed("b", "2")).unwrap();
    assert_eq!(trial.try_publish(keyed("c", "3")), Err(BrokerError::LimitExceeded), "of the channel");
    assert!(trial.try_publish(keyed("c", "2")).unwrap().was_known);
    trial.on("other").try_publish(keyed("d", "1")).unwrap();
    assert_eq!(trial.on("third").try_publish(keyed("e", "1")), Err(BrokerError::LimitExceeded), "of all");
    assert_eq!((trial.broker.usage().keys, trial.broker.usage().channels), (3, 2));
    trial.pass(300);
    trial.on("news").try_publish(keyed("f", "3")).unwrap();
    assert_eq!(trial.heard(), ["1 a", "2 b after a", "1 d", "3 f"]);
}

//! The bounds of all channels together, and that memory returns.

use std::time::Duration;

use longwire_hub::{BrokerError, MemoryLimits, MemoryUsage, Since};

use crate::support::{Trial, new};

#[test]
fn channels_are_bounded_but_those_of_which_nothing_is_kept_are_not() {
    let mut limits = MemoryLimits::default();
    limits.channels = 2;
    let mut trial = Trial::with_limits(10, limits);
    trial.on("a").publish("1");
    trial.subscribe();
    trial.on("b").subscribe();
    assert_eq!(trial.heard(), ["1 1", "start", "start"]);
    trial.on("c");
    assert_eq!(trial.try_publish(new("1")), Err(BrokerError::LimitExceeded));
    assert_eq!(trial.try_subscribe(Since::Now).unwrap_err(), BrokerError::LimitExceeded);
    assert_eq!(trial.try_join("c1", "ann", 25), Err(BrokerError::LimitExceeded));
    assert_eq!((trial.position().offset, trial.present()), (0, (0, 0)));
    assert_eq!(trial.heard(), [""; 0], "what is refused is not heard");
    trial.history.size = 0;
    trial.publish("1");
    assert_eq!(trial.heard(), ["0 1"]);
    trial.on("b").unsubscribe();
    trial.history.size = 10;
    assert_eq!(trial.on("c").publish("1"), 1);
    assert_eq!(trial.on("a").publish("2"), 2);
}

#[test]
fn a_channel_that_nobody_uses_gives_way_and_its_stream_is_lost_for_good() {
    let mut limits = MemoryLimits::default();
    limits.channels = 2;
    let mut trial = Trial::with_limits(10, limits);
    trial.on("used").subscribe();
    trial.on("unused").publish("1");
    let position = trial.position();
    assert_eq!(trial.on("new").publish("1"), 1);
    let usage = trial.broker.usage();
    assert_eq!((usage.channels, usage.history_bytes), (2, 257));
    trial.on("used").publish("1");
    assert_eq!(trial.on("unused").recover(Since::Position { position, limit: 9 }), None);
    assert_eq!(trial.on("used").kept(), [1]);
}

#[test]
fn the_oldest_publications_of_all_channels_give_way() {
    let mut limits = MemoryLimits::default();
    limits.history_bytes = 4 * 257;
    let mut trial = Trial::with_limits(10, limits);
    for (channel, text) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("b", "2"), ("b", "3")] {
        trial.on(channel).publish(text);
        trial.now = trial.now + Duration::from_millis(1);
    }
    let kept = ["a", "b", "c"].map(|channel| trial.on(channel).kept());
    assert_eq!(kept, [vec![2], vec![2, 3], vec![1]]);
    assert_eq!(trial.broker.usage().history_bytes, 4 * 257);
    let position = trial.on("a").at(1);
    assert_eq!(trial.recover(Since::Position { position, limit: 9 }), Some(vec![2]));
    let position = trial.on("b").at(0);
    assert_eq!(trial.recover(Since::Position { position, limit: 9 }), None);
    assert_eq!(trial.try_publish(new(&"x".repeat(4 * 257))), Err(BrokerError::LimitExceeded));
    trial.publish(&"x".repeat(4 * 257 - 256));
    let kept = ["a", "b", "c"].map(|channel| trial.on(channel).kept());
    assert_eq!(kept, [vec![], vec![4], vec![]]);
}

#[test]
fn all_memory_returns() {
    let mut trial = Trial::new(10);
    for number in 0..1_000 {
        let mut keyed = new("text");
        keyed.idempotency_key = Some("k".into());
        keyed.version = Some((1, "e".into()));
        trial.on(&format!("channel {number}")).try_publish(keyed).unwrap();
        trial.join("c1", "ann", 1 + number % 59);
        trial.subscribe();
        trial.unsubscribe();
    }
    let usage = trial.broker.usage();
    assert_eq!((usage.channels, usage.keys, usage.presences), (1_000, 1_000, 1_000));
    assert_eq!(usage.history_bytes, 1_000 * (256 + 4));
    trial.pass(60);
    trial.expire();
    let usage = trial.broker.usage();
    assert_eq!((usage.channels, usage.history_bytes, usage.presences), (1_000, 0, 0));
    trial.pass(3540);
    trial.expire();
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

//! What a node keeps and does at once is bounded, and nothing is left of what has ended.

use std::time::Duration;

use longwire_hub::{BrokerError, RemoteOptions, Since};

use crate::node::poll;
use crate::support::Trial;

#[test]
fn a_node_listens_until_some_seconds_after_the_last_subscriber_has_left() {
    let mut trial = Trial::new(RemoteOptions::default());
    let reader = trial.subscribe("news");
    trial.unsubscribe("news", reader);
    trial.pass(Duration::from_secs(4));
    trial.settle();
    assert!(trial.listens("news"));
    let back = trial.subscribe("news");
    trial.pass(Duration::from_secs(4));
    trial.settle();
    assert!(trial.listens("news"), "somebody has returned");
    trial.unsubscribe("news", back);
    trial.pass(Duration::from_secs(6));
    trial.settle();
    assert!(!trial.listens("news"));
    assert_eq!(trial.status().followed, 0);
}

#[test]
fn a_subscriber_that_stops_waiting_leaves_nothing_behind() {
    for answers in 0..4 {
        let mut trial = Trial::new(RemoteOptions::default());
        let asked = trial.ask("news", Since::Now);
        (0..answers).for_each(|_| trial.carry_on());
        drop(asked.answer);
        trial.settle();
        trial.pass(Duration::from_secs(6));
        trial.settle();
        assert!(!trial.listens("news") && trial.status().followed == 0, "after {answers} answers");
        assert!(trial.node.tasks.is_empty());
    }
}

#[test]
fn a_node_follows_no_more_channels_than_it_may() {
    let mut options = RemoteOptions::default();
    options.channels = 2;
    let mut trial = Trial::new(options);
    let first = trial.subscribe("a");
    trial.subscribe("b");
    trial.subscribe("b");
    assert_eq!(trial.try_subscribe("c", Since::Now).unwrap_err(), BrokerError::LimitExceeded);
    trial.unsubscribe("a", first);
    trial.pass(Duration::from_secs(6));
    trial.settle();
    trial.subscribe("c");
}

#[test]
fn after_an_interruption_not_all_channels_are_read_at_once() {
    let mut options = RemoteOptions::default();
    options.reads = 3;
    let mut trial = Trial::new(options);
    let readers: Vec<_> = (0..20).map(|number| trial.subscribe(&format!("c{number}"))).collect();
    trial.interrupt();
    for number in 0..20 {
        trial.publish(&format!("c{number}"), "a").unwrap();
    }
    trial.restore();
    let mut rounds = 0;
    while !trial.network().calls.is_empty() {
        assert!(trial.network().calls.len() <= 3, "three reads at once");
        trial.carry_on();
        rounds += 1;
    }
    assert_eq!(rounds, 7);
    for reader in readers {
        assert_eq!(trial.got(reader), ["1 a"]);
    }
}

#[test]
fn what_does_not_fit_is_read_instead_of_held() {
    for (held, held_bytes, all) in [(2, 1 << 20, 1 << 20), (100, 600, 1 << 20), (100, 1 << 20, 600)] {
        let mut options = RemoteOptions::default();
        (options.held, options.held_bytes, options.all_held_bytes) = (held, held_bytes, all);
        let mut trial = Trial::new(options);
        let readers = [trial.subscribe("a"), trial.subscribe("b")];
        for name in ["a", "b"] {
            trial.publish(name, "1").unwrap();
            drop(trial.take_message());
            for text in ["2", "3", "4", "5", "6"] {
                trial.publish_without_answers(name, text);
                trial.arrive(trial.take_message());
                assert!(trial.status().held_bytes <= 1_100, "{:?}", trial.status());
            }
        }
        trial.settle();
        for reader in readers {
            assert_eq!(trial.got(reader), ["1 1", "2 2", "3 3", "4 4", "5 5", "6 6"]);
        }
        assert_eq!(trial.status().held_bytes, 0);
    }
}

#[test]
fn many_subscribers_of_one_channel_share_a_read() {
    let mut trial = Trial::new(RemoteOptions::default());
    trial.subscribe("news");
    let mut asked: Vec<_> = (0..100).map(|_| trial.ask("news", Since::Now)).collect();
    let before = trial.status().calls;
    trial.settle();
    assert!(asked.iter_mut().all(|asked| poll(&mut asked.answer).is_ready()));
    // The first did not wait for the others.
    assert_eq!(trial.status().calls - before, 2);
}

#[test]
fn the_store_goes_with_its_broker() {
    let mut trial = Trial::new(RemoteOptions::default());
    trial.subscribe("news");
    let events = std::sync::Arc::downgrade(&trial.node.events);
    drop(trial);
    assert!(events.upgrade().is_none(), "nothing keeps the node");
}

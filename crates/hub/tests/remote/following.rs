//! What a node does with what arrives of a channel, or does not.

use std::time::Duration;

use longwire_hub::{BrokerError, Recovery, RemoteOptions, Since, StreamPosition};

use crate::node::poll;
use crate::support::{Trial, channel};

fn trial() -> Trial {
    Trial::new(RemoteOptions::default())
}

#[test]
fn publications_come_once_and_in_order() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.publish("news", "a").unwrap();
    trial.publish("news", "b").unwrap();
    let (a, b) = (trial.take_message(), trial.take_message());
    for message in [&a, &a, &b, &a, &b] {
        trial.arrive(message.clone());
    }
    assert_eq!(trial.got(reader), ["1 a", "2 b"]);
    assert_eq!(trial.status().duplicates, 3);
}

#[test]
fn a_gap_is_read_and_what_came_after_it_waits() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    for text in ["a", "b", "c"] {
        trial.publish("news", text).unwrap();
    }
    let (_lost, b) = (trial.take_message(), trial.take_message());
    trial.arrive(b);
    assert_eq!(trial.got(reader), [""; 0]);
    assert!(trial.status().held_bytes > 0);
    trial.settle();
    assert_eq!(trial.got(reader), ["1 a", "2 b", "3 c"]);
    let status = trial.status();
    assert_eq!((status.gaps_found, status.gaps_filled, status.held_bytes), (1, 1, 0));
}

#[test]
fn a_gap_that_the_engine_cannot_fill_is_told() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    for text in ["a", "b", "c"] {
        trial.publish("news", text).unwrap();
    }
    let (_lost, b) = (trial.take_message(), trial.take_message());
    trial.network().engine.trim(&channel("news"));
    trial.arrive(b);
    trial.settle();
    trial.publish("news", "d").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["lost", "4 d"]);
    assert_eq!((trial.status().gaps_found, trial.status().gaps_lost), (1, 1));
}

#[test]
fn what_was_published_during_an_interruption_is_read_after_it() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.interrupt();
    assert!(!trial.status().is_reachable);
    trial.publish("news", "a").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), [""; 0]);
    trial.restore();
    trial.settle();
    assert_eq!(trial.got(reader), ["1 a"]);
    let status = trial.status();
    assert!(status.is_reachable && status.interruptions == 1 && status.gaps_filled == 1);
}

#[test]
fn an_engine_that_has_lost_its_memory_is_noticed() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.publish("news", "a").unwrap();
    trial.settle();
    trial.network().engine.forget(&channel("news"));
    trial.publish("news", "b").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["1 a", "lost"], "the first of the new stream may not be all of it");
    trial.publish("news", "c").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["2 c"]);
}

/// After the failover to a replica that was behind, the stream is the same, but shorter.
#[test]
fn a_stream_that_has_become_shorter_is_noticed() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    for text in ["a", "b"] {
        trial.publish("news", text).unwrap();
    }
    trial.settle();
    trial.interrupt();
    trial.network().engine.cut_back(&channel("news"), 1);
    trial.restore();
    trial.settle();
    trial.publish("news", "c").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["1 a", "2 b", "lost", "2 c"]);
}

#[test]
fn what_is_lost_without_a_sign_is_found_when_positions_are_compared() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.publish("news", "a").unwrap();
    drop(trial.take_message());
    trial.settle();
    trial.pass(Duration::from_secs(29));
    trial.settle();
    assert_eq!(trial.got(reader), [""; 0]);
    trial.pass(Duration::from_secs(32));
    trial.settle();
    assert_eq!(trial.got(reader), ["1 a"]);
}

/// Channels differ by up to a third, so that they are not compared at once.
#[test]
fn positions_are_compared_after_the_time_that_is_set() {
    for check in [Duration::from_secs(3), Duration::from_secs(600)] {
        let mut options = RemoteOptions::default();
        options.check = check;
        let mut trial = Trial::new(options);
        let names: Vec<String> = (0..50).map(|number| format!("news:{number}")).collect();
        let readers: Vec<usize> = names.iter().map(|name| trial.subscribe(name)).collect();
        for name in &names {
            trial.publish(name, "a").unwrap();
            drop(trial.take_message());
        }
        trial.settle();
        // In sixtieths of the time. A message was lost in each channel, and is found by the comparison.
        let mut found = Vec::new();
        for sixtieth in 1..=80 {
            trial.pass(check / 60);
            trial.settle();
            let now = readers.iter().filter(|reader| trial.got(**reader) == ["1 a"]).count();
            found.extend(std::iter::repeat_n(sixtieth, now));
        }
        assert_eq!(found.len(), names.len(), "{check:?}: {found:?}");
        let (first, last) = (found[0], found[found.len() - 1]);
        assert!((40..50).contains(&first) && (70..=80).contains(&last), "{check:?}: {found:?}");
    }
}

#[test]
fn the_others_are_brought_to_where_a_subscriber_begins() {
    let mut trial = trial();
    let first = trial.subscribe("news");
    trial.publish("news", "a").unwrap();
    let late = trial.take_message();
    let since = Since::Position { position: StreamPosition { offset: 0, epoch: "".into() }, limit: 10 };
    let (second, joined) = trial.try_subscribe("news", since).unwrap();
    assert_eq!(joined.position.offset, 1);
    assert!(matches!(&joined.recovery, Recovery::Recovered(missed) if missed.len() == 1));
    assert_eq!(trial.got(first), ["1 a"]);
    trial.arrive(late);
    trial.publish("news", "b").unwrap();
    trial.settle();
    assert_eq!((trial.got(first), trial.got(second)), (vec!["2 b".into()], vec!["2 b".into()]));
}

#[test]
fn without_history_publications_come_as_they_are() {
    let mut trial = trial();
    trial.history.size = 0;
    let (reader, joined) = trial.try_subscribe("news", Since::Newest { position: None }).unwrap();
    assert!(joined.position.epoch.is_empty() && matches!(joined.recovery, Recovery::Unrecoverable));
    trial.publish("news", "a").unwrap();
    trial.settle();
    trial.interrupt();
    assert_eq!(trial.try_subscribe("news", Since::Now).unwrap_err(), BrokerError::Unavailable);
    trial.publish("news", "b").unwrap();
    trial.restore();
    trial.publish("news", "c").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["0 a", "0 c"], "nothing is promised, and nobody is told");
}

#[test]
fn while_the_engine_is_down_calls_fail_and_subscribers_stay() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.network().engine.is_down = true;
    assert_eq!(trial.publish("news", "a"), Err(BrokerError::Unavailable));
    assert_eq!(trial.try_subscribe("news", Since::Now).unwrap_err(), BrokerError::Unavailable);
    assert_eq!(trial.try_subscribe("other", Since::Now).unwrap_err(), BrokerError::Unavailable);
    let status = trial.status();
    assert!(!status.is_reachable && status.failures >= 3, "{status:?}");
    trial.network().engine.is_down = false;
    // Nobody calls. The node asks by itself.
    for _ in 0..10 {
        trial.pass(Duration::from_secs(1));
        trial.settle();
    }
    assert!(trial.status().is_reachable);
    trial.publish("news", "b").unwrap();
    trial.settle();
    assert_eq!(trial.got(reader), ["1 b"]);
}

#[test]
fn a_node_that_follows_nothing_asks_whether_the_engine_is_back() {
    let mut trial = trial();
    trial.network().engine.is_down = true;
    assert_eq!(trial.publish("news", "a"), Err(BrokerError::Unavailable));
    trial.pass(Duration::from_secs(6));
    trial.settle();
    assert!(!trial.status().is_reachable);
    trial.network().engine.is_down = false;
    trial.pass(Duration::from_secs(1));
    trial.settle();
    assert!(!trial.status().is_reachable, "it does not ask all the time");
    trial.pass(Duration::from_secs(4));
    trial.settle();
    assert!(trial.status().is_reachable);
}

/// The store says that it is restored only of what it listened to when it was interrupted, and still does.
#[test]
fn a_channel_that_is_listened_to_anew_is_not_interrupted_any_more() {
    let mut trial = trial();
    let reader = trial.subscribe("news");
    trial.unsubscribe("news", reader);
    trial.interrupt();
    trial.pass(Duration::from_secs(6));
    let mut asked = trial.ask("news", Since::Now);
    trial.network().feeds[trial.node.number].is_cut = false;
    trial.settle();
    assert!(matches!(poll(&mut asked.answer), std::task::Poll::Ready(Ok(_))));
    assert!(trial.status().is_reachable);
}

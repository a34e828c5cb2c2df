//! Pages of history, as Centrifugo answers them.

use longwire_hub::{Broker, BrokerError, HistoryPage, HistoryQuery, MemoryUsage, StreamPosition};

use crate::support::{Trial, ready};

/// Offsets 3 to 7.
fn trial() -> Trial {
    let trial = Trial::new(5);
    for text in ["a", "b", "c", "d", "e", "f", "g"] {
        trial.publish(text);
    }
    trial
}

fn page(trial: &Trial, query: HistoryQuery) -> Result<HistoryPage, BrokerError> {
    ready(trial.broker.history(&trial.channel, query, &trial.history, trial.now))
}

fn offsets(trial: &Trial, since: Option<u64>, reverse: bool, limit: usize) -> Vec<u64> {
    let since = since.map(|offset| trial.at(offset));
    let page = page(trial, HistoryQuery { limit, since, reverse }).unwrap();
    assert_eq!(page.position, trial.at(7));
    page.publications.iter().map(|publication| publication.offset).collect()
}

#[test]
fn a_limit_of_0_asks_for_the_position_only() {
    assert_eq!(offsets(&trial(), None, false, 0), [0; 0]);
    assert_eq!(offsets(&trial(), Some(4), true, 0), [0; 0]);
}

#[test]
fn pages_go_forward() {
    let trial = trial();
    assert_eq!(offsets(&trial, None, false, 2), [3, 4]);
    assert_eq!(offsets(&trial, Some(4), false, 2), [5, 6]);
    assert_eq!(offsets(&trial, Some(6), false, 2), [7]);
    assert_eq!(offsets(&trial, Some(7), false, 2), [0; 0]);
    assert_eq!(offsets(&trial, Some(9), false, 2), [0; 0]);
    assert_eq!(offsets(&trial, Some(0), false, 2), [3, 4], "begins with the oldest that is kept");
}

#[test]
fn pages_go_backward() {
    let trial = trial();
    assert_eq!(offsets(&trial, None, true, 2), [7, 6]);
    assert_eq!(offsets(&trial, Some(6), true, 2), [5, 4]);
    assert_eq!(offsets(&trial, Some(4), true, 2), [3]);
    assert_eq!(offsets(&trial, Some(3), true, 2), [0; 0]);
    assert_eq!(offsets(&trial, Some(8), true, 2), [7, 6]);
    assert_eq!(offsets(&trial, Some(9), true, 2), [0; 0]);
    assert_eq!(offsets(&trial, Some(0), true, 2), [0; 0]);
}

#[test]
fn a_position_of_another_epoch_is_an_error_and_an_empty_epoch_is_none() {
    let trial = trial();
    let since = |epoch: &str| Some(StreamPosition { offset: 5, epoch: epoch.into() });
    let query = |since| HistoryQuery { limit: 9, since, reverse: false };
    assert_eq!(page(&trial, query(since("lost"))).unwrap_err(), BrokerError::UnrecoverablePosition);
    assert_eq!(page(&trial, query(since(""))).unwrap().publications.len(), 2);
}

#[test]
fn reading_an_unknown_channel_keeps_nothing() {
    let trial = Trial::new(5);
    let query = |since| HistoryQuery { limit: 9, since, reverse: false };
    let first = page(&trial, query(None)).unwrap();
    assert_eq!((first.publications.len(), first.position.offset), (0, 0));
    assert_eq!(page(&trial, query(Some(first.position.clone()))).unwrap().position, first.position);
    let lost = StreamPosition { offset: 1, epoch: "lost".into() };
    assert_eq!(page(&trial, query(Some(lost))).unwrap_err(), BrokerError::UnrecoverablePosition);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
    trial.publish("a");
    assert_eq!(trial.position().epoch, first.position.epoch);
}

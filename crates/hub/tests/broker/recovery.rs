//! Recovery: it is said only if nothing is missing.

use longwire_hub::{Recovery, Since, StreamPosition};

use crate::support::Trial;

fn five() -> Trial {
    let trial = Trial::new(3);
    for text in ["a", "b", "c", "d", "e"] {
        trial.publish(text);
    }
    trial
}

fn after(position: StreamPosition) -> Since {
    Since::Position { position, limit: 100 }
}

fn unnamed(offset: u64) -> StreamPosition {
    StreamPosition { offset, epoch: "".into() }
}

#[test]
fn what_was_missed_is_recovered_in_order() {
    let trial = five();
    assert_eq!(trial.recover(after(trial.at(5))), Some(vec![]));
    assert_eq!(trial.recover(after(trial.at(4))), Some(vec![5]));
    assert_eq!(trial.recover(after(trial.at(2))), Some(vec![3, 4, 5]));
}

#[test]
fn a_position_before_what_is_kept_cannot_be_continued() {
    let mut trial = five();
    assert_eq!(trial.recover(after(trial.at(1))), None);
    assert_eq!(trial.recover(after(trial.at(0))), None);
    trial.pass(30);
    trial.publish("f");
    trial.pass(30);
    assert_eq!(trial.recover(after(trial.at(4))), None, "5 has expired");
    assert_eq!(trial.recover(after(trial.at(5))), Some(vec![6]));
    trial.remove_history();
    assert_eq!(trial.recover(after(trial.at(5))), None);
    assert_eq!(trial.recover(after(trial.at(6))), Some(vec![]));
}

#[test]
fn a_position_ahead_of_the_stream_or_of_another_epoch_cannot_be_continued() {
    let trial = five();
    assert_eq!(trial.recover(after(trial.at(6))), None);
    assert_eq!(trial.recover(after(trial.at(u64::MAX))), None);
    assert_eq!(trial.recover(after(StreamPosition { offset: 5, epoch: "lost".into() })), None);
}

#[test]
fn no_more_than_the_limit_is_recovered() {
    let trial = five();
    let since = |limit| Since::Position { position: trial.at(3), limit };
    assert_eq!(trial.recover(since(2)), Some(vec![4, 5]));
    assert_eq!(trial.recover(since(1)), None);
    assert_eq!(trial.recover(Since::Position { position: trial.at(5), limit: 0 }), Some(vec![]));
}

#[test]
fn a_client_that_has_seen_nothing_recovers_the_stream_from_its_beginning() {
    let trial = Trial::new(3);
    assert_eq!(trial.recover(after(unnamed(0))), Some(vec![]));
    trial.publish("a");
    trial.publish("b");
    assert_eq!(trial.recover(after(unnamed(0))), Some(vec![1, 2]));
    trial.publish("c");
    trial.publish("d");
    assert_eq!(trial.recover(after(unnamed(0))), None, "1 is not kept");
    assert_eq!(trial.recover(after(unnamed(4))), None, "the offset may belong to a lost stream");
}

#[test]
fn without_history_nothing_is_recovered() {
    let mut trial = five();
    let position = trial.at(5);
    trial.history.size = 0;
    assert_eq!(trial.recover(after(position)), None);
    assert_eq!(trial.recover(after(unnamed(0))), None);
    assert_eq!(trial.recover(Since::Newest { position: None }), None);
    assert!(matches!(trial.try_subscribe(Since::Now).unwrap().recovery, Recovery::NotAsked));
}

#[test]
fn the_newest_publication_comes_unless_the_client_has_it() {
    let trial = five();
    let newest = |position| Since::Newest { position };
    assert_eq!(trial.recover(newest(None)), Some(vec![5]));
    assert_eq!(trial.recover(newest(Some(trial.at(1)))), Some(vec![5]));
    assert_eq!(trial.recover(newest(Some(trial.at(5)))), Some(vec![]));
    assert_eq!(
        trial.recover(newest(Some(StreamPosition { offset: 5, epoch: "lost".into() }))),
        Some(vec![5])
    );
    trial.remove_history();
    assert_eq!(trial.recover(newest(None)), None);
    assert_eq!(trial.recover(newest(Some(trial.at(4)))), None);
    assert_eq!(trial.recover(newest(Some(trial.at(5)))), Some(vec![]));
}

#[test]
fn where_nothing_was_published_there_is_no_newest_publication() {
    let trial = Trial::new(3);
    assert_eq!(trial.recover(Since::Newest { position: None }), None);
    assert_eq!(trial.recover(Since::Newest { position: Some(trial.at(0)) }), None);
}

//! A client: what it has seen of each channel, over all of its connections.

use std::sync::Arc;

use longwire_hub::{
    BoxFuture, BrokerError, ChannelName, Joined, Publication, Recovery, Since, StreamPosition,
};

use crate::engine::{Engine, text};
use crate::node::Got;

/// Of one client in one channel.
pub(crate) struct Watcher {
    pub(crate) channel: ChannelName,
    /// What it saw last in the channel's stream.
    pub(crate) seen: Option<StreamPosition>,
    /// How much it got outside of the stream.
    pub(crate) outside: usize,
    pub(crate) phase: Phase,
}

pub(crate) enum Phase {
    Away,
    Asking {
        node: usize,
        id: usize,
        since: Since,
        /// The position when it asked.
        earliest: StreamPosition,
        answer: BoxFuture<Result<Joined, BrokerError>>,
    },
    Subscribed {
        node: usize,
        id: usize,
    },
}

impl Watcher {
    pub(crate) fn new(channel: ChannelName) -> Watcher {
        Watcher { channel, seen: None, outside: 0, phase: Phase::Away }
    }

    /// Sees a publication, which has to be the next one. Says whether it goes on: otherwise it was told that it does not.
    #[must_use]
    pub(crate) fn see(&mut self, got: Got, engine: &Engine) -> bool {
        let Got::Publication { epoch, offset, text } = got else { return false };
        if offset == 0 {
            let entry = (self.channel.clone(), text);
            assert!(engine.outside.contains(&entry), "{entry:?} was published");
            self.outside += 1;
            return true;
        }
        let seen = self.seen.as_mut().expect("it knows where it began");
        assert_eq!((offset, &*epoch), (seen.offset + 1, &*seen.epoch), "{}: the next one", self.channel);
        assert_eq!(engine.text(&epoch, offset), Some(&*text), "{}: what was published", self.channel);
        seen.offset = offset;
        true
    }

    /// Its subscription has begun. What is said of the past has to be true, and something has to be said if it could be.
    pub(crate) fn joined(&mut self, since: &Since, joined: &Joined, engine: &mut Engine, is_roomy: bool) {
        let Joined { position, recovery } = joined;
        let is_kept = !position.epoch.is_empty();
        if is_kept && position.offset > 0 {
            assert!(engine.text(&position.epoch, position.offset).is_some(), "{position:?} was published");
        }
        let could_recover = |since: &StreamPosition, engine: &mut Engine| {
            let is_same = engine.position(&self.channel).epoch == position.epoch;
            is_roomy && is_same && engine.keeps_all_after(&self.channel, since)
        };
        match (since, recovery) {
            (Since::Now, Recovery::NotAsked) => {}
            (Since::Position { position: since, .. }, Recovery::Recovered(missed)) => {
                let is_same = since.epoch == position.epoch || since.epoch.is_empty();
                assert!(is_same, "{since:?} is continued at {position:?}");
                let last = missed.iter().fold(since.offset, |last, publication| {
                    assert_eq!(publication.offset, last + 1, "{}: nothing is missing", self.channel);
                    check_text(engine, position, publication);
                    publication.offset
                });
                assert_eq!(last, position.offset, "{}: up to where it begins", self.channel);
            }
            (Since::Position { position: since, limit }, Recovery::Unrecoverable) => {
                let top = engine.position(&self.channel).offset;
                let is_allowed = usize::try_from(top.saturating_sub(since.offset)).unwrap() <= *limit;
                let was_possible = is_kept && is_allowed && could_recover(since, engine);
                assert!(!was_possible, "{}: {since:?} could be continued", self.channel);
            }
            (Since::Newest { position: since }, Recovery::Recovered(newest)) => match newest.as_slice() {
                [] => assert_eq!(since.as_ref(), Some(position), "it has the newest"),
                [newest] => {
                    assert_eq!(newest.offset, position.offset, "the newest");
                    check_text(engine, position, newest);
                }
                _ => panic!("several are the newest"),
            },
            (Since::Newest { .. }, Recovery::Unrecoverable) => {
                let before = StreamPosition { offset: position.offset.saturating_sub(1), ..position.clone() };
                let was_possible = is_kept && position.offset > 0 && could_recover(&before, engine);
                assert!(!was_possible, "{}: the newest is there", self.channel);
            }
            other => panic!("not an answer to this: {other:?}"),
        }
        if is_kept {
            self.seen = Some(position.clone());
        }
    }
}

fn check_text(engine: &Engine, position: &StreamPosition, publication: &Arc<Publication>) {
    let published = engine.text(&position.epoch, publication.offset);
    assert_eq!(published, Some(&*text(publication)), "what was published");
}

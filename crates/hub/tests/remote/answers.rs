//! What a subscriber learns of the past is what a broker in memory would tell it, whatever position it makes up.

use std::sync::Arc;

use longwire_hub::{
    Broker, Call, Data, Joined, MemoryBroker, MemoryLimits, Millis, NewPublication, Recovery, RemoteOptions,
    Since, StreamPosition,
};

use crate::engine::history;
use crate::node::Subscribers;
use crate::support::{Trial, channel};

const PUBLISHED: [&str; 5] = ["a", "b", "c", "d", "e"];
const KEPT: usize = 3;

/// Who follows the channel when the subscriber comes.
#[derive(Debug, Clone, Copy)]
enum Others {
    None,
    /// The last one has left a moment ago.
    Left,
    One,
}

/// The broker that says what is right, with all publications.
fn in_memory(count: usize) -> MemoryBroker {
    let broker = MemoryBroker::with_seed(Arc::new(Subscribers::default()), MemoryLimits::default(), 1);
    for text in PUBLISHED.iter().take(count) {
        let new = NewPublication::new(Data::from_text(*text));
        let _published = broker.publish(&channel("news"), new, &history(KEPT), Millis(0));
    }
    broker
}

fn ask_memory(broker: &MemoryBroker, since: Since) -> Joined {
    let start = Box::new(|| {});
    match broker.subscribe(&channel("news"), since, &history(KEPT), Millis(0), start) {
        Call::Ready(joined) => joined.unwrap(),
        Call::Later(_) => panic!("a broker in memory answers at once"),
    }
}

/// What was recovered, as offsets, and where the subscription begins.
fn outcome(joined: &Joined) -> (u64, Option<Vec<u64>>) {
    let offsets = match &joined.recovery {
        Recovery::Recovered(missed) => Some(missed.iter().map(|publication| publication.offset).collect()),
        Recovery::Unrecoverable | Recovery::NotAsked => None,
    };
    (joined.position.offset, offsets)
}

/// Every kind of wish, with positions of this epoch, of none, and of another.
fn wishes(epoch: &Arc<str>) -> Vec<Since> {
    let offsets = [0, 1, 2, 3, 4, 5, 6, 7, u64::MAX - 1, u64::MAX];
    let epochs = [epoch.clone(), "".into(), "another".into()];
    let positions: Vec<_> = offsets
        .into_iter()
        .flat_map(|offset| epochs.clone().map(|epoch| StreamPosition { offset, epoch }))
        .collect();
    let after = positions.iter().flat_map(|position| {
        [0, 1, 2, 3, 10, usize::MAX].map(|limit| Since::Position { position: position.clone(), limit })
    });
    let newest = positions.iter().map(|position| Since::Newest { position: Some(position.clone()) });
    after.chain(newest).chain([Since::Now, Since::Newest { position: None }]).collect()
}

#[test]
fn a_subscriber_gets_the_same_answer_as_from_a_broker_in_memory() {
    let mut recovered = 0;
    for page in [1, 2, 1_000] {
        for others in [Others::None, Others::Left, Others::One] {
            for count in [0, 1, 3, 5] {
                let memory = in_memory(count);
                let known = ask_memory(&memory, Since::Now).position.epoch;
                for (place, since) in wishes(&"e1".into()).into_iter().enumerate() {
                    let mut options = RemoteOptions::default();
                    options.page = page;
                    let mut trial = Trial::new(options);
                    trial.history = history(KEPT);
                    // The stream gets its name.
                    assert_eq!(&*trial.network().engine.position(&channel("news")).epoch, "e1");
                    let reader = match others {
                        Others::None => None,
                        Others::Left | Others::One => Some(trial.subscribe("news")),
                    };
                    PUBLISHED.iter().take(count).for_each(|text| trial.publish("news", text).unwrap());
                    trial.settle();
                    if let (Others::Left, Some(reader)) = (others, reader) {
                        trial.unsubscribe("news", reader);
                    }
                    let (_, joined) = trial.try_subscribe("news", since.clone()).unwrap();
                    let expected = ask_memory(&memory, wishes(&known).swap_remove(place));
                    assert_eq!(
                        outcome(&joined),
                        outcome(&expected),
                        "{others:?}, {count}, {page}: {since:?}"
                    );
                    recovered += usize::from(matches!(joined.recovery, Recovery::Recovered(_)));
                    if let (Others::One, Some(reader)) = (others, reader) {
                        assert_eq!(trial.got(reader).len(), count, "the others go on");
                    }
                }
            }
        }
    }
    assert!(recovered > 500, "{recovered}");
}

//! Decides which messages of a direction suffer which fault.

use std::time::Duration;

use longwire::Direction;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::args::{After, FaultKind, ProxyFault, Share};

/// The faults of one direction of a connection.
#[derive(Debug)]
pub(super) struct Faults {
    drops: Vec<Share>,
    corruptions: Vec<Share>,
    delay: Duration,
    cut_after: Option<u64>,
    /// The messages so far.
    messages: u64,
    random: StdRng,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Passed,
    Corrupted,
    Dropped,
}

impl Faults {
    pub(super) fn of(faults: &[ProxyFault], direction: Direction) -> Faults {
        let mut own = Faults {
            drops: Vec::new(),
            corruptions: Vec::new(),
            delay: Duration::ZERO,
            cut_after: None,
            messages: 0,
            random: StdRng::from_rng(&mut rand::rng()),
        };
        for fault in faults.iter().filter(|fault| fault.direction.is_none_or(|only| only == direction)) {
            match fault.kind {
                FaultKind::Delay(time) => own.delay += time,
                FaultKind::Drop(share) => own.drops.push(share),
                FaultKind::Corrupt(share) => own.corruptions.push(share),
                FaultKind::Cut(After::Messages(count)) => {
                    own.cut_after = Some(own.cut_after.map_or(count, |before| before.min(count)));
                }
                FaultKind::Cut(After::Time(_)) => {}
            }
        }
        own
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// The fate of the message that begins.
    pub(super) fn next(&mut self) -> Fate {
        self.messages += 1;
        let (number, random) = (self.messages, &mut self.random);
        let mut is_hit = |shares: &[Share]| {
            shares.iter().any(|share| match share {
                Share::Every(count) => number.is_multiple_of(*count),
                Share::Probability(probability) => random.random_bool(*probability),
            })
        };
        if is_hit(&self.drops) {
            Fate::Dropped
        } else if is_hit(&self.corruptions) {
            Fate::Corrupted
        } else {
            Fate::Passed
        }
    }

    /// Whether the connection is cut now that a message has passed.
    pub(super) fn cuts_now(&self) -> bool {
        self.cut_after == Some(self.messages)
    }
}

/// When a connection is cut, whatever has passed by then.
pub(super) fn cut_time(faults: &[ProxyFault]) -> Option<Duration> {
    let time = |fault: &ProxyFault| match fault.kind {
        FaultKind::Cut(After::Time(time)) => Some(time),
        _ => None,
    };
    faults.iter().filter_map(time).min()
}

/// Whether messages may be left out. The receiver could not inflate what follows then.
pub(super) fn drop_messages(faults: &[ProxyFault]) -> bool {
    faults.iter().any(|fault| matches!(fault.kind, FaultKind::Drop(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(faults: &[&str], direction: Direction, count: usize) -> Vec<Fate> {
        let faults: Vec<ProxyFault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let mut faults = Faults::of(&faults, direction);
        (0..count).map(|_| faults.next()).collect()
    }

    #[test]
    fn every_so_many_messages_suffer() {
        use Fate::{Corrupted, Dropped, Passed};
        let faults = ["drop every 3", "corrupt every 2 from client"];
        let expected = [Passed, Corrupted, Dropped, Corrupted, Passed, Dropped];
        assert_eq!(fates(&faults, Direction::Sent, 6), expected);
        assert_eq!(fates(&faults, Direction::Received, 3), [Passed, Passed, Dropped]);
    }

    #[test]
    fn probabilities_are_kept_roughly_and_at_their_ends_exactly() {
        let dropped = |faults: &str| {
            let fates = fates(&[faults], Direction::Sent, 10_000);
            fates.iter().filter(|fate| **fate == Fate::Dropped).count()
        };
        assert_eq!((dropped("drop 0%"), dropped("drop 100%")), (0, 10_000));
        // Nine standard deviations.
        assert!((4550..5450).contains(&dropped("drop 50%")));
    }

    #[test]
    fn a_cut_comes_after_its_message_and_the_earliest_time() {
        let faults: Vec<ProxyFault> = ["cut after 2 messages from client", "cut after 5s", "cut after 2s"]
            .map(|fault| fault.parse().unwrap())
            .into();
        assert_eq!(cut_time(&faults), Some(Duration::from_secs(2)));
        let mut sent = Faults::of(&faults, Direction::Sent);
        let cuts = [(); 3].map(|()| {
            sent.next();
            sent.cuts_now()
        });
        assert_eq!(cuts, [false, true, false]);
        let mut received = Faults::of(&faults, Direction::Received);
        received.next();
        received.next();
        assert!(!received.cuts_now());
    }
}

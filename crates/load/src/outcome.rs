//! What a run has found.

use std::time::Duration;

use crate::own_cost::OwnCost;
use crate::tally::Tally;

/// What a run has found.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was counted and measured.
    pub tally: Tally,
    /// The measured time.
    pub measured: Duration,
    /// What each thread of the generator used in that time.
    pub own: Vec<OwnCost>,
    /// How it did I/O.
    pub engine: String,
    /// How many connections were open when the measured time ended.
    pub open_at_end: usize,
    /// Whether it was stopped before its end.
    pub was_stopped: bool,
}

impl Outcome {
    /// Adds what another thread has found in the same time.
    pub(crate) fn add(&mut self, other: Outcome) {
        self.tally.add(&other.tally);
        self.measured = self.measured.max(other.measured);
        self.own.extend(other.own);
        self.engine = other.engine;
        self.open_at_end += other.open_at_end;
        self.was_stopped |= other.was_stopped;
    }

    /// Adds what a later round of the same plan has found.
    pub fn append(&mut self, later: &Outcome) {
        self.tally.append(&later.tally);
        self.measured += later.measured;
        for (number, cost) in later.own.iter().enumerate() {
            match self.own.get_mut(number) {
                Some(mine) => mine.append(*cost),
                None => self.own.push(*cost),
            }
        }
        self.engine.clone_from(&later.engine);
        self.open_at_end = later.open_at_end;
        self.was_stopped |= later.was_stopped;
    }

    /// What the busiest thread of the generator used.
    #[must_use]
    pub fn busiest(&self) -> OwnCost {
        let cpu = |cost: &&OwnCost| cost.cpu_share().unwrap_or(0.0);
        self.own.iter().max_by(|one, other| cpu(one).total_cmp(&cpu(other))).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(cpu: u64) -> Outcome {
        let second = Duration::from_secs(1);
        let own = OwnCost { time: second, cpu: Some(Duration::from_millis(cpu)), waited: Some(second / 10) };
        let tally = Tally { sent: 5, ..Tally::default() };
        Outcome { tally, measured: second, own: vec![own], open_at_end: 2, ..Outcome::default() }
    }

    #[test]
    fn threads_add_up_and_rounds_follow_each_other() {
        let (mut threads, mut rounds) = (outcome(200), outcome(200));
        threads.add(outcome(800));
        assert_eq!(
            (threads.measured, threads.own.len(), threads.open_at_end),
            (Duration::from_secs(1), 2, 4)
        );
        assert_eq!(threads.busiest().cpu_share(), Some(0.8));
        rounds.append(&outcome(800));
        assert_eq!((rounds.measured, rounds.own.len(), rounds.open_at_end), (Duration::from_secs(2), 1, 2));
        assert_eq!((rounds.busiest().cpu_share(), rounds.busiest().waited_share()), (Some(0.5), Some(0.1)));
        assert_eq!((threads.tally.sent, rounds.tally.sent), (10, 10));
    }
}

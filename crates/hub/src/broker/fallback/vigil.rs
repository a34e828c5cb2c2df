//! When a node goes on alone, and when it goes back.

use std::time::Duration;

use super::probe::Heard;
use crate::time::Millis;

/// How long the shared broker has to work before the node goes back to it.
const STEADY: Duration = Duration::from_secs(2);

/// The longest such time, for a broker that fails again and again.
const LONGEST_STEADY: Duration = Duration::from_secs(120);

/// Going alone again so soon after the return doubles the time: each change interrupts all subscriptions.
const SOON: Duration = Duration::from_secs(60);

/// Decides which broker has the channels. It is told about once a second how the shared one is doing.
#[derive(Debug)]
pub(super) struct Vigil {
    alone_after: Duration,
    phase: VigilPhase,
    steady: Duration,
    went_back: Option<Millis>,
}

#[derive(Debug)]
enum VigilPhase {
    /// The shared broker works, as far as is known.
    Together,
    /// Not all of it does. No part of it has answered since then.
    Doubting { since: Millis },
    /// The node is alone. The shared broker works since then, if it does.
    Alone { works_since: Option<Millis> },
}

/// How the shared broker is doing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// Whether all of it can be reached, as it says itself.
    pub(super) is_reachable: bool,
    /// What probes have found since the last observation.
    pub(super) heard: Heard,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    Stay,
    /// Stay, and probe the shared broker.
    Probe,
    GoAlone,
    GoBack,
}

impl Vigil {
    pub(super) fn new(alone_after: Duration) -> Vigil {
        Vigil { alone_after, phase: VigilPhase::Together, steady: STEADY, went_back: None }
    }

    /// A doubt ends only with a probe that succeeds: one call that happens to get through proves little. While a part
    /// answers, the doubt begins anew: to go alone would take the channels of that part from all other nodes.
    pub(super) fn observe(&mut self, now: Millis, observed: Observation) -> Advice {
        let works = observed.is_reachable && observed.heard.probe == Some(true);
        let fails = !observed.is_reachable || observed.heard.probe == Some(false);
        match &mut self.phase {
            VigilPhase::Together if observed.is_reachable => Advice::Stay,
            VigilPhase::Together => {
                self.phase = VigilPhase::Doubting { since: now };
                Advice::Probe
            }
            VigilPhase::Doubting { .. } if works => {
                self.phase = VigilPhase::Together;
                Advice::Stay
            }
            VigilPhase::Doubting { since } if observed.heard.answers => {
                *since = now;
                Advice::Probe
            }
            VigilPhase::Doubting { since } if now >= *since + self.alone_after => self.go_alone(now),
            VigilPhase::Doubting { .. } => Advice::Probe,
            VigilPhase::Alone { works_since } => {
                if fails {
                    *works_since = None;
                } else if works {
                    works_since.get_or_insert(now);
                }
                match *works_since {
                    // A probe that hangs says nothing, so the time alone is not enough.
                    Some(since) if works && now >= since + self.steady => {
                        self.phase = VigilPhase::Together;
                        self.went_back = Some(now);
                        Advice::GoBack
                    }
                    _ => Advice::Probe,
                }
            }
        }
    }

    fn go_alone(&mut self, now: Millis) -> Advice {
        let is_soon = self.went_back.is_some_and(|back| now < back + self.alone_after + SOON);
        self.steady = if is_soon { (self.steady * 2).min(LONGEST_STEADY) } else { STEADY };
        self.phase = VigilPhase::Alone { works_since: None };
        Advice::GoAlone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Observation = Observation { is_reachable: true, heard: Heard { answers: false, probe: None } };
    const PROVEN: Observation =
        Observation { is_reachable: true, heard: Heard { answers: true, probe: Some(true) } };
    const DOWN: Observation =
        Observation { is_reachable: false, heard: Heard { answers: false, probe: Some(false) } };
    /// A channel is interrupted, and all questions are answered.
    const INTERRUPTED: Observation = Observation { is_reachable: false, ..PROVEN };
    /// A part of it does not answer, and another does.
    const PART: Observation =
        Observation { is_reachable: false, heard: Heard { answers: true, probe: Some(false) } };

    /// What is advised each second.
    struct Trial(Vigil, u64);

    impl Trial {
        fn new() -> Trial {
            Trial(Vigil::new(Duration::from_secs(5)), 0)
        }

        fn see(&mut self, observed: Observation) -> Advice {
            self.1 += 1_000;
            self.0.observe(Millis(self.1), observed)
        }

        /// How many seconds such a state lasts before this is advised.
        fn seconds_until(&mut self, advice: Advice, observed: Observation) -> usize {
            1 + (0..1_000).take_while(|_| self.see(observed) != advice).count()
        }
    }

    #[test]
    fn a_node_goes_alone_after_the_time_and_goes_back_when_the_broker_is_steady() {
        let mut trial = Trial::new();
        assert_eq!(trial.see(UP), Advice::Stay);
        assert_eq!(trial.seconds_until(Advice::GoAlone, DOWN), 6, "the first second begins the doubt");
        assert_eq!(trial.see(UP), Advice::Probe, "nothing is proven");
        assert_eq!(trial.see(PROVEN), Advice::Probe);
        assert_eq!(trial.see(DOWN), Advice::Probe, "it begins anew");
        assert_eq!(trial.seconds_until(Advice::GoBack, PROVEN), 3);
        assert_eq!(trial.see(UP), Advice::Stay);
    }

    #[test]
    fn only_a_probe_ends_a_doubt() {
        let mut trial = Trial::new();
        assert_eq!(trial.see(DOWN), Advice::Probe);
        assert_eq!(trial.see(UP), Advice::Probe);
        assert_eq!(trial.see(PROVEN), Advice::Stay);
        assert_eq!(trial.see(DOWN), Advice::Probe);
        assert_eq!(trial.seconds_until(Advice::GoAlone, UP), 5, "a call gets through, and no probe does");
    }

    #[test]
    fn a_node_stays_together_while_a_part_of_the_broker_answers() {
        for partly in [INTERRUPTED, PART] {
            let mut trial = Trial::new();
            (0..100).for_each(|_| assert_eq!(trial.see(partly), Advice::Probe));
            assert_eq!(trial.seconds_until(Advice::GoAlone, DOWN), 5, "since the last answer");
            (0..100).for_each(|_| assert_eq!(trial.see(partly), Advice::Probe, "it comes back to all of it"));
        }
    }

    #[test]
    fn an_answer_after_which_nothing_is_heard_takes_no_node_back() {
        let mut trial = Trial::new();
        trial.seconds_until(Advice::GoAlone, DOWN);
        assert_eq!(trial.see(PROVEN), Advice::Probe);
        (0..100).for_each(|_| assert_eq!(trial.see(UP), Advice::Probe, "the next probe hangs"));
        assert_eq!(trial.see(PROVEN), Advice::GoBack);
    }

    #[test]
    fn a_broker_that_fails_again_and_again_has_to_be_steady_for_longer() {
        let mut trial = Trial::new();
        let mut steady = Vec::new();
        for _ in 0..9 {
            trial.seconds_until(Advice::GoAlone, DOWN);
            steady.push(trial.seconds_until(Advice::GoBack, PROVEN) - 1);
        }
        assert_eq!(steady, [2, 4, 8, 16, 32, 64, 120, 120, 120]);
        (0..100).for_each(|_| assert_eq!(trial.see(UP), Advice::Stay));
        trial.seconds_until(Advice::GoAlone, DOWN);
        assert_eq!(trial.seconds_until(Advice::GoBack, PROVEN) - 1, 2, "after a good time");
    }
}

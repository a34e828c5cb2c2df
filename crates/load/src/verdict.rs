//! Whether the generator itself was the bottleneck. Then its figures say nothing about the server.

use std::time::Duration;

use crate::own_cost::OwnCost;
use crate::plan::Waiting;
use crate::times::Times;

/// A message that leaves later than this was late because of the generator.
pub const LATE: Duration = Duration::from_millis(1);

/// From which share of a core on the generator is the bottleneck.
pub(crate) const BUSY: f64 = 0.95;

/// From which share of the time without a processor on.
const STARVED: f64 = 0.1;

/// From which share of late messages on.
const OFTEN: f64 = 0.01;

/// The share of messages that the generator sent more than a millisecond late.
#[must_use]
pub fn late_share(late: &Times) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    share(late.above(LATE), late.count())
}

/// Why the generator was the bottleneck. Empty: it was not.
#[must_use]
pub fn bottlenecks(busiest: OwnCost, late: &Times, waiting: Waiting) -> Vec<String> {
    let mut reasons = Vec::new();
    let late_share = late_share(late);
    if late_share > OFTEN {
        let p99 = late.quantile(0.99).as_secs_f64() * 1000.0;
        reasons.push(format!(
            "{:.1} % of its messages left more than 1 ms late (p99 {p99:.1} ms)",
            late_share * 100.0
        ));
    }
    // It spins only where messages are due at their times.
    let spins = waiting == Waiting::Spin && !late.is_empty();
    if let Some(cpu) = busiest.cpu_share().filter(|cpu| *cpu >= BUSY && !spins) {
        reasons.push(format!("it was busy {:.0} % of the time", (cpu * 100.0).min(100.0)));
    }
    if let Some(waited) = busiest.waited_share().filter(|waited| *waited >= STARVED) {
        reasons.push(format!("it waited for a processor {:.0} % of the time", waited * 100.0));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(cpu: u64, waited: u64) -> OwnCost {
        OwnCost {
            time: Duration::from_secs(1),
            cpu: Some(Duration::from_millis(cpu)),
            waited: Some(Duration::from_millis(waited)),
        }
    }

    fn late(punctual: u64, late: u64) -> Times {
        let mut times = Times::default();
        (0..punctual).for_each(|_| times.record(Duration::from_micros(30)));
        (0..late).for_each(|_| times.record(Duration::from_millis(5)));
        times
    }

    #[test]
    fn a_generator_with_time_to_spare_is_no_bottleneck() {
        assert_eq!(bottlenecks(cost(900, 50), &late(1000, 10), Waiting::Sleep), [""; 0]);
        assert_eq!(bottlenecks(OwnCost::default(), &Times::default(), Waiting::Sleep), [""; 0]);
    }

    #[test]
    fn each_reason_is_named() {
        let reasons = bottlenecks(cost(960, 200), &late(980, 20), Waiting::Sleep);
        assert_eq!(
            reasons,
            [
                "2.0 % of its messages left more than 1 ms late (p99 5.0 ms)",
                "it was busy 96 % of the time",
                "it waited for a processor 20 % of the time",
            ]
        );
        // Who never sleeps is always busy.
        assert!(bottlenecks(cost(1000, 0), &late(1, 0), Waiting::Spin).is_empty());
        // In a closed loop, it sleeps all the same.
        assert_eq!(bottlenecks(cost(1000, 0), &late(0, 0), Waiting::Spin).len(), 1);
    }
}

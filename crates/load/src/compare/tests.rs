use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::times::Times;

/// A part in which each of these times, in microseconds, was measured so often.
fn part(times: &[(u64, u64)]) -> Part {
    let mut histogram = Times::default();
    for (micros, count) in times {
        histogram.record_many(Duration::from_micros(*micros), *count);
    }
    Part { seconds: 1.0, done: histogram.count(), histogram, ..Part::default() }
}

fn report(parts: u64, part: impl Fn(u64) -> Part) -> Report {
    Report { intervals: (0..parts).map(part).collect(), ..Report::default() }
}

fn named<'r>(ratios: &'r [Ratio], name: &str) -> &'r Ratio {
    ratios.iter().find(|ratio| ratio.name == name).unwrap()
}

fn near(value: f64, expected: f64) -> bool {
    (value / expected - 1.0).abs() < 0.003
}

/// Parts of a steady server, whose slowest messages vary a little.
fn noisy(number: u64, factor: u64) -> Part {
    part(&[(1000 * factor, 980), ((10_000 + 1000 * (number * 7 % 5)) * factor, 20)])
}

#[test]
fn a_clear_difference_is_certain_and_noise_is_not() {
    let before = report(20, |number| noisy(number, 1));
    let slower = compare(&before, &report(20, |number| noisy(number, 2)));
    for name in ["p50", "p90", "p99"] {
        let slower = named(&slower, name);
        assert!(near(slower.ratio, 2.0) && slower.is_difference(), "{slower:?}");
    }
    let same = compare(&before, &report(20, |number| noisy(number + 1, 1)));
    assert!(same.iter().all(|ratio| !ratio.is_difference()), "{same:?}");
    assert!(same.iter().all(|ratio| ratio.range.is_some()), "{same:?}");
}

#[test]
fn stalls_in_some_parts_outweigh_a_slower_median_of_the_others() {
    // The first server stalls in each third second. The second one never does, but its slowest messages are slower than
    // those of the first one in most seconds.
    let stalling = |number: u64| match number % 3 {
        0 => part(&[(200, 750), (200_000, 250)]),
        _ => part(&[(200, 980), (1000, 20)]),
    };
    let steady = report(20, |_| part(&[(200, 980), (4000, 20)]));
    let ratios = compare(&report(20, stalling), &steady);
    let p99 = named(&ratios, "p99");
    assert!(near(p99.before, 200.0) && near(p99.after, 4.0), "{p99:?}");
    assert!(p99.ratio < 0.03 && p99.is_difference(), "{p99:?}");
    assert!(!named(&ratios, "p50").is_difference(), "{ratios:?}");
}

#[test]
fn one_stall_may_be_chance() {
    let one = |number: u64| match number {
        7 => part(&[(200, 750), (200_000, 250)]),
        _ => part(&[(200, 1000)]),
    };
    let ratios = compare(&report(20, one), &report(20, |_| part(&[(200, 1000)])));
    let p99 = named(&ratios, "p99");
    assert!(p99.ratio < 0.01 && !p99.is_difference(), "{p99:?}");
}

#[test]
fn a_second_without_an_answer_lowers_the_rate() {
    let stopping = |number: u64| if number.is_multiple_of(2) { part(&[]) } else { part(&[(200, 1000)]) };
    let ratios = compare(&report(20, |_| part(&[(200, 1000)])), &report(20, stopping));
    let rate = named(&ratios, "rate");
    assert!(near(rate.after, 500.0) && rate.is_difference(), "{rate:?}");
}

#[test]
fn few_parts_and_few_messages_say_nothing_about_chance() {
    let few = compare(&report(4, |_| part(&[(1000, 1000)])), &report(4, |_| part(&[(2000, 1000)])));
    assert!(near(named(&few, "p99").ratio, 2.0) && named(&few, "p99").range.is_none(), "{few:?}");
    // Two messages of two hundred lie beyond p99, and twenty beyond p90.
    let few = compare(&report(20, |_| part(&[(1000, 10)])), &report(20, |_| part(&[(2000, 10)])));
    assert!(named(&few, "p90").is_difference() && named(&few, "p99").range.is_none(), "{few:?}");
    let nothing = compare(&Report::default(), &Report::default());
    assert!(nothing.iter().all(|ratio| !ratio.is_difference()), "{nothing:?}");
}

#[test]
fn rounds_are_compared_in_pairs() {
    // What disturbs a round disturbs both of its endpoints.
    let round = |disturbance: u64, factor: u64| {
        report(2, |_| part(&[(disturbance * disturbance * 100 * factor, 1000)]))
    };
    let rounds: Vec<_> =
        (1..=6).map(|disturbance| (round(disturbance, 10), round(disturbance, 12))).collect();
    let ratios = compare_rounds(&rounds);
    let p99 = named(&ratios, "p99");
    assert!(near(p99.ratio, 1.2) && p99.is_difference(), "{p99:?}");
    let reversed: Vec<_> = rounds.iter().cloned().zip(rounds.iter().rev().cloned()).collect();
    let shuffled: Vec<_> = reversed.into_iter().map(|((one, _), (_, other))| (one, other)).collect();
    assert!(!named(&compare_rounds(&shuffled), "p99").is_difference());
}

/// A server whose latencies vary from part to part, and which stalls in some of them.
struct Simulated {
    random: StdRng,
    /// How likely a part has a stall.
    stalls: f64,
}

impl Simulated {
    /// Roughly normal, with a deviation of 1.
    fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.random.random_range(-0.5..0.5)).sum()
    }

    /// What disturbs the machine in a round.
    fn disturbance(&mut self) -> f64 {
        (self.noise() * 0.2).exp()
    }

    /// Ten thousand messages, which take this many times as long as usual.
    fn part(&mut self, factor: f64) -> Part {
        let mut times: Vec<(u64, u64)> = [(200.0, 9000), (400.0, 850), (800.0, 130), (1600.0, 20)]
            .map(|(micros, count)| (whole(micros * factor * (self.noise() * 0.02).exp()), count))
            .to_vec();
        if self.random.random_bool(self.stalls) {
            times.push((100_000, self.random.random_range(0..300)));
        }
        let done = whole(10_000.0 * (self.noise() * 0.01).exp() / factor);
        Part { done, ..part(&times) }
    }
}

fn whole(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let whole = value.round() as u64;
    whole
}

/// In how many of so many comparisons `is_found` is true.
fn count(
    comparisons: usize,
    compare: impl FnMut() -> Vec<Ratio>,
    is_found: fn(&Vec<Ratio>) -> bool,
) -> usize {
    std::iter::repeat_with(compare).take(comparisons).filter(is_found).count()
}

fn simulated_parts(simulated: &mut Simulated, factor: f64) -> Vec<Ratio> {
    let [one, other] = [1.0, factor].map(|factor| Report {
        intervals: (0..20).map(|_| simulated.part(factor)).collect(),
        ..Report::default()
    });
    by_parts(&one, &other, 700)
}

fn simulated_rounds(simulated: &mut Simulated, factor: f64) -> Vec<Ratio> {
    let rounds: Vec<_> = (0..6)
        .map(|_| {
            let disturbance = simulated.disturbance();
            let mut of = |factor: f64| {
                let intervals = vec![simulated.part(disturbance * factor)];
                Report { intervals, ..Report::default() }
            };
            (of(1.0), of(factor))
        })
        .collect();
    by_rounds(&rounds, 300)
}

#[test]
fn alike_servers_rarely_differ_and_a_tenth_more_is_found() {
    for compare in [simulated_parts as fn(&mut Simulated, f64) -> Vec<Ratio>, simulated_rounds] {
        for stalls in [0.0, 0.2] {
            let mut simulated = Simulated { random: StdRng::seed_from_u64(7), stalls };
            let mut with = |factor: f64| compare(&mut simulated, factor);
            let alarms = count(100, || with(1.0), |ratios| ratios.iter().any(Ratio::is_difference));
            // The promised 5 %, and twice the deviation of such a count.
            assert!(alarms <= 9, "{alarms} false alarms with {stalls}");
            let hits = count(20, || with(1.1), |ratios| named(ratios, "p50").is_difference());
            assert!(hits >= 19, "{hits} found with {stalls}");
        }
    }
}

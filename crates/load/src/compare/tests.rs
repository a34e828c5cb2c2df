use super::*;
use crate::times::Times;

/// A part in which each of these times, in microseconds, was measured so often.
fn part(times: &[(u64, u64)]) -> Part {
    let mut histogram = Times::default();
    for (micros, count) in times {
        (0..*count).for_each(|_| histogram.record(Duration::from_micros(*micros)));
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

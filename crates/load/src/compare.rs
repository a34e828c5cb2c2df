//! Compares two runs, and says how certain the difference is.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::report::Report;

/// The ratio of a figure in two runs, with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// The figure.
    pub name: &'static str,
    /// Its value before and after.
    pub before: f64,
    /// After.
    pub after: f64,
    /// After, divided by before.
    pub ratio: f64,
    /// In 95 % of the samples that could have been drawn instead, the ratio lies between these. `None`: there are too few
    /// parts to say.
    pub range: Option<(f64, f64)>,
}

/// Fewer parts show nothing about their spread.
const FEWEST: usize = 5;

/// How many samples are drawn.
const SAMPLES: usize = 2000;

impl Ratio {
    /// Whether the figures differ by more than chance explains.
    #[must_use]
    pub fn is_difference(&self) -> bool {
        self.range.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
    }
}

/// One value of a figure for each part of a run.
type Values = fn(&Report) -> Vec<f64>;

const FIGURES: [(&str, Values); 3] = [
    ("rate", |report| parts(report, |part| rate(part.done, part.seconds))),
    ("p50", |report| parts(report, |part| part.p50)),
    ("p99", |report| parts(report, |part| part.p99)),
];

fn parts(report: &Report, value: impl Fn(&crate::report::Part) -> f64) -> Vec<f64> {
    report.intervals.iter().filter(|part| part.done > 0).map(value).collect()
}

fn rate(count: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
    let count = count as f64;
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

/// Compares the parts of two runs.
#[must_use]
pub fn compare(before: &Report, after: &Report) -> Vec<Ratio> {
    let ratios = FIGURES.into_iter().map(|(name, values)| {
        let (before, after) = (values(before), values(after));
        let draw = |random: &mut StdRng| median(resample(&after, random)) / median(resample(&before, random));
        let enough = before.len().min(after.len()) >= FEWEST;
        ratio(name, median(before.clone()), median(after.clone()), enough.then(|| range(draw)))
    });
    ratios.collect()
}

/// Compares rounds of two endpoints, which were measured in turn: each round is a pair.
#[must_use]
pub fn compare_rounds(rounds: &[(Report, Report)]) -> Vec<Ratio> {
    let ratios = FIGURES.into_iter().map(|(name, values)| {
        let pairs: Vec<(f64, f64)> =
            rounds.iter().map(|(one, other)| (median(values(one)), median(values(other)))).collect();
        let quotients: Vec<f64> =
            pairs.iter().map(|(one, other)| other / one).filter(|ratio| ratio.is_finite()).collect();
        let enough = quotients.len() >= FEWEST;
        let spread = enough.then(|| range(|random: &mut StdRng| median(resample(&quotients, random))));
        let (before, after): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        Ratio { ratio: median(quotients.clone()), ..ratio(name, median(before), median(after), spread) }
    });
    ratios.collect()
}

fn ratio(name: &'static str, before: f64, after: f64, range: Option<(f64, f64)>) -> Ratio {
    let range = range.filter(|(low, high)| low.is_finite() && high.is_finite());
    Ratio { name, before, after, ratio: after / before, range }
}

/// The middle 95 % of what is drawn (the bootstrap). The same in each run of the program.
fn range(mut draw: impl FnMut(&mut StdRng) -> f64) -> (f64, f64) {
    let mut random = StdRng::seed_from_u64(1);
    let mut drawn: Vec<f64> = (0..SAMPLES).map(|_| draw(&mut random)).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |place: usize| drawn.get(place).copied().unwrap_or(f64::NAN);
    (at(SAMPLES / 40), at(SAMPLES - 1 - SAMPLES / 40))
}

fn resample(values: &[f64], random: &mut StdRng) -> Vec<f64> {
    let one = |_| values.get(random.random_range(0..values.len().max(1))).copied();
    (0..values.len()).filter_map(one).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    if values.len().is_multiple_of(2) {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    } else {
        at(middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Part;

    fn report(p99: impl Fn(u32) -> f64, parts: u32) -> Report {
        let part = |number| Part { seconds: 1.0, done: 1000, p50: 1.0, p99: p99(number), ..Part::default() };
        Report { intervals: (0..parts).map(part).collect(), ..Report::default() }
    }

    fn p99(ratios: &[Ratio]) -> &Ratio {
        ratios.iter().find(|ratio| ratio.name == "p99").unwrap()
    }

    #[test]
    fn a_clear_difference_is_certain_and_noise_is_not() {
        let noisy = |number: u32| 10.0 + f64::from(number * 7 % 5);
        let before = report(noisy, 20);
        let slower = compare(&before, &report(|number| 1.5 * noisy(number), 20));
        let slower = p99(&slower);
        assert!((slower.ratio - 1.5).abs() < 1e-9 && slower.is_difference(), "{slower:?}");
        let same = compare(&before, &report(|number| noisy(number + 1), 20));
        assert!(!p99(&same).is_difference(), "{same:?}");
    }

    #[test]
    fn a_few_parts_say_nothing_about_chance() {
        let few = compare(&report(|_| 1.0, 4), &report(|_| 2.0, 4));
        assert_eq!((p99(&few).ratio, p99(&few).range), (2.0, None));
        assert!(!p99(&compare(&Report::default(), &Report::default())).is_difference());
    }

    #[test]
    fn rounds_are_compared_in_pairs() {
        // What disturbs a round disturbs both of its endpoints.
        let rounds: Vec<_> = (1..=6_u32)
            .map(|disturbance| {
                let time = f64::from(disturbance * disturbance);
                (report(|_| time, 1), report(|_| 1.2 * time, 1))
            })
            .collect();
        let ratios = compare_rounds(&rounds);
        let found = p99(&ratios);
        assert!((found.ratio - 1.2).abs() < 1e-9 && found.is_difference(), "{found:?}");
    }
}

//! Compares two runs, and says how certain the difference is.
//!
//! The percentiles are those of all times of a run, so a stall in a few of its parts counts as it does for users. Their
//! uncertainty comes from drawing other samples of the same parts (the bootstrap): messages of one part share its stalls,
//! so parts are drawn, not messages.
//!
//! A comparison has five figures, and each is one more chance of a false alarm. So each range has a share of false alarms of
//! 1 %, and all five together at most 5 % (the correction of Bonferroni).

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use crate::report::{Part, Report};

/// The ratio of a figure in two runs, with its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// The figure: `rate`, a second, or a percentile, in milliseconds.
    pub name: &'static str,
    /// Its value in the first run.
    pub before: f64,
    /// Its value in the second run.
    pub after: f64,
    /// After, divided by before.
    pub ratio: f64,
    /// The ratio lies between these with a certainty of 99 %, so that of all five lines together none is wrong with 95 %.
    /// `None`: there are too few parts or messages to say.
    pub range: Option<(f64, f64)>,
}

/// Fewer parts show nothing about their spread.
const FEWEST: usize = 5;

/// If fewer messages lie beyond a percentile, its uncertainty is not known.
const FEWEST_BEYOND: f64 = 10.0;

/// How many samples are drawn.
const SAMPLES: usize = 4000;

/// How often a range may lie beside the ratio: 5 %, divided among five figures.
const FALSE_ALARMS: f64 = 0.05 / 5.0;

/// The percentiles, and their shares of the messages in ascending order.
const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

impl Ratio {
    /// Whether the figures differ by more than chance explains.
    #[must_use]
    pub fn is_difference(&self) -> bool {
        self.range.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
    }
}

/// Compares two runs by the histograms of their parts.
#[must_use]
pub fn compare(before: &Report, after: &Report) -> Vec<Ratio> {
    by_parts(before, after, SAMPLES)
}

fn by_parts(before: &Report, after: &Report, samples: usize) -> Vec<Ratio> {
    let [before, after] =
        [before, after].map(|report| Sample::new(report.intervals.iter().map(std::slice::from_ref)));
    let draw = |random: &mut StdRng| (draw(before.size(), random), draw(after.size(), random));
    ratios(&before, &after, &drawn(&before, &after, samples, draw), &[])
}

/// Compares rounds of two endpoints, which were measured in turn: what disturbs one of a pair disturbs the other, so pairs
/// are drawn.
#[must_use]
pub fn compare_rounds(rounds: &[(Report, Report)]) -> Vec<Ratio> {
    by_rounds(rounds, SAMPLES)
}

/// There are only a few rounds, too few for samples of them to show how much they vary. So the range has to contain that of
/// the ratios of the rounds (Student's t), too.
fn by_rounds(rounds: &[(Report, Report)], samples: usize) -> Vec<Ratio> {
    let before = Sample::new(rounds.iter().map(|(one, _)| one.intervals.as_slice()));
    let after = Sample::new(rounds.iter().map(|(_, other)| other.intervals.as_slice()));
    let draw = |random: &mut StdRng| {
        let drawn = draw(rounds.len(), random);
        (drawn.clone(), drawn)
    };
    let each: Vec<_> = (0..rounds.len())
        .map(|round| {
            let only: Weights = (0..rounds.len()).map(|number| u64::from(number == round)).collect();
            (before.figures(&only), after.figures(&only))
        })
        .collect();
    ratios(&before, &after, &drawn(&before, &after, samples, draw), &each)
}

/// What was measured in a run, by parts of it.
struct Sample {
    /// The seconds of each part, and how many messages arrived in it.
    parts: Vec<(f64, f64)>,
    /// Times in ascending order, each with its part and its number.
    times: Vec<(Duration, usize, u64)>,
}

/// A rate, and a value for each of the percentiles.
type Figures = (f64, [f64; PERCENTILES.len()]);

impl Sample {
    fn new<'r>(groups: impl Iterator<Item = &'r [Part]>) -> Sample {
        let (mut parts, mut times) = (Vec::new(), Vec::new());
        for (number, group) in groups.enumerate() {
            let (seconds, done) = (group.iter().map(|part| part.seconds), group.iter().map(|part| part.done));
            parts.push((seconds.sum(), as_f64(done.sum())));
            let counted = group.iter().flat_map(|part| part.histogram.counted());
            times.extend(counted.map(|(time, count)| (time, number, count)));
        }
        times.sort_unstable();
        Sample { parts, times }
    }

    fn size(&self) -> usize {
        self.parts.len()
    }

    /// The figures if each part is in the sample as often as `weights` says.
    fn figures(&self, weights: &[u64]) -> Figures {
        let weight = |part: usize| weights.get(part).copied().unwrap_or(0);
        let (mut seconds, mut done) = (0.0, 0.0);
        for (number, part) in self.parts.iter().enumerate() {
            seconds += part.0 * as_f64(weight(number));
            done += part.1 * as_f64(weight(number));
        }
        let total = as_f64(self.times.iter().map(|(_, part, count)| count * weight(*part)).sum());
        let mut found = [f64::NAN; PERCENTILES.len()];
        let mut wanted = found.iter_mut().zip(PERCENTILES.map(|(_, share)| (share * total).ceil()));
        let (mut next, mut below) = (wanted.next(), 0);
        for (time, part, count) in &self.times {
            below += count * weight(*part);
            while let Some((value, rank)) = next.as_mut()
                && below > 0
                && as_f64(below) >= *rank
            {
                **value = time.as_secs_f64() * 1000.0;
                next = wanted.next();
            }
        }
        (done / seconds, found)
    }

    /// Whether enough messages lie beyond this share of them.
    fn has_beyond(&self, share: f64) -> bool {
        let total = as_f64(self.times.iter().map(|(_, _, count)| count).sum());
        // The product of a round number need not be a round one.
        total * (1.0 - share) >= FEWEST_BEYOND - 1e-6
    }
}

/// How often each of so many parts is in a sample.
type Weights = Vec<u64>;

/// Figures of both sides in the samples that are drawn.
fn drawn(
    before: &Sample,
    after: &Sample,
    samples: usize,
    mut draw: impl FnMut(&mut StdRng) -> (Weights, Weights),
) -> Vec<(Figures, Figures)> {
    let has_parts = before.size().min(after.size()) >= FEWEST;
    // The same in each run of the program.
    let mut random = StdRng::seed_from_u64(1);
    (0..if has_parts { samples } else { 0 })
        .map(|_| {
            let (one, other) = draw(&mut random);
            (before.figures(&one), after.figures(&other))
        })
        .collect()
}

/// The ratios of two runs. `rounds`: the figures of pairs, whose own ratios have to lie in the ranges, too.
fn ratios(
    before: &Sample,
    after: &Sample,
    drawn: &[(Figures, Figures)],
    rounds: &[(Figures, Figures)],
) -> Vec<Ratio> {
    let whole = |sample: &Sample| sample.figures(&vec![1; sample.size()]);
    let (rate_before, times_before) = whole(before);
    let (rate_after, times_after) = whole(after);
    let beyond = beyond(before.size().min(after.size()));
    let range = |figure: &dyn Fn(&Figures) -> f64| {
        let of = |pairs: &[(Figures, Figures)]| -> Vec<f64> {
            pairs.iter().map(|(before, after)| figure(after) / figure(before)).collect()
        };
        let (low, high) = middle(of(drawn), beyond)?;
        if rounds.is_empty() {
            return Some((low, high));
        }
        let (least, most) = students(&of(rounds))?;
        Some((low.min(least), high.max(most)))
    };
    let rate = ratio("rate", rate_before, rate_after, range(&|figures| figures.0));
    let times = times_before.into_iter().zip(times_after).zip(PERCENTILES).enumerate();
    let times = times.map(|(number, ((one, other), (name, share)))| {
        let is_known = before.has_beyond(share) && after.has_beyond(share);
        let range = range(&|figures| figures.1.get(number).copied().unwrap_or(f64::NAN));
        ratio(name, one, other, range.filter(|_| is_known))
    });
    std::iter::once(rate).chain(times).collect()
}

fn ratio(name: &'static str, before: f64, after: f64, range: Option<(f64, f64)>) -> Ratio {
    Ratio { name, before, after, ratio: after / before, range }
}

/// The range of what was drawn, without this share of it at each end.
fn middle(mut drawn: Vec<f64>, beyond: f64) -> Option<(f64, f64)> {
    drawn.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of some thousands"
    )]
    let beyond = (drawn.len() as f64 * beyond) as usize;
    let low = drawn.get(beyond)?;
    let high = drawn.get(drawn.len().checked_sub(beyond + 1)?)?;
    (low.is_finite() && high.is_finite()).then_some((*low, *high))
}

/// The share of samples of so many parts that a range leaves out at each end. Samples of few parts vary less than runs do,
/// so the range is wider than the middle 99 % (the expanded percentile interval of Hesterberg, 2015).
fn beyond(parts: usize) -> f64 {
    let count = as_f64(u64::try_from(parts).unwrap_or(u64::MAX)).max(2.0);
    let far = quantile(parts) * (count / (count - 1.0)).sqrt();
    Normal::standard().cdf(-far)
}

/// The range of the mean ratio, of ratios that vary like these: that of Student's t for their logarithms.
fn students(ratios: &[f64]) -> Option<(f64, f64)> {
    let count = as_f64(u64::try_from(ratios.len()).ok()?);
    let logarithms: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / count;
    let variance = logarithms.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let far = quantile(ratios.len()) * (variance / count).sqrt();
    (mean.is_finite() && far.is_finite()).then(|| ((mean - far).exp(), (mean + far).exp()))
}

/// How many deviations from the mean of so many values a range ends.
fn quantile(values: usize) -> f64 {
    let freedom = as_f64(u64::try_from(values).unwrap_or(u64::MAX).saturating_sub(1)).max(1.0);
    StudentsT::new(0.0, 1.0, freedom)
        .map_or(f64::INFINITY, |students| students.inverse_cdf(1.0 - FALSE_ALARMS / 2.0))
}

/// Draws as many parts as there are, each perhaps several times or never.
fn draw(parts: usize, random: &mut StdRng) -> Weights {
    let mut weights = vec![0; parts];
    for _ in 0..parts {
        if let Some(weight) = weights.get_mut(random.random_range(0..parts)) {
            *weight += 1;
        }
    }
    weights
}

fn as_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
    let count = count as f64;
    count
}

#[cfg(test)]
mod tests;

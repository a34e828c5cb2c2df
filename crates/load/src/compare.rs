//! Compares two runs, and says how certain the difference is.
//!
//! The percentiles are those of all times of a run, so a stall in a few of its parts counts as it does for users. Their
//! uncertainty comes from drawing other samples of the same parts (the bootstrap): messages of one part share its stalls,
//! so parts are drawn, not messages.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

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
    /// In 95 % of the samples that could have been drawn instead, the ratio lies between these. `None`: there are too few
    /// parts or messages to say.
    pub range: Option<(f64, f64)>,
}

/// Fewer parts show nothing about their spread.
const FEWEST: usize = 5;

/// If fewer messages lie beyond a percentile, its uncertainty is not known.
const FEWEST_BEYOND: f64 = 10.0;

/// How many samples are drawn.
const SAMPLES: usize = 2000;

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
    let [before, after] =
        [before, after].map(|report| Sample::new(report.intervals.iter().map(std::slice::from_ref)));
    ratios(&before, &after, |random| (draw(before.size(), random), draw(after.size(), random)))
}

/// Compares rounds of two endpoints, which were measured in turn: what disturbs one of a pair disturbs the other, so pairs
/// are drawn.
#[must_use]
pub fn compare_rounds(rounds: &[(Report, Report)]) -> Vec<Ratio> {
    let before = Sample::new(rounds.iter().map(|(one, _)| one.intervals.as_slice()));
    let after = Sample::new(rounds.iter().map(|(_, other)| other.intervals.as_slice()));
    ratios(&before, &after, |random| {
        let drawn = draw(rounds.len(), random);
        (drawn.clone(), drawn)
    })
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
        let mut wanted =
            found.iter_mut().zip(PERCENTILES.map(|(_, share)| (share * total).ceil())).peekable();
        let mut below = 0;
        for (time, part, count) in &self.times {
            below += count * weight(*part);
            while let Some((value, _)) = wanted.next_if(|(_, rank)| below > 0 && as_f64(below) >= *rank) {
                *value = time.as_secs_f64() * 1000.0;
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

fn ratios(
    before: &Sample,
    after: &Sample,
    mut draw: impl FnMut(&mut StdRng) -> (Weights, Weights),
) -> Vec<Ratio> {
    let whole = |sample: &Sample| sample.figures(&vec![1; sample.size()]);
    let (rate_before, times_before) = whole(before);
    let (rate_after, times_after) = whole(after);
    let has_parts = before.size().min(after.size()) >= FEWEST;
    // The same in each run of the program.
    let mut random = StdRng::seed_from_u64(1);
    let samples: Vec<(Figures, Figures)> = (0..if has_parts { SAMPLES } else { 0 })
        .map(|_| {
            let (one, other) = draw(&mut random);
            (before.figures(&one), after.figures(&other))
        })
        .collect();
    let range = |figure: &dyn Fn(&Figures) -> f64| {
        range(samples.iter().map(|(before, after)| figure(after) / figure(before)).collect())
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

/// The middle 95 % of what was drawn.
fn range(mut drawn: Vec<f64>) -> Option<(f64, f64)> {
    drawn.sort_by(f64::total_cmp);
    let beyond = drawn.len() / 40;
    let low = drawn.get(beyond)?;
    let high = drawn.get(drawn.len().checked_sub(beyond + 1)?)?;
    (low.is_finite() && high.is_finite()).then_some((*low, *high))
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

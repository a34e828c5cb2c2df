//! When messages are due in an open loop.

use std::fmt;
use std::time::Duration;

/// A part of a run, in which the rate grows or shrinks evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub time: Duration,
    /// The rate at its beginning, per second.
    pub from: f64,
    /// The rate at its end.
    pub to: f64,
}

/// Stages that follow each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RatePlan(Vec<Stage>);

/// The times at which messages are due, one after another.
#[derive(Debug, Clone)]
pub struct Schedule {
    stages: std::vec::IntoIter<Stage>,
    stage: Option<Stage>,
    /// When the stage begins, and how many messages were due before, which need not be a whole number.
    began: Duration,
    before: f64,
    /// The number of the next message.
    number: u64,
}

/// The highest rate that can be written, per second.
const HIGHEST: f64 = 1e8;

/// Reads a rate per second, such as `500`, `10k`, `1.5k/s` or `2M`.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix("/s").unwrap_or(text).trim_end();
    let thousands = text.strip_suffix(['k', 'K']).map(|number| (number, 1e3));
    let millions = || text.strip_suffix('M').map(|number| (number, 1e6));
    let (number, factor) = thousands.or_else(millions).unwrap_or((text, 1.0));
    let rate = number.trim_end().parse::<f64>().ok()? * factor;
    (0.0..=HIGHEST).contains(&rate).then_some(rate)
}

impl Stage {
    /// How many messages are due in it.
    fn messages(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.time.as_secs_f64()
    }

    /// When this many messages have been due since its beginning, in seconds.
    ///
    /// After the time t, that is from·t + (to - from)·t²/2T. This form of the solution divides by no difference.
    fn after(&self, messages: f64) -> f64 {
        let slope = (self.to - self.from) / self.time.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * messages).max(0.0).sqrt();
        let sum = self.from + root;
        if sum > 0.0 { 2.0 * messages / sum } else { 0.0 }
    }
}

impl RatePlan {
    /// The same rate all the time, per second.
    #[must_use]
    pub fn constant(rate: f64, time: Duration) -> RatePlan {
        RatePlan(vec![Stage { time, from: rate, to: rate }])
    }

    /// From the rate `first`, to the rate of each stage in its time, as in k6.
    #[must_use]
    pub fn ramps(first: f64, stages: &[(Duration, f64)]) -> RatePlan {
        let mut from = first;
        let stages = stages.iter().map(|(time, to)| {
            let stage = Stage { time: *time, from, to: *to };
            from = *to;
            stage
        });
        RatePlan(stages.collect())
    }

    /// How long all stages last.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.0.iter().map(|stage| stage.time).sum()
    }

    /// The highest rate.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.0.iter().map(|stage| stage.from.max(stage.to)).fold(0.0, f64::max)
    }

    /// This share of the rates, for one of several threads.
    #[must_use]
    pub fn share(&self, share: f64) -> RatePlan {
        let part = |stage: &Stage| Stage { from: stage.from * share, to: stage.to * share, ..*stage };
        RatePlan(self.0.iter().map(part).collect())
    }

    /// The same rates in this part of the time.
    pub(crate) fn shortened(&self, parts: u32) -> RatePlan {
        let part = |stage: &Stage| Stage { time: stage.time / parts.max(1), ..*stage };
        RatePlan(self.0.iter().map(part).collect())
    }

    /// The times of all messages.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let mut stages = self.0.clone().into_iter();
        let stage = stages.next();
        Schedule { stages, stage, began: Duration::ZERO, before: 0.0, number: 0 }
    }
}

impl fmt::Display for RatePlan {
    /// Each stage by its time and its rates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Stage { from, to, .. }] = self.0.as_slice()
            && from.total_cmp(to).is_eq()
        {
            return write!(f, "{from} a second");
        }
        for (number, Stage { time, from, to }) in self.0.iter().enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            write!(f, "{separator}{from} to {to} a second in {} s", time.as_secs_f64())?;
        }
        Ok(())
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let stage = self.stage?;
            #[expect(clippy::cast_precision_loss, reason = "a run has less than 2^52 messages")]
            let messages = self.number as f64 - self.before;
            if messages < stage.messages() {
                self.number += 1;
                return Some(self.began + Duration::from_secs_f64(stage.after(messages)));
            }
            self.began += stage.time;
            self.before += stage.messages();
            self.stage = self.stages.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(plan: &RatePlan) -> Vec<u128> {
        plan.schedule().map(|due| due.as_millis()).collect()
    }

    #[test]
    fn a_rate_is_read_with_its_unit() {
        for (text, rate) in
            [("500", 500.0), ("1k", 1e3), ("10k/s", 1e4), ("1.5K", 1500.0), (" 2 M /s", 2e6), ("0.5/s", 0.5)]
        {
            assert_eq!(parse(text), Some(rate), "{text}");
        }
        for text in ["", "k", "/s", "-1", "inf", "NaN", "many", "1G", "200M", "5/m"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_plan_is_told_in_its_units() {
        let second = Duration::from_secs(1);
        assert_eq!(RatePlan::constant(500.0, second).to_string(), "500 a second");
        let ramps = RatePlan::ramps(0.0, &[(second, 10.0), (2 * second, 10.0)]);
        assert_eq!(ramps.to_string(), "0 to 10 a second in 1 s, 10 to 10 a second in 2 s");
        assert_eq!(ramps.shortened(4).time(), Duration::from_millis(750));
    }

    #[test]
    fn a_constant_rate_is_even() {
        assert_eq!(millis(&RatePlan::constant(4.0, Duration::from_secs(1))), [0, 250, 500, 750]);
        assert!(millis(&RatePlan::constant(0.0, Duration::from_secs(1))).is_empty());
    }

    #[test]
    fn a_ramp_sends_half_as_many_and_a_plateau_follows_without_a_gap() {
        let second = Duration::from_secs(1);
        let plan = RatePlan::ramps(0.0, &[(second, 8.0), (second, 8.0), (second, 0.0)]);
        let due = millis(&plan);
        assert_eq!(due.len(), 4 + 8 + 4);
        // After t seconds of the ramp, 4·t² were due.
        assert_eq!(due[..4], [0, 500, 707, 866]);
        assert_eq!(due[4..12], [1000, 1125, 1250, 1375, 1500, 1625, 1750, 1875]);
        assert!(due[12..].is_sorted() && due[15] < 3000, "{due:?}");
        assert_eq!((plan.time(), plan.highest()), (3 * second, 8.0));
    }

    #[test]
    fn a_share_of_a_message_is_carried_over() {
        let third = Duration::from_millis(300);
        let plan = RatePlan::ramps(1.0, &[(third, 1.0), (third, 1.0), (third, 1.0), (third, 1.0)]);
        assert_eq!(millis(&plan), [0, 1000]);
    }
}

//! Conditions on a report, such as `p99 > 50ms`.

use std::fmt;
use std::str::FromStr;

use crate::figure::{Count, Figure, TIMES, Which, figures};
use crate::plan::Plan;
use crate::rate;
use crate::report::Report;
use crate::target::Target;

/// A condition that must not be true.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    figure: Figure,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What a condition finds in a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It is not true, even if the generator was the bottleneck.
    Fine,
    /// It is true of the server; this is the figure.
    True(String),
    /// The generator was the bottleneck, and may be why it is true of this figure, or why it is not.
    Uncertain(String),
    /// Nothing was measured of it.
    Unknown,
}

impl Condition {
    /// Refuses a condition on a figure that a run of this plan at this endpoint never measures.
    ///
    /// # Errors
    ///
    /// There is no such figure; the text says which there are.
    pub fn check(&self, plan: &Plan, target: &Target) -> Result<(), String> {
        self.figure.missing_in(plan, target).map_or(Ok(()), |why| Err(format!("{self}: {why}")))
    }

    /// Looks at a report.
    ///
    /// A generator that was the bottleneck makes times longer, rates lower and failures more. So the figures that look good
    /// in spite of it are true of the server: a latency within its limit, and a rate that is high enough.
    #[must_use]
    pub fn find(&self, report: &Report) -> Finding {
        let Some(value) = self.figure.of(report) else { return Finding::Unknown };
        let figure = match self.figure {
            Figure::Time { .. } => format!("{} ms", crate::report::time(value)),
            Figure::Count { is_share: true, .. } => format!("{value:.3} %"),
            Figure::Count { .. } | Figure::Rate => format!("{value:.0}"),
        };
        match self.is_true_of(value) {
            true if self.is_certain(report) => Finding::True(figure),
            false if self.is_certainly_not(report) => Finding::Fine,
            _ => Finding::Uncertain(figure),
        }
    }

    /// Whether a condition that is not true of the report is not true of the server either.
    fn is_certainly_not(&self, report: &Report) -> bool {
        if report.generator.bottleneck.is_empty() {
            return true;
        }
        let is_ceiling = matches!(self.comparison, Comparison::Above | Comparison::AtLeast);
        match &self.figure {
            Figure::Time { .. } => is_ceiling,
            Figure::Rate => !is_ceiling,
            Figure::Count { which, .. } if which.grows_with_lateness() == is_ceiling => true,
            Figure::Count { .. } => {
                let excused = self.figure.of(&report.without_excuses());
                excused.is_some_and(|value| !self.is_true_of(value))
            }
        }
    }

    fn is_true_of(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
        }
    }

    /// Whether a condition that is true of the report is true of the server, even if the generator was the bottleneck.
    fn is_certain(&self, report: &Report) -> bool {
        if report.generator.bottleneck.is_empty() {
            return true;
        }
        let is_floor = matches!(self.comparison, Comparison::Above | Comparison::AtLeast);
        match &self.figure {
            // A slow generator lowers the rate, and makes no time shorter.
            Figure::Rate => is_floor,
            Figure::Time { .. } if !is_floor => true,
            Figure::Time { of, which } => {
                let name = of.as_deref().or_else(|| report.latency().map(|(name, _)| name));
                name.is_some_and(|name| which.certainly_exceeds(self.limit, name, report))
            }
            Figure::Count { .. } => {
                self.figure.of(&report.without_excuses()).is_some_and(|value| self.is_true_of(value))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let (name, comparison, value) = split(text).ok_or_else(|| {
            format!("{text:?} is not a condition; write a figure, one of > >= < <=, and a limit, such as 'p99 > 50ms'")
        })?;
        let (figure, limit) = if let Some(which) = Count::parse(name) {
            let share = value.strip_suffix('%');
            let limit = number(share.unwrap_or(value)).ok_or_else(|| {
                format!("{value:?} is not a count; write such as '{name} > 10' or '{name} > 1%'")
            })?;
            (Figure::Count { which, is_share: share.is_some() }, limit)
        } else if name == "rate" {
            let limit = rate::parse(value)
                .ok_or_else(|| format!("{value:?} is not a rate; write such as 5000, 10k or 10k/s"))?;
            (Figure::Rate, limit)
        } else {
            let (of, which) = match name.split_once('.').filter(|(of, _)| TIMES.contains(of)) {
                Some((of, which)) => (Some(of.to_owned()), which),
                None => (None, name),
            };
            let which = Which::parse(which)
                .ok_or_else(|| format!("there is no figure {name:?}; there are {}", figures()))?;
            let limit = millis(value).ok_or_else(|| {
                format!("{value:?} is not a time; write its unit, such as 500us, 50ms or 1.5s")
            })?;
            (Figure::Time { of, which }, limit)
        };
        Ok(Condition { text: text.trim().to_owned(), figure, comparison, limit })
    }
}

/// The figure, the sign and the limit of a condition.
fn split(text: &str) -> Option<(&str, Comparison, &str)> {
    const SIGNS: [(&str, Comparison); 4] = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Above),
        ("<", Comparison::Below),
    ];

    let (name, rest) = text.split_at_checked(text.find(['<', '>'])?)?;
    SIGNS
        .into_iter()
        .find_map(|(sign, comparison)| Some((name.trim(), comparison, rest.strip_prefix(sign)?.trim())))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// A time with its unit, in milliseconds.
fn millis(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("µs", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    units.into_iter().find_map(|(unit, factor)| Some(number(text.strip_suffix(unit)?)? * factor))
}

#[cfg(test)]
mod tests;

//! Histograms of times.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize};

/// The longest time that is told apart: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// Times, each counted with an error of at most 0.1 %. In a document, they are a histogram of nanoseconds as the tools of
/// `HdrHistogram` read it: its compressed second format, in base64.
#[derive(Clone, PartialEq)]
pub struct Times(Option<Histogram<u64>>);

impl Default for Times {
    fn default() -> Times {
        // The bounds are valid, so there always is a histogram.
        Times(Histogram::new_with_bounds(1, LONGEST, 3).ok())
    }
}

impl Times {
    /// Counts a time.
    pub fn record(&mut self, time: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LONGEST));
        }
    }

    /// Counts a time so often.
    #[cfg(test)]
    pub(crate) fn record_many(&mut self, time: Duration, count: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(u64::try_from(time.as_nanos()).unwrap_or(LONGEST), count);
        }
    }

    /// Adds the times of another histogram.
    pub fn add(&mut self, other: &Times) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds.
            let _added = histogram.add(other);
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The time that this share of all times does not exceed: 0.5 is the median, 1 the maximum. Zero if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |histogram| {
            Duration::from_nanos(histogram.value_at_quantile(share).min(histogram.max()))
        })
    }

    /// The mean. Zero if there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |histogram| Duration::from_secs_f64(histogram.mean() / 1e9))
    }

    /// The standard deviation.
    #[must_use]
    pub fn deviation(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |histogram| Duration::from_secs_f64(histogram.stdev() / 1e9))
    }

    /// How many times exceed this one.
    #[must_use]
    pub fn above(&self, time: Duration) -> u64 {
        let time = u64::try_from(time.as_nanos()).unwrap_or(LONGEST).max(1);
        self.0.as_ref().map_or(0, |histogram| {
            let within = histogram.count_between(0, time);
            histogram.len().saturating_sub(within)
        })
    }

    /// Points of the distribution: a time, the share of times up to it, and their number. Each step halves the distance
    /// to 1 with five points, as the tools of `HdrHistogram` draw them.
    #[must_use]
    pub fn percentiles(&self) -> Vec<(Duration, f64, u64)> {
        let Some(histogram) = &self.0 else { return Vec::new() };
        let mut total = 0;
        let points = histogram.iter_quantiles(5).map(|point| {
            total += point.count_since_last_iteration();
            let time = point.value_iterated_to().min(histogram.max());
            (Duration::from_nanos(time), point.quantile_iterated_to(), total)
        });
        points.collect()
    }
}

impl Times {
    /// Each time that was counted, with its number, the shortest first.
    pub(crate) fn counted(&self) -> Vec<(Duration, u64)> {
        let Some(histogram) = &self.0 else { return Vec::new() };
        let counted = histogram.iter_recorded().map(|point| {
            let time = point.value_iterated_to().min(histogram.max());
            (Duration::from_nanos(time), point.count_at_value())
        });
        counted.collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

impl Serialize for Times {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        if let Some(histogram) = &self.0 {
            V2DeflateSerializer::new().serialize(histogram, &mut bytes).map_err(S::Error::custom)?;
        }
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Times, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(D::Error::custom)?;
        let mut times = Times::default();
        if let Some(histogram) = &mut times.0 {
            histogram
                .add(read)
                .map_err(|_| D::Error::custom("a histogram with times of more than an hour"))?;
        }
        Ok(times)
    }
}

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Times").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_times() {
        let (mut low, mut high) = (Times::default(), Times::default());
        (1..=50).for_each(|millis| low.record(Duration::from_millis(millis)));
        (51..=100).for_each(|millis| high.record(Duration::from_millis(millis)));
        low.add(&high);
        let near = |share: f64, millis: f64| {
            (low.quantile(share).as_secs_f64() * 1000.0 / millis - 1.0).abs() < 0.002
        };
        assert!(near(0.5, 50.0) && near(0.99, 99.0) && near(1.0, 100.0), "{:?}", low.percentiles());
        assert_eq!((low.count(), low.above(Duration::from_millis(90))), (100, 10));
        low.reset();
        assert_eq!((low.count(), low.quantile(1.0)), (0, Duration::ZERO));
    }

    #[test]
    fn a_histogram_is_written_as_its_tools_read_it() {
        let mut times = Times::default();
        [1, 1, 20_000_000, LONGEST].into_iter().for_each(|nanos| times.record(Duration::from_nanos(nanos)));
        let text = serde_json::to_string(&times).unwrap();
        assert!(text.starts_with("\"HISTFA"), "{text}");
        let read: Times = serde_json::from_str(&text).unwrap();
        assert_eq!(read, times);
        assert_eq!(read.counted().iter().map(|(_, count)| count).sum::<u64>(), 4);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        for text in ["\"\"", "\"?\"", "\"AAAA\"", "\"HISTFAAAAAA=\"", "7"] {
            assert!(serde_json::from_str::<Times>(text).is_err(), "{text}");
        }
    }
}

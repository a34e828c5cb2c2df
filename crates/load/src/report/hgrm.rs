//! The percentiles in the format of `HdrHistogram`'s tools.

use std::fmt::Write as _;

use super::document::Distribution;
use crate::times::Times;

/// The percentiles of times as the tools of `HdrHistogram` read them (`.hgrm`), in milliseconds.
#[must_use]
pub fn hgrm(times: &Times) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (time, share, total) in times.percentiles() {
        let time = time.as_secs_f64() * 1000.0;
        let _infallible = if share < 1.0 {
            writeln!(text, "{time:12.3} {share:2.12} {total:10} {:14.2}", 1.0 / (1.0 - share))
        } else {
            writeln!(text, "{time:12.3} {share:2.12} {total:10}")
        };
    }
    let Distribution { mean, deviation, max, count, .. } = Distribution::of(times);
    let _infallible = write!(
        text,
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n\
         #[Max     = {max:12.3}, Total count    = {count:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]\n",
        32, 2048
    );
    text
}

//! Reports the figures to the recorder of the `metrics` facade.

#[cfg(any(feature = "client", feature = "server"))]
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// The sampling interval of gauges.
#[cfg(feature = "server")]
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Names of labels and their values.
type Labels<'a> = &'a [(&'static str, &'static str)];

/// Names of figures and their descriptions.
type Meanings<'a> = &'a [(&'static str, &'static str)];

pub(super) fn describe(counters: Meanings<'_>, gauges: Meanings<'_>, histograms: Meanings<'_>) {
    for (name, meaning) in counters {
        describe_counter!(*name, unit(name), *meaning);
    }
    for (name, meaning) in gauges {
        describe_gauge!(*name, unit(name), *meaning);
    }
    for (name, meaning) in histograms {
        describe_histogram!(*name, unit(name), *meaning);
    }
}

fn unit(name: &str) -> Unit {
    if name.contains("_bytes") {
        Unit::Bytes
    } else if name.contains("_seconds") {
        Unit::Seconds
    } else {
        Unit::Count
    }
}

pub(super) fn count(name: &'static str, labels: Labels<'_>, by: u64) {
    counter!(name, labels).increment(by);
}

pub(super) fn change(name: &'static str, labels: Labels<'_>, by: f64) {
    gauge!(name, labels).increment(by);
}

#[cfg(any(feature = "client", feature = "server"))]
pub(super) fn observe(name: &'static str, labels: Labels<'_>, took: Duration) {
    metrics::histogram!(name, labels).record(took);
}

/// Samples a value, and one value per label, endlessly. A gauge is the sum over all concurrent samplers.
#[cfg(feature = "server")]
pub(super) async fn sample<const N: usize>(
    (name, value): (&'static str, impl Fn() -> usize),
    (of_each, label, names, values): (
        &'static str,
        &'static str,
        &[&'static str; N],
        impl Fn() -> [usize; N],
    ),
) {
    let mut shown = Shown { gauge: gauge!(name), value: 0.0 };
    let mut each = names.map(|name| Shown { gauge: gauge!(of_each, label => name), value: 0.0 });
    let mut times = tokio::time::interval(SAMPLE_EVERY);
    loop {
        times.tick().await;
        shown.show(value() as f64);
        for (shown, value) in each.iter_mut().zip(values()) {
            shown.show(value as f64);
        }
    }
}

/// One sampler's share of a gauge. Dropping it removes the share.
#[cfg(feature = "server")]
struct Shown {
    gauge: metrics::Gauge,
    value: f64,
}

#[cfg(feature = "server")]
impl Shown {
    fn show(&mut self, value: f64) {
        self.gauge.increment(value - self.value);
        self.value = value;
    }
}

#[cfg(feature = "server")]
impl Drop for Shown {
    fn drop(&mut self) {
        self.show(0.0);
    }
}

/// A sum that is taken and reset.
#[derive(Debug)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) const ZERO: Sum = Sum(0);

    #[inline]
    pub(super) fn add(&mut self, more: usize) {
        self.0 += more as u64;
    }

    pub(super) fn take(&mut self) -> u64 {
        std::mem::take(&mut self.0)
    }
}

//! Ignores the figures: the crate was built without the feature `metrics`.

#[cfg(any(feature = "client", feature = "server"))]
use std::time::Duration;

type Labels<'a> = &'a [(&'static str, &'static str)];
type Meanings<'a> = &'a [(&'static str, &'static str)];

#[inline]
pub(super) fn describe(_counters: Meanings<'_>, _gauges: Meanings<'_>, _histograms: Meanings<'_>) {}

#[inline]
pub(super) fn count(_name: &'static str, _labels: Labels<'_>, _by: u64) {}

#[inline]
pub(super) fn change(_name: &'static str, _labels: Labels<'_>, _by: f64) {}

#[cfg(any(feature = "client", feature = "server"))]
#[inline]
pub(super) fn observe(_name: &'static str, _labels: Labels<'_>, _took: Duration) {}

#[cfg(feature = "server")]
pub(super) async fn sample<const N: usize>(
    _value: (&'static str, impl Fn() -> usize),
    _of_each: (&'static str, &'static str, &[&'static str; N], impl Fn() -> [usize; N]),
) {
    std::future::pending::<()>().await;
}

/// A sum that is not counted.
#[derive(Debug)]
pub(super) struct Sum;

impl Sum {
    pub(super) const ZERO: Sum = Sum;

    #[inline]
    pub(super) fn add(&mut self, _more: usize) {}

    #[inline]
    pub(super) fn take(&mut self) -> u64 {
        0
    }
}

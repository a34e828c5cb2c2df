//! Sums of a few figures of the library, which the admin page shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longwire::telemetry;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, NoopRecorder, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::PrometheusRecorder;

use crate::failure::Failure;

/// Sums since the start of the program, over all labels.
#[derive(Debug, Default)]
pub(super) struct Tally {
    bytes_received: Arc<AtomicU64>,
    bytes_sent: Arc<AtomicU64>,
    messages_received: Arc<AtomicU64>,
    messages_sent: Arc<AtomicU64>,
    slow: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

/// The sums at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
    pub(super) messages_received: u64,
    pub(super) messages_sent: u64,
    /// Subscribers that were disconnected because they were too slow.
    pub(super) slow: u64,
    /// Connections that were refused, without those whose client left by itself.
    pub(super) refused: u64,
}

impl Tally {
    pub(super) fn sums(&self) -> Sums {
        let value = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        Sums {
            bytes_received: value(&self.bytes_received),
            bytes_sent: value(&self.bytes_sent),
            messages_received: value(&self.messages_received),
            messages_sent: value(&self.messages_sent),
            slow: value(&self.slow),
            refused: value(&self.refused),
        }
    }

    fn sum_of(&self, key: &Key) -> Option<&Arc<AtomicU64>> {
        let has_left = || key.labels().any(|label| label.value() == "left");
        match key.name() {
            telemetry::BYTES_RECEIVED => Some(&self.bytes_received),
            telemetry::BYTES_SENT => Some(&self.bytes_sent),
            telemetry::MESSAGES_RECEIVED => Some(&self.messages_received),
            telemetry::MESSAGES_SENT => Some(&self.messages_sent),
            telemetry::SLOW_SUBSCRIBERS => Some(&self.slow),
            telemetry::CONNECTIONS_REFUSED if !has_left() => Some(&self.refused),
            _ => None,
        }
    }
}

/// Records the figures of the library for `/metrics`, for the admin page, or for both.
pub(super) fn record(
    prometheus: Option<PrometheusRecorder>,
    tally: Option<Arc<Tally>>,
) -> Result<(), Failure> {
    let set = match (prometheus, tally) {
        (None, None) => return Ok(()),
        (Some(recorder), None) => metrics::set_global_recorder(recorder).map_err(|error| error.to_string()),
        (recorder, Some(tally)) => {
            let next: Box<dyn Recorder + Send + Sync> = match recorder {
                Some(recorder) => Box::new(recorder),
                None => Box::new(NoopRecorder),
            };
            metrics::set_global_recorder(TallyRecorder { tally, next }).map_err(|error| error.to_string())
        }
    };
    set.map_err(|error| Failure::Other(format!("cannot record metrics: {error}")))?;
    telemetry::describe();
    Ok(())
}

/// Adds to the tally, and hands everything on.
struct TallyRecorder {
    tally: Arc<Tally>,
    next: Box<dyn Recorder + Send + Sync>,
}

/// A counter that also adds to a sum.
struct Tallied {
    sum: Arc<AtomicU64>,
    next: Counter,
}

impl CounterFn for Tallied {
    fn increment(&self, value: u64) {
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.next.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.next.absolute(value);
    }
}

impl Recorder for TallyRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.next.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.next.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.next.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let next = self.next.register_counter(key, metadata);
        match self.tally.sum_of(key) {
            Some(sum) => Counter::from_arc(Arc::new(Tallied { sum: Arc::clone(sum), next })),
            None => next,
        }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.next.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.next.register_histogram(key, metadata)
    }
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;

    use super::*;

    #[test]
    fn sums_are_over_all_labels_and_everything_is_handed_on() {
        let tally = Arc::new(Tally::default());
        let prometheus = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = prometheus.handle();
        let recorder = TallyRecorder { tally: Arc::clone(&tally), next: Box::new(prometheus) };
        with_local_recorder(&recorder, || {
            for (reason, count) in [("full", 2), ("origin", 3), ("left", 5)] {
                metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => reason).increment(count);
            }
            metrics::counter!(telemetry::BYTES_SENT, "role" => "server").increment(7);
            metrics::counter!(telemetry::TIMEOUTS, "role" => "server").increment(11);
        });
        assert_eq!(tally.sums(), Sums { refused: 5, bytes_sent: 7, ..Sums::default() });
        let text = handle.render();
        assert!(text.contains("longwire_connections_refused_total{reason=\"left\"} 5"), "{text}");
        assert!(text.contains("longwire_timeouts_total{role=\"server\"} 11"), "{text}");
    }
}

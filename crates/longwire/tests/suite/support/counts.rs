//! Records metrics while a test runs.

use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// The metrics of this thread.
pub(crate) struct Counts {
    snapshotter: Snapshotter,
}

/// Runs `work`, and records this thread's metrics.
pub(super) fn counted(work: impl FnOnce(Counts)) {
    let recorder = DebuggingRecorder::new();
    let counts = Counts { snapshotter: recorder.snapshotter() };
    metrics::with_local_recorder(&recorder, || work(counts));
}

impl Counts {
    /// The changes of counters and gauges since the last call, except gauges that are sampled, in lines such as
    /// `connections_refused_total reason=origin: 1`. For a histogram, the number of recorded values.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut lines = self.take_all();
        lines.retain(|line| !line.starts_with("connections phase="));
        lines
    }

    /// Like [`take`](Counts::take), including sampled gauges. Waits until they contain `line`, or a timeout.
    pub(crate) async fn seen(&self, line: &str) -> Vec<String> {
        let mut seen = self.take_all();
        for _ in 0..30_000 {
            if seen.iter().any(|seen| seen == line) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            seen.extend(self.take_all());
        }
        seen
    }

    fn take_all(&self) -> Vec<String> {
        let changed = self.snapshotter.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(change) => change.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            let labels = key.key().labels().map(|label| format!(" {}={}", label.key(), label.value()));
            let name = key.key().name().strip_prefix("longwire_").unwrap();
            (value != 0.0).then(|| format!("{name}{}: {value}", labels.collect::<String>()))
        });
        let mut lines: Vec<String> = changed.collect();
        lines.sort();
        lines
    }

    /// Like [`take`](Counts::take). Waits until the metrics contain all of `lines`, or a timeout.
    pub(crate) async fn take_with(&self, lines: &[&str]) -> Vec<String> {
        let mut counted = self.take();
        for _ in 0..10_000 {
            if lines.iter().all(|line| counted.iter().any(|counted| counted == line)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            counted.extend(self.take());
        }
        counted
    }

    /// The metrics that begin with `name`, since the last call of this or of [`take`](Counts::take).
    pub(crate) fn take_of(&self, name: &str) -> Vec<String> {
        self.take().into_iter().filter(|line| line.starts_with(name)).collect()
    }
}

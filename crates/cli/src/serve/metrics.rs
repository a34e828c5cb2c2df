//! `/metrics`: metrics in the Prometheus text format.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use longwire::telemetry;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::hub::{self, Node};
use crate::failure::Failure;

/// The media type of the Prometheus text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the histogram of handshake durations, in seconds, from a local handshake to the default timeout.
const HANDSHAKE_CLASSES: [f64; 10] = [0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// How often measurements are moved into histograms when nothing scrapes `/metrics`.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A recorder of the library's figures.
pub(super) fn recorder() -> Result<PrometheusRecorder, Failure> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(telemetry::HANDSHAKE_DURATION.to_owned()), &HANDSHAKE_CLASSES)
        .map_err(|error| Failure::Other(format!("cannot record metrics for --metrics: {error}")))?;
    Ok(builder.build_recorder())
}

/// Serves what was recorded at `/metrics`.
pub(super) fn router(handle: PrometheusHandle, node: Arc<Node>) -> Router {
    tokio::spawn(keep_up(handle.clone()));
    let show = async move || {
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let mut text = handle.render() + &hub::metrics(&node.hub.counts()) + &task_metrics(tasks);
        if node.is_one_of_several() {
            text += &hub::broker_metrics(&node.hub.broker_status());
        }
        ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, "no-store")], text)
    };
    Router::new().route("/metrics", get(show))
}

/// What runs beside the event loops: streams, and calls that wait, are among it.
fn task_metrics(tasks: usize) -> String {
    let name = "longwire_tasks";
    format!(
        "# HELP {name} Tasks of the runtime that have not ended.\n# TYPE {name} gauge\n{name} {tasks}\n\n"
    )
}

async fn keep_up(handle: PrometheusHandle) {
    let mut times = tokio::time::interval(UPKEEP_EVERY);
    loop {
        times.tick().await;
        handle.run_upkeep();
    }
}

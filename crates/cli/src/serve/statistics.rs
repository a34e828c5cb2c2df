//! The server's statistics, published once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longwire::Topics;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The topic of `/ticker`. It contains a space, so no channel can have this name.
pub(super) const TICKER: &str = "the ticker";

/// Counters of connections and messages.
#[derive(Debug)]
pub(super) struct Statistics {
    start: Instant,
    connections: AtomicU64,
    messages: AtomicU64,
    /// Messages in the last second.
    rate: AtomicU64,
}

impl Statistics {
    pub(super) fn new() -> Statistics {
        Statistics {
            start: Instant::now(),
            connections: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            rate: AtomicU64::new(0),
        }
    }

    pub(super) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// The connections that are open.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Describes the server in a line, now and later.
    pub(super) fn status(self: &Arc<Statistics>) -> impl Fn() -> String + Send + Sync + 'static {
        let statistics = Arc::clone(self);
        move || {
            let connections = statistics.connections.load(Ordering::Relaxed);
            let rate = statistics.rate.load(Ordering::Relaxed);
            format!("{connections} WebSockets, {rate} messages received in the last second")
        }
    }

    /// The statistics as JSON: uptime in seconds, open connections, messages received, and messages in the last second.
    pub(super) fn report(&self) -> String {
        format!(
            r#"{{"uptime":{:.1},"connections":{},"messages":{},"rate":{}}}"#,
            self.start.elapsed().as_secs_f64(),
            self.connections.load(Ordering::Relaxed),
            self.messages.load(Ordering::Relaxed),
            self.rate.load(Ordering::Relaxed),
        )
    }
}

/// Publishes a report once a second. Never returns.
pub(super) async fn tick(statistics: Arc<Statistics>, topics: Topics) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = 0;
    loop {
        seconds.tick().await;
        let messages = statistics.messages.load(Ordering::Relaxed);
        statistics.rate.store(messages - last, Ordering::Relaxed);
        last = messages;
        topics.publish(TICKER, statistics.report());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_report_counts_what_is_open_and_what_has_come() {
        let statistics = Statistics::new();
        statistics.opened();
        statistics.opened();
        statistics.count_message();
        statistics.closed();
        tokio::time::advance(Duration::from_millis(1250)).await;
        assert_eq!(statistics.report(), r#"{"uptime":1.2,"connections":1,"messages":1,"rate":0}"#);
    }
}

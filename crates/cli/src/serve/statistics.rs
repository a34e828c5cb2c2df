//! What the server does, counted, and shown once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longwire::WebSocket;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    connections: AtomicU64,
    messages: AtomicU64,
}

/// A connection that is counted until this is dropped.
pub(super) struct Counted<'a>(&'a Statistics);

impl Statistics {
    pub(super) fn count_connection(&self) -> Counted<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted(self)
    }

    pub(super) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures as JSON: seconds, open connections, messages received, and messages per second.
    fn report(&self, tick: Tick) -> String {
        format!(
            r#"{{"uptime":{:.1},"connections":{},"messages":{},"rate":{:.1}}}"#,
            tick.uptime.as_secs_f64(),
            self.connections.load(Ordering::Relaxed),
            self.messages.load(Ordering::Relaxed),
            tick.rate,
        )
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What changes once a second, and is not counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tick {
    uptime: Duration,
    /// Messages per second in the last second.
    rate: f64,
}

/// Tells once a second how long the server runs and how many messages came in that second.
pub(super) fn tick(statistics: Arc<Statistics>) -> watch::Receiver<Tick> {
    let (ticks, watching) = watch::channel(Tick::default());
    tokio::spawn(async move {
        let start = Instant::now();
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = (start, 0);
        loop {
            let now = seconds.tick().await;
            let messages = statistics.messages.load(Ordering::Relaxed);
            let elapsed = now.duration_since(last.0).as_secs_f64();
            let since: u32 = (messages - last.1).try_into().unwrap_or(u32::MAX);
            let rate = if elapsed > 0.0 { f64::from(since) / elapsed } else { 0.0 };
            last = (now, messages);
            if ticks.send(Tick { uptime: now.duration_since(start), rate }).is_err() {
                break;
            }
        }
    });
    watching
}

/// Sends a report at once, and with each tick.
pub(super) async fn show(
    mut socket: WebSocket,
    statistics: &Statistics,
    mut ticks: watch::Receiver<Tick>,
) -> longwire::Result<()> {
    ticks.mark_changed();
    loop {
        tokio::select! {
            received = socket.recv() => if received?.is_none() { return Ok(()) },
            changed = ticks.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let report = statistics.report(*ticks.borrow_and_update());
                socket.send(report).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_what_is_open_and_what_has_come() {
        let statistics = Statistics::default();
        let one = statistics.count_connection();
        let two = statistics.count_connection();
        statistics.count_message();
        drop(one);
        let report = statistics.report(Tick { uptime: Duration::from_millis(1250), rate: 0.5 });
        assert_eq!(report, r#"{"uptime":1.2,"connections":1,"messages":1,"rate":0.5}"#);
        drop(two);
        assert!(statistics.report(Tick::default()).contains(r#""connections":0"#));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_second() {
        let statistics = Arc::new(Statistics::default());
        let mut ticks = tick(Arc::clone(&statistics));
        let mut next_rate = async || {
            ticks.changed().await.unwrap();
            ticks.borrow_and_update().rate
        };
        assert_eq!(next_rate().await, 0.0);
        for _ in 0..10 {
            statistics.count_message();
        }
        assert_eq!(next_rate().await, 10.0);
        assert_eq!(next_rate().await, 0.0);
    }
}

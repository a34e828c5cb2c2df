//! Periodic calls of a server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::mailbox::Exchange;
use super::publisher::Topics;
use crate::panic_message::panic_message;

/// The longest period: 30 years, which every clock can represent.
const LONGEST_PERIOD: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A periodic call of a server.
pub(crate) struct Ticker {
    pub(crate) period: Duration,
    pub(crate) tick: Box<dyn FnMut(&Topics) + Send>,
}

impl Ticker {
    /// The time from one call to the next.
    pub(super) fn period(&self) -> Duration {
        self.period.min(LONGEST_PERIOD)
    }

    /// Calls it; a panic is logged.
    pub(super) fn call(&mut self, topics: &Topics) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.tick)(topics))) {
            tracing::error!(panic = panic_message(&*payload), "a callback of `Server::every` panicked");
        }
    }
}

/// The tasks of all tickers of a server. Dropping this ends them.
pub(crate) struct Tickers(#[expect(dead_code, reason = "the tasks end with it")] JoinSet<()>);

impl Tickers {
    /// Starts the tickers on the caller's runtime.
    pub(crate) fn start(tickers: Vec<Ticker>, exchange: &Arc<Exchange>) -> Tickers {
        Tickers(tickers.into_iter().map(|ticker| run(ticker, Topics::new(Arc::clone(exchange)))).collect())
    }
}

async fn run(mut ticker: Ticker, topics: Topics) {
    let period = ticker.period();
    let mut times = interval_at(Instant::now() + period, period);
    times.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        times.tick().await;
        ticker.call(&topics);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use tokio::time::advance;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(10);

    /// A ticker, and a receiver for the time of each of its ticks since its start. The second tick panics.
    fn tickers() -> (Tickers, Receiver<Duration>) {
        let (sender, ticks) = channel();
        let (start, mut count) = (Instant::now(), 0);
        let tick = Box::new(move |_: &Topics| {
            sender.send(start.elapsed()).unwrap();
            count += 1;
            assert_ne!(count, 2, "as the test wants it");
        });
        (Tickers::start(vec![Ticker { period: PERIOD, tick }], &Arc::default()), ticks)
    }

    async fn pass(time: Duration) {
        advance(time).await;
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_that_were_missed_are_skipped_and_a_panic_is_not_the_end() {
        let (tickers, ticks) = tickers();
        pass(Duration::ZERO).await;
        assert_eq!(ticks.try_iter().count(), 0, "the first tick comes after a period");
        for (time, expected) in [(10, Some(10)), (35, Some(45)), (4, None), (1, Some(50)), (10, Some(60))] {
            pass(Duration::from_millis(time)).await;
            let expected: Vec<_> = expected.map(Duration::from_millis).into_iter().collect();
            assert_eq!(ticks.try_iter().collect::<Vec<_>>(), expected);
        }
        drop(tickers);
        pass(10 * PERIOD).await;
        assert_eq!(ticks.try_iter().count(), 0);
        assert!(ticks.try_recv().is_err_and(|error| error == std::sync::mpsc::TryRecvError::Disconnected));
    }
}

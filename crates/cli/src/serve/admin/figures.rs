//! The figures of the last minutes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The topic of the figures. It contains spaces, so no channel's topic is the same.
pub(super) const FIGURES: &str = "the admin figures";

/// How many samples are kept, one for each second: ten minutes.
const KEPT: usize = 600;

/// The figures of one moment. Rates are per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Unix time in milliseconds.
    pub(super) time: u64,
    /// WebSockets and streams of all endpoints.
    pub(super) connections: u64,
    /// Clients of the hub that have connected.
    pub(super) clients: usize,
    pub(super) users: usize,
    pub(super) subscriptions: u64,
    pub(super) channels: usize,
    pub(super) publications: f64,
    pub(super) messages_in: f64,
    pub(super) messages_out: f64,
    pub(super) bytes_in: f64,
    pub(super) bytes_out: f64,
    /// Milliseconds until every event loop has delivered what was published before.
    pub(super) delay: Option<f64>,
    /// The memory of the process, in bytes, if the system tells it.
    pub(super) memory: Option<u64>,
    /// Clients that were disconnected because they were too slow, since the start.
    pub(super) slow: u64,
    /// Connections that were refused, since the start.
    pub(super) refused: u64,
}

/// The newest samples.
#[derive(Debug, Default)]
pub(super) struct FigureHistory(Mutex<VecDeque<Sample>>);

/// What a page receives.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum PageMessage<'a> {
    /// First: the last minutes, the newest at the end.
    History(&'a VecDeque<Sample>),
    /// Then once a second.
    Sample(&'a Sample),
}

impl FigureHistory {
    /// Adds a sample, and returns the message for pages.
    pub(super) fn add(&self, sample: Sample) -> String {
        let message = text(&PageMessage::Sample(&sample));
        let mut samples = self.lock();
        if samples.len() >= KEPT {
            samples.pop_front();
        }
        samples.push_back(sample);
        message
    }

    /// The first message for a page.
    pub(super) fn message(&self) -> String {
        text(&PageMessage::History(&self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(message: &PageMessage<'_>) -> String {
    // Numbers and names can always be written.
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn sample(time: u64) -> Sample {
        Sample {
            time,
            connections: 0,
            clients: 0,
            users: 0,
            subscriptions: 0,
            channels: 0,
            publications: 0.0,
            messages_in: 1.5,
            messages_out: 0.0,
            bytes_in: 0.0,
            bytes_out: 0.0,
            delay: None,
            memory: None,
            slow: 0,
            refused: 0,
        }
    }

    #[test]
    fn a_page_gets_the_newest_samples() {
        let history = FigureHistory::default();
        for time in 1..=700 {
            let message: Value = serde_json::from_str(&history.add(sample(time))).unwrap();
            assert_eq!(
                (&message["sample"]["time"], &message["sample"]["messages_in"]),
                (&time.into(), &1.5.into())
            );
        }
        let message: Value = serde_json::from_str(&history.message()).unwrap();
        let samples = message["history"].as_array().unwrap();
        assert_eq!(
            (samples.len(), &samples[0]["time"], &samples[599]["time"]),
            (600, &101.into(), &700.into())
        );
    }
}

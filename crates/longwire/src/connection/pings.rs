//! The pings that somebody waits for the answers to.

use std::time::Duration;

use tokio::time::Instant;

/// The pings that somebody waits for the answers to.
#[derive(Debug, Default)]
pub(super) struct Pings {
    asked: Vec<SentPing>,
    /// Whether there is something that whoever waits has not been told.
    pub(super) have_news: bool,
    /// Whether the transport has ended behind what is not parsed, so that no pong is to come.
    pub(super) is_end_ahead: bool,
}

#[derive(Debug)]
struct SentPing {
    number: u32,
    /// How many bytes are to be written until it is.
    unwritten: usize,
    written_at: Option<Instant>,
    took: Option<Duration>,
}

impl Pings {
    /// A ping was queued, as the last of so many bytes.
    pub(super) fn ask(&mut self, number: u32, unwritten: usize) {
        self.asked.push(SentPing { number, unwritten, written_at: None, took: None });
    }

    /// So many bytes were written.
    pub(super) fn written(&mut self, count: usize) {
        for ping in self.asked.iter_mut().filter(|ping| ping.written_at.is_none()) {
            ping.unwritten = ping.unwritten.saturating_sub(count);
            if ping.unwritten == 0 {
                ping.written_at = Some(Instant::now());
            }
        }
    }

    /// Looks which have been answered. Gives how long the newest of them took.
    pub(super) fn look(&mut self, is_answered: impl Fn(u32) -> bool) -> Option<Duration> {
        let mut newest = None;
        for ping in self.asked.iter_mut().filter(|ping| ping.took.is_none() && is_answered(ping.number)) {
            let took = ping.written_at.map(|at| at.elapsed()).unwrap_or_default();
            ping.took = Some(took);
            newest = Some(took);
        }
        self.have_news |= newest.is_some();
        newest
    }

    /// How long this one took, if it has been answered.
    pub(super) fn took(&self, number: u32) -> Option<Duration> {
        self.asked.iter().find(|ping| ping.number == number)?.took
    }

    /// Nobody waits for this one any more.
    pub(super) fn forget(&mut self, number: u32) {
        self.asked.retain(|ping| ping.number != number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether any is unanswered.
    pub(super) fn are_unanswered(&self) -> bool {
        self.asked.iter().any(|ping| ping.took.is_none())
    }
}

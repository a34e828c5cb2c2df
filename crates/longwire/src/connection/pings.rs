//! Pings whose pongs are awaited.

use std::time::Duration;

use tokio::time::Instant;

/// Pings whose pongs are awaited.
#[derive(Debug, Default)]
pub(super) struct Pings {
    asked: Vec<SentPing>,
    /// Whether there is a result that the waiting tasks have not seen.
    pub(super) have_news: bool,
    /// Whether the transport has ended behind the unparsed bytes: no pong can arrive any more.
    pub(super) is_end_ahead: bool,
}

#[derive(Debug)]
struct SentPing {
    number: u32,
    /// How many bytes must be written until the ping is written.
    unwritten: usize,
    written_at: Option<Instant>,
    took: Option<Duration>,
}

impl Pings {
    /// Records a queued ping that ends `unwritten` bytes of queued data.
    pub(super) fn ask(&mut self, number: u32, unwritten: usize) {
        self.asked.push(SentPing { number, unwritten, written_at: None, took: None });
    }

    /// Records that `count` bytes were written.
    pub(super) fn written(&mut self, count: usize) {
        for ping in self.asked.iter_mut().filter(|ping| ping.written_at.is_none()) {
            ping.unwritten = ping.unwritten.saturating_sub(count);
            if ping.unwritten == 0 {
                ping.written_at = Some(Instant::now());
            }
        }
    }

    /// Records which pings were answered. Returns the round-trip time of the newest one.
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

    /// The round-trip time of this ping, if it was answered.
    pub(super) fn took(&self, number: u32) -> Option<Duration> {
        self.asked.iter().find(|ping| ping.number == number)?.took
    }

    /// Forgets a ping whose pong is no longer awaited.
    pub(super) fn forget(&mut self, number: u32) {
        self.asked.retain(|ping| ping.number != number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether any ping is unanswered.
    pub(super) fn are_unanswered(&self) -> bool {
        self.asked.iter().any(|ping| ping.took.is_none())
    }
}

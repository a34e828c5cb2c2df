//! What has passed over a connection, for /stats and for round-trip times.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use longwire::{Direction, Message, Opcode, ReservedBits, SeenFrame};
use tokio::time::{Instant as Moment, sleep_until};

use crate::message_view::{grouped, milliseconds};

/// Counts messages and bytes. All clones count together.
#[derive(Debug, Clone)]
pub(super) struct TrafficCounter(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    since: Instant,
    sent: Side,
    received: Side,
    /// When the message was sent that has not yet been followed by an answer.
    asked: Option<Instant>,
    /// When the last message passed, in either direction.
    passed: Option<Moment>,
    pings: Vec<Duration>,
}

/// One direction.
#[derive(Debug, Default, Clone, Copy)]
struct Side {
    messages: u64,
    /// Content of messages.
    bytes: u64,
    /// Payloads of data frames.
    wire_bytes: u64,
    compressed: u64,
}

/// How many round-trip times of pings are kept.
const MAX_PINGS: usize = 1000;

impl TrafficCounter {
    pub(super) fn new() -> TrafficCounter {
        TrafficCounter(Arc::new(Mutex::new(Counts {
            since: Instant::now(),
            sent: Side::default(),
            received: Side::default(),
            asked: None,
            passed: None,
            pings: Vec::new(),
        })))
    }

    /// Waits until no message has passed for `time`. Returns at once if none was sent.
    pub(super) async fn quiet_for(&self, time: Duration) {
        loop {
            let quiet_since = self.counts().quiet_since();
            match quiet_since {
                Some(since) if since.elapsed() < time => sleep_until(since + time).await,
                _ => return,
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn frame(&self, frame: &SeenFrame<'_>) {
        let Opcode::Data(_) = frame.header.opcode() else { return };
        let mut counts = self.counts();
        let side = counts.side(frame.direction);
        side.wire_bytes += frame.header.payload_len();
        if frame.header.reserved == ReservedBits::RSV1 {
            side.compressed += 1;
        }
    }

    /// A message is about to be sent.
    pub(super) fn sending(&self) {
        let mut counts = self.counts();
        counts.asked = Some(Instant::now());
        counts.passed = Some(Moment::now());
    }

    /// Counts a message that was sent. A long one takes a while.
    pub(super) fn sent(&self, message: &Message) {
        let mut counts = self.counts();
        counts.sent.add(message);
        counts.passed = Some(Moment::now());
    }

    /// Counts a message. If it is the first one after one that was sent, returns the time between them.
    pub(super) fn received(&self, message: &Message) -> Option<Duration> {
        let mut counts = self.counts();
        counts.received.add(message);
        counts.passed = Some(Moment::now());
        counts.asked.take().map(|asked| asked.elapsed())
    }

    pub(super) fn pinged(&self, time: Duration) {
        let mut counts = self.counts();
        if counts.pings.len() < MAX_PINGS {
            counts.pings.push(time);
        }
    }

    /// What /stats prints.
    pub(super) fn lines(&self) -> Vec<String> {
        let counts = self.counts();
        let mut lines = vec![
            format!("sent      {}", counts.sent.describe()),
            format!("received  {}", counts.received.describe()),
        ];
        if let (Some(least), Some(most)) = (counts.pings.iter().min(), counts.pings.iter().max()) {
            let count = u32::try_from(counts.pings.len()).unwrap_or(u32::MAX);
            let mean = counts.pings.iter().sum::<Duration>() / count;
            let [least, mean, most] = [*least, mean, *most].map(milliseconds);
            lines.push(format!("pings     {count}: least {least}, mean {mean}, most {most}"));
        }
        lines.push(format!("connected {:.1} s ago", counts.since.elapsed().as_secs_f64()));
        lines
    }
}

impl Counts {
    /// When the last message passed, if one was sent.
    fn quiet_since(&self) -> Option<Moment> {
        self.passed.filter(|_| self.sent.messages > 0)
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

impl Side {
    fn add(&mut self, message: &Message) {
        self.messages += 1;
        self.bytes += u64::try_from(message.as_bytes().len()).unwrap_or(u64::MAX);
    }

    fn describe(self) -> String {
        let number = |count: u64, what: &str| {
            format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
        };
        let mut text = format!("{}, {}", number(self.messages, "message"), number(self.bytes, "byte"));
        if self.compressed > 0 && self.bytes > 0 {
            let percent = 100 * u128::from(self.wire_bytes) / u128::from(self.bytes);
            text.push_str(&format!("; compressed to {} ({percent} %)", number(self.wire_bytes, "byte")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_say_what_compression_is_worth() {
        let side = Side { messages: 2, bytes: 4000, wire_bytes: 1000, compressed: 1 };
        assert_eq!(side.describe(), "2 messages, 4,000 bytes; compressed to 1,000 bytes (25 %)");
        assert_eq!(
            Side { messages: 1, bytes: 1, wire_bytes: 1, compressed: 0 }.describe(),
            "1 message, 1 byte"
        );
    }

    #[test]
    fn only_the_first_message_after_one_that_was_sent_is_an_answer() {
        let traffic = TrafficCounter::new();
        let message = Message::from("x");
        assert_eq!(traffic.received(&message), None);
        traffic.sending();
        assert!(traffic.received(&message).is_some());
        assert_eq!(traffic.received(&message), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_quiet_a_while_after_the_last_message_of_either_direction() {
        let (traffic, message) = (TrafficCounter::new(), Message::from("x"));
        let (begin, second) = (Moment::now(), Duration::from_secs(1));
        traffic.received(&message);
        traffic.quiet_for(second).await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "nothing was asked, so there is nothing to wait for");
        traffic.sending();
        traffic.sent(&message);
        let answering = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(900)).await;
                traffic.received(&message);
            }
        };
        tokio::join!(traffic.quiet_for(second), answering);
        assert_eq!(begin.elapsed(), Duration::from_millis(3700));
    }

    #[test]
    fn pings_are_summed_up() {
        let traffic = TrafficCounter::new();
        for milliseconds in [1, 2, 6] {
            traffic.pinged(Duration::from_millis(milliseconds));
        }
        assert_eq!(traffic.lines()[2], "pings     3: least 1.0 ms, mean 3.0 ms, most 6.0 ms");
    }
}

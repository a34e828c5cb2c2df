//! The limits of one connection.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// The smallest possible head of an opening handshake: a server's response has at least 129 bytes, a request more (RFC
/// 6455 §4.2.2, §4.1).
const SMALLEST_HEAD: usize = 129;

/// The header lines of every client request (RFC 6455 §4.1): `Host`, `Upgrade`, `Connection`, `Sec-WebSocket-Key` and
/// `Sec-WebSocket-Version`.
const FEWEST_HEADERS: usize = 5;

/// Durations are clamped to 30 years: callers write `Duration::MAX` for "never", and no clock can count that.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The limits of one connection, in bytes, counts and time. Everything that a peer could otherwise inflate has its
/// bound here.
///
/// The documentation of the crate `longwire` lists what happens at each bound: what the peer gets, what the application
/// sees and which metric counts it. It also lists the bounds of a server.
///
/// ```
/// use longwire_proto::Limits;
///
/// let limits = Limits::default().message(4 * 1024 * 1024);
/// assert_eq!(limits.message, 4_194_304);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest accepted message, in bytes, over all its fragments. Beyond it, the connection fails with 1009 as
    /// soon as a frame header shows it, before the payload is read. Default: 16 MiB.
    pub message: usize,
    /// The largest accepted message that the application receives in parts, in bytes, if that is more than
    /// [`message`](Limits::message). Beyond it, the connection fails with 1009, as there. Default: 0, which means
    /// `message`. `usize::MAX`: no limit.
    pub streamed: usize,
    /// The most fragments of a message, including empty ones. For a message that is received in parts, the most
    /// fragments between two parts. Beyond it, the connection fails with 1008. Default: 131,072.
    pub fragments: u32,
    /// The most bytes in the head of an opening handshake, request or response. Beyond it, a server responds with 431.
    /// Default: 16 KiB.
    pub handshake_bytes: usize,
    /// The most header lines of an opening handshake. Beyond it, a server responds with 431. Default: 100.
    pub handshake_headers: usize,
    /// How long the opening handshake may take, on a server including TLS. Beyond it, the connection is dropped.
    /// Default: 10 s.
    pub handshake_time: Duration,
    /// How long the closing handshake may take, from the Close frame to the end of the transport. Beyond it, the
    /// transport is dropped. Default: 10 s.
    pub close_time: Duration,
    /// How to detect a dead peer. Default: a ping every 30 s, after which something must arrive within 20 s.
    pub keepalive: Option<Keepalive>,
    /// How long a connection may go without a message in either direction; then it is closed with 1001. Pings and pongs
    /// do not count. Default: no limit.
    pub idle_time: Option<Duration>,
    /// When more bytes than this wait to be written, senders must wait. Default: 256 KiB.
    pub high_water: usize,
    /// Waiting senders continue once no more bytes than this wait to be written. Default: 64 KiB.
    pub low_water: usize,
    /// While more bytes than this wait to be written, only the newest ping is answered, as RFC 6455 §5.5.3 allows. A
    /// peer that pings but does not read therefore costs no memory. Default: 16 KiB.
    pub control_replies: usize,
}

/// How to detect a dead peer: this end sends pings at a fixed interval, and drops the connection if nothing arrives
/// after one. Any bytes count, not only pongs; pongs also measure the round trip.
///
/// ```
/// use std::time::Duration;
/// use longwire_proto::Keepalive;
///
/// let keepalive = Keepalive::every(Duration::from_secs(20)).within(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// The interval between pings.
    pub every: Duration,
    /// How soon something must arrive, counted from when the ping was written. If the ping cannot be written because
    /// the peer does not read, the connection is dropped once no bytes have moved in either direction for `every` plus
    /// `within`.
    pub within: Duration,
}

impl Keepalive {
    /// A ping at this interval, after which something must arrive within 20 s.
    #[must_use]
    pub fn every(time: Duration) -> Keepalive {
        Keepalive { every: time, within: Duration::from_secs(20) }
    }

    /// Sets how soon after the ping something must arrive.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Keepalive {
        self.within = time;
        self
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message: 16 << 20,
            streamed: 0,
            fragments: 1 << 17,
            handshake_bytes: 16 << 10,
            handshake_headers: 100,
            handshake_time: Duration::from_secs(10),
            close_time: Duration::from_secs(10),
            keepalive: Some(Keepalive::every(Duration::from_secs(30))),
            idle_time: None,
            high_water: 256 << 10,
            low_water: 64 << 10,
            control_replies: 16 << 10,
        }
    }
}

impl Limits {
    /// Sets [`message`](Limits::message), in bytes.
    #[must_use]
    pub fn message(mut self, bytes: usize) -> Limits {
        self.message = bytes;
        self
    }

    /// Sets [`streamed`](Limits::streamed), in bytes.
    #[must_use]
    pub fn streamed(mut self, bytes: usize) -> Limits {
        self.streamed = bytes;
        self
    }

    /// Sets [`fragments`](Limits::fragments).
    #[must_use]
    pub fn fragments(mut self, count: u32) -> Limits {
        self.fragments = count;
        self
    }

    /// Sets [`handshake_bytes`](Limits::handshake_bytes).
    #[must_use]
    pub fn handshake_bytes(mut self, bytes: usize) -> Limits {
        self.handshake_bytes = bytes;
        self
    }

    /// Sets [`handshake_headers`](Limits::handshake_headers).
    #[must_use]
    pub fn handshake_headers(mut self, count: usize) -> Limits {
        self.handshake_headers = count;
        self
    }

    /// Sets [`handshake_time`](Limits::handshake_time).
    #[must_use]
    pub fn handshake_time(mut self, time: Duration) -> Limits {
        self.handshake_time = time;
        self
    }

    /// Sets [`close_time`](Limits::close_time).
    #[must_use]
    pub fn close_time(mut self, time: Duration) -> Limits {
        self.close_time = time;
        self
    }

    /// Sets [`keepalive`](Limits::keepalive).
    #[must_use]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Limits {
        self.keepalive = keepalive.into();
        self
    }

    /// Sets [`idle_time`](Limits::idle_time).
    #[must_use]
    pub fn idle_time(mut self, time: impl Into<Option<Duration>>) -> Limits {
        self.idle_time = time.into();
        self
    }

    /// Sets [`low_water`](Limits::low_water), in bytes. It must not exceed `high_water`; [`check`](Limits::check)
    /// refuses that.
    #[must_use]
    pub fn low_water(mut self, bytes: usize) -> Limits {
        self.low_water = bytes;
        self
    }

    /// Sets [`high_water`](Limits::high_water), in bytes. It must not be below `low_water`, which is 64 KiB by default.
    #[must_use]
    pub fn high_water(mut self, bytes: usize) -> Limits {
        self.high_water = bytes;
        self
    }

    /// Sets [`control_replies`](Limits::control_replies), in bytes.
    #[must_use]
    pub fn control_replies(mut self, bytes: usize) -> Limits {
        self.control_replies = bytes;
        self
    }

    /// Checks that a connection is possible with these limits. The clients and servers of the crate `longwire` call it
    /// before they connect or serve.
    ///
    /// ```
    /// use longwire_proto::Limits;
    ///
    /// let error = Limits::default().low_water(500_000).high_water(1000).check().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`Limits::low_water` cannot be 500000: it can be 0 to 1000, which is `Limits::high_water`"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidLimit`] for the first limit that rules out every handshake or every message, or that contradicts
    /// another one.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        let at_least = |setting, given: usize, least: usize| {
            if given < least {
                Err(InvalidLimit::new(setting, given, format!("{least} or more")))
            } else {
                Ok(())
            }
        };
        at_least("Limits::fragments", usize::try_from(self.fragments).unwrap_or(usize::MAX), 1)?;
        at_least("Limits::handshake_bytes", self.handshake_bytes, SMALLEST_HEAD)?;
        at_least("Limits::handshake_headers", self.handshake_headers, FEWEST_HEADERS)?;
        let times = [
            ("Limits::handshake_time", Some(self.handshake_time)),
            ("Limits::close_time", Some(self.close_time)),
            ("Limits::idle_time", self.idle_time),
            ("Limits::keepalive.every", self.keepalive.map(|keepalive| keepalive.every)),
            ("Limits::keepalive.within", self.keepalive.map(|keepalive| keepalive.within)),
        ];
        if let Some((setting, _)) = times.into_iter().find(|(_, time)| *time == Some(Duration::ZERO)) {
            return Err(InvalidLimit::new(setting, "0 s", "any time above 0".into()));
        }
        if self.low_water > self.high_water {
            let possible = format!("0 to {}, which is `Limits::high_water`", self.high_water);
            return Err(InvalidLimit::new("Limits::low_water", self.low_water, possible));
        }
        Ok(())
    }
}

/// A limit with which no connection is possible. The message names the limit, its value and the valid range.
///
/// ```
/// use longwire_proto::Limits;
///
/// let error = Limits::default().low_water(500_000).high_water(1_000).check().unwrap_err();
/// println!("{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLimit {
    setting: &'static str,
    given: String,
    possible: String,
}

impl InvalidLimit {
    fn new(setting: &'static str, given: impl fmt::Display, possible: String) -> InvalidLimit {
        InvalidLimit { setting, given: given.to_string(), possible }
    }

    /// The name of the limit, such as `Limits::low_water`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The value that was set.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The valid values.
    #[must_use]
    pub fn possible(&self) -> &str {
        &self.possible
    }
}

impl fmt::Display for InvalidLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be {}: it can be {}", self.setting, self.given, self.possible)
    }
}

impl Error for InvalidLimit {}

/// When a period that began at `start` ends.
pub(crate) fn deadline(start: Instant, time: Duration) -> Instant {
    start + time.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setter_sets_its_own_bound_and_no_other() {
        let second = Duration::from_secs(1);
        let limits = Limits::default()
            .message(1)
            .streamed(8)
            .fragments(2)
            .handshake_bytes(3)
            .handshake_headers(4)
            .handshake_time(second)
            .close_time(2 * second)
            .keepalive(Keepalive::every(3 * second).within(4 * second))
            .idle_time(5 * second)
            .low_water(5)
            .high_water(6)
            .control_replies(7);
        let expected = Limits {
            message: 1,
            streamed: 8,
            fragments: 2,
            handshake_bytes: 3,
            handshake_headers: 4,
            handshake_time: second,
            close_time: 2 * second,
            keepalive: Some(Keepalive { every: 3 * second, within: 4 * second }),
            idle_time: Some(5 * second),
            low_water: 5,
            high_water: 6,
            control_replies: 7,
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn the_smallest_possible_limits_are_accepted_and_anything_below_is_refused_by_name() {
        let least = Duration::from_nanos(1);
        let smallest = Limits::default()
            .message(0)
            .fragments(1)
            .handshake_bytes(129)
            .handshake_headers(5)
            .handshake_time(least)
            .close_time(least)
            .idle_time(least)
            .keepalive(Keepalive::every(least).within(least))
            .low_water(0)
            .high_water(0)
            .control_replies(0);
        assert_eq!(smallest.check(), Ok(()));
        assert_eq!(Limits::default().check(), Ok(()));
        let (limits, keepalive) = (Limits::default, Keepalive::every(least));
        for (limits, setting) in [
            (limits().fragments(0), "fragments"),
            (limits().handshake_bytes(128).handshake_headers(5), "handshake_bytes"),
            (limits().handshake_bytes(16 << 10).handshake_headers(4), "handshake_headers"),
            (limits().handshake_time(Duration::ZERO), "handshake_time"),
            (limits().close_time(Duration::ZERO), "close_time"),
            (limits().idle_time(Duration::ZERO), "idle_time"),
            (limits().keepalive(Keepalive::every(Duration::ZERO)), "keepalive.every"),
            (limits().keepalive(keepalive.within(Duration::ZERO)), "keepalive.within"),
            (limits().low_water(10).high_water(5), "low_water"),
        ] {
            let error = limits.check().unwrap_err();
            assert_eq!(error.setting(), format!("Limits::{setting}"));
            assert!(!error.possible().is_empty() && !error.given().is_empty(), "{error}");
        }
    }
}

//! What one connection may cost.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// The smallest head that holds an opening handshake: the response of a server has 129 bytes at least, a request more
/// (RFC 6455 §4.2.2, §4.1).
const SMALLEST_HEAD: usize = 129;

/// The header lines that every request of a client has (RFC 6455 §4.1): `Host`, `Upgrade`, `Connection`,
/// `Sec-WebSocket-Key` and `Sec-WebSocket-Version`.
const FEWEST_HEADERS: usize = 5;

/// Durations are clamped to 30 years: `Duration::MAX` is written for "never", and no clock can count that.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// What one connection may cost, in bytes, counts and time. Every bound that a peer could otherwise move is here.
///
/// What the peer gets at each bound, what the application sees and what is counted, stands in the documentation of the
/// crate `longwire`, together with the bounds of a server.
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
    /// The largest message that is accepted, in bytes, over all of its fragments. Beyond it the connection fails with
    /// 1009 as soon as a frame header tells, before its payload is read. 16 MiB.
    pub message: usize,
    /// The largest message that is accepted when it is received in parts and nobody has to hold it whole, in bytes, if
    /// that is more than [`message`](Limits::message). Beyond it the connection fails with 1009, as there. 0, which
    /// leaves it at `message`; `usize::MAX`: any.
    pub streamed: usize,
    /// The most fragments a message may come in, empty ones counted; of a message that is received in parts, the most
    /// between two of them. Beyond it the connection fails with 1008. 131,072.
    pub fragments: u32,
    /// The most bytes of an opening handshake, request or response head. Beyond it a server answers 431. 16 KiB.
    pub handshake_bytes: usize,
    /// The most header lines of an opening handshake. Beyond it a server answers 431. 100.
    pub handshake_headers: usize,
    /// How long the opening handshake may take, at a server TLS included. Beyond it the connection is dropped. 10 s.
    pub handshake_time: Duration,
    /// How long the closing handshake may take: from the Close frame to the end of the transport. Beyond it the transport
    /// is dropped. 10 s.
    pub close_time: Duration,
    /// How a peer that is gone without a word is found out. A ping every 30 s, to be answered within 20 s.
    pub keepalive: Option<Keepalive>,
    /// How long a connection may go without a message in either direction; then it is closed with 1001. Pings and pongs
    /// do not count. No limit.
    pub idle_time: Option<Duration>,
    /// From this many bytes that wait to be written on, senders have to wait. 256 KiB.
    pub high_water: usize,
    /// Senders that had to wait may go on when no more than this many bytes wait to be written. 64 KiB.
    pub low_water: usize,
    /// While more bytes than this wait to be written, only the newest ping is answered (RFC 6455 §5.5.3 allows it), so
    /// that a peer that pings and does not read costs no memory. 16 KiB.
    pub control_replies: usize,
}

/// How a peer that is gone without a word is found out: every so often it is sent a ping, and if nothing arrives after
/// that, the connection is given up. Whatever arrives counts, not only pongs; those tell how long the round trip takes.
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
    /// How long after a ping the next one is sent.
    pub every: Duration,
    /// How long something has to arrive in, counted from when the ping was written. If the ping cannot be written,
    /// because the peer takes nothing, the connection is given up when nothing has moved either way for both times
    /// together.
    pub within: Duration,
}

impl Keepalive {
    /// A ping every so often, after which something has to arrive within 20 s.
    #[must_use]
    pub fn every(time: Duration) -> Keepalive {
        Keepalive { every: time, within: Duration::from_secs(20) }
    }

    /// How long something has to arrive in after the ping.
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

    /// Sets [`low_water`](Limits::low_water), in bytes. The low mark cannot be above the high one:
    /// [`check`](Limits::check) refuses that.
    #[must_use]
    pub fn low_water(mut self, bytes: usize) -> Limits {
        self.low_water = bytes;
        self
    }

    /// Sets [`high_water`](Limits::high_water), in bytes. The low mark, 64 KiB unless set, cannot be above it.
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

    /// Checks that a connection with these limits is possible at all. The clients and servers of the crate `longwire`
    /// call it before they connect or serve.
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
    /// [`InvalidLimit`] for the first limit that rules out every handshake, every message or every wait.
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

/// A limit with which no connection is possible. The message names the limit, its value and the possible range.
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

    /// The values that are possible.
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

/// The moment when a time that began at `start` is up.
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

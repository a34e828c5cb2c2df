//! Limits on what clients may use.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use longwire::{Keepalive, Limits};

use crate::failure::Failure;

/// Limits on what clients may use. The defaults are the library's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// The largest message to accept; a larger one is closed with 1009
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_message: usize,

    /// The most fragments per message; more are closed with 1008
    #[arg(long, value_name = "N", default_value_t = 1 << 17, value_parser = clap::value_parser!(u32).range(1..))]
    max_fragments: u32,

    /// The most connections at a time; further clients get 503
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = at_least(1))]
    pub(crate) max_connections: usize,

    /// The most connections from one address; raise it behind a reverse proxy
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = at_least(1))]
    pub(crate) max_connections_per_ip: usize,

    /// Length of the IPv6 prefix that identifies a client: connections from the same prefix are counted together
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(0..=128))]
    pub(crate) ipv6_prefix: u8,

    /// The most bytes that all connections together may buffer; a connection that would exceed it is closed with 1013
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30, value_parser = at_least(1))]
    pub(crate) max_buffered: usize,

    /// The most bytes of a request's head; a larger one is answered with 431
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 10, value_parser = at_least(SMALLEST_HEAD))]
    max_head: usize,

    /// The most header lines of a request; more are answered with 431
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(FEWEST_HEADERS))]
    max_headers: usize,

    /// How long an opening handshake may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    handshake_timeout: Duration,

    /// How long a closing handshake may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    close_timeout: Duration,

    /// Close connections without any message in either direction for this long [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    idle_timeout: Option<Duration>,

    /// Ping a client this long after the last ping
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    keepalive: Duration,

    /// Drop a client that sends nothing for this long after a ping
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = parse_seconds)]
    keepalive_timeout: Duration,

    /// Stop sending to a client while more than this waits to be written to it
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    high_water: usize,

    /// Resume when no more than this waits to be written [default: 65536, or --high-water if that is less]
    #[arg(long, value_name = "BYTES")]
    low_water: Option<usize>,

    /// Answer only the newest ping while more than this waits to be written
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 10)]
    max_control_replies: usize,
}

/// The smallest limits on a request's head and header lines; see `Limits` for the reasons.
const SMALLEST_HEAD: u64 = 129;
const FEWEST_HEADERS: u64 = 5;

/// The default of `--low-water`.
const LOW_WATER: usize = 64 << 10;

/// The longest time the library distinguishes from never: 30 years.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

fn at_least(least: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..)
}

impl LimitArgs {
    /// Reports flags that contradict each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let high = self.high_water;
        match self.low_water {
            Some(low) if low > high => Err(Failure::Usage(format!(
                "--low-water {low} is above --high-water {high}: choose a value from 0 to {high}"
            ))),
            _ => Ok(()),
        }
    }

    /// The limits of one connection.
    pub(crate) fn connection(&self) -> Limits {
        Limits::default()
            .message(self.max_message)
            .fragments(self.max_fragments)
            .handshake_bytes(self.max_head)
            .handshake_headers(self.max_headers)
            .handshake_time(self.handshake_timeout)
            .close_time(self.close_timeout)
            .idle_time(self.idle_timeout)
            .keepalive(Keepalive::every(self.keepalive).within(self.keepalive_timeout))
            .low_water(self.low_water.unwrap_or(LOW_WATER.min(self.high_water)))
            .high_water(self.high_water)
            .control_replies(self.max_control_replies)
    }
}

pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero() && *time <= LONGEST).ok_or_else(|| {
        format!("give a number of seconds above 0, such as 30 or 0.5, and at most {}", LONGEST.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        limits: LimitArgs,
    }

    fn limits(args: &[&str]) -> Limits {
        Program::try_parse_from([&["program"], args].concat()).unwrap().limits.connection()
    }

    #[test]
    fn without_flags_the_limits_are_those_of_the_library() {
        assert_eq!(limits(&[]), Limits::default());
    }

    #[test]
    fn each_flag_sets_its_own_limit() {
        let second = Duration::from_secs(1);
        for (args, expected) in [
            (["--max-message", "1"], Limits::default().message(1)),
            (["--max-fragments", "1"], Limits::default().fragments(1)),
            (["--max-head", "129"], Limits::default().handshake_bytes(129).handshake_headers(100)),
            (["--max-headers", "5"], Limits::default().handshake_bytes(16 << 10).handshake_headers(5)),
            (["--handshake-timeout", "1"], Limits::default().handshake_time(second)),
            (["--close-timeout", "1"], Limits::default().close_time(second)),
            (["--idle-timeout", "1"], Limits::default().idle_time(second)),
            (["--keepalive", "1"], Limits::default().keepalive(Keepalive::every(second))),
            (
                ["--keepalive-timeout", "1"],
                Limits::default().keepalive(Keepalive::every(30 * second).within(second)),
            ),
            (["--high-water", "65537"], Limits::default().low_water(64 << 10).high_water(65537)),
            (["--high-water", "1"], Limits::default().low_water(1).high_water(1)),
            (["--low-water", "1"], Limits::default().low_water(1).high_water(256 << 10)),
            (["--max-control-replies", "1"], Limits::default().control_replies(1)),
        ] {
            assert_eq!(limits(&args), expected, "{args:?}");
        }
    }

    #[test]
    fn what_is_impossible_is_refused_with_the_flag_its_value_and_what_is_possible() {
        for (flag, value, possible) in [
            ("--max-fragments", "0", "1.."),
            ("--max-connections", "0", "1.."),
            ("--max-connections-per-ip", "0", "1.."),
            ("--max-buffered", "0", "1.."),
            ("--max-head", "128", "129.."),
            ("--max-headers", "4", "5.."),
            ("--handshake-timeout", "0", "above 0"),
            ("--close-timeout", "0", "above 0"),
            ("--idle-timeout", "0", "above 0"),
            ("--keepalive", "0", "above 0"),
            ("--keepalive-timeout", "946080001", "at most 946080000"),
            ("--high-water", "-1", "invalid digit"),
        ] {
            let given = format!("{flag}={value}");
            let error = Program::try_parse_from(["program", &given]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(possible), "{error}");
        }
    }

    /// The flags and the library have the same limits.
    #[test]
    fn what_the_flags_allow_the_library_allows() {
        let smallest = ["--max-head=129", "--max-headers=5", "--max-fragments=1", "--high-water=0"];
        assert_eq!(limits(&smallest).check(), Ok(()));
        assert!(limits(&["--max-head=129"]).handshake_bytes(128).handshake_headers(5).check().is_err());
        assert!(limits(&["--max-headers=5"]).handshake_bytes(129).handshake_headers(4).check().is_err());
    }

    #[test]
    fn a_low_mark_above_the_high_one_is_refused() {
        let check =
            |args: &[&str]| Program::try_parse_from([&["program"], args].concat()).unwrap().limits.check();
        let Err(Failure::Usage(error)) = check(&["--low-water", "500000", "--high-water", "1000"]) else {
            panic!("it is accepted")
        };
        assert_eq!(error, "--low-water 500000 is above --high-water 1000: choose a value from 0 to 1000");
        assert!(check(&["--high-water", "1000"]).is_ok() && check(&["--low-water", "262144"]).is_ok());
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "inf", "10s", "1e30", ""] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}

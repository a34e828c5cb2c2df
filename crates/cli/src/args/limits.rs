//! Limits on what clients may use.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::failure::Failure;
use crate::values::parse_time_above_0;

/// Limits on what clients may use. The defaults are the library's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// The largest message to accept; a larger one is closed with 1009
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub(crate) max_message: usize,

    /// The most fragments per message; more are closed with 1008
    #[arg(long, value_name = "N", default_value_t = 1 << 17, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_fragments: u32,

    /// The most connections at a time; further clients get 503
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = at_least(1))]
    pub(crate) max_connections: usize,

    /// The most connections from one address; raise it behind a reverse proxy that is not trusted
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
    pub(crate) max_head: usize,

    /// The most header lines of a request; more are answered with 431
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least(FEWEST_HEADERS))]
    pub(crate) max_headers: usize,

    /// How long an opening handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    pub(crate) handshake_timeout: Duration,

    /// How long a closing handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    pub(crate) close_timeout: Duration,

    /// Close connections without any message in either direction for this long [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_time_above_0)]
    pub(crate) idle_timeout: Option<Duration>,

    /// Ping a client this long after the last ping
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_time_above_0)]
    pub(crate) keepalive: Duration,

    /// Drop a client that sends nothing for this long after a ping
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = parse_time_above_0)]
    pub(crate) keepalive_timeout: Duration,

    /// Stop sending to a client while more than this waits to be written to it
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    pub(crate) high_water: usize,

    /// Resume when no more than this waits to be written [default: 65536, or --high-water if that is less]
    #[arg(long, value_name = "BYTES")]
    pub(crate) low_water: Option<usize>,

    /// Answer only the newest ping while more than this waits to be written
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 10)]
    pub(crate) max_control_replies: usize,
}

/// The smallest limits on a request's head and header lines; see `Limits` for the reasons.
const SMALLEST_HEAD: u64 = 129;
const FEWEST_HEADERS: u64 = 5;

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
            ("--keepalive-timeout", "946080001", "up to 30 years"),
            ("--high-water", "-1", "invalid digit"),
        ] {
            let given = format!("{flag}={value}");
            let error = Program::try_parse_from(["program", &given]).unwrap_err().to_string();
            assert!(error.contains(flag) && error.contains(value) && error.contains(possible), "{error}");
        }
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
}

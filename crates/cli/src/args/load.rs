//! The arguments of `longwire load`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use longwire_load::{Condition, Engine, Sizes, Sources};

use super::certificates::CertificateArgs;
use super::endpoint::RequestArgs;
use super::engine::EngineArg;
use super::url::EndpointUrl;
use crate::values::{parse_time, parse_time_above_0};

/// Load an endpoint: echo, publications, connection storms or idle crowds, and report latencies, losses and errors
///
/// By default, messages are due at a fixed rate, whatever has become of those before, and latency counts from the time
/// when a message was due. A stall of the server therefore delays all messages that were due in it.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire load ws://127.0.0.1:8080/echo
  longwire load 127.0.0.1:8080/echo --rate 20000 --connections 64 --for 10s
  longwire load 127.0.0.1:8080/echo --stage 10s:20000 --stage 30s:20000 --stage 5s:0
  longwire load 127.0.0.1:8080/echo --depth 16 --size 16..1024 --binary
  longwire load '127.0.0.1:8080/channel/demo:load' --workload fan-out --connections 1000 --rate 50
  longwire load 127.0.0.1:8080/connection/websocket --channel 'demo:load-{number}' --channels 10 --connections 1000
  longwire load 127.0.0.1:8080/echo --workload storm --rate 500
  longwire load 127.0.0.1:8080/echo --workload idle --connections 50000 --source 127.0.0.0/8 --many
  longwire load wss://example.com/echo --fail-if 'p99 > 50ms' --fail-if 'lost > 0' --json before.json
  longwire load wss://example.com/echo --compare before.json
  longwire load 127.0.0.1:8080/echo --versus 127.0.0.1:9000/echo

The messages are a few different ones, sent again and again. An answer is compared with the message that it answers, so a \
message that is lost, repeated or changed is noticed. With --check any, every message counts as an answer.

Connections, handshakes at a time, the rate of a storm and that of reopening are limited to 1,000 unless --many is given: load only \
endpoints that are yours. Ctrl-C ends the run and prints what was measured until then; a second one stops immediately.

Times have a unit (500ms, 1.5s, 2m), or are in seconds. Rates are a second: 500, 10k or 10k/s.

Conditions: p50, p90, p95, p99, p99.9, p99.99, max or mean of the latency, or of another time as in handshake.p99 (lookup, \
connect, tls, handshake, opening, round_trip, fan_out); rate; errors, failed, lost, repeated, unexpected, unanswered or \
received, as a number or with % as a share. Signs: > >= < <=. A figure that the workload does not have is refused before the run, \
and one of which nothing was measured fails it.

Exit code: 0 if all is well; 1 if a connection could not be opened or ended early, a message was lost, repeated, changed or \
not answered, or a --fail-if is true (with --fail-if, only these decide); 2 for wrong arguments, or files that cannot be \
read or written; 3 if the generator was the bottleneck, so that there is no verdict on the server (with --fail-if: if it may be why one \
is true, or why one is not); 130 if stopped before anything was measured. A late \
generator makes times longer and the rate lower, so a latency or a rate that passes a --fail-if all the same ends with 0.")]
pub(crate) struct LoadArgs {
    /// The endpoint: ws://… or wss://…
    ///
    /// Without a scheme, ws:// is used for this machine and for ports other than 443, otherwise wss://. Without a host, it
    /// is this machine: `8080/echo`. `{number}` becomes the number of the channel.
    #[arg(value_name = "URL")]
    pub(crate) url: EndpointUrl,

    /// What connections do [default: echo; with --channel: fan-out]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) workload: Option<WorkloadArg>,

    /// How many connections; of a fan-out, how many subscribers; not of a storm [default: 10]
    #[arg(long, short = 'c', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: Option<u32>,

    /// How long to measure, such as 10s or 2m; with --stage, the stages say it
    #[arg(long = "for", alias = "duration", value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0, conflicts_with = "stage")]
    pub(crate) time: Duration,

    /// How long the load runs before the measurement begins
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    pub(crate) warm_up: Duration,

    /// Over how much time the opening of connections is spread
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_time)]
    pub(crate) ramp_up: Duration,

    /// How many handshakes are under way at a time, at most; of a storm in a closed loop, exactly; not of one in an open loop
    /// [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) together: Option<u32>,

    /// Open another connection for each that cannot be opened or ends early, after this time [without a value: 1s]
    ///
    /// Not in a storm. Such connections are still counted as errors; `--fail-if` decides what fails the run.
    /// In an open loop, messages that are due while none is open count as unanswered. Of a subscriber, deliveries count
    /// again from its first one on.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = parse_time)]
    pub(crate) reopen: Option<Duration>,

    /// Load with many connections, or a fast storm: more than 1,000 connections, at a time or a second, or reopened a second
    #[arg(long)]
    pub(crate) many: bool,

    #[command(flatten)]
    pub(crate) pace: PaceArgs,

    #[command(flatten)]
    pub(crate) messages: MessageArgs,

    #[command(flatten)]
    pub(crate) route: LoadRouteArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// How the generator does I/O: with io_uring where the system allows it, or with readiness (epoll, kqueue)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: EngineArg,

    /// The generator's threads, which share connections and rate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,

    /// Never sleep: messages leave more punctually, and each thread occupies a core
    #[arg(long)]
    pub(crate) spin: bool,
}

/// When messages are sent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceArgs {
    /// Open loop: messages a second over all connections; of a storm, connections a second [default: 1000]
    #[arg(long, value_name = "N", value_parser = parse_rate, conflicts_with = "depth")]
    pub(crate) rate: Option<f64>,

    /// Open loop in stages: in this time, the rate grows or shrinks evenly to this one (repeatable)
    ///
    /// The first stage begins at --rate, or at 0. A stage with the same rate as the one before is a plateau.
    #[arg(long, value_name = "TIME:RATE", conflicts_with = "depth")]
    pub(crate) stage: Vec<StageArg>,

    /// Closed loop: a connection keeps this many messages unanswered; in a fan-out and a storm, 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) depth: Option<u32>,

    /// In a closed loop, how long a connection waits before it sends again: a time, or a range such as 50ms..150ms
    #[arg(long, value_name = "TIME", requires = "depth")]
    pub(crate) think: Option<ThinkArg>,
}

/// What is sent, and what is expected.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct MessageArgs {
    /// Message size in bytes: 125, a range 16..1024, or parts with weights such as 64*9,4096..65536*1 [default: 125]
    #[arg(long, value_name = "SIZES")]
    pub(crate) size: Option<Sizes>,

    /// Send the lines of this file instead, in turn
    #[arg(long, value_name = "FILE", conflicts_with_all = ["size", "json_content"])]
    pub(crate) messages: Option<PathBuf>,

    /// Send binary messages instead of text
    #[arg(long, short = 'b')]
    pub(crate) binary: bool,

    /// Send JSON like an application's, which compresses well
    #[arg(long, conflicts_with = "binary")]
    pub(crate) json_content: bool,

    /// Compress messages with permessage-deflate, each by itself; the server must agree
    #[arg(long)]
    pub(crate) compress: bool,

    /// What answers must be
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub(crate) check: CheckArg,

    /// Speak the JSON protocol of Centrifugo's clients, as the hub does, and publish to this channel
    ///
    /// `{number}` becomes the number of the channel. Clients must be allowed to publish to it, as with `longwire serve
    /// --insecure`.
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<String>,

    /// How many channels, among which subscribers are divided; each has one publisher
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) channels: u16,
}

/// How to reach the endpoint.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Route to the server")]
pub(crate) struct LoadRouteArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// Connect from these addresses in turn, such as 127.0.0.0/8 or 10.0.0.5,10.0.0.6; each has some 28,000 ports
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) source: Option<Sources>,

    /// Connect to this Unix socket; the URL still sets the request's Host and path
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with = "source")]
    pub(crate) unix_socket: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) certificates: CertificateArgs,

    /// How long opening a connection, and the last answers, may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    pub(crate) timeout: Duration,

    /// End connections with a reset, so that their ports are free at once [default for storms]
    #[arg(long)]
    pub(crate) reset: bool,
}

/// What becomes of the figures.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write the report as JSON to this file; - is standard output, without the summary
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write the report as a page to this file, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write the percentiles of the latency to this file, for the tools of `HdrHistogram`
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,

    /// Fail if this is true of the report, such as 'p99 > 50ms' (repeatable); see the conditions below
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<Condition>,

    /// Compare with an earlier report (--json), and say how certain the difference is
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,

    /// Also load this endpoint, in turn with the first one, and compare them
    #[arg(long, value_name = "URL", conflicts_with = "compare")]
    pub(crate) versus: Option<EndpointUrl>,

    /// With --versus, into how many rounds the time is divided
    #[arg(long, value_name = "N", default_value_t = 6, requires = "versus", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) rounds: u16,

    /// Show no progress, and do not say which scheme was assumed
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadArg {
    /// Each connection sends messages, and expects each of them back
    Echo,
    /// One connection publishes to each channel, and all others receive
    FanOut,
    /// Connections are opened and dropped
    Storm,
    /// Connections are opened and held
    Idle,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckArg {
    /// The same as the message that they answer, in order
    #[default]
    Equal,
    /// Any message answers the oldest one without an answer
    Any,
}

/// A stage of the rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StageArg {
    pub(crate) time: Duration,
    pub(crate) rate: f64,
}

/// A range of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThinkArg {
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

impl FromStr for StageArg {
    type Err = String;

    fn from_str(text: &str) -> Result<StageArg, String> {
        let refused = || format!("{text:?} is not a stage; write a time and a rate, such as 10s:20000");
        let (time, rate) = text.split_once(':').ok_or_else(refused)?;
        Ok(StageArg { time: parse_time(time)?, rate: parse_rate(rate)? })
    }
}

impl FromStr for ThinkArg {
    type Err = String;

    fn from_str(text: &str) -> Result<ThinkArg, String> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most) = (parse_time(least)?, parse_time(most)?);
        if least > most {
            return Err(format!("{text:?} begins behind its end"));
        }
        Ok(ThinkArg { least, most })
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    longwire_load::parse_rate(text).ok_or_else(|| {
        format!("{text:?} is not a rate; write how many a second, such as 500, 10k or 10k/s, up to 100M")
    })
}

impl From<EngineArg> for Engine {
    fn from(argument: EngineArg) -> Engine {
        match argument {
            EngineArg::Auto => Engine::Auto,
            EngineArg::Uring => Engine::Uring,
            EngineArg::Readiness => Engine::Readiness,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_thinking_are_read() {
        let stage = StageArg { time: Duration::from_secs(10), rate: 20_000.0 };
        for text in ["10s:20000", "10:20k", "10000ms:20k/s"] {
            assert_eq!(text.parse(), Ok(stage), "{text}");
        }
        let think = ThinkArg { least: Duration::from_millis(50), most: Duration::from_secs(1) };
        assert_eq!("50ms..1s".parse(), Ok(think));
        for text in ["", "10s", "ten:5", "10s:-1", "10s:inf", "10s:many"] {
            assert!(text.parse::<StageArg>().is_err(), "{text}");
        }
        for text in ["", "a", "2s..1s", "1s.."] {
            assert!(text.parse::<ThinkArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let parse = |args: &[&str]| LoadArgs::try_parse_from([&["longwire", "8080"], args].concat());
        for args in [
            &["--rate", "5", "--depth", "1"][..],
            &["--stage", "1s:5", "--depth", "1"],
            &["--stage", "1s:5", "--for", "5s"],
            &["--think", "1s"],
            &["--messages", "a.txt", "--size", "5"],
            &["--binary", "--json-content"],
            &["--rounds", "3"],
            &["--connections", "0"],
            &["--fail-if", "p99"],
            &["--source", "localhost"],
            &["--reopen=soon"],
            &["--unix-socket", "/run/a", "--source", "127.0.0.0/8"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        let args = parse(&["--stage", "1s:5", "--stage", "2s:5", "--rate", "1"]).unwrap();
        assert_eq!((args.url.as_str(), args.pace.stage.len()), ("ws://localhost:8080", 2));
        let parse = |flag| parse(&[flag]).unwrap().reopen;
        assert_eq!(parse("--reopen"), Some(Duration::from_secs(1)));
        assert_eq!(parse("--reopen=50ms"), Some(Duration::from_millis(50)));
    }
}

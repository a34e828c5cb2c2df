//! The arguments of `longwire check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser};

use super::attack::AttackArgs;
use super::certificates::CertificateArgs;
use super::endpoint::RequestArgs;
use super::listen::PortAddr;
use super::proxy_choice::ProxyChoiceArgs;
use super::url::EndpointUrl;
use crate::values::parse_time_above_0;

/// Test a WebSocket server or client, in any language: does it keep the rules of RFC 6455 and RFC 7692?
#[derive(Debug, Parser)]
#[command(override_usage = "longwire check [OPTIONS] <URL>\n       longwire check [OPTIONS] --listen <ADDR>")]
#[command(group(ArgGroup::new("tested").args(["url", "listen", "list"]).required(true).multiple(true)))]
#[command(after_help = "\
Examples:
  longwire check ws://127.0.0.1:8080/echo
  longwire check 127.0.0.1:8080/echo --only closing --only '6455/5.5/*'
  longwire check wss://example.com/feed --header 'Authorization: Bearer 1234' --echo-path /echo
  longwire check ws://127.0.0.1:8080/echo --json > before.json
  longwire check ws://127.0.0.1:8080/echo --baseline before.json --junit check.xml --html check.html
  longwire check --list
  longwire check ws://127.0.0.1:8080/echo --attack --only attack --pid $(pgrep -n my-server)
  longwire check --listen 9001
  longwire check --listen 9001 --only handshake --idle 10s --junit client.xml

With --listen, a client is tested: it connects to the address once for each case, and sends every message back. Each connection \
to / runs the next case, and clients that were written for Autobahn's fuzzing server (/getCaseCount, /runCase, /updateReports) run \
as they are. The run ends when all cases have run, the client asks for the reports, or nobody connects for the time of --idle; \
cases that did not run then make it inconclusive.

The endpoint is measured first: whether it sends messages back, what it compresses, how long a round trip takes. Cases that \
need something it does not offer are `not offered`. A case that breaks a recommendation is `should`; only `fail` fails the run.

Exit code: 0 if no case failed, 1 if one did (or the endpoint serves no more), 2 for wrong arguments, or reports that \
cannot be written, 3 if nothing failed but something is inconclusive, or nothing ran. Ctrl-C stops the run, shows the results so \
far and exits with 130.")]
pub(crate) struct CheckArgs {
    /// The endpoint: ws://… or wss://…
    ///
    /// Without a scheme, ws:// is used for this machine and for ports other than 443, otherwise wss://. Without a host, it
    /// is this machine: `8080/echo`.
    #[arg(value_name = "URL")]
    pub(crate) url: Option<EndpointUrl>,

    /// Test a client, which connects here: host and port; a port alone is one of 127.0.0.1; with --cert and --key, it
    /// connects with wss://
    #[arg(long, value_name = "ADDR", conflicts_with_all = [
        "url", "echo_path", "subprotocol", "header", "jobs", "proxy", "no_proxy", "ca", "insecure",
    ])]
    pub(crate) listen: Option<PortAddr>,

    /// How long --listen goes on without a connection [default: 60s]
    #[arg(long, value_name = "TIME", requires = "listen", conflicts_with = "url", value_parser = parse_time_above_0)]
    pub(crate) idle: Option<Duration>,

    /// Run only the cases of this family, or whose ids begin so or match, with `*` for any characters (repeatable)
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Vec<String>,

    /// List the cases instead of running them; with --json, as a JSON document
    #[arg(long)]
    pub(crate) list: bool,

    /// The path of an endpoint that sends messages back, if it is not that of the URL
    #[arg(long, value_name = "PATH")]
    pub(crate) echo_path: Option<String>,

    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// How many cases run at a time, each on a connection
    #[arg(long, short = 'j', value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,

    /// How long to wait for an answer [default: 50 round trips, and at least 5s; with --listen, 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_time_above_0)]
    pub(crate) patience: Option<Duration>,

    /// Show up to 4,096 bytes of each payload instead of 200 characters, as the other reports do
    #[arg(long, short = 'v', conflicts_with = "json")]
    pub(crate) verbose: bool,

    /// Print the report as a JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress; otherwise, each family and attack has a line on standard error when it has ended, or a bar on a
    /// terminal
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,

    /// Also print a grade from A to F, with its rule; with --json, as `grade` of the document
    #[arg(long)]
    pub(crate) grade: bool,

    /// Also write the report to this file, in the format of JUnit
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Also write the report to this file, as a page with filters that works offline
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Known failures, which do not fail the run: ids, one a line, or an earlier report of --json
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) attacks: AttackArgs,

    #[command(flatten)]
    pub(crate) route: CheckRouteArgs,
}

/// How to reach the endpoint.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Route to the server")]
pub(crate) struct CheckRouteArgs {
    #[command(flatten)]
    pub(crate) proxy: ProxyChoiceArgs,

    #[command(flatten)]
    pub(crate) certificates: CertificateArgs,
}

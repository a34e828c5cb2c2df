//! Command-line arguments.

mod attack;
mod certificates;
mod check;
mod completions;
mod config;
mod connect;
mod demo;
mod endpoint;
mod engine;
mod fault;
mod grep;
mod limits;
pub(crate) mod listen;
mod load;
mod pattern;
pub(crate) mod proxy;
mod proxy_choice;
mod proxying;
mod recording;
mod replay;
mod route;
mod show;
mod token;
mod url;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use longwire::Origin;

use crate::log::LogFormat;
pub(crate) use attack::AttackArgs;
pub(crate) use check::CheckArgs;
pub(crate) use completions::{CompletionsArgs, ManArgs, ShellArg};
pub(crate) use config::{ConfigArgs, ConfigCommand};
pub(crate) use connect::{AtEnd, BinaryFormat, ConnectArgs};
pub(crate) use demo::{DemoArgs, DemoCommand, SensorsArgs};
pub(crate) use engine::EngineArg;
pub(crate) use fault::{After, FaultKind, ProxyFault, Share};
pub(crate) use limits::LimitArgs;
pub(crate) use listen::ListenAddr;
pub(crate) use load::{CheckArg, LoadArgs, PaceArgs, WorkloadArg};
pub(crate) use pattern::TextPattern;
use proxy::{ForwardedHeader, ProxyAddress};
pub(crate) use proxying::{PageOrigin, ProxyArgs};
pub(crate) use recording::RecordingArgs;
pub(crate) use replay::{Pace, ReplayArgs};
pub(crate) use show::ShowArgs;
pub(crate) use token::TokenArgs;
pub(crate) use url::EndpointUrl;

/// Serve, connect to and inspect WebSocket endpoints.
#[derive(Debug, Parser)]
#[command(name = "longwire", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Log lines: LONGWIRE_LOG=longwire=debug (or info, warn, trace). No colour: NO_COLOR=1."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// The arguments of this process. If they are wrong, it ends.
    pub(crate) fn of_process() -> Args {
        Args::of(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// These arguments, the first of which is the program's name.
    pub(crate) fn of(args: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<Args, clap::Error> {
        let matches = Args::command().try_get_matches_from(args)?;
        let mut args = Args::from_arg_matches(&matches)?;
        if let (Command::Serve(serve), Some((_, matches))) = (&mut args.command, matches.subcommand()) {
            let is_given =
                |id: &&clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
            serve.given = matches.ids().filter(is_given).map(|id| id.as_str().to_owned()).collect();
        }
        Ok(args)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Connect(Box<ConnectArgs>),
    Replay(Box<ReplayArgs>),
    Show(ShowArgs),
    Proxy(Box<ProxyArgs>),
    Load(Box<LoadArgs>),
    Check(CheckArgs),
    Config(ConfigArgs),
    Token(TokenArgs),
    Demo(DemoArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Run a real-time server: channels for the client SDKs of Centrifugo and for plain WebSockets, with an HTTP API
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire serve
  longwire serve --config longwire.toml
  longwire serve --listen :443 --tls-cert cert.pem --tls-key key.pem --origin https://app.example.com

Endpoints:
  /                      the gallery of the demos
  /demo/{name}           the demos; they are off with --no-demo, and with keys for tokens or channels in a configuration
  /yjs/{name}            a document for Yjs, by its provider y-websocket; on and off with the demos
  /connection/websocket  channels, for the client SDKs of Centrifugo, as JSON or protobuf
  /channel/{name}        a channel, for plain WebSockets
  /socket.io/            channels, for clients of Socket.IO
  /api/{method}          the API for back ends, with a key of the configuration
  /admin                 with --admin: the page for operators, with a password of the configuration
  /echo                  sends every message back unchanged
  /ticker                server statistics, once a second, as JSON
  /health                200 while the server runs
  /health/ready          200 while it reaches its broker, too
  /metrics               with --metrics: metrics in the Prometheus text format

Without a configuration, everybody may use the channels whose names begin with `demo:`. `longwire config example` prints \
every key of a configuration. A flag goes before an environment variable, that before the file.

Ctrl-C (or SIGTERM) closes every connection, clients of the hub with 3001 and others with 1001, and waits up to 10 s for \
the last; a second one stops immediately. Many connections are closed over up to 20 s ([shutdown] in the file).
SIGHUP reloads the certificate, and of the configuration tokens, secrets, namespaces and hooks, without dropping connections. \
If loading fails, the current ones stay in use.")]
pub(crate) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// For development: clients need no token, and everybody may do everything in every channel
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Serve the page for operators at /admin
    ///
    /// It needs a password or a token: `password` or `token` in [admin] of the configuration, or the environment variable
    /// `LONGWIRE_ADMIN_PASSWORD` or `LONGWIRE_ADMIN_TOKEN`. With --insecure, it also works without.
    #[arg(long)]
    pub(crate) admin: bool,

    /// The flags that the command line has.
    #[arg(skip)]
    pub(crate) given: BTreeSet<String>,

    /// Where to listen: host and port, such as `localhost:8080` (repeatable) [default: 127.0.0.1:8080]
    ///
    /// A port alone, such as `8080`, listens on 127.0.0.1, which only this machine can reach. `:8080` listens on that
    /// port of every IPv4 and IPv6 address of this machine, a name on all of its addresses. Write an IPv6 address in
    /// brackets, as in `[::1]:8080`. Port 0 picks any free port.
    ///
    /// `unix:/run/longwire/socket` is a Unix socket. Its file has mode 0660; it replaces that of a server that has
    /// ended, and is removed at the end. `systemd` means the sockets that the program was started with, `systemd:web`
    /// those named `web`. If there are any, `systemd` is the default.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<ListenAddr>,

    /// The certificate chain for https:// and wss://, in PEM format
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM format
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Also accept pages from this origin, such as `https://example.com` or `https://*.example.com` (repeatable)
    ///
    /// Browsers send the origin of the page. Pages from this server and programs other than browsers may always
    /// connect. `*.` matches every host below the domain that follows, but not the domain itself.
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Vec<Origin>,

    /// A reverse proxy terminates TLS: accept pages of this host from https://, and not from http://
    ///
    /// The proxy must pass on the Host header that the browser sent. --tls-cert implies this.
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_tls_proxy: bool,

    /// A reverse proxy that names the address of clients: an address, a network such as `10.0.0.0/8`, or `unix` (repeatable)
    ///
    /// Logs, hooks and --max-connections-per-ip then use the address that it names. `unix` stands for everybody who can
    /// connect to a Unix socket of the server.
    #[arg(long, value_name = "ADDR")]
    pub(crate) trusted_proxy: Vec<ProxyAddress>,

    /// The header in which trusted proxies name the client [default: x-forwarded-for]
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) forwarded_header: Option<ForwardedHeader>,

    /// Expect the PROXY protocol, version 1 or 2, on connections from trusted proxies
    #[arg(long)]
    pub(crate) proxy_protocol: bool,

    /// Do not compress messages, even for clients that offer it
    #[arg(long)]
    pub(crate) no_compression: bool,

    /// How the server does I/O: with io_uring where the system allows it, or with readiness (epoll, kqueue)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: EngineArg,

    /// Number of event loops, each on its own thread, up to 1024 [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,

    /// Serve metrics at /metrics, in the Prometheus text format
    ///
    /// Anyone who can reach the server can read them. They show how many connections are open, how many were refused
    /// and why, and how much traffic there is. Behind a reverse proxy, restrict access to /metrics there.
    #[arg(long)]
    pub(crate) metrics: bool,

    /// Leave out the demos: the gallery at /, and the pages and endpoints below /demo
    #[arg(long)]
    pub(crate) no_demo: bool,

    /// Do not answer clients of Socket.IO at /socket.io/
    #[arg(long)]
    pub(crate) no_socketio: bool,

    /// How log lines are written on standard error: for people, or as a JSON document per line [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log_format: Option<LogFormat>,

    /// Log a line for each connection when it ends: who, from where, how long, how much, and why it ended
    #[arg(long)]
    pub(crate) access_log: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_text_of_help_has_what_is_printed_as_a_line_break() {
        let mut commands = vec![Args::command()];
        while let Some(command) = commands.pop() {
            let ends = [command.get_about(), command.get_long_about(), command.get_after_help()];
            let helps = command.get_arguments().flat_map(|arg| [arg.get_help(), arg.get_long_help()]);
            for text in ends.into_iter().chain(helps).flatten() {
                assert!(!text.to_string().contains("{n}"), "{}: {text}", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let parse = |args: &[&str]| Args::try_parse_from([&["longwire", "serve"], args].concat());
        assert!(parse(&["--tls-cert", "cert.pem"]).is_err());
        assert!(parse(&["--tls-key", "key.pem"]).is_err());
        assert!(parse(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]).is_ok());
    }
}

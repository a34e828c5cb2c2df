//! What the user may ask for.

mod limits;
mod listen;
mod route;
mod url;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use http::{HeaderName, HeaderValue};
use longwire::{Engine, Origin};

pub(crate) use limits::LimitArgs;
pub(crate) use listen::ListenAddr;
pub(crate) use route::RouteArgs;

/// Serve, connect to and look into WebSocket endpoints.
#[derive(Debug, Parser)]
#[command(name = "longwire", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Log lines: LONGWIRE_LOG=longwire=debug (or info, warn, trace). No colour: NO_COLOR=1."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Connect(ConnectArgs),
}

/// Run a WebSocket server: echo, channels, and a page to try them.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire serve
  longwire serve --listen :443 --tls-cert cert.pem --tls-key key.pem --origin https://app.example.com

Endpoints:
  /                the page, with a chat and a live ticker
  /echo            sends every message back as it came
  /channel/{name}  sends each message to all others in the channel
  /ticker          what the server does, once a second, as JSON
  /metrics         with --metrics: what is counted, as Prometheus reads it

Ctrl-C (or SIGTERM) closes every connection with 1001 and waits up to 10 s; a second one ends at once.
SIGHUP reads the certificate and its key again; connections go on. If they are not usable, those in use stay.")]
pub(crate) struct ServeArgs {
    /// The address to listen on: host and port, such as `localhost:8080`; port 0 takes any that is free
    ///
    /// A port alone, such as `8080`, is that of 127.0.0.1, which only this machine reaches. `:8080` is that port of every
    /// address of this machine, of IPv4 and IPv6. An IPv6 address stands in brackets, as in `[::1]:8080`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: ListenAddr,

    /// The certificate chain for https:// and wss://, as PEM
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key that belongs to the certificate, as PEM
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let pages of this origin connect too, such as `https://example.com` or `https://*.example.com` (repeatable)
    ///
    /// Browsers send the origin of the page along. Pages of this server itself may always connect, and so may programs
    /// that are no browsers. `*.` stands for all hosts below the one that follows, and not for that itself.
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Vec<Origin>,

    /// A reverse proxy ends TLS before this server: pages of https:// are its own, and those of http:// are not
    ///
    /// The proxy has to pass on the Host that the browser sent. With --tls-cert it is so without this flag.
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_tls_proxy: bool,

    /// Do not compress messages, even for clients that offer it
    #[arg(long)]
    pub(crate) no_compression: bool,

    /// What moves the bytes: io_uring where the system has it and allows it, or readiness (epoll, kqueue)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: EngineArg,

    /// How many event loops to run, each on a thread of its own, up to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,

    /// Show what is counted at /metrics, as Prometheus reads it
    ///
    /// Whoever can reach the server can read it, and sees how many connections there are, how many were refused and
    /// why, and how much is said: off unless asked for. Behind a reverse proxy, let the proxy keep it from others.
    #[arg(long)]
    pub(crate) metrics: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What moves the bytes, as the user names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    #[default]
    Auto,
    Uring,
    Readiness,
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

/// Connect to a WebSocket: each line of standard input is sent, each message is printed
///
/// On a terminal, lines can be edited, and the arrow keys recall earlier ones. A text is printed as a line; what is binary
/// is printed byte by byte as it came, without anything between messages (a terminal shows its first bytes instead).
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire connect ws://127.0.0.1:8080/echo
  longwire connect 127.0.0.1:8080/echo
  echo hello | longwire connect ws://127.0.0.1:8080/echo --count 1
  longwire connect wss://example.com/feed --header 'Authorization: Bearer 1234' --subprotocol feed.v2 -v
  longwire connect wss://example.com/feed --proxy http://user:password@proxy.example:3128
  longwire connect wss://example.com/feed --cert me.pem --key me.key --location
  longwire connect ws://localhost/events --unix-socket /run/app.sock
  longwire connect wss://example.com/feed --reconnect --tries 10

The end of a file or pipe closes the connection with 1000 when everything has been sent; what the server still says \
before it answers that is printed. With --count or --reconnect the connection stays, and messages are printed until \
there were as many, or the server closes. --at-end close and --at-end stay say so in every case. Ctrl-D on a terminal \
closes.

What can be set in several ways: --header comes before a flag of its own (--user), and that before the URL. Of a header \
that a request has once (Authorization, Origin, User-Agent, Referer, From) the last one counts; cookies are joined; \
others are sent each. Host comes from the URL and subprotocols from --subprotocol: they, Upgrade, Connection, \
Content-Length, Transfer-Encoding and Sec-WebSocket-* cannot be set by --header.

Ctrl-C, SIGTERM and SIGHUP close with 1001; a second one ends at once, with exit code 130.
Exit code: 0 after a normal end (close code 1000, 1001 or none), 1 after any other, 2 for a call that makes no sense.")]
pub(crate) struct ConnectArgs {
    /// Where to connect: ws://… or wss://…; without a scheme ws:// is assumed, without a host this machine
    #[arg(value_name = "URL", value_parser = |text: &str| Ok::<_, String>(url::complete(text)))]
    pub(crate) url: String,

    /// Offer this subprotocol (repeatable, the preferred one first)
    #[arg(long, short = 's', value_name = "NAME")]
    pub(crate) subprotocol: Vec<String>,

    /// Add a header to the request (repeatable); which one counts is said below
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// Send binary messages instead of text: each line with its end, or as --raw and --chunk say
    ///
    /// Nothing is left out or added: all messages together are the input. (A line that is edited on a terminal has no end.)
    #[arg(long, short = 'b')]
    pub(crate) binary: bool,

    /// Send the whole input as one message, when it has ended
    #[arg(long, conflicts_with = "chunk")]
    pub(crate) raw: bool,

    /// Send a binary message for every N bytes of the input, and one for what is left
    #[arg(long, value_name = "N", requires = "binary")]
    pub(crate) chunk: Option<NonZeroUsize>,

    /// What the end of a file or pipe does to the connection [default: close; with --count or --reconnect: stay]
    #[arg(long, short = 'E', value_name = "WHAT", value_enum)]
    pub(crate) at_end: Option<AtEnd>,

    /// Close after this many messages have been received
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Connect again when the connection breaks, until the server closes it for good; the end of the input closes nothing
    ///
    /// Between tries there is a random wait of up to 250 ms, which doubles with each, up to 30 s. Lines that are typed
    /// meanwhile are sent on the next connection. Every change is told on standard error.
    #[arg(long)]
    pub(crate) reconnect: bool,

    /// Give up after so many tries in a row [default: never]
    #[arg(long, value_name = "N", requires = "reconnect", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: Option<u32>,

    /// Do not offer to compress messages
    #[arg(long)]
    pub(crate) no_compression: bool,

    /// Show on standard error how the connection is made (address, TLS, request, response), and every frame
    ///
    /// Each line begins with the seconds since the start. Values that tell who asks are not shown.
    #[arg(long, short = 'v')]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) route: RouteArgs,
}

/// What the end of standard input does to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtEnd {
    /// It is closed with 1000, when everything has been sent
    Close,
    /// It stays, and messages are printed
    Stay,
}

fn parse_header(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = line.split_once(':').ok_or("a header is a name, a colon and a value")?;
    let name = name.trim().parse().map_err(|_| format!("{:?} is not the name of a header", name.trim()))?;
    let value = value.trim().parse().map_err(|_| "the value has characters that a header cannot have")?;
    Ok((name, value))
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
    fn a_header_is_split_at_its_first_colon() {
        let (name, value) = parse_header("X-Time: 12:30").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-time", "12:30"));
        assert_eq!(parse_header("X-Empty:").unwrap().1, "");
    }

    #[test]
    fn what_is_no_header_is_said() {
        assert_eq!(parse_header("no colon").unwrap_err(), "a header is a name, a colon and a value");
        assert_eq!(parse_header("a b: c").unwrap_err(), r#""a b" is not the name of a header"#);
        assert!(parse_header("a: b\r\nc: d").unwrap_err().contains("characters"));
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let parse = |args: &[&str]| Args::try_parse_from([&["longwire", "serve"], args].concat());
        assert!(parse(&["--tls-cert", "cert.pem"]).is_err());
        assert!(parse(&["--tls-key", "key.pem"]).is_err());
        assert!(parse(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]).is_ok());
    }
}

//! The arguments of `longwire connect`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::endpoint::EndpointArgs;
use super::pattern::{PatternForm, TextPattern};
use super::recording::RecordingArgs;
use crate::failure::Failure;
use crate::values::{parse_time, parse_time_above_0};

/// Connect to a WebSocket: send each line of standard input, print each message
///
/// On a terminal, you can edit lines and recall earlier ones with the arrow keys, also those of earlier runs. /help lists
/// commands, which the Tab key completes. JSON is shown in colours, and indented if it is long (spaces are neither added nor
/// left out within a line), other text with its line breaks, binary messages as a hex dump. Pasted lines are one message,
/// which the Enter key sends.
///
/// In a pipe, a text message is printed as a line. A binary message is printed byte for byte, with no separator between
/// messages, unless --binary-format says otherwise.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire connect ws://127.0.0.1:8080/echo
  longwire connect 127.0.0.1:8080/echo -x '{\"subscribe\":\"news\"}'
  echo hello | longwire connect ws://127.0.0.1:8080/echo --count 1
  longwire connect wss://example.com/feed -x hello --expect '\"ok\":true' --timeout 5 < /dev/null
  longwire connect wss://example.com/feed --header 'Authorization: Bearer 1234' --subprotocol feed.v2 -v
  longwire connect wss://example.com/feed --json --at-end stay < /dev/null | jq .data
  longwire connect wss://example.com/feed --record feed.har
  longwire connect wss://example.com/feed --exec jq -r .price
  longwire connect wss://example.com/feed --proxy http://user:password@proxy.example:3128
  longwire connect wss://example.com/feed --cert me.pem --key me.key --location
  longwire connect ws://localhost/events --unix-socket /run/app.sock
  longwire connect wss://example.com/feed --reconnect --tries 10

The end of a file or pipe closes the connection with 1000 once everything has been sent and no message has passed for a \
second, so that answers are printed; if nothing was sent, it closes at once. --wait 5 is for slower answers, and --count 1 \
ends with the first one. With --count, --expect or --reconnect the connection stays open, and messages are \
printed until the count is reached, a message matches, or the server closes. --at-end close and --at-end stay override \
these defaults. Ctrl-D on a terminal closes.

With --json, each line of output is an object: `{\"direction\":\"received\",\"time\":\"2026-01-31T12:00:00.000Z\",\
\"opcode\":\"text\",\"data\":\"hello\"}`. The opcode is `text`, `binary`, `ping`, `pong` or `close`; `data` of binary \
messages and of pings is in the encoding that `encoding` names; a `close` has `code` and `reason`. Each line of input \
is such an object, of which `opcode` (default `text`) and `data` matter.

Where several flags set the same thing, --header overrides a dedicated flag (--user), which overrides the URL. If a \
request has a header once (Authorization, Origin, User-Agent, Referer, From), its last value wins; cookies are joined; \
other headers are all sent. Host comes from the URL and subprotocols from --subprotocol. --header cannot set them, nor \
Upgrade, Connection, Content-Length, Transfer-Encoding and Sec-WebSocket-*.

Lines that are typed on a terminal are kept for the next run in ~/.local/state/longwire/history, which only you can read, \
except those that begin with a space. The environment variable LONGWIRE_HISTORY names another file; empty, it keeps none.

Ctrl-C, SIGTERM and SIGHUP close with 1001; a second one stops immediately, with exit code 130.
Exit codes:
  0  a normal end (close code 1000, 1001 or none), or what --count or --expect waited for has arrived
  1  any other end: another close code, a lost connection, input that was not sent, a command of --exec that failed
  2  wrong arguments
  3  unreachable: the name, the TCP connection or the proxy failed
  4  TLS failed
  5  refused: the server's response does not open a WebSocket
  6  the server broke the protocol
  7  a phase of connecting, or the run as a whole (--timeout), took too long
  8  no message matched --expect, or the connection ended before --count messages had arrived")]
pub(crate) struct ConnectArgs {
    /// Send this message before the input (repeatable)
    #[arg(long = "send", short = 'x', value_name = "MESSAGE")]
    pub(crate) send: Vec<String>,

    /// Send this file as one message before the input (repeatable): text, with --binary binary
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Vec<PathBuf>,

    /// Send binary messages instead of text: one for each line, or as set by --raw or --chunk
    ///
    /// Each message includes its line ending, so all messages together equal the input. (A line edited on a terminal
    /// has no line ending.)
    #[arg(long, short = 'b')]
    pub(crate) binary: bool,

    /// Send the whole input as one message when it ends
    #[arg(long, conflicts_with = "chunk")]
    pub(crate) raw: bool,

    /// Send a binary message for every N bytes of the input, and one for the remainder
    #[arg(long, value_name = "N", requires = "binary")]
    pub(crate) chunk: Option<NonZeroUsize>,

    /// Read and print JSON, an object per line; see below
    #[arg(long, conflicts_with_all = ["binary", "raw", "chunk"])]
    pub(crate) json: bool,

    /// How binary messages are printed: byte for byte, or as a line [default: raw; with --json: base64]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) binary_format: Option<BinaryFormat>,

    /// Print the time before each message (UTC)
    #[arg(long, short = 't')]
    pub(crate) timestamps: bool,

    /// What the end of a file or pipe does to the connection [default: close; with --count, --expect or --reconnect: stay]
    #[arg(long, short = 'E', value_name = "WHAT", value_enum)]
    pub(crate) at_end: Option<AtEnd>,

    /// Wait this long between the end of the input and closing [default: until nothing has arrived for a second]
    ///
    /// With 0, the connection is closed at once.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) wait: Option<Duration>,

    /// End after this time, with exit code 7, if nothing else has ended the connection
    #[arg(long, value_name = "TIME", value_parser = parse_time_above_0)]
    pub(crate) timeout: Option<Duration>,

    /// Close after receiving this many messages; if fewer arrive before the end, the exit code is 8
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Close when a text message matches this regular expression; if none does before the end, the exit code is 8
    ///
    /// It is matched with the text as it was sent, before JSON is indented.
    #[arg(long, value_name = "REGEX")]
    pub(crate) expect: Option<String>,

    /// Take the text of --expect as it is, not as a regular expression
    #[arg(long, short = 'F', requires = "expect")]
    fixed: bool,

    /// Run this program for each message instead of printing it: all arguments that follow belong to the program
    ///
    /// The message is its standard input, and `LONGWIRE_OPCODE` is `text` or `binary`. `{}` in an argument stands for a
    /// text message. No shell is involved, so nothing in a message is interpreted; but write `--` before `{}`, since a
    /// message may begin with a dash. One program runs at a time. Its failure is reported, and ends with exit code 1.
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true, conflicts_with_all = ["json", "binary_format"])]
    pub(crate) exec: Vec<String>,

    #[command(flatten)]
    pub(crate) recording: RecordingArgs,

    /// Reconnect whenever the connection breaks, until the server closes it for good
    ///
    /// The end of the input does not close the connection. The program waits a random time of up to 250 ms before the
    /// first attempt; the maximum doubles with each attempt, up to 30 s. Lines typed while disconnected are sent on the
    /// next connection. Every change of state is reported on standard error.
    #[arg(long)]
    pub(crate) reconnect: bool,

    /// Give up after this many attempts in a row that opened no connection, or one that held for less than 10 s [default: never]
    #[arg(long, value_name = "N", requires = "reconnect", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: Option<u32>,

    /// Do not offer to compress messages
    #[arg(long)]
    pub(crate) no_compression: bool,

    /// Show on standard error how the connection is made (address, TLS, request, response), and every frame
    ///
    /// Each line begins with the seconds since the start. Credentials are not shown.
    #[arg(long, short = 'v')]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
}

impl ConnectArgs {
    /// What a message has to match, if one is waited for.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it is not a regular expression.
    pub(crate) fn expected(&self) -> Result<Option<TextPattern>, Failure> {
        let form = PatternForm::of(self.fixed);
        self.expect.as_deref().map(|text| TextPattern::new("--expect", text, form)).transpose()
    }
}

/// What the end of standard input does to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtEnd {
    /// Close it with 1000 once everything has been sent and answers have had their time (see --wait)
    Close,
    /// Keep it open and go on printing messages
    Stay,
}

/// How binary messages are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BinaryFormat {
    /// Byte for byte, with nothing between messages
    Raw,
    /// A line of hexadecimal digits
    Hex,
    /// A line of base64
    Base64,
}

//! The arguments of `longwire proxy`.

use std::str::FromStr;

use clap::Parser;

use super::endpoint::EndpointArgs;
use super::fault::ProxyFault;
use super::grep::GrepArgs;
use super::listen::PortAddr;
use super::recording::RecordingArgs;

/// Stand between clients and an endpoint: show every frame of both directions, record, and make faults on purpose
///
/// Clients connect to --listen instead of the endpoint. Everything is passed on unchanged: handshake, fragments, masks,
/// control frames and compressed data. Compressed messages are shown inflated. Plain HTTP is passed on, too, so a page of
/// the server works through the proxy.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire proxy --listen 9000 wss://example.com/feed
  longwire proxy --listen 9000 8080/echo --page 9001
  longwire proxy --listen 9000 8080/echo --fault 'delay 200ms' --fault 'cut after 30s'
  longwire proxy --listen 9000 8080/echo --fault 'drop 5% from server' --grep price
  longwire proxy --listen 9000 wss://example.com/feed --record feed.har

A request for / goes to the path of URL, any other to the same path of the server. Host is that of the server, and an \
Origin that names the proxy becomes that of the server; other headers stay as they are, except for those of --header, \
which replace them.

A request is refused with 403 unless its Host is an IP address, localhost or the name in --listen: another site can point \
its own name at the proxy, and would read the answers. With --header, --user or --cert, pages of other origins are \
refused, too, because the server would take them for you; --allow-origin allows them.

Faults, each for both directions unless `from client` or `from server` follows:
  delay 200ms                                everything arrives later
  drop 5%, drop every 10                     messages are left out (then compression is not offered to the server)
  corrupt 1%, corrupt every 100              the highest bit of a message's first byte is turned over
  cut after 30s, cut after 10 messages       both TCP connections end without a Close frame

With --record, the first connection is recorded in FILE.har, the next ones in FILE-2.har, FILE-3.har and so on, up to \
1,000. If one of these files exists, nothing begins, unless --overwrite is given.

Ctrl-C ends all connections and the program, with exit code 0; recordings say so. Exit code 1: cannot listen or record; 2: wrong arguments.")]
pub(crate) struct ProxyArgs {
    /// Where clients connect: host and port; a port alone is one of 127.0.0.1, which only this machine can reach
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub(crate) listen: PortAddr,

    /// Serve a page here that shows messages live, like the tool of a browser
    #[arg(long, value_name = "ADDR")]
    pub(crate) page: Option<PortAddr>,

    /// Make a fault on purpose (repeatable); see below
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<ProxyFault>,

    #[command(flatten)]
    pub(crate) grep: GrepArgs,

    /// Print long JSON indented, a line for each element, and other text with its line breaks, instead of as it was sent
    #[arg(long)]
    pub(crate) pretty: bool,

    #[command(flatten)]
    pub(crate) recording: RecordingArgs,

    /// With --header, --user or --cert: let pages of this origin use the proxy, too (repeatable); `any` for all
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<PageOrigin>,

    /// Do not let the client offer compression to the server
    #[arg(long)]
    pub(crate) no_compression: bool,

    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
}

/// The origin of pages that may use the credentials that the proxy adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageOrigin {
    Any,
    /// As a browser writes it, such as `http://localhost:3000`.
    Only(String),
}

impl PageOrigin {
    pub(crate) fn admits(&self, origin: &str) -> bool {
        match self {
            PageOrigin::Any => true,
            PageOrigin::Only(only) => only.eq_ignore_ascii_case(origin),
        }
    }
}

impl FromStr for PageOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<PageOrigin, String> {
        if text == "any" {
            return Ok(PageOrigin::Any);
        }
        let origin = text.strip_suffix('/').unwrap_or(text);
        match origin.split_once("://") {
            Some((scheme, host)) if !scheme.is_empty() && !host.is_empty() && !host.contains('/') => {
                Ok(PageOrigin::Only(origin.to_owned()))
            }
            _ => Err("an origin is scheme and host, such as http://localhost:3000, or any".to_owned()),
        }
    }
}

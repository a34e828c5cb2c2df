//! The arguments of `longwire show`.

use std::path::PathBuf;

use clap::Parser;

use super::grep::GrepArgs;

/// Print the WebSocket connections of a recording
///
/// The recording is a HAR file of `longwire connect --record`, `longwire proxy --record`, Chrome, Playwright or mitmproxy. (Firefox exports no
/// messages.) A message is printed as it was sent, on one line, so that what you copy can be searched for with --grep. `*` is how
/// the connection ended, if the recording says it.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire show feed.har
  longwire show feed.har --entry 2 --grep error
  longwire show feed.har --headers")]
pub(crate) struct ShowArgs {
    /// The recording
    #[arg(value_name = "HAR")]
    pub(crate) file: PathBuf,

    /// Only this one of the recorded connections, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) entry: Option<u32>,

    #[command(flatten)]
    pub(crate) grep: GrepArgs,

    /// Show long JSON indented, a line for each element, and other text with its line breaks, instead of as it was sent
    #[arg(long)]
    pub(crate) pretty: bool,

    /// The headers of the opening handshake, too
    #[arg(long)]
    pub(crate) headers: bool,
}

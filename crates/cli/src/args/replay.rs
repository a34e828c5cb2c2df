//! The arguments of `longwire replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::endpoint::EndpointArgs;
use super::pattern::{PatternForm, TextPattern};
use crate::failure::Failure;
use crate::values::parse_time_above_0;

/// Send the messages of a recording to an endpoint, and compare its answers with the recorded ones
///
/// The recording is a HAR file of `longwire connect --record`, `longwire proxy --record`, Chrome, Playwright or mitmproxy. (Firefox exports no
/// messages.)
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire replay feed.har ws://127.0.0.1:8080/feed
  longwire replay feed.har staging.example.com/feed --pace answers --ignore '\"time\":[0-9]+'
  longwire replay feed.har 8080/feed --speed 10

Messages that differ are shown like the lines of `diff`: - was recorded, + arrived now. Once as many messages have arrived as \
were recorded, or when --wait is over after the last message that was sent, the connection is closed as the client closed the \
recorded one, or with 1000. If the server closed the recorded one, it is waited for, and another code or reason is a difference. \
The request is that of the flags, not that of the recording: it has none of its headers.

Ctrl-C ends the replay and shows what has been compared so far.
Exit codes: 0 if messages and end were the same, 1 if not or if the connection ended early, 2 for wrong arguments; 3 to 7 as for \
`longwire connect`; 130 if it was interrupted.")]
pub(crate) struct ReplayArgs {
    /// The recording
    #[arg(value_name = "HAR")]
    pub(crate) file: PathBuf,

    /// Which of the recorded connections, counted from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) entry: u32,

    /// When a message is sent
    #[arg(long, value_enum, value_name = "PACE", default_value = "clock")]
    pub(crate) pace: Pace,

    /// How many times as fast as recorded, with --pace clock [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = parse_factor)]
    speed: Option<f64>,

    /// How long to wait for answers: before each message with --pace answers, and after the last one
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time_above_0)]
    pub(crate) wait: Duration,

    /// Leave what matches this regular expression out of the comparison, such as times and ids (repeatable)
    ///
    /// It is matched with the text as it was sent, which is also what is shown without --pretty.
    #[arg(long, value_name = "REGEX")]
    ignore: Vec<String>,

    /// Take the text of --ignore as it is, not as a regular expression
    #[arg(long, short = 'F', requires = "ignore")]
    fixed: bool,

    /// Show long JSON indented, a line for each element, and other text with its line breaks, instead of as it was sent
    #[arg(long)]
    pub(crate) pretty: bool,

    #[command(flatten)]
    pub(crate) endpoint: EndpointArgs,
}

impl ReplayArgs {
    /// How many times as fast as recorded.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if the pace is not that of the clock.
    pub(crate) fn speed(&self) -> Result<f64, Failure> {
        match self.speed {
            Some(_) if self.pace != Pace::Clock => {
                Err(Failure::Usage("--speed has an effect with --pace clock only".to_owned()))
            }
            speed => Ok(speed.unwrap_or(1.0)),
        }
    }

    /// What is left out of the comparison.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if something of it is not a regular expression.
    pub(crate) fn ignored(&self) -> Result<Vec<TextPattern>, Failure> {
        let form = PatternForm::of(self.fixed);
        self.ignore.iter().map(|text| TextPattern::new("--ignore", text, form)).collect()
    }
}

/// When a recorded message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// As long after the beginning as in the recording
    Clock,
    /// When as many messages have arrived as in the recording
    Answers,
    /// At once
    Max,
}

fn parse_factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (1e-3..=1e6).contains(factor));
    factor.ok_or_else(|| "a factor is a number from 0.001 to 1000000".to_owned())
}

//! The log on standard error: text for people, or a JSON document per line for programs.
//!
//! What comes from the wire can neither break a line nor steer a terminal, in both formats.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Deserialize;
use tracing::Level;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::terminal;

/// The variable that goes before every other setting of the filter.
pub(crate) const VARIABLE: &str = "LONGWIRE_LOG";

/// The target of what the program says whatever the filter is.
pub(crate) const NOTICE: &str = "longwire::notice";

/// The target of the access log.
pub(crate) const ACCESS: &str = "longwire::access";

/// How the log is written. Set when it starts.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Which lines are written: a level, or levels by target, as in `warn,longwire=debug`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogFilter(Targets);

/// What is written to the log, and how.
#[derive(Debug, Default)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) filter: LogFilter,
    /// Whether there is a line for each connection.
    pub(crate) access: bool,
}

/// How severe a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Info,
    Warning,
    Error,
}

impl Default for LogFilter {
    fn default() -> LogFilter {
        LogFilter(Targets::new().with_default(Level::WARN))
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFilter, String> {
        for part in text.split(',') {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            if level.is_empty() || level.parse::<LevelFilter>().is_err() {
                return Err(format!(
                    "{level:?} is not a level: write error, warn, info, debug or trace, by itself or for a \
                     target, as in \"warn,longwire=debug\""
                ));
            }
        }
        text.parse().map(LogFilter).map_err(|error| format!("{text:?} is not a filter: {error}"))
    }
}

/// Writes log lines to standard error from now on. `LONGWIRE_LOG` selects them before the settings do.
pub(crate) fn start(settings: &LogSettings) {
    let LogFilter(filter) = filter_of_variable().unwrap_or_else(|| settings.filter.clone());
    let access = if settings.access { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = filter.with_target(NOTICE, Level::INFO).with_target(ACCESS, access);
    let format = *FORMAT.get_or_init(|| settings.format);
    let lines = tracing_subscriber::fmt::layer();
    let lines = match format {
        LogFormat::Text => lines
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .with_writer(TextLine::default)
            .with_ansi(terminal::colour_on(io::stderr().is_terminal()))
            .with_target(false)
            .boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_span_list(false).with_writer(JsonLine::default).boxed()
        }
    };
    // Only the first log of a process counts.
    let _second = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}

/// Says something that the operator reads whatever the filter is: a line for people, or a document of the log.
pub(crate) fn notice(severity: Severity, line: &str) {
    if !is_json() {
        return terminal::complain(line);
    }
    match severity {
        Severity::Info => tracing::info!(target: NOTICE, "{line}"),
        Severity::Warning => tracing::warn!(target: NOTICE, "{line}"),
        Severity::Error => tracing::error!(target: NOTICE, "{line}"),
    }
}

/// Whether the log consists of JSON documents.
pub(crate) fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

fn filter_of_variable() -> Option<LogFilter> {
    let text = std::env::var(VARIABLE).ok()?;
    let filter = text.parse::<Targets>();
    if let Err(error) = &filter {
        terminal::complain(&format!("longwire: ignoring {VARIABLE}, which is not a valid filter: {error}"));
    }
    filter.ok().map(LogFilter)
}

/// Writes a field of a line for people.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = terminal::escape(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&value),
        name => write!(writer, "{name}={value}"),
    }
}

/// A line for people. It is written when it is dropped, above a line that is being edited.
#[derive(Debug, Default)]
struct TextLine(Vec<u8>);

/// A JSON document, which is written when it is dropped.
#[derive(Debug, Default)]
struct JsonLine(Vec<u8>);

impl io::Write for TextLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Write for JsonLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TextLine {
    fn drop(&mut self) {
        terminal::complain(String::from_utf8_lossy(&self.0).trim_end_matches('\n'));
    }
}

impl Drop for JsonLine {
    fn drop(&mut self) {
        let mut line = seen(String::from_utf8_lossy(&self.0).trim_end_matches('\n'));
        line.push('\n');
        // The program goes on if nobody reads there.
        let _unread = io::stderr().write_all(line.as_bytes());
    }
}

/// Escapes what JSON lets stand as it is, and what still steers a terminal. It can only stand in strings.
fn seen(document: &str) -> String {
    let mut line = String::with_capacity(document.len());
    for character in document.chars() {
        if terminal::is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_levels_by_target() {
        for text in ["warn", "info,longwire_hub=debug", "off", "longwire::notice=error"] {
            assert_eq!(text.parse::<LogFilter>(), Ok(LogFilter(text.parse().unwrap())));
        }
        // It would be a target.
        for text in ["wran", "", "warn,hub", "longwire=loud"] {
            assert!(text.parse::<LogFilter>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_document_has_no_character_that_cannot_be_seen() {
        let value = serde_json::json!({ "path": "\u{9b}31m\u{202e}\n\u{2028}\u{e0041}κ" });
        let line = seen(&value.to_string());
        assert_eq!(line, r#"{"path":"\u009b31m\u202e\n\u2028\udb40\udc41κ"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }
}

//! Reads HAR files. They may come from anybody: what is wrong is an error, and memory is bounded by the file's length.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire::{CloseCode, Direction, Message};
use serde_json::Value;

use super::document::{Har, RawClose, RawEntry, RawHeader, RawMessage};
use super::ending::parsed;
use super::recording::{RecordedEnd, RecordedMessage, Recording};

/// The longest file, in bytes.
const MAX_LEN: u64 = 512 << 20;

/// The longest time between the first and the last message: a wrong clock must not make a replay wait for ever.
const MAX_TIME: f64 = 30.0 * 24.0 * 3600.0;

/// The first byte of a file that zlib has compressed (RFC 1950 §2.2): mitmproxy's `.zhar`.
const ZLIB: u8 = 0x78;

const TEXT: i64 = 1;
const BINARY: i64 = 2;
const CLOSE: i64 = 8;

/// The WebSocket connections in a file.
///
/// # Errors
///
/// A sentence that names the file, and the place in it where possible: it cannot be read, is not a HAR file, is too long, has
/// no WebSocket connection, or a message is invalid.
pub(crate) fn read(path: &Path) -> Result<Vec<Recording>, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot read {name}: {error}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_LEN) {
        return Err(format!("{name} is longer than {} MiB", MAX_LEN >> 20));
    }
    parse(&bytes).map_err(|error| format!("{name}: {error}"))
}

fn parse(bytes: &[u8]) -> Result<Vec<Recording>, String> {
    // RFC 8259 §8.1 lets a reader skip a byte order mark, which some programs write.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.first() == Some(&ZLIB) {
        return Err("this file is compressed; mitmproxy compresses none whose name ends in .har".to_owned());
    }
    let har: Har =
        serde_json::from_slice(bytes).map_err(|error| format!("this is not a HAR file: {error}"))?;
    let mut recordings = Vec::new();
    for connection in har.log.entries {
        let number = recordings.len() + 1;
        recordings.push(recording(connection).map_err(|error| format!("connection {number}: {error}"))?);
    }
    if recordings.is_empty() {
        return Err(
            "there is no WebSocket connection in this file; browsers record only those that begin while \
                    their network tab is open"
                .to_owned(),
        );
    }
    Ok(recordings)
}

fn recording(entry: RawEntry) -> Result<Recording, String> {
    let RawEntry { started, request, response, messages: raw, close } = entry;
    let has_messages = raw.is_some();
    let mut contents = Contents::default();
    for (index, raw) in raw.unwrap_or_default().into_iter().enumerate() {
        contents.add(raw).map_err(|error| format!("message {} {error}", index + 1))?;
    }
    contents.add_close(close);
    let headers = |headers: Vec<RawHeader>| {
        headers.into_iter().map(|header| (header.name, header.value)).collect::<Vec<_>>()
    };
    let Contents { messages, end, others, .. } = contents;
    Ok(Recording {
        url: request.url,
        started,
        status: u16::try_from(response.status).unwrap_or_default(),
        request_headers: headers(request.headers),
        response_headers: headers(response.headers),
        has_messages,
        messages,
        end,
        others,
    })
}

/// What has been read of a connection.
#[derive(Default)]
struct Contents {
    /// The time of the first message.
    first: Option<f64>,
    /// The time of the last one since the first.
    last: Duration,
    messages: Vec<RecordedMessage>,
    end: Option<(Duration, RecordedEnd)>,
    others: usize,
}

impl Contents {
    /// The time since the first message. It never goes back.
    fn at(&mut self, time: f64) -> Duration {
        let first = *self.first.get_or_insert(time);
        let since = time - first;
        if since.is_finite() {
            self.last = self.last.max(Duration::from_secs_f64(since.clamp(0.0, MAX_TIME)));
        }
        self.last
    }

    fn add(&mut self, raw: RawMessage) -> Result<(), String> {
        let at = self.at(raw.time);
        let direction = match &*raw.kind {
            "send" => Direction::Sent,
            "receive" => Direction::Received,
            // Chrome records an error of the connection as a message of type "error".
            "error" => {
                self.end.get_or_insert((at, RecordedEnd::lost(&raw.data)));
                return Ok(());
            }
            _ => {
                self.others += 1;
                return Ok(());
            }
        };
        let message = match raw.opcode {
            TEXT => Message::from(raw.data),
            BINARY => {
                let bytes = STANDARD.decode(raw.data.as_bytes());
                Message::from(bytes.map_err(|error| format!("is not valid base64: {error}"))?)
            }
            CLOSE => {
                let (code, reason) = parsed(&STANDARD.decode(raw.data.as_bytes()).unwrap_or_default());
                // Whether the other end answered is not known.
                let end = RecordedEnd { by: Some(direction), code, reason, was_clean: true };
                self.end.get_or_insert((at, end));
                return Ok(());
            }
            _ => {
                self.others += 1;
                return Ok(());
            }
        };
        self.messages.push(RecordedMessage { direction, at, message });
        Ok(())
    }

    /// What an entry says of its end. A form that is not known says nothing.
    fn add_close(&mut self, close: Value) {
        // "aborted", in files of HTTP Toolkit.
        if close.is_string() {
            self.end = Some((self.last, RecordedEnd::lost("")));
        }
        if !close.is_object() {
            return;
        }
        let Ok(close) = serde_json::from_value::<RawClose>(close) else { return };
        let by = match close.by.as_deref() {
            Some("client") => Some(Direction::Sent),
            Some("server") => Some(Direction::Received),
            _ => None,
        };
        let at = close.time.map_or(self.last, |time| self.at(time));
        let code = close.code.map_or(CloseCode::NO_STATUS, CloseCode::from);
        let (reason, was_clean) = (close.reason, close.was_clean);
        self.end = Some((at, RecordedEnd { by, code, reason, was_clean }));
    }
}

#[cfg(test)]
mod tests;

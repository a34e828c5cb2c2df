//! Writes HAR files. A file is a complete document after every message, so it can be read whenever the program ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use longwire::{Direction, Message};
use serde_json::{Value, json};

use super::recording::RecordedEnd;
use crate::clock;

/// What stands in a recording instead of a secret.
const REDACTED: &str = "(redacted)";

/// The end of a document without connections, or whose last connection has ended.
const END: &str = "]}}\n";

/// The end of a document whose last connection is open.
const END_OF_ENTRY: &str = "]}]}}\n";

/// Whether a recording has the values of Authorization and cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretValues {
    Redacted,
    Kept,
}

/// What happens to a file that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Kept,
    Replaced,
}

/// The opening handshake of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    /// Without user name and password.
    pub(crate) url: String,
    pub(crate) began: SystemTime,
    pub(crate) took: Duration,
    pub(crate) request_headers: HeaderMap,
    pub(crate) status: u16,
    pub(crate) response_headers: HeaderMap,
}

/// A HAR file that is being written.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    file: File,
    secrets: SecretValues,
    /// The most bytes of the file.
    limit: u64,
    state: DocumentState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DocumentState {
    /// No connection yet. `at`: where the end of the document begins.
    Empty {
        at: u64,
    },
    Connected {
        at: u64,
        messages: Messages,
    },
    /// The last connection has ended.
    Ended {
        at: u64,
    },
    /// The file is full, or writing has failed. This has been reported.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Messages {
    None,
    Some,
}

/// Why nothing more is recorded. It is reported once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordingStopped(pub(crate) String);

impl Recorder {
    /// Creates the file. Only this user may read it.
    ///
    /// # Errors
    ///
    /// A sentence that names the file: it exists and is to be kept, or cannot be written.
    pub(crate) fn create(
        path: &Path,
        existing: Existing,
        secrets: SecretValues,
        limit: u64,
    ) -> Result<Recorder, String> {
        let begin = format!(
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"longwire\",\"version\":\"{}\"}},\"entries\":[\n",
            env!("CARGO_PKG_VERSION")
        );
        let created = open(path, existing).and_then(|mut file| {
            file.write_all(format!("{begin}{END}").as_bytes())?;
            Ok(file)
        });
        let file = created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => format!("cannot write {}: {error}", path.display()),
        })?;
        let state = DocumentState::Empty { at: len(&begin) };
        Ok(Recorder { path: path.to_owned(), file, secrets, limit, state })
    }

    /// Records that a connection has begun. The messages that follow are its messages.
    ///
    /// # Errors
    ///
    /// [`RecordingStopped`] if this and everything that follows is not recorded.
    pub(crate) fn begin(&mut self, handshake: &Handshake) -> Result<(), RecordingStopped> {
        let (separator, at) = match self.state {
            DocumentState::Empty { at } => ("", at),
            DocumentState::Connected { at, .. } => ("]},\n", at),
            DocumentState::Ended { at } => (",\n", at),
            DocumentState::Stopped => return Ok(()),
        };
        let entry = entry(handshake, self.secrets).to_string();
        // The messages are the last field, so that more can be appended.
        let entry = entry.strip_suffix('}').unwrap_or_default();
        let text = format!("{separator}{entry},\"_webSocketMessages\":[");
        let at = self.append(at, &text, END_OF_ENTRY)?;
        self.state = DocumentState::Connected { at, messages: Messages::None };
        Ok(())
    }

    /// Records a message of the connection that has begun last.
    ///
    /// # Errors
    ///
    /// [`RecordingStopped`] if this and everything that follows is not recorded.
    pub(crate) fn message(
        &mut self,
        direction: Direction,
        time: SystemTime,
        message: &Message,
    ) -> Result<(), RecordingStopped> {
        let DocumentState::Connected { at, messages } = self.state else { return Ok(()) };
        let separator = if messages == Messages::Some { ",\n" } else { "\n" };
        let (opcode, data) = match message {
            Message::Text(text) => (1, text.to_string()),
            Message::Binary(bytes) => (2, STANDARD.encode(bytes)),
        };
        let kind = match direction {
            Direction::Sent => "send",
            Direction::Received => "receive",
        };
        let message = json!({"type": kind, "time": seconds(time), "opcode": opcode, "data": data});
        let at = self.append(at, &format!("{separator}{message}"), END_OF_ENTRY)?;
        self.state = DocumentState::Connected { at, messages: Messages::Some };
        Ok(())
    }

    /// Records how the connection has ended that has begun last, in a private field beside Chrome's.
    ///
    /// # Errors
    ///
    /// [`RecordingStopped`] if this and everything that follows is not recorded.
    pub(crate) fn end(&mut self, time: SystemTime, end: &RecordedEnd) -> Result<(), RecordingStopped> {
        let DocumentState::Connected { at, .. } = self.state else { return Ok(()) };
        let by = end.by.map(|by| match by {
            Direction::Sent => "client",
            Direction::Received => "server",
        });
        let close = json!({
            "time": seconds(time), "by": by, "code": end.code.get(), "reason": end.reason, "wasClean": end.was_clean,
        });
        let at = self.append(at, &format!("],\"_webSocketClose\":{close}}}"), END)?;
        self.state = DocumentState::Ended { at };
        Ok(())
    }

    /// Replaces the end of the document by `text` and `end`, in one write. Returns where the end begins now.
    fn append(&mut self, at: u64, text: &str, end: &str) -> Result<u64, RecordingStopped> {
        let next = at + len(text);
        if next + len(end) > self.limit {
            self.state = DocumentState::Stopped;
            let (path, limit) = (self.path.display(), self.limit);
            return Err(RecordingStopped(format!(
                "{path} has reached its limit of {limit} bytes; the rest is not recorded"
            )));
        }
        let written = self.write(at, format!("{text}{end}").as_bytes());
        if let Err(error) = written {
            // What was recorded before stays readable, wherever the system still takes the few bytes that were there.
            let _restored = self.restore(at);
            self.state = DocumentState::Stopped;
            let path = self.path.display();
            return Err(RecordingStopped(format!("cannot write {path}: {error}; the rest is not recorded")));
        }
        Ok(next)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }

    /// Writes the end of the document again where a failed write has begun, and cuts off what that has left.
    fn restore(&mut self, at: u64) -> io::Result<()> {
        let end = match self.state {
            DocumentState::Empty { .. } | DocumentState::Ended { .. } => END,
            DocumentState::Connected { .. } => END_OF_ENTRY,
            DocumentState::Stopped => return Ok(()),
        };
        self.write(at, end.as_bytes())?;
        self.file.set_len(at + len(end))
    }
}

/// Opens an empty file that only this user may read.
fn open(path: &Path, existing: Existing) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let new = options.clone().create_new(true).open(path);
    match (new, existing) {
        (Err(error), Existing::Replaced) if error.kind() == io::ErrorKind::AlreadyExists => {
            replace(&options, path)
        }
        (new, _) => new,
    }
}

/// Opens an existing file, which somebody else may have made readable for all.
fn replace(options: &OpenOptions, path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for its reader.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

/// Says that a file is not replaced.
pub(crate) fn exists(path: &Path) -> String {
    format!("{} exists already; --overwrite replaces it", path.display())
}

fn len(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// An entry of the log without its messages. HAR 1.2 demands all of these fields.
fn entry(handshake: &Handshake, secrets: SecretValues) -> Value {
    let took = handshake.took.as_secs_f64() * 1e3;
    let query = handshake.url.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<Value> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "startedDateTime": clock::timestamp(handshake.began),
        "time": took,
        "_resourceType": "websocket",
        "request": {
            "method": "GET",
            "url": handshake.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(&handshake.request_headers, secrets),
            "queryString": query,
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": handshake.status,
            "statusText": http::StatusCode::from_u16(handshake.status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default(),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(&handshake.response_headers, secrets),
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
    })
}

fn headers(headers: &HeaderMap, secrets: SecretValues) -> Vec<Value> {
    const SECRET: [header::HeaderName; 4] =
        [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::SET_COOKIE];
    let shown = |(name, value): (&header::HeaderName, &http::HeaderValue)| {
        let is_secret = value.is_sensitive() || SECRET.contains(name);
        let value = if is_secret && secrets == SecretValues::Redacted {
            REDACTED.into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        json!({"name": name.as_str(), "value": value})
    };
    headers.iter().map(shown).collect()
}

#[cfg(test)]
mod tests;

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

use crate::clock;

/// What stands in a recording instead of a secret.
const REDACTED: &str = "(redacted)";

/// The end of a document without connections.
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

impl Existing {
    /// What --overwrite says.
    pub(crate) fn of(overwrite: bool) -> Existing {
        if overwrite { Existing::Replaced } else { Existing::Kept }
    }
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
            DocumentState::Stopped => return Ok(()),
        };
        let entry = entry(handshake, self.secrets).to_string();
        // The messages are the last field, so that more can be appended.
        let entry = entry.strip_suffix('}').unwrap_or_default();
        let text = format!("{separator}{entry},\"_webSocketMessages\":[");
        let at = self.append(at, &text)?;
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
        let at = self.append(at, &format!("{separator}{message}"))?;
        self.state = DocumentState::Connected { at, messages: Messages::Some };
        Ok(())
    }

    /// Replaces the end of the document by `text` and the end, in one write. Returns where the end begins now.
    fn append(&mut self, at: u64, text: &str) -> Result<u64, RecordingStopped> {
        let end = at + len(text);
        if end + len(END_OF_ENTRY) > self.limit {
            self.state = DocumentState::Stopped;
            let (path, limit) = (self.path.display(), self.limit);
            return Err(RecordingStopped(format!(
                "{path} has reached its limit of {limit} bytes; the rest is not recorded"
            )));
        }
        let written = self.write(at, format!("{text}{END_OF_ENTRY}").as_bytes());
        if let Err(error) = written {
            // What was recorded before stays readable, wherever the system still takes the few bytes that were there.
            let _restored = self.restore(at);
            self.state = DocumentState::Stopped;
            let path = self.path.display();
            return Err(RecordingStopped(format!("cannot write {path}: {error}; the rest is not recorded")));
        }
        Ok(end)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }

    /// Writes the end of the document again where a failed write has begun, and cuts off what that has left.
    fn restore(&mut self, at: u64) -> io::Result<()> {
        let end = match self.state {
            DocumentState::Empty { .. } => END,
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
mod tests {
    use super::super::reading::read;
    use super::*;

    fn handshake() -> Handshake {
        let mut request_headers = HeaderMap::new();
        request_headers.insert(header::AUTHORIZATION, "Bearer 1234".parse().unwrap());
        request_headers.insert(header::ORIGIN, "https://a.example".parse().unwrap());
        Handshake {
            url: "wss://a.example/feed?room=a%20b".into(),
            began: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
            took: Duration::from_millis(12),
            request_headers,
            status: 101,
            response_headers: HeaderMap::new(),
        }
    }

    fn recorder(path: &Path, secrets: SecretValues) -> Recorder {
        Recorder::create(path, Existing::Kept, secrets, 1 << 20).unwrap()
    }

    #[test]
    fn a_file_is_complete_after_every_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        let mut recorder = recorder(&path, SecretValues::Redacted);
        assert!(read(&path).unwrap_err().contains("there is no WebSocket connection"));
        recorder.begin(&handshake()).unwrap();
        assert_eq!(read(&path).unwrap()[0].messages.len(), 0);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        recorder.message(Direction::Sent, time, &Message::from("\"é\n\u{1b}")).unwrap();
        assert_eq!(read(&path).unwrap()[0].messages.len(), 1);
        let later = time + Duration::from_millis(1500);
        recorder.message(Direction::Received, later, &Message::from(vec![0, 1, 255])).unwrap();
        recorder.begin(&handshake()).unwrap();
        recorder.message(Direction::Received, later, &Message::from("again")).unwrap();

        let recordings = read(&path).unwrap();
        assert_eq!(recordings.len(), 2);
        let [sent, received] = &recordings[0].messages[..] else { panic!("{recordings:?}") };
        assert_eq!((sent.direction, &sent.message), (Direction::Sent, &Message::from("\"é\n\u{1b}")));
        assert_eq!(received.message, Message::from(vec![0, 1, 255]));
        assert_eq!(received.at, Duration::from_millis(1500));
        assert_eq!(recordings[1].messages[0].message, Message::from("again"));
        assert_eq!(recordings[0].started, "2023-11-14T22:13:20.250Z");
    }

    #[test]
    fn secrets_are_left_out_unless_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        for (secrets, shown) in [(SecretValues::Redacted, REDACTED), (SecretValues::Kept, "Bearer 1234")] {
            let mut recorder = Recorder::create(&path, Existing::Replaced, secrets, 1 << 20).unwrap();
            recorder.begin(&handshake()).unwrap();
            let headers = &read(&path).unwrap()[0].request_headers;
            assert!(headers.contains(&("authorization".into(), shown.into())), "{headers:?}");
            assert!(headers.contains(&("origin".into(), "https://a.example".into())));
        }
    }

    #[test]
    fn a_full_file_stays_complete_and_says_so_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        let mut recorder = Recorder::create(&path, Existing::Kept, SecretValues::Redacted, 2000).unwrap();
        recorder.begin(&handshake()).unwrap();
        let message = Message::from("x".repeat(600));
        let mut record = || recorder.message(Direction::Sent, SystemTime::now(), &message);
        let mut kept = 0;
        let stopped = loop {
            match record() {
                Ok(()) => kept += 1,
                Err(stopped) => break stopped,
            }
        };
        assert!(stopped.0.contains("limit of 2000 bytes"), "{stopped:?}");
        assert_eq!(record(), Ok(()));
        assert_eq!(read(&path).unwrap()[0].messages.len(), kept);
        assert!(std::fs::metadata(&path).unwrap().len() <= 2000);
    }

    #[test]
    fn a_file_is_replaced_only_if_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        std::fs::write(&path, "precious").unwrap();
        let create = |existing| Recorder::create(&path, existing, SecretValues::Redacted, 1 << 20);
        assert!(create(Existing::Kept).unwrap_err().contains("a.har exists already; --overwrite"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        create(Existing::Replaced).unwrap().begin(&handshake()).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Recorder::create(folder.path(), Existing::Replaced, SecretValues::Redacted, 1 << 20);
        assert!(error.unwrap_err().contains("it is not a regular file"));
    }

    /// As if the disk were full: some of the bytes have been written over the end of the document.
    #[test]
    fn a_failed_write_leaves_what_was_recorded_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        let mut recorder = recorder(&path, SecretValues::Redacted);
        let DocumentState::Empty { at } = recorder.state else { panic!("{recorder:?}") };
        recorder.write(at, &[b'x'; 100]).unwrap();
        recorder.restore(at).unwrap();
        assert!(read(&path).unwrap_err().contains("there is no WebSocket connection"));
        recorder.begin(&handshake()).unwrap();
        recorder.message(Direction::Sent, SystemTime::now(), &Message::from("kept")).unwrap();
        let DocumentState::Connected { at, .. } = recorder.state else { panic!("{recorder:?}") };
        for written in [3, 100] {
            recorder.write(at, &vec![b'x'; written]).unwrap();
            recorder.restore(at).unwrap();
            assert_eq!(read(&path).unwrap()[0].messages[0].message, Message::from("kept"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn others_may_not_read_a_recording() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new.har"), folder.path().join("old.har"));
        std::fs::write(&old, "old").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
        for path in [new, old] {
            let _recorder = Recorder::create(&path, Existing::Replaced, SecretValues::Kept, 1 << 20).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        }
    }
}

//! Reads HAR files. They may come from anybody: what is wrong is an error, and memory is bounded by the file's length.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire::{Direction, Message};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::recording::{RecordedMessage, Recording};

/// The longest file, in bytes.
const MAX_LEN: u64 = 512 << 20;

/// The longest time between the first and the last message: a wrong clock must not make a replay wait for ever.
const MAX_TIME: f64 = 30.0 * 24.0 * 3600.0;

/// The most connections in a file: each takes more memory than its shortest form has bytes.
const MAX_CONNECTIONS: usize = 10_000;

const TEXT: i64 = 1;
const BINARY: i64 = 2;

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

fn recording(connection: RawConnection) -> Result<Recording, String> {
    let RawConnection { started, request, response, messages: raw } = connection;
    let mut messages: Vec<RecordedMessage> = Vec::with_capacity(raw.len());
    let first = raw.iter().map(|message| message.time).find(|time| time.is_finite());
    let count = raw.len();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = raw.time - first.unwrap_or(raw.time);
        let at =
            if at.is_finite() { Duration::from_secs_f64(at.clamp(0.0, MAX_TIME)) } else { Duration::ZERO };
        let at = messages.last().map_or(at, |last| last.at.max(at));
        let direction = match &*raw.kind {
            "send" => Direction::Sent,
            "receive" => Direction::Received,
            // Chrome records an error of the connection as a message of type "error".
            _ => continue,
        };
        let message = match raw.opcode {
            TEXT => Message::from(raw.data),
            BINARY => {
                let bytes = STANDARD.decode(raw.data.as_bytes());
                Message::from(
                    bytes.map_err(|error| format!("message {} is not valid base64: {error}", index + 1))?,
                )
            }
            _ => continue,
        };
        messages.push(RecordedMessage { direction, at, message });
    }
    Ok(Recording {
        url: request.url,
        started,
        status: response.status,
        request_headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        response_headers: response.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        others: count - messages.len(),
        messages,
    })
}

#[derive(Deserialize)]
struct Har {
    log: RawLog,
}

#[derive(Deserialize)]
struct RawLog {
    #[serde(deserialize_with = "connections")]
    entries: Vec<RawConnection>,
}

/// An entry with messages.
struct RawConnection {
    started: String,
    request: RawHead,
    response: RawHead,
    messages: Vec<RawMessage>,
}

/// The entries that have messages. The others are dropped as they are read: a browser records many of them.
fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawConnection>, D::Error> {
    struct Connections;

    impl<'de> Visitor<'de> for Connections {
        type Value = Vec<RawConnection>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut connections = Vec::new();
            while let Some(entry) = entries.next_element()? {
                let RawEntry { started, request, response, messages } = entry;
                let Some(messages) = messages else { continue };
                if connections.len() == MAX_CONNECTIONS {
                    return Err(A::Error::custom(format!(
                        "there are more than {MAX_CONNECTIONS} WebSocket connections"
                    )));
                }
                connections.push(RawConnection { started, request, response, messages });
            }
            Ok(connections)
        }
    }

    deserializer.deserialize_seq(Connections)
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(default, rename = "startedDateTime")]
    started: String,
    #[serde(default)]
    request: RawHead,
    #[serde(default)]
    response: RawHead,
    #[serde(default, rename = "_webSocketMessages")]
    messages: Option<Vec<RawMessage>>,
}

/// A request or a response.
#[derive(Default, Deserialize)]
struct RawHead {
    #[serde(default)]
    url: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    headers: Vec<RawHeader>,
}

#[derive(Deserialize)]
struct RawHeader {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct RawMessage {
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since 1970.
    time: f64,
    opcode: i64,
    #[serde(default)]
    data: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn har(messages: &str) -> String {
        format!(
            r#"{{"log":{{"version":"1.2","entries":[
                {{"request":{{"method":"GET","url":"https://a.example/"}},"response":{{"status":200,"headers":[]}}}},
                {{"startedDateTime":"2026-01-31T12:00:00.000Z","_resourceType":"websocket",
                  "request":{{"url":"wss://a.example/feed","headers":[{{"name":"Origin","value":"https://a.example"}}]}},
                  "response":{{"status":101,"headers":[]}},"_webSocketMessages":[{messages}]}}]}}}}"#
        )
    }

    fn first(messages: &str) -> Result<Recording, String> {
        parse(har(messages).as_bytes()).map(|mut all| all.remove(0))
    }

    #[test]
    fn a_file_of_chrome_is_read() {
        let recording = first(
            r#"{"type":"send","time":1700000000.25,"opcode":1,"data":"hi"},
               {"type":"receive","time":1700000000.75,"opcode":2,"data":"AP8="},
               {"type":"error","time":1700000001,"opcode":-1,"data":"gone"},
               {"type":"receive","time":1700000001,"opcode":8,"data":""}"#,
        )
        .unwrap();
        assert_eq!(recording.url, "wss://a.example/feed");
        assert_eq!((recording.status, recording.others), (101, 2));
        assert_eq!(recording.request_headers, [("Origin".to_owned(), "https://a.example".to_owned())]);
        let [sent, received] = &recording.messages[..] else { panic!("{recording:?}") };
        assert_eq!((sent.direction, sent.at), (Direction::Sent, Duration::ZERO));
        assert_eq!(sent.message, Message::from("hi"));
        assert_eq!((received.direction, received.at), (Direction::Received, Duration::from_millis(500)));
        assert_eq!(received.message, Message::from(vec![0, 255]));
    }

    #[test]
    fn time_never_goes_back_and_never_takes_for_ever() {
        let recording = first(
            r#"{"type":"send","time":100,"opcode":1},
               {"type":"send","time":102,"opcode":1},
               {"type":"send","time":-1e308,"opcode":1},
               {"type":"send","time":1e300,"opcode":1}"#,
        )
        .unwrap();
        let times: Vec<f64> = recording.messages.iter().map(|message| message.at.as_secs_f64()).collect();
        assert_eq!(times, [0.0, 2.0, 2.0, MAX_TIME]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let error = |text: &str| parse(text.as_bytes()).unwrap_err();
        assert!(error("").starts_with("this is not a HAR file: EOF"));
        assert!(error("{\"log\":\n{}}").contains("missing field `entries` at line 2"));
        assert!(error(&"[".repeat(1 << 20)).starts_with("this is not a HAR file"));
        assert!(error(r#"{"log":{"entries":[]}}"#).starts_with("there is no WebSocket connection"));
        let not_base64 = r#"{"type":"send","time":1,"opcode":1,"data":"x"},{"type":"send","time":1,"opcode":2,"data":"?"}"#;
        assert!(first(not_base64).unwrap_err().starts_with("connection 1: message 2 is not valid base64"));
        assert!(first(r#"{"type":"send","time":"now","opcode":1}"#).unwrap_err().contains("expected f64"));
    }

    #[test]
    fn only_connections_count_and_only_so_many_are_read() {
        let entries = |entry: &str, count: usize| {
            parse(format!(r#"{{"log":{{"entries":[{}]}}}}"#, vec![entry; count].join(",")).as_bytes())
        };
        let none = entries("{}", MAX_CONNECTIONS + 1).unwrap_err();
        assert!(none.starts_with("there is no WebSocket connection"), "{none}");
        let connection = r#"{"_webSocketMessages":[]}"#;
        assert_eq!(entries(connection, MAX_CONNECTIONS).unwrap().len(), MAX_CONNECTIONS);
        assert!(entries(connection, MAX_CONNECTIONS + 1).unwrap_err().contains("more than 10000"));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let text = format!("\u{feff}{}", har(""));
        assert!(parse(text.as_bytes()).unwrap()[0].messages.is_empty());
    }
}

//! The form of a HAR file, as far as it is of interest. Programs leave fields out, or write `null`.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The most connections in a file: each takes more memory than its shortest form has bytes.
pub(super) const MAX_CONNECTIONS: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct Har {
    pub(super) log: RawLog,
}

#[derive(Deserialize)]
pub(super) struct RawLog {
    #[serde(deserialize_with = "connections")]
    pub(super) entries: Vec<RawEntry>,
}

#[derive(Deserialize)]
pub(super) struct RawEntry {
    #[serde(default, rename = "startedDateTime", deserialize_with = "or_default")]
    pub(super) started: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) request: RawHead,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) response: RawHead,
    #[serde(default, rename = "_webSocketMessages")]
    pub(super) messages: Option<Vec<RawMessage>>,
    /// Written by this program and by HTTP Toolkit, in forms of their own.
    #[serde(default, rename = "_webSocketClose")]
    pub(super) close: Value,
}

/// A request or a response.
#[derive(Default, Deserialize)]
pub(super) struct RawHead {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) url: String,
    /// Negative where there was no response.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<RawHeader>,
}

#[derive(Deserialize)]
pub(super) struct RawHeader {
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) value: String,
}

#[derive(Deserialize)]
pub(super) struct RawMessage {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    /// Seconds since 1970.
    pub(super) time: f64,
    #[serde(default)]
    pub(super) opcode: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) data: String,
}

/// How a connection ended, in the form of this program. That of HTTP Toolkit has some of these fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawClose {
    #[serde(default)]
    pub(super) time: Option<f64>,
    #[serde(default)]
    pub(super) by: Option<String>,
    #[serde(default)]
    pub(super) code: Option<u16>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) was_clean: bool,
}

impl RawEntry {
    /// Whether this is a connection whose messages the program has left out: Firefox exports only the handshake.
    fn is_handshake(&self) -> bool {
        let has_scheme = |scheme| self.request.url.get(..4).is_some_and(|begin| begin.starts_with(scheme));
        self.response.status == 101 || has_scheme("ws:/") || has_scheme("wss:")
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The entries that are WebSocket connections: those with messages, or if there are none, the handshakes. (mitmproxy writes
/// the handshake of a connection as an entry of its own, too.)
///
/// The others are dropped as they are read: a browser records many of them.
fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawEntry>, D::Error> {
    struct Connections;

    impl<'de> Visitor<'de> for Connections {
        type Value = Vec<RawEntry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let (mut connections, mut handshakes) = (Vec::new(), Vec::new());
            while let Some(entry) = entries.next_element::<RawEntry>()? {
                let list = match &entry.messages {
                    Some(_) => &mut connections,
                    None if entry.is_handshake() => &mut handshakes,
                    None => continue,
                };
                if list.len() == MAX_CONNECTIONS {
                    return Err(A::Error::custom(format!(
                        "there are more than {MAX_CONNECTIONS} WebSocket connections"
                    )));
                }
                list.push(entry);
            }
            Ok(if connections.is_empty() { handshakes } else { connections })
        }
    }

    deserializer.deserialize_seq(Connections)
}

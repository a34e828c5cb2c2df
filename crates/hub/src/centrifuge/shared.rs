//! Messages that are part of others.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::encoding::{Encoding, json_document, json_payload};
use super::{fossil, raw_json};
use crate::data::Data;
use crate::json;
use crate::publication::{ClientInfo, Publication};

/// Whether a field has the value that a message does not write.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A position in a channel's stream.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct WirePosition {
    /// The offset.
    #[prost(uint64, tag = "1")]
    pub offset: u64,
    /// The epoch.
    #[prost(string, tag = "2")]
    pub epoch: String,
}

/// What others see of a client.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct WireClient {
    /// The user. JSON has it also if it is empty, as its clients expect.
    #[prost(string, tag = "1")]
    pub user: String,
    /// The connection's id.
    #[prost(string, tag = "2")]
    pub client: String,
    /// JSON that belongs to the connection.
    #[prost(bytes = "bytes", tag = "3")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub conn_info: Bytes,
    /// JSON that belongs to the subscription.
    #[prost(bytes = "bytes", tag = "4")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub chan_info: Bytes,
}

impl From<&ClientInfo> for WireClient {
    fn from(info: &ClientInfo) -> WireClient {
        WireClient {
            user: info.user.to_string(),
            client: info.client.to_string(),
            conn_info: info.conn_info.as_ref().map(json_payload).unwrap_or_default(),
            chan_info: info.chan_info.as_ref().map(json_payload).unwrap_or_default(),
        }
    }
}

/// A publication as clients see it.
///
/// The protocol also has fields for map channels (`key`, `removed`, `score`, `version`, …), which the hub does not write.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct WirePublication {
    /// The content, or a delta.
    #[prost(bytes = "bytes", tag = "4")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// Who published it, if a client did.
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<WireClient>,
    /// The offset; 0 in a channel without history.
    #[prost(uint64, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    /// Labels.
    #[prost(btree_map = "string, string", tag = "7")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whether `data` is a delta to the previous publication's content.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub delta: bool,
    /// When it was published, in milliseconds since the Unix epoch. Today's official clients pass over it.
    #[prost(int64, tag = "9")]
    #[serde(skip_serializing_if = "is_default")]
    pub time: i64,
}

/// In which form a subscription receives the content of a publication.
///
/// A client that has negotiated deltas keeps the content that it received last, and applies the next delta to it. In JSON,
/// it receives every content as a string that holds the JSON document, also the first one and those that are recovered.
///
/// ```
/// use longwire_hub::{Data, centrifuge::{Encoding, Form}};
///
/// let (old, new) = (Data::from_text("{\"text\": \"It rains in Bern.\"}"), Data::from_text("{\"text\": \"It rains in Bonn.\"}"));
/// assert_eq!(Form::Plain.payload(Encoding::Json, &new), (new.as_bytes().to_vec().into(), false));
/// assert_eq!(Form::Whole.payload(Encoding::Json, &new).0, r#""{\"text\": \"It rains in Bonn.\"}""#);
/// assert_eq!(Form::Delta { previous: &old }.payload(Encoding::Json, &new).0, "\"T\\nN@0,6:onn.\\\"}3xBD9r;\"");
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Form<'a> {
    /// The content, to a subscription without deltas.
    Plain,
    /// The whole content, to a subscription with deltas that lacks the previous one.
    Whole,
    /// A delta to a subscription that has the previous content. It is the whole content if that is not longer.
    Delta {
        /// The content of the publication that the subscription received last.
        previous: &'a Data,
    },
}

impl Form<'_> {
    /// The payload, and whether it is a delta.
    #[must_use]
    pub fn payload(self, encoding: Encoding, data: &Data) -> (Bytes, bool) {
        match (encoding, self) {
            (_, Form::Plain) => (encoding.payload(data), false),
            (Encoding::Json, _) => {
                let (json, is_delta) = self.json(data);
                (Bytes::from(json.into_owned()), is_delta)
            }
            (Encoding::Protobuf, Form::Whole) => (encoding.payload(data), false),
            (Encoding::Protobuf, Form::Delta { previous }) => {
                match fossil::delta(previous.as_bytes(), data.as_bytes()) {
                    Some(delta) => (Bytes::from(delta), true),
                    None => (encoding.payload(data), false),
                }
            }
        }
    }

    /// The payload in JSON, and whether it is a delta.
    pub(crate) fn json<'d>(self, data: &'d Data) -> (Cow<'d, str>, bool) {
        let document = json_document(data);
        let delta = match self {
            Form::Plain => return (line(document), false),
            Form::Whole => None,
            Form::Delta { previous } => {
                fossil::delta(json_document(previous).as_bytes(), document.as_bytes())
            }
        };
        // A delta to UTF-8 is UTF-8.
        let text = delta.as_ref().map_or(document, |delta| String::from_utf8_lossy(delta));
        let mut string = String::with_capacity(text.len() + text.len() / 8 + 2);
        json::push_string(&mut string, &text);
        (Cow::Owned(string), delta.is_some())
    }
}

/// A JSON document without line breaks.
fn line(document: Cow<'_, str>) -> Cow<'_, str> {
    match document {
        Cow::Borrowed(document) => json::without_line_breaks(document),
        // The hub has written it.
        Cow::Owned(document) => Cow::Owned(document),
    }
}

impl WirePublication {
    /// A publication for subscriptions that receive its content in this form.
    #[must_use]
    pub fn new(encoding: Encoding, publication: &Publication, form: Form<'_>) -> WirePublication {
        let (data, delta) = form.payload(encoding, &publication.data);
        WirePublication {
            data,
            info: publication.info.as_ref().map(WireClient::from),
            offset: publication.offset,
            tags: publication.tags.clone(),
            delta,
            time: i64::try_from(publication.time.0).unwrap_or(i64::MAX),
        }
    }
}

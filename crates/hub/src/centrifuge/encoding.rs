//! The two encodings of the protocol, and how they carry data.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;

use crate::data::Data;
use crate::json;

/// How a client and the hub write messages.
///
/// The fields that hold data (`data`, `conn_info`, `chan_info`) are `Bytes` in every message. In JSON they hold a JSON
/// document, which is written into the message as it is. In protobuf they hold any bytes. [`payload`](Encoding::payload)
/// and [`data`](Encoding::data) convert.
///
/// ```
/// use longwire_hub::{Data, centrifuge::Encoding};
///
/// let text = Data::from_text("hello");
/// assert_eq!(Encoding::Json.payload(&text), "\"hello\"");
/// assert_eq!(Encoding::Protobuf.payload(&text), "hello");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One JSON object per message; messages of one frame are separated by line breaks.
    Json,
    /// Protocol buffers; each message is preceded by its length as a varint.
    Protobuf,
}

impl Encoding {
    /// Data as it stands in a message. Without line breaks in JSON, since these separate messages.
    #[must_use]
    pub fn payload(self, data: &Data) -> Bytes {
        match (self, data) {
            (Encoding::Protobuf, Data::Json(text) | Data::Text(text)) => text.as_bytes().clone(),
            (Encoding::Protobuf, Data::Binary(bytes)) => bytes.clone(),
            (Encoding::Json, Data::Json(text)) => json_payload(text),
            (Encoding::Json, _) => Bytes::from(json_document(data).into_owned()),
        }
    }

    /// The data that a client has sent in a message, which was decoded with this encoding.
    #[must_use]
    pub fn data(self, payload: Bytes) -> Data {
        match self {
            Encoding::Json => match ByteString::try_from(payload.clone()) {
                Ok(json) => Data::Json(json),
                Err(_) => Data::Binary(payload),
            },
            Encoding::Protobuf => Data::from_bytes(payload),
        }
    }
}

/// A JSON document, such as a client's info, as it stands in a message of either encoding.
#[must_use]
pub fn json_payload(json: &ByteString) -> Bytes {
    match json::without_line_breaks(json) {
        Cow::Borrowed(_) => json.as_bytes().clone(),
        Cow::Owned(line) => Bytes::from(line),
    }
}

/// The JSON document that a client of the JSON protocol sees.
pub(crate) fn json_document(data: &Data) -> Cow<'_, str> {
    let mut quoted = String::new();
    match data {
        Data::Json(json) => return Cow::Borrowed(json),
        Data::Text(text) => json::push_string(&mut quoted, text),
        Data::Binary(bytes) => {
            quoted.push('"');
            STANDARD.encode_string(bytes, &mut quoted);
            quoted.push('"');
        }
    }
    Cow::Owned(quoted)
}

/// Encoded messages, ready to be sent.
///
/// ```
/// use longwire_hub::centrifuge::{Encoded, Encoding, Reply, Wrapping};
///
/// assert_eq!(Reply::Ping.encode(Encoding::Json, Wrapping::Reply), Encoded::Text("{}".into()));
/// assert_eq!(Reply::Ping.encode(Encoding::Protobuf, Wrapping::Reply), Encoded::Binary(vec![0].into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// JSON, for a text message.
    Text(ByteString),
    /// Protobuf, for a binary message.
    Binary(Bytes),
}

impl Encoded {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        match self {
            Encoded::Text(text) => text.as_bytes(),
            Encoded::Binary(bytes) => bytes,
        }
    }
}

/// Whether messages to a client are replies, or pushes alone.
///
/// ```
/// use longwire_hub::centrifuge::{Encoding, MessagePush, Push, PushEvent, PushTarget, Reply, Wrapping};
///
/// let message = PushEvent::Message(MessagePush { data: "7".into() });
/// let push = Reply::Push(Push { target: PushTarget::Client, event: message });
/// assert_eq!(push.clone().encode(Encoding::Json, Wrapping::Reply).as_bytes(), r#"{"push":{"message":{"data":7}}}"#);
/// assert_eq!(push.encode(Encoding::Json, Wrapping::Bare).as_bytes(), r#"{"message":{"data":7}}"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrapping {
    /// A push is a field of a reply: clients that also send commands.
    Reply,
    /// A push is the message: the one-way transports.
    Bare,
}

/// Encodes one message.
pub(crate) fn encode(encoding: Encoding, message: &(impl prost::Message + serde::Serialize)) -> Encoded {
    match encoding {
        // Writing to a `String` never fails, and all keys are strings. Clients skip an empty message.
        Encoding::Json => Encoded::Text(serde_json::to_string(message).unwrap_or_default().into()),
        Encoding::Protobuf => Encoded::Binary(message.encode_length_delimited_to_vec().into()),
    }
}

//! The content of publications and messages.

use bytes::Bytes;
use bytestring::ByteString;

use crate::json::is_json;

/// The content of a publication, as its publisher sent it.
///
/// A client of the JSON protocol sees JSON as it is, text as a JSON string, and binary data as a string in Base64. A
/// client of the protobuf protocol sees the bytes. A plain WebSocket receives JSON and text as a text message, and
/// binary data as a binary message.
///
/// ```
/// use longwire_hub::Data;
///
/// let data = Data::from_text("{\"temperature\": 21}");
/// assert!(matches!(data, Data::Json(_)));
/// assert!(matches!(Data::from_text("hello"), Data::Text(_)));
/// assert_eq!(data.as_bytes(), b"{\"temperature\": 21}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Data {
    /// A JSON value: checked, in the publisher's own notation, nested at most 128 levels deep.
    Json(ByteString),
    /// Text that is not JSON.
    Text(ByteString),
    /// Any bytes.
    Binary(Bytes),
}

impl Data {
    /// Text as a plain client sends it: JSON if it is valid JSON.
    #[must_use]
    pub fn from_text(text: impl Into<ByteString>) -> Data {
        let text = text.into();
        if is_json(&text) { Data::Json(text) } else { Data::Text(text) }
    }

    /// The bytes of a client of the protobuf protocol: JSON if they are valid JSON, and binary data otherwise.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Data {
        match ByteString::try_from(bytes.clone()) {
            Ok(text) if is_json(&text) => Data::Json(text),
            _ => Data::Binary(bytes),
        }
    }

    /// The content as the publisher sent it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Data::Json(text) | Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the content is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

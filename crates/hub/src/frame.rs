//! Messages as connections carry them.

use bytes::Bytes;
use bytestring::ByteString;

use crate::centrifuge::Encoded;
use crate::data::Data;

/// A message of a connection: text or binary. Cheap to clone.
///
/// ```
/// use longwire_hub::Frame;
///
/// assert_eq!(Frame::from("{}").as_bytes(), b"{}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(ByteString),
    /// A binary message.
    Binary(Bytes),
}

impl Frame {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Frame::Text(text) => text.as_bytes(),
            Frame::Binary(bytes) => bytes,
        }
    }
}

impl From<Encoded> for Frame {
    fn from(encoded: Encoded) -> Frame {
        match encoded {
            Encoded::Text(text) => Frame::Text(text),
            Encoded::Binary(bytes) => Frame::Binary(bytes),
        }
    }
}

/// The content as its publisher sent it: JSON and text as a text message, and binary data as a binary message.
impl From<&Data> for Frame {
    fn from(data: &Data) -> Frame {
        match data {
            Data::Json(text) | Data::Text(text) => Frame::Text(text.clone()),
            Data::Binary(bytes) => Frame::Binary(bytes.clone()),
        }
    }
}

impl From<&'static str> for Frame {
    fn from(text: &'static str) -> Frame {
        Frame::Text(ByteString::from_static(text))
    }
}

//! Fields that hold a JSON document as it is.

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json;

/// Writes the document. What is no JSON document, or has line breaks, is written as a string: it cannot break the frame
/// that it stands in. [`Encoding::payload`](super::Encoding::payload) gives what is written as it is.
pub(crate) fn serialize<S: Serializer>(document: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let is_line = !document.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    match serde_json::from_slice::<&RawValue>(document) {
        Ok(json) if is_line => json.serialize(serializer),
        _ => serializer.serialize_str(&String::from_utf8_lossy(document)),
    }
}

/// Reads a document of no more than 128 levels. It is copied, so that it does not keep the frame it came in.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let document = <&RawValue>::deserialize(deserializer)?.get();
    if json::is_too_deep(document.as_bytes()) {
        return Err(D::Error::custom(format_args!(
            "data is nested more than {} levels deep",
            json::MAX_DEPTH
        )));
    }
    Ok(Bytes::copy_from_slice(document.as_bytes()))
}

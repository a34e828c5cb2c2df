//! Commands of the transports that cannot send: `POST /emulation`.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use super::encoding::Encoding;

/// Commands for a session whose replies go through SSE or an HTTP stream.
///
/// ```
/// use longwire_hub::centrifuge::{Commands, EmulationRequest, Encoding, FrameLimits, Request};
///
/// let body = br#"{"session":"s1","node":"n1","data":"{}\n{\"id\":2,\"rpc\":{\"method\":\"year\"}}"}"#;
/// let request = EmulationRequest::decode(Encoding::Json, body)?;
/// assert_eq!((request.session.as_str(), request.node.as_str()), ("s1", "n1"));
/// let commands = Commands::new(Encoding::Json, &request.data, FrameLimits::default());
/// assert!(commands.last().unwrap()?.request != Request::Pong);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, prost::Message, Deserialize)]
#[serde(default)]
pub struct EmulationRequest {
    /// The node that has the session: [`ConnectResult::node`](super::ConnectResult::node).
    #[prost(string, tag = "1")]
    pub node: String,
    /// The session: [`ConnectResult::session`](super::ConnectResult::session). Whoever knows it may send.
    #[prost(string, tag = "2")]
    pub session: String,
    /// A frame with commands. In JSON, it comes as a string.
    #[prost(bytes = "bytes", tag = "3")]
    #[serde(deserialize_with = "bytes_of_string")]
    pub data: Bytes,
}

impl EmulationRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// [`InvalidEmulationRequest`] if the body is malformed.
    pub fn decode(encoding: Encoding, body: &[u8]) -> Result<EmulationRequest, InvalidEmulationRequest> {
        match encoding {
            Encoding::Json => {
                serde_json::from_slice(body).map_err(|error| InvalidEmulationRequest(error.to_string()))
            }
            Encoding::Protobuf => {
                prost::Message::decode(body).map_err(|error| InvalidEmulationRequest(error.to_string()))
            }
        }
    }
}

fn bytes_of_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    String::deserialize(deserializer).map(Bytes::from)
}

/// The body of an emulation request is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEmulationRequest(String);

impl fmt::Display for InvalidEmulationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid emulation request: {}", self.0)
    }
}

impl std::error::Error for InvalidEmulationRequest {}

//! The results of requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::codes::ErrorCode;
use super::raw_json;
use super::shared::{WireClient, WirePublication, is_default};

/// Nothing but success.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub(crate) struct Empty {}

/// Why a command failed.
///
/// ```
/// use longwire_hub::centrifuge::{ErrorCode, ErrorReply};
///
/// let error = ErrorReply::from(ErrorCode::TooManyRequests);
/// assert_eq!((error.code, error.temporary), (111, true));
/// ```
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct ErrorReply {
    /// The code: an [`ErrorCode`], or from 400 to 1999 one of the back end.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// What happened.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether the client may try again.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub temporary: bool,
}

impl From<ErrorCode> for ErrorReply {
    fn from(code: ErrorCode) -> ErrorReply {
        ErrorReply { code: code.code(), message: code.message().into(), temporary: code.is_temporary() }
    }
}

/// The session is open.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct ConnectResult {
    /// The connection's id.
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// The server's version.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether the connection expires.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// In how many seconds.
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
    /// Data of the back end.
    #[prost(bytes = "bytes", tag = "5")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// The server-side subscriptions, each for another channel.
    #[prost(message, repeated, tag = "6")]
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    pub subs: Vec<ServerSideResult>,
    /// Every how many seconds the hub sends a ping; 0 for never.
    #[prost(uint32, tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    pub ping: u32,
    /// Whether the client must answer pings.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub pong: bool,
    /// The session's id, for the transports with emulation.
    #[prost(string, tag = "9")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// The node's id, for the transports with emulation.
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The server's time, in milliseconds since the Unix epoch.
    #[prost(int64, tag = "11")]
    #[serde(skip_serializing_if = "is_default")]
    pub time: i64,
}

/// A server-side subscription has begun: an entry of the map `subs`.
///
/// A map of prost's would leave out a result that is empty. The JavaScript client reads it as null in protobuf, and fails.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerSideResult {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The subscription; never `None`.
    #[prost(message, optional, tag = "2")]
    pub result: Option<SubscribeResult>,
}

/// Writes the entries of a map.
pub(super) fn as_map<S: Serializer>(entries: &[ServerSideResult], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|entry| (&entry.channel, &entry.result)))
}

/// A subscription has begun.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct SubscribeResult {
    /// Whether the subscription expires.
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// In how many seconds.
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
    /// Whether the client should recover when it returns.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub recoverable: bool,
    /// The stream's epoch.
    #[prost(string, tag = "6")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// What was missed, in order. With `delta`, in the form [`Whole`](super::Form::Whole) or
    /// [`Delta`](super::Form::Delta).
    #[prost(message, repeated, tag = "7")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<WirePublication>,
    /// Whether nothing is missing.
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub recovered: bool,
    /// The position: that before `publications` if it has recovered, and the newest otherwise.
    #[prost(uint64, tag = "9")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    /// Whether the position is known.
    #[prost(bool, tag = "10")]
    #[serde(skip_serializing_if = "is_default")]
    pub positioned: bool,
    /// Data of the back end.
    #[prost(bytes = "bytes", tag = "11")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// Whether the client asked to recover.
    #[prost(bool, tag = "12")]
    #[serde(skip_serializing_if = "is_default")]
    pub was_recovering: bool,
    /// Whether publications come as deltas.
    #[prost(bool, tag = "13")]
    #[serde(skip_serializing_if = "is_default")]
    pub delta: bool,
    /// The number that stands for the channel in pushes; 0 for none.
    #[prost(int64, tag = "14")]
    #[serde(skip_serializing_if = "is_default")]
    pub id: i64,
}

/// Who is present.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct PresenceResult {
    /// The clients, by id.
    #[prost(btree_map = "string, message", tag = "1")]
    pub presence: BTreeMap<String, WireClient>,
}

/// How many are present.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub struct PresenceStatsResult {
    /// Connections.
    #[prost(uint32, tag = "1")]
    pub num_clients: u32,
    /// Different users.
    #[prost(uint32, tag = "2")]
    pub num_users: u32,
}

/// A page of history.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct HistoryResult {
    /// In the order of the request, always in the form [`Plain`](super::Form::Plain).
    #[prost(message, repeated, tag = "1")]
    pub publications: Vec<WirePublication>,
    /// The stream's epoch.
    #[prost(string, tag = "2")]
    pub epoch: String,
    /// The newest offset.
    #[prost(uint64, tag = "3")]
    pub offset: u64,
}

/// The back end's answer to a call.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct RpcResult {
    /// The content.
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
}

/// The connection's new time to live.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct RefreshResult {
    /// The connection's id.
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// The server's version.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether the connection expires.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// In how many seconds.
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}

/// The subscription's new time to live.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub struct SubRefreshResult {
    /// Whether the subscription expires.
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// In how many seconds.
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}

//! The requests of clients.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::raw_json;
use super::shared::WirePosition;

/// Something of a newer protocol that the hub declines. Its content is skipped.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct Declined {}

/// Opens the session. It comes first, before any other command.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectRequest {
    /// The connection token; empty without one.
    #[prost(string, tag = "1")]
    pub token: String,
    /// Data for the back end.
    #[prost(bytes = "bytes", tag = "2")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// The server-side subscriptions that a returning client wants to recover, by channel.
    #[prost(btree_map = "string, message", tag = "3")]
    pub subs: BTreeMap<String, SubscribeRequest>,
    /// The name of the client's library or program.
    #[prost(string, tag = "4")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "5")]
    pub version: String,
    /// Header fields that a browser could not send in the handshake. They are the client's claims.
    #[prost(btree_map = "string, string", tag = "6")]
    pub headers: BTreeMap<String, String>,
    /// Bits that ask for newer features. The hub knows none; clients do not need an answer.
    #[prost(int64, tag = "7")]
    pub flag: i64,
}

/// Subscribes to a channel. It also stands in [`ConnectRequest::subs`], without a channel.
///
/// ```
/// use longwire_hub::centrifuge::{Encoding, SubscribeRequest};
///
/// let request = SubscribeRequest { flag: 1, ..SubscribeRequest::default() };
/// assert!(request.accepts_channel_id(Encoding::Json) && !request.rejects_unrecovered());
/// ```
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscribeRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The subscription token; empty without one.
    #[prost(string, tag = "2")]
    pub token: String,
    /// Whether to recover what was published after `offset` and `epoch`.
    #[prost(bool, tag = "3")]
    pub recover: bool,
    /// The epoch of the last publication that the client has seen.
    #[prost(string, tag = "6")]
    pub epoch: String,
    /// The offset of the last publication that the client has seen.
    #[prost(uint64, tag = "7")]
    pub offset: u64,
    /// Data for the back end.
    #[prost(bytes = "bytes", tag = "8")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// Whether the client wants to know its position.
    #[prost(bool, tag = "9")]
    pub positioned: bool,
    /// Whether the client wants to recover later.
    #[prost(bool, tag = "10")]
    pub recoverable: bool,
    /// Whether the client wants to see others join and leave.
    #[prost(bool, tag = "11")]
    pub join_leave: bool,
    /// The delta format that the client knows: `fossil`, or empty.
    #[prost(string, tag = "12")]
    pub delta: String,
    /// A filter by tags, which the hub declines.
    #[prost(message, optional, tag = "13")]
    pub tf: Option<Declined>,
    /// Bits; see [`accepts_channel_id`](SubscribeRequest::accepts_channel_id) and
    /// [`rejects_unrecovered`](SubscribeRequest::rejects_unrecovered). Others are ignored.
    #[prost(int64, tag = "14")]
    pub flag: i64,
    /// The kind of subscription: 0 for a stream of publications. Others (map, shared poll) are declined.
    #[prost(int32, tag = "15")]
    #[serde(rename = "type")]
    pub kind: i32,
}

impl SubscribeRequest {
    /// Whether pushes may name the channel by a number. The hub chooses it and answers with
    /// [`SubscribeResult::id`](super::SubscribeResult::id); a client without that answer goes on with names. The number
    /// holds until the subscription ends. Publications, joins and leaves may use it, other pushes may not.
    ///
    /// Never in protobuf: the JavaScript client asks for numbers, but on Node, where it reads them as objects of the
    /// package `long`, it does not find the subscription and drops the publication (seen with version 5.8.0).
    #[must_use]
    pub fn accepts_channel_id(&self, encoding: Encoding) -> bool {
        encoding == Encoding::Json && self.flag & 1 != 0
    }

    /// Whether the client wants error 112 instead of a subscription with `recovered: false`.
    #[must_use]
    pub fn rejects_unrecovered(&self) -> bool {
        self.flag & 2 != 0
    }

    /// Whether the client accepts publications as fossil deltas. They begin when
    /// [`SubscribeResult::delta`](super::SubscribeResult::delta) says so.
    #[must_use]
    pub fn accepts_fossil(&self) -> bool {
        self.delta == "fossil"
    }
}

/// Ends a subscription.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct UnsubscribeRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
}

/// Publishes to a channel.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct PublishRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The content.
    #[prost(bytes = "bytes", tag = "2")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// The kind of channel: 0 for a stream. Others are declined.
    #[prost(int32, tag = "3")]
    #[serde(rename = "type")]
    pub kind: i32,
    /// The key in a map channel, which is declined.
    #[prost(string, tag = "4")]
    pub key: String,
    /// Whether the key is removed from a map channel, which is declined.
    #[prost(bool, tag = "5")]
    pub removed: bool,
}

/// Asks who is present in a channel.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct PresenceRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
}

/// Asks how many are present in a channel.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct PresenceStatsRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
}

/// Asks for a page of a channel's history.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The most publications: 0 for the position alone, negative for as many as the hub allows.
    #[prost(int32, tag = "7")]
    pub limit: i32,
    /// Publications after this position, or before it if `reverse`.
    #[prost(message, optional, tag = "8")]
    pub since: Option<WirePosition>,
    /// From new to old.
    #[prost(bool, tag = "9")]
    pub reverse: bool,
}

/// A ping of the client, which is answered at once. Current clients do not send it.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct PingRequest {}

/// A message to the back end without an answer. Its command needs no id.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct SendRequest {
    /// The content.
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
}

/// A call of the back end.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct RpcRequest {
    /// The content.
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    /// The method.
    #[prost(string, tag = "2")]
    pub method: String,
}

/// Brings a new connection token before the old one expires.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshRequest {
    /// The connection token.
    #[prost(string, tag = "1")]
    pub token: String,
}

/// Brings a new subscription token before the old one expires.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct SubRefreshRequest {
    /// The channel.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The subscription token.
    #[prost(string, tag = "2")]
    pub token: String,
    /// The kind of request: 0 for a refresh. Others (tracking keys of a shared poll) are declined.
    #[prost(int32, tag = "3")]
    #[serde(rename = "type")]
    pub kind: i32,
}

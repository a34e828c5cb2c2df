//! What the hub sends without being asked.

use bytes::Bytes;
use serde::Serialize;

use super::codes::{Disconnect, UnsubscribeCode};
use super::raw_json;
use super::result::{ConnectResult, ServerSideResult, as_map};
use super::shared::{WireClient, WirePublication, is_default};
use crate::channel::ChannelName;

/// A push to a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// Which subscription it is for.
    pub target: PushTarget,
    /// What has happened.
    pub event: PushEvent,
}

/// Which subscription a push is for.
///
/// ```
/// use longwire_hub::centrifuge::PushTarget;
///
/// let by_name = PushTarget::Channel("news".parse()?);
/// assert_ne!(by_name, PushTarget::ChannelId(7));
/// # Ok::<(), longwire_hub::InvalidChannelName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PushTarget {
    /// None: it is for the client.
    Client,
    /// That to the channel of this name.
    Channel(ChannelName),
    /// That to the channel with this number, which was given to the client in
    /// [`SubscribeResult::id`](super::SubscribeResult::id). Only publications, joins and leaves have it; clients would ignore
    /// other pushes.
    ChannelId(u64),
}

/// What has happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each type says what has happened")]
pub enum PushEvent {
    Publication(WirePublication),
    Join(MemberPush),
    Leave(MemberPush),
    Unsubscribe(UnsubscribePush),
    Message(MessagePush),
    Subscribe(SubscribePush),
    Connect(ConnectPush),
    Disconnect(DisconnectPush),
    Refresh(RefreshPush),
}

/// A client has joined or left the channel.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct MemberPush {
    /// The client.
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<WireClient>,
}

/// The hub has ended the subscription.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct UnsubscribePush {
    /// From 2000; the client subscribes again from 2500.
    #[prost(uint32, tag = "2")]
    pub code: u32,
    /// Why.
    #[prost(string, tag = "3")]
    pub reason: String,
}

impl From<UnsubscribeCode> for UnsubscribePush {
    fn from(code: UnsubscribeCode) -> UnsubscribePush {
        UnsubscribePush { code: code.code(), reason: code.reason().into() }
    }
}

/// A message from the back end to the client, outside of channels.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct MessagePush {
    /// The content.
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
}

/// The hub has subscribed the client to the channel.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct SubscribePush {
    /// Whether the client should recover when it returns.
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub recoverable: bool,
    /// The stream's epoch.
    #[prost(string, tag = "4")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// The position.
    #[prost(uint64, tag = "5")]
    #[serde(skip_serializing_if = "is_default")]
    pub offset: u64,
    /// Whether the position is known.
    #[prost(bool, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub positioned: bool,
    /// Data of the back end.
    #[prost(bytes = "bytes", tag = "7")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
}

/// The session of a one-way client is open. The fields are those of [`ConnectResult`], with other numbers in protobuf.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[expect(missing_docs, reason = "the fields of ConnectResult")]
pub struct ConnectPush {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client: String,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[prost(bytes = "bytes", tag = "3")]
    #[serde(with = "raw_json", skip_serializing_if = "Bytes::is_empty")]
    pub data: Bytes,
    #[prost(message, repeated, tag = "4")]
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    pub subs: Vec<ServerSideResult>,
    #[prost(bool, tag = "5")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    #[prost(uint32, tag = "6")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
    #[prost(uint32, tag = "7")]
    #[serde(skip_serializing_if = "is_default")]
    pub ping: u32,
    #[prost(bool, tag = "8")]
    #[serde(skip_serializing_if = "is_default")]
    pub pong: bool,
    #[prost(string, tag = "9")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session: String,
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    #[prost(int64, tag = "11")]
    #[serde(skip_serializing_if = "is_default")]
    pub time: i64,
}

impl From<ConnectResult> for ConnectPush {
    fn from(result: ConnectResult) -> ConnectPush {
        let ConnectResult { client, version, expires, ttl, data, subs, ping, pong, session, node, time } =
            result;
        ConnectPush { client, version, data, subs, expires, ttl, ping, pong, session, node, time }
    }
}

/// The hub disconnects the client, on transports without close codes.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize)]
pub struct DisconnectPush {
    /// The code of a [`Disconnect`].
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// Its reason.
    #[prost(string, tag = "2")]
    pub reason: String,
    /// Whether the client should come back.
    #[prost(bool, tag = "3")]
    #[serde(skip_serializing_if = "is_default")]
    pub reconnect: bool,
}

impl From<&Disconnect> for DisconnectPush {
    fn from(disconnect: &Disconnect) -> DisconnectPush {
        DisconnectPush {
            code: disconnect.code().into(),
            reason: disconnect.reason().to_string(),
            reconnect: disconnect.reconnects(),
        }
    }
}

/// The connection of a one-way client has a new time to live.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub struct RefreshPush {
    /// Whether the connection expires.
    #[prost(bool, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    pub expires: bool,
    /// In how many seconds.
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: u32,
}

/// The fields of a push, of which one says what has happened.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(crate) struct PushFields {
    #[prost(int64, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    id: i64,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    channel: String,
    #[prost(message, optional, tag = "4")]
    #[serde(rename = "pub", skip_serializing_if = "Option::is_none")]
    publication: Option<WirePublication>,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<MemberPush>,
    #[prost(message, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    leave: Option<MemberPush>,
    #[prost(message, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe: Option<UnsubscribePush>,
    #[prost(message, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessagePush>,
    #[prost(message, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<SubscribePush>,
    #[prost(message, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<ConnectPush>,
    #[prost(message, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect: Option<DisconnectPush>,
    #[prost(message, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<RefreshPush>,
}

impl From<Push> for PushFields {
    fn from(push: Push) -> PushFields {
        let mut fields = PushFields::default();
        match push.target {
            PushTarget::Client => {}
            PushTarget::Channel(name) => fields.channel = name.to_string(),
            PushTarget::ChannelId(id) => fields.id = i64::try_from(id).unwrap_or(i64::MAX),
        }
        match push.event {
            PushEvent::Publication(event) => fields.publication = Some(event),
            PushEvent::Join(event) => fields.join = Some(event),
            PushEvent::Leave(event) => fields.leave = Some(event),
            PushEvent::Unsubscribe(event) => fields.unsubscribe = Some(event),
            PushEvent::Message(event) => fields.message = Some(event),
            PushEvent::Subscribe(event) => fields.subscribe = Some(event),
            PushEvent::Connect(event) => fields.connect = Some(event),
            PushEvent::Disconnect(event) => fields.disconnect = Some(event),
            PushEvent::Refresh(event) => fields.refresh = Some(event),
        }
        fields
    }
}

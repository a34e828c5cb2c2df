//! Replies, and batches of them.

use bytes::Bytes;
use prost::encoding::WireType;
use serde::Serialize;

use super::encoding::{Encoded, Encoding, Wrapping, encode};
use super::push::{Push, PushFields};
use super::result::{
    ConnectResult, Empty, ErrorReply, HistoryResult, PresenceResult, PresenceStatsResult, RefreshResult,
    RpcResult, SubRefreshResult, SubscribeResult,
};
use super::shared::is_default;
use crate::json::push;

/// A message to a client.
///
/// ```
/// use longwire_hub::centrifuge::{CommandResult, Encoding, ErrorCode, Reply, Wrapping};
///
/// let published = Reply::Result { id: 3, result: CommandResult::Publish };
/// assert_eq!(published.encode(Encoding::Json, Wrapping::Reply).as_bytes(), r#"{"id":3,"publish":{}}"#);
/// let refused = Reply::Error { id: 4, error: ErrorCode::PermissionDenied.into() };
/// assert_eq!(
///     refused.encode(Encoding::Json, Wrapping::Reply).as_bytes(),
///     r#"{"id":4,"error":{"code":103,"message":"permission denied"}}"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A command has succeeded.
    Result {
        /// The command's id.
        id: u32,
        /// What it gives.
        result: CommandResult,
    },
    /// A command has failed.
    Error {
        /// The command's id.
        id: u32,
        /// Why.
        error: ErrorReply,
    },
    /// Something has happened.
    Push(Push),
    /// The client should answer with [`Request::Pong`](super::Request::Pong), if it was asked to answer.
    Ping,
}

/// What a successful command gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each result type says what it is")]
pub enum CommandResult {
    Connect(ConnectResult),
    Subscribe(SubscribeResult),
    Unsubscribe,
    Publish,
    Presence(PresenceResult),
    PresenceStats(PresenceStatsResult),
    History(HistoryResult),
    Ping,
    Rpc(RpcResult),
    Refresh(RefreshResult),
    SubRefresh(SubRefreshResult),
}

/// The fields of a reply.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct ReplyFields {
    #[prost(uint32, tag = "1")]
    #[serde(skip_serializing_if = "is_default")]
    id: u32,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReply>,
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<PushFields>,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<ConnectResult>,
    #[prost(message, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<SubscribeResult>,
    #[prost(message, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe: Option<Empty>,
    #[prost(message, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<Empty>,
    #[prost(message, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<PresenceResult>,
    #[prost(message, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_stats: Option<PresenceStatsResult>,
    #[prost(message, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<HistoryResult>,
    #[prost(message, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ping: Option<Empty>,
    #[prost(message, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc: Option<RpcResult>,
    #[prost(message, optional, tag = "14")]
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<RefreshResult>,
    #[prost(message, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_refresh: Option<SubRefreshResult>,
}

impl Reply {
    /// The message as it is sent. In JSON, it has no line break.
    ///
    /// One-way clients ([`Wrapping::Bare`]) receive pushes and pings alone.
    #[must_use]
    pub fn encode(self, encoding: Encoding, wrapping: Wrapping) -> Encoded {
        match (self, wrapping) {
            (Reply::Push(push), Wrapping::Bare) => encode(encoding, &PushFields::from(push)),
            (Reply::Result { id, result }, _) => match result.empty_field() {
                Some((name, number)) => encode_empty(encoding, id, name, number),
                None => encode(encoding, &ReplyFields { id, ..ReplyFields::from(result) }),
            },
            (reply, _) => encode(encoding, &ReplyFields::from(reply)),
        }
    }
}

impl CommandResult {
    /// The name and the number of the field of a result without content.
    fn empty_field(&self) -> Option<(&'static str, u8)> {
        match self {
            CommandResult::Unsubscribe => Some(("unsubscribe", 7)),
            CommandResult::Publish => Some(("publish", 8)),
            CommandResult::Ping => Some(("ping", 12)),
            _ => None,
        }
    }
}

/// The reply to a command that gives nothing. It equals what [`encode`] makes of the fields, with fewer copies: publishers
/// get one for each publication.
fn encode_empty(encoding: Encoding, id: u32, name: &'static str, number: u8) -> Encoded {
    /// The number of `Reply.id`.
    const ID: u32 = 1;

    if encoding == Encoding::Json {
        let mut out = String::with_capacity(40);
        match id {
            0 => push(&mut out, format_args!("{{\"{name}\":{{}}}}")),
            _ => push(&mut out, format_args!("{{\"id\":{id},\"{name}\":{{}}}}")),
        }
        return Encoded::Text(out.into());
    }
    let mut reply = Vec::with_capacity(16);
    reply.push(0);
    if id > 0 {
        prost::encoding::uint32::encode(ID, &id, &mut reply);
    }
    prost::encoding::encode_key(number.into(), WireType::LengthDelimited, &mut reply);
    reply.push(0);
    // It is a few bytes, so that its length is one.
    let len = u8::try_from(reply.len() - 1).unwrap_or(u8::MAX);
    if let Some(first) = reply.first_mut() {
        *first = len;
    }
    Encoded::Binary(reply.into())
}

impl From<Reply> for ReplyFields {
    fn from(reply: Reply) -> ReplyFields {
        match reply {
            Reply::Result { id, result } => ReplyFields { id, ..ReplyFields::from(result) },
            Reply::Error { id, error } => ReplyFields { id, error: Some(error), ..ReplyFields::default() },
            Reply::Push(push) => ReplyFields { push: Some(push.into()), ..ReplyFields::default() },
            Reply::Ping => ReplyFields::default(),
        }
    }
}

impl From<CommandResult> for ReplyFields {
    fn from(result: CommandResult) -> ReplyFields {
        let mut fields = ReplyFields::default();
        match result {
            CommandResult::Connect(result) => fields.connect = Some(result),
            CommandResult::Subscribe(result) => fields.subscribe = Some(result),
            CommandResult::Unsubscribe => fields.unsubscribe = Some(Empty {}),
            CommandResult::Publish => fields.publish = Some(Empty {}),
            CommandResult::Presence(result) => fields.presence = Some(result),
            CommandResult::PresenceStats(result) => fields.presence_stats = Some(result),
            CommandResult::History(result) => fields.history = Some(result),
            CommandResult::Ping => fields.ping = Some(Empty {}),
            CommandResult::Rpc(result) => fields.rpc = Some(result),
            CommandResult::Refresh(result) => fields.refresh = Some(result),
            CommandResult::SubRefresh(result) => fields.sub_refresh = Some(result),
        }
        fields
    }
}

/// Messages that are sent as one frame. It never contains a message in part.
///
/// ```
/// use longwire_hub::centrifuge::{Batch, CommandResult, Encoding, Reply, Wrapping};
///
/// let mut batch = Batch::new(Encoding::Json, Wrapping::Reply);
/// batch.push(Reply::Result { id: 1, result: CommandResult::Publish });
/// batch.push(Reply::Ping);
/// assert_eq!(batch.take().unwrap().as_bytes(), "{\"id\":1,\"publish\":{}}\n{}");
/// assert!(batch.take().is_none());
/// ```
#[derive(Debug)]
pub struct Batch {
    encoding: Encoding,
    wrapping: Wrapping,
    frame: Option<Held>,
}

/// What a batch holds: the first message as it is, so that a single one is never copied.
#[derive(Debug)]
enum Held {
    One(Encoded),
    Text(String),
    Binary(Vec<u8>),
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new(encoding: Encoding, wrapping: Wrapping) -> Batch {
        Batch { encoding, wrapping, frame: None }
    }

    /// Adds a reply or a push.
    pub fn push(&mut self, reply: Reply) {
        self.append(reply.encode(self.encoding, self.wrapping));
    }

    /// Adds a message that is encoded already, in this batch's encoding.
    pub fn append(&mut self, message: Encoded) {
        let frame = match self.frame.take() {
            None => Held::One(message),
            Some(Held::One(Encoded::Text(first))) => joined(first.to_string(), &message),
            Some(Held::Text(text)) => joined(text, &message),
            Some(Held::One(Encoded::Binary(first))) => concatenated(first.to_vec(), &message),
            Some(Held::Binary(bytes)) => concatenated(bytes, &message),
        };
        self.frame = Some(frame);
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.frame {
            None => 0,
            Some(Held::One(message)) => message.as_bytes().len(),
            Some(Held::Text(text)) => text.len(),
            Some(Held::Binary(bytes)) => bytes.len(),
        }
    }

    /// Whether there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frame.is_none()
    }

    /// Takes the frame out, if there is any message. The batch is empty then.
    pub fn take(&mut self) -> Option<Encoded> {
        Some(match self.frame.take()? {
            Held::One(message) => message,
            Held::Text(text) => Encoded::Text(text.into()),
            Held::Binary(bytes) => Encoded::Binary(Bytes::from(bytes)),
        })
    }
}

/// Text with another message behind it.
fn joined(mut text: String, message: &Encoded) -> Held {
    text.push('\n');
    match message {
        Encoded::Text(message) => text.push_str(message),
        Encoded::Binary(_) => debug_assert!(false, "a protobuf message in a batch of JSON"),
    }
    Held::Text(text)
}

/// Bytes with another message behind them.
fn concatenated(mut bytes: Vec<u8>, message: &Encoded) -> Held {
    debug_assert!(matches!(message, Encoded::Binary(_)), "a JSON message in a batch of protobuf");
    bytes.extend_from_slice(message.as_bytes());
    Held::Binary(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_without_content_are_written_as_their_fields_say() {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            for id in [0, 1, 127, 128, u32::MAX] {
                for result in [CommandResult::Publish, CommandResult::Unsubscribe, CommandResult::Ping] {
                    let reply = Reply::Result { id, result };
                    let expected = encode(encoding, &ReplyFields::from(reply.clone()));
                    assert_eq!(reply.encode(encoding, Wrapping::Reply), expected);
                }
            }
        }
    }
}

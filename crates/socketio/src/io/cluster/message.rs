//! The messages between nodes: a line of JSON, and the attachments behind it.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::super::member::Delivery;
use super::super::rooms::{Audience, Room};
use super::super::socket_id::SocketId;

/// Names a node.
pub(in crate::io) type NodeId = Arc<str>;

/// The version of these messages. Others are ignored.
const VERSION: u8 = 1;

/// A message of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) struct NodeMessage {
    pub(in crate::io) from: NodeId,
    pub(in crate::io) content: NodeContent,
    /// Binary attachments.
    #[serde(skip)]
    pub(in crate::io) attachments: Vec<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) enum NodeContent {
    /// The node has begun. The others answer with a heartbeat.
    Hello,
    Heartbeat,
    /// The node has ended.
    Bye,
    /// Something to do for sockets of a namespace.
    Order {
        namespace: String,
        audience: Audience,
        order: Order,
    },
    /// A part of an answer.
    Reply {
        to: NodeId,
        question: u64,
        part: ReplyPart,
        is_last: bool,
    },
}

/// What a node does for its sockets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) enum Order {
    /// Send an event: its name and arguments, separated by commas.
    Emit {
        elements: String,
        delivery: Delivery,
    },
    Join(Vec<Room>),
    Leave(Vec<Room>),
    Disconnect,
    CloseClients,
    /// Describe them.
    Fetch {
        question: u64,
    },
    /// Send an event that their clients acknowledge within this time, and return the answers.
    Ask {
        question: u64,
        elements: String,
        milliseconds: u64,
    },
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) enum ReplyPart {
    Sockets(Vec<SocketRecord>),
    Answers(Vec<AnswerRecord>),
}

/// A socket of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) struct SocketRecord {
    pub(in crate::io) id: SocketId,
    pub(in crate::io) rooms: Vec<Room>,
}

/// The answer of a client, or why it is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) struct AnswerRecord {
    pub(in crate::io) id: SocketId,
    pub(in crate::io) outcome: AnswerOutcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::io) enum AnswerOutcome {
    /// The arguments, separated by commas, and how many of the message's attachments belong to them.
    Arguments {
        elements: String,
        attachments: usize,
    },
    Timeout,
    Disconnected,
    TooMany,
}

impl NodeMessage {
    pub(in crate::io) fn encode(&self) -> Bytes {
        // No value of these types fails to serialize.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let attachments = self.attachments.iter().map(|bytes| bytes.len().saturating_add(8)).sum::<usize>();
        let mut message = BytesMut::with_capacity(json.len().saturating_add(attachments).saturating_add(2));
        message.put_u8(VERSION);
        message.put_slice(&json);
        message.put_u8(b'\n');
        for attachment in &self.attachments {
            message.put_u64(attachment.len() as u64);
            message.put_slice(attachment);
        }
        message.freeze()
    }

    /// `None` if it is not a message of this version.
    pub(in crate::io) fn decode(mut message: Bytes) -> Option<NodeMessage> {
        if message.try_get_u8().ok()? != VERSION {
            return None;
        }
        let end = message.iter().position(|byte| *byte == b'\n')?;
        let json = message.split_to(end);
        message.advance(1);
        let mut decoded: NodeMessage = serde_json::from_slice(&json).ok()?;
        while !message.is_empty() {
            let len = usize::try_from(message.try_get_u64().ok()?).ok()?;
            if len > message.len() {
                return None;
            }
            decoded.attachments.push(message.split_to(len));
        }
        Some(decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let message = NodeMessage {
            from: "a".into(),
            content: NodeContent::Order {
                namespace: "/\n\u{e9}".to_owned(),
                audience: Audience { rooms: vec!["x".into()], except: vec![] },
                order: Order::Emit { elements: r#""a\n",1"#.to_owned(), delivery: Delivery::Volatile },
            },
            attachments: vec![Bytes::from_static(b"one\n"), Bytes::new(), Bytes::from_static(b"2")],
        };
        assert_eq!(NodeMessage::decode(message.encode()), Some(message));
    }

    #[test]
    fn what_is_no_message_is_ignored() {
        let whole = NodeMessage {
            from: "a".into(),
            content: NodeContent::Hello,
            attachments: vec![Bytes::from_static(b"attachment")],
        }
        .encode();
        for len in 0..whole.len() {
            let cut = NodeMessage::decode(whole.slice(..len));
            assert!(cut.is_none_or(|message| message.attachments.is_empty()), "{len}");
        }
        assert_eq!(NodeMessage::decode(Bytes::from_static(b"\x02{}\n")), None);
        assert_eq!(NodeMessage::decode(Bytes::from_static(b"\x01{}\n")), None);
        let mut long = BytesMut::from(&whole[..whole.len() - 18]);
        long.put_u64(u64::MAX);
        assert_eq!(NodeMessage::decode(long.freeze()), None);
    }
}

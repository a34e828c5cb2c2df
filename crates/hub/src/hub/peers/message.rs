//! What nodes tell one another.

use bytes::Bytes;
use bytestring::ByteString;
use prost::Message as _;

use super::control::WrittenControl;
use super::length::MAX_LEN;
use super::question::{NodeAnswer, NodeQuestion};

/// The version of the format. A message of a higher one is skipped: it is raised only if an older node would misunderstand
/// a message. New kinds and fields leave it as it is.
const FORMAT: u32 = 1;

/// A message from one node to all of them, or to one. Nodes of different versions read one another's messages: a field or
/// a kind is only ever added, and what a node does not know it skips.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct NodeMessage {
    #[prost(uint32, tag = "1")]
    format: u32,
    /// The node that tells.
    #[prost(string, tag = "2")]
    pub(in crate::hub) from: String,
    /// The node that the message is for; empty for all.
    #[prost(string, tag = "3")]
    pub(in crate::hub) to: String,
    #[prost(oneof = "NodeEvent", tags = "4, 5, 6, 7, 8, 9, 10, 11")]
    pub(in crate::hub) event: Option<NodeEvent>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(in crate::hub) enum NodeEvent {
    /// The node lives.
    #[prost(message, tag = "4")]
    Heartbeat(NodeFigures),
    /// The node ends.
    #[prost(message, tag = "5")]
    Goodbye(Goodbye),
    /// A back end wants something of clients.
    #[prost(message, tag = "6")]
    Control(WrittenControl),
    /// A user is blocked, or not any more.
    #[prost(message, tag = "7")]
    Block(WrittenBlock),
    /// A user that may have one connection has a new one.
    #[prost(message, tag = "8")]
    Connected(NewConnection),
    /// Commands of a client whose session is on another node than the one that its request came to.
    #[prost(message, tag = "9")]
    Emulated(EmulatedFrame),
    #[prost(message, tag = "10")]
    Asked(AskedQuestion),
    #[prost(message, tag = "11")]
    Answered(AnsweredQuestion),
}

/// Figures of a node.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct NodeFigures {
    #[prost(string, tag = "1")]
    pub(in crate::hub) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::hub) version: String,
    #[prost(uint64, tag = "3")]
    pub(in crate::hub) uptime_millis: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::hub) clients: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::hub) users: u64,
    #[prost(uint64, tag = "6")]
    pub(in crate::hub) subscriptions: u64,
    #[prost(uint64, tag = "7")]
    pub(in crate::hub) channels: u64,
    #[prost(bool, tag = "8")]
    pub(in crate::hub) broker_reachable: bool,
    #[prost(uint64, optional, tag = "9")]
    pub(in crate::hub) broker_latency_micros: Option<u64>,
    #[prost(uint64, tag = "10")]
    pub(in crate::hub) gaps_lost: u64,
    #[prost(bool, tag = "11")]
    pub(in crate::hub) broker_alone: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct Goodbye {}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct WrittenBlock {
    #[prost(string, tag = "1")]
    pub(in crate::hub) user: String,
    /// `None` ends it.
    #[prost(uint64, optional, tag = "2")]
    pub(in crate::hub) until: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct NewConnection {
    #[prost(string, tag = "1")]
    pub(in crate::hub) user: String,
    #[prost(string, tag = "2")]
    pub(in crate::hub) client: String,
    /// When it connected.
    #[prost(uint64, tag = "3")]
    pub(in crate::hub) since: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct EmulatedFrame {
    #[prost(string, tag = "1")]
    pub(in crate::hub) session: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::hub) data: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct AskedQuestion {
    #[prost(uint64, tag = "1")]
    pub(in crate::hub) survey: u64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::hub) question: Option<NodeQuestion>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct AnsweredQuestion {
    #[prost(uint64, tag = "1")]
    pub(in crate::hub) survey: u64,
    #[prost(message, optional, tag = "2")]
    pub(in crate::hub) answer: Option<NodeAnswer>,
}

/// The message is longer than the engine can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) struct TooLong;

impl NodeMessage {
    pub(in crate::hub) fn to_all(from: &ByteString, event: NodeEvent) -> NodeMessage {
        NodeMessage { format: FORMAT, from: from.to_string(), to: String::new(), event: Some(event) }
    }

    pub(in crate::hub) fn to_one(from: &ByteString, to: impl Into<String>, event: NodeEvent) -> NodeMessage {
        NodeMessage { to: to.into(), ..NodeMessage::to_all(from, event) }
    }

    pub(in crate::hub) fn encode_within_limit(&self) -> Result<Bytes, TooLong> {
        if self.encoded_len() > MAX_LEN { Err(TooLong) } else { Ok(self.encode_to_vec().into()) }
    }

    /// Reads a message. `None` if it is longer than any that a node sends, of a higher version, or malformed.
    pub(in crate::hub) fn read(bytes: Bytes) -> Option<NodeMessage> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        NodeMessage::decode(bytes).ok().filter(|message| message.format <= FORMAT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goodbye() -> NodeMessage {
        NodeMessage::to_one(&"n1".into(), "n2", NodeEvent::Goodbye(Goodbye {}))
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let message = goodbye();
        assert_eq!(NodeMessage::read(message.encode_within_limit().unwrap()), Some(message));
    }

    #[test]
    fn a_higher_version_and_what_is_malformed_or_too_long_are_skipped() {
        let newer = NodeMessage { format: FORMAT + 1, ..goodbye() }.encode_within_limit().unwrap();
        assert_eq!(NodeMessage::read(newer), None);
        assert_eq!(NodeMessage::read(Bytes::from_static(b"\xff\xff")), None);
        let long = EmulatedFrame { session: String::new(), data: vec![0; MAX_LEN].into() };
        let long = NodeMessage::to_all(&"n1".into(), NodeEvent::Emulated(long));
        assert_eq!(long.encode_within_limit(), Err(TooLong));
        assert_eq!(NodeMessage::read(long.encode_to_vec().into()), None);
    }

    /// What a newer version adds is a field with a number that this version does not know.
    #[test]
    fn an_unknown_kind_is_a_message_without_an_event() {
        let mut newer = NodeMessage { event: None, ..goodbye() }.encode_to_vec();
        newer.extend_from_slice(b"\xfa\x01\x02hi");
        let message = NodeMessage::read(newer.into()).unwrap();
        assert_eq!((message.from.as_str(), message.event), ("n1", None));
    }
}

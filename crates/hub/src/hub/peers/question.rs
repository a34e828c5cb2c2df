//! What a node asks the others, and what they answer.

use super::length::MAX_LEN;

/// How much of a message its rows may take; the rest is for what is around them.
const ROOM: usize = MAX_LEN - (4 << 10);

/// What a row takes beside its text.
const ROW_OVERHEAD: usize = 24;

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct NodeQuestion {
    #[prost(oneof = "NodeQuestionKind", tags = "1, 2, 3, 4, 5, 6")]
    pub(in crate::hub) kind: Option<NodeQuestionKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(in crate::hub) enum NodeQuestionKind {
    /// Channels by name, the first ones.
    #[prost(message, tag = "1")]
    Channels(Selection),
    /// Channels by size, the largest ones.
    #[prost(message, tag = "2")]
    LargestChannels(Selection),
    /// Users by the number of their clients.
    #[prost(message, tag = "3")]
    LargestUsers(Selection),
    /// The sessions of a user, or of a client.
    #[prost(message, tag = "4")]
    Sessions(SessionSelection),
    /// The users that are blocked.
    #[prost(message, tag = "5")]
    Blocks(BlockSelection),
    /// How many clients are subscribed to a channel.
    #[prost(message, tag = "6")]
    Subscribers(ChannelSelection),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct Selection {
    #[prost(string, tag = "1")]
    pub(in crate::hub) pattern: String,
    #[prost(uint64, tag = "2")]
    pub(in crate::hub) limit: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct SessionSelection {
    #[prost(oneof = "SessionsOf", tags = "1, 2")]
    pub(in crate::hub) of: Option<SessionsOf>,
    #[prost(uint64, tag = "3")]
    pub(in crate::hub) limit: u64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(in crate::hub) enum SessionsOf {
    #[prost(string, tag = "1")]
    User(String),
    #[prost(string, tag = "2")]
    Client(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct BlockSelection {}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct ChannelSelection {
    #[prost(string, tag = "1")]
    pub(in crate::hub) channel: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct NodeAnswer {
    #[prost(oneof = "NodeAnswerKind", tags = "1, 2, 3")]
    pub(in crate::hub) kind: Option<NodeAnswerKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(in crate::hub) enum NodeAnswerKind {
    #[prost(message, tag = "1")]
    Sizes(Sizes),
    #[prost(message, tag = "2")]
    Sessions(Sessions),
    #[prost(message, tag = "3")]
    Blocks(Blocks),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct Sizes {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::hub) rows: Vec<SizeRow>,
    /// How many there are, with those that are left out.
    #[prost(uint64, tag = "2")]
    pub(in crate::hub) total: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct SizeRow {
    #[prost(string, tag = "1")]
    pub(in crate::hub) name: String,
    #[prost(uint64, tag = "2")]
    pub(in crate::hub) size: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct Sessions {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::hub) rows: Vec<SessionRow>,
    /// How many there are, with those that are left out.
    #[prost(uint64, tag = "2")]
    pub(in crate::hub) total: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct SessionRow {
    #[prost(string, tag = "1")]
    pub(in crate::hub) client: String,
    #[prost(string, tag = "2")]
    pub(in crate::hub) user: String,
    #[prost(uint64, tag = "3")]
    pub(in crate::hub) since: u64,
    /// `None` if the session did not describe itself.
    #[prost(message, optional, tag = "4")]
    pub(in crate::hub) described: Option<DescribedRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct DescribedRow {
    #[prost(string, tag = "1")]
    pub(in crate::hub) transport: String,
    #[prost(string, optional, tag = "2")]
    pub(in crate::hub) peer: Option<String>,
    #[prost(string, repeated, tag = "3")]
    pub(in crate::hub) channels: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct Blocks {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::hub) rows: Vec<BlockRow>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::hub) struct BlockRow {
    #[prost(string, tag = "1")]
    pub(in crate::hub) user: String,
    #[prost(uint64, tag = "2")]
    pub(in crate::hub) until: u64,
}

impl NodeQuestionKind {
    pub(in crate::hub) fn question(self) -> NodeQuestion {
        NodeQuestion { kind: Some(self) }
    }
}

impl NodeAnswerKind {
    pub(in crate::hub) fn answer(self) -> NodeAnswer {
        NodeAnswer { kind: Some(self) }
    }
}

impl SessionRow {
    fn len(&self) -> usize {
        let described = self.described.as_ref().map_or(0, |described| {
            let channels: usize = described.channels.iter().map(|channel| channel.len() + ROW_OVERHEAD).sum();
            described.transport.len() + described.peer.as_ref().map_or(0, String::len) + channels
        });
        self.client.len() + self.user.len() + described + 2 * ROW_OVERHEAD
    }
}

impl Sizes {
    /// As many rows as fit into a message.
    pub(in crate::hub) fn fitting(rows: impl Iterator<Item = SizeRow>, total: usize) -> Sizes {
        Sizes { rows: fitting(rows, |row| row.name.len() + ROW_OVERHEAD), total: count(total) }
    }
}

impl Sessions {
    /// As many rows as fit into a message.
    pub(in crate::hub) fn fitting(rows: impl Iterator<Item = SessionRow>, total: usize) -> Sessions {
        Sessions { rows: fitting(rows, SessionRow::len), total: count(total) }
    }
}

impl Blocks {
    /// As many rows as fit into a message.
    pub(in crate::hub) fn fitting(rows: impl Iterator<Item = BlockRow>) -> Blocks {
        Blocks { rows: fitting(rows, |row| row.user.len() + ROW_OVERHEAD) }
    }
}

fn fitting<T>(rows: impl Iterator<Item = T>, len: impl Fn(&T) -> usize) -> Vec<T> {
    let mut room = ROOM;
    let fits = |row: &T| match room.checked_sub(len(row)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    rows.take_while(fits).collect()
}

pub(in crate::hub) fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

pub(in crate::hub) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::message::{AnsweredQuestion, NodeEvent, NodeMessage};
    use super::*;

    fn len(answer: NodeAnswerKind) -> Result<usize, super::super::message::TooLong> {
        let answered = AnsweredQuestion { survey: u64::MAX, answer: Some(answer.answer()) };
        let id = "6cd0a9b4-1b3c-4a1b-9f57-0d8a4c2f6e11";
        let message = NodeMessage::to_one(&id.into(), id, NodeEvent::Answered(answered));
        message.encode_within_limit().map(|bytes| bytes.len())
    }

    #[test]
    fn an_answer_has_as_many_rows_as_fit_into_a_message() {
        for name in ["c".to_owned(), "channel".repeat(36)] {
            let rows = (0..1_000_000).map(|_| SizeRow { name: name.clone(), size: u64::MAX });
            let sizes = Sizes::fitting(rows, 1_000_000);
            assert!(sizes.rows.len() > 1_000 && sizes.total == 1_000_000);
            assert!(len(NodeAnswerKind::Sizes(sizes)).unwrap() > MAX_LEN / 3);
            let rows = (0..1_000_000).map(|_| BlockRow { user: name.clone(), until: u64::MAX });
            assert!(len(NodeAnswerKind::Blocks(Blocks::fitting(rows))).unwrap() > MAX_LEN / 3);
            let described = DescribedRow { channels: vec![name.clone(); 128], ..DescribedRow::default() };
            let row = SessionRow { described: Some(described), ..SessionRow::default() };
            let rows = Sessions::fitting(std::iter::repeat_n(row, 100_000), 100_000);
            assert!(len(NodeAnswerKind::Sessions(rows)).unwrap() > MAX_LEN / 10);
        }
    }
}

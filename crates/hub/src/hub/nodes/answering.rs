//! Answers to what other nodes ask.

use std::sync::Arc;

use bytestring::ByteString;

use crate::hub::inspect::LiveSession;
use crate::hub::largest::Largest;
use crate::hub::node::Hub;
use crate::hub::peers::message::{AnsweredQuestion, NodeEvent, NodeMessage};
use crate::hub::peers::question::{
    BlockRow, Blocks, NodeAnswer, NodeAnswerKind, NodeQuestion, NodeQuestionKind, Selection,
    SessionSelection, Sessions, SessionsOf, SizeRow, Sizes, count, size,
};

/// The most rows of an answer.
const MAX_ROWS: usize = 20_000;

/// An answer that is being made. Dropping it lets another one begin.
struct Answering {
    hub: Arc<Hub>,
    to: ByteString,
    survey: u64,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.hub.nodes_table().end_answer();
    }
}

impl Answering {
    async fn send(self, answer: NodeAnswer) {
        let answered = AnsweredQuestion { survey: self.survey, answer: Some(answer) };
        let event = NodeEvent::Answered(answered);
        let message = NodeMessage::to_one(self.hub.node(), self.to.clone(), event);
        // If this fails, the node that has asked stops waiting after 2 to 3 s.
        let _told = self.hub.tell(&message).answer().await;
    }
}

impl Hub {
    /// Answers a question of another node, on a thread that may wait. If too many are being answered, there is no answer.
    pub(super) fn answer(self: &Arc<Hub>, to: &ByteString, survey: u64, question: NodeQuestion) {
        if !self.nodes_table().begin_answer() {
            return;
        }
        let answering = Answering { hub: Arc::clone(self), to: to.clone(), survey };
        self.delivery().spawn(Box::pin(async move {
            match question.kind {
                Some(NodeQuestionKind::Sessions(of)) => answering.describe(of),
                kind => {
                    // One that this version does not know has an empty answer.
                    let kind = kind.and_then(|kind| answering.hub.answer_to(kind));
                    answering.send(NodeAnswer { kind }).await;
                }
            }
        }));
    }

    fn answer_to(&self, question: NodeQuestionKind) -> Option<NodeAnswerKind> {
        Some(match question {
            NodeQuestionKind::Channels(Selection { pattern, limit }) => {
                let found = self.channels_here(&pattern, size(limit).min(MAX_ROWS));
                let row = |(name, clients): (&_, &usize)| size_row(name, *clients);
                NodeAnswerKind::Sizes(Sizes::fitting(found.found.iter().map(row), found.total))
            }
            NodeQuestionKind::LargestChannels(Selection { pattern, limit }) => {
                sizes(&self.largest_channels_here(&pattern, size(limit).min(MAX_ROWS)))
            }
            NodeQuestionKind::LargestUsers(Selection { pattern, limit }) => {
                sizes(&self.largest_users_here(&pattern, size(limit).min(MAX_ROWS)))
            }
            NodeQuestionKind::Subscribers(of) => {
                let clients = self.subscribers_here(&of.channel.parse().ok()?);
                let row = (clients > 0).then(|| size_row(&of.channel, clients));
                NodeAnswerKind::Sizes(Sizes::fitting(row.into_iter(), usize::from(clients > 0)))
            }
            NodeQuestionKind::Blocks(_) => {
                let blocked = self.all_blocked(MAX_ROWS).into_iter();
                let row = |(user, until): (ByteString, crate::time::Millis)| BlockRow {
                    user: user.to_string(),
                    until: until.0,
                };
                NodeAnswerKind::Blocks(Blocks::fitting(blocked.map(row)))
            }
            NodeQuestionKind::Sessions(_) => return None,
        })
    }
}

impl Answering {
    /// Answers when the sessions have described themselves.
    fn describe(self, SessionSelection { of, limit }: SessionSelection) {
        let hub = Arc::clone(&self.hub);
        let mut sessions: Vec<LiveSession> = match of {
            Some(SessionsOf::User(user)) => hub.user_sessions(&user),
            Some(SessionsOf::Client(client)) => hub.live_session(&client).into_iter().collect(),
            None => Vec::new(),
        };
        let total = sessions.len();
        // The newest first.
        sessions.sort_by_key(|live| std::cmp::Reverse(live.since));
        sessions.truncate(size(limit).min(MAX_ROWS));
        let done = move |rows: Vec<_>| {
            let kind = NodeAnswerKind::Sessions(Sessions::fitting(rows.into_iter(), total));
            let hub = Arc::clone(&self.hub);
            hub.delivery().spawn(Box::pin(self.send(kind.answer())));
        };
        hub.describe_all(&sessions, Box::new(done));
    }
}

fn sizes<T: ToString>(largest: &Largest<T>) -> NodeAnswerKind {
    let rows = largest.found.iter().map(|(name, clients)| size_row(name, *clients));
    NodeAnswerKind::Sizes(Sizes::fitting(rows, largest.total))
}

fn size_row(name: &impl ToString, clients: usize) -> SizeRow {
    SizeRow { name: name.to_string(), size: count(clients) }
}

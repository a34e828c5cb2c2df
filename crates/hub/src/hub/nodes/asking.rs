//! What this node asks the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytestring::ByteString;

use super::described::{NodeSession, NodeSessions};
use crate::call::Call;
use crate::centrifuge::ErrorCode;
use crate::channel::ChannelName;
use crate::hub::api::ChannelFigures;
use crate::hub::api_error::ApiError;
use crate::hub::largest::{Largest, Ranking};
use crate::hub::node::Hub;
use crate::hub::peers::message::{AskedQuestion, NodeEvent};
use crate::hub::peers::question::{
    BlockSelection, ChannelSelection, NodeAnswerKind, NodeQuestionKind, Selection, SessionSelection,
    SessionsOf, Sizes, count, size,
};
use crate::hub::peers::surveys::Replies;
use crate::time::Millis;

/// How many of its largest a node names to others at least, so that what is large only in sum is found.
const LEAST_RANKS: usize = 1_000;

/// What all nodes have found together.
///
/// ```
/// let surveyed = longwire_hub::Surveyed { found: 7, unanswered: vec![] };
/// assert!(surveyed.unanswered.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed<T> {
    /// What was found, without that of nodes that did not answer.
    pub found: T,
    /// The nodes that did not answer within 2 to 3 s.
    pub unanswered: Vec<ByteString>,
}

impl Hub {
    /// Asks all other nodes, if there are any.
    fn ask(&self, question: NodeQuestionKind) -> Call<Result<Replies, ApiError>> {
        let waiting = match self.nodes_table().survey() {
            None => return Call::Ready(Ok(Replies::default())),
            Some(Err(_)) => return Call::Ready(Err(ErrorCode::TooManyRequests.into())),
            Some(Ok(waiting)) => waiting,
        };
        let asked = AskedQuestion { survey: waiting.id, question: Some(question.question()) };
        let told = self.tell_all(NodeEvent::Asked(asked));
        Call::Later(Box::pin(async move {
            if told.answer().await.is_err() {
                waiting.give_up();
            }
            Ok(waiting.await)
        }))
    }

    /// The channels with subscribers, of all nodes, whose names match a pattern, in which `*` stands for any text and `?`
    /// for one character. At most `limit`; those with the first names.
    ///
    /// The answer is error 106 if a node has more than fit into its answer, which are some thousands, and 111 if the other
    /// nodes are being asked too often.
    pub fn channels(
        &self,
        pattern: &str,
        limit: usize,
    ) -> Call<Result<Surveyed<BTreeMap<ChannelName, ChannelFigures>>, ApiError>> {
        let here = self.channels_here(pattern, limit);
        let question = NodeQuestionKind::Channels(selection(pattern, limit));
        self.ask(question).map(move |replies| {
            let (mut is_cut, mut all) = (false, here.found);
            let unanswered = replies?.sizes(|sizes| {
                is_cut |= sizes.rows.len() < limit.min(size(sizes.total));
                for (channel, clients) in named(sizes, channel_name) {
                    *all.entry(channel).or_default() += clients;
                }
            });
            if is_cut {
                return Err(ErrorCode::LimitExceeded.into());
            }
            let found = all.into_iter().take(limit);
            let found = found.map(|(channel, clients)| (channel, ChannelFigures { clients })).collect();
            Ok(Surveyed { found, unanswered })
        })
    }

    /// The channels with the most subscribers, of all nodes, of those whose names match a pattern as in
    /// [`channels`](Hub::channels). Each node names its largest 1,000, or `limit` if that is more: what others have of a
    /// channel that is not among theirs is not counted. With several nodes, `total` is the least that there can be.
    pub fn largest_channels(
        &self,
        pattern: &str,
        limit: usize,
    ) -> Call<Result<Surveyed<Largest<ChannelName>>, ApiError>> {
        let ranks = limit.max(LEAST_RANKS);
        let question = NodeQuestionKind::LargestChannels(selection(pattern, ranks));
        let replies = self.ask(question);
        if let Call::Ready(Ok(_)) = replies {
            return alone(self.largest_channels_here(pattern, limit));
        }
        let here = self.largest_channels_here(pattern, ranks);
        replies.map(move |replies| Ok(ranked(here, replies?, limit, channel_name)))
    }

    /// The users with the most connections, of all nodes, of those whose names match a pattern. They are counted as in
    /// [`largest_channels`](Hub::largest_channels).
    pub fn largest_users(
        &self,
        pattern: &str,
        limit: usize,
    ) -> Call<Result<Surveyed<Largest<ByteString>>, ApiError>> {
        let ranks = limit.max(LEAST_RANKS);
        let replies = self.ask(NodeQuestionKind::LargestUsers(selection(pattern, ranks)));
        if let Call::Ready(Ok(_)) = replies {
            return alone(self.largest_users_here(pattern, limit));
        }
        let here = self.largest_users_here(pattern, ranks);
        replies.map(move |replies| Ok(ranked(here, replies?, limit, user_name)))
    }

    /// How many clients are subscribed to a channel, on all nodes.
    pub fn subscribers(&self, channel: &ChannelName) -> Call<Result<Surveyed<usize>, ApiError>> {
        let mut clients = self.subscribers_here(channel);
        let of = ChannelSelection { channel: channel.to_string() };
        self.ask(NodeQuestionKind::Subscribers(of)).map(move |replies| {
            let unanswered = replies?.sizes(|sizes| {
                clients += sizes.rows.iter().map(|row| size(row.size)).sum::<usize>();
            });
            Ok(Surveyed { found: clients, unanswered })
        })
    }

    /// The sessions of a user on other nodes, the newest `limit` of each.
    pub fn user_sessions_elsewhere(
        &self,
        user: &str,
        limit: usize,
    ) -> Call<Result<Surveyed<NodeSessions>, ApiError>> {
        self.sessions_elsewhere(SessionsOf::User(user.to_owned()), limit)
    }

    /// The session of a client, if it is on another node.
    pub fn session_elsewhere(&self, client: &str) -> Call<Result<Surveyed<Option<NodeSession>>, ApiError>> {
        self.sessions_elsewhere(SessionsOf::Client(client.to_owned()), 1).map(|answer| {
            let Surveyed { found, unanswered } = answer?;
            Ok(Surveyed { found: found.sessions.into_iter().next(), unanswered })
        })
    }

    fn sessions_elsewhere(
        &self,
        of: SessionsOf,
        limit: usize,
    ) -> Call<Result<Surveyed<NodeSessions>, ApiError>> {
        let question = SessionSelection { of: Some(of), limit: count(limit) };
        self.ask(NodeQuestionKind::Sessions(question)).map(|replies| {
            let mut found = NodeSessions::default();
            let unanswered = replies?.read(|node, kind| {
                let NodeAnswerKind::Sessions(sessions) = kind else { return false };
                found.total = found.total.saturating_add(size(sessions.total));
                found.sessions.extend(sessions.rows.into_iter().map(|row| NodeSession::read(node, row)));
                true
            });
            Ok(Surveyed { found, unanswered })
        })
    }

    /// Learns from the others whom they have blocked. They are asked again if none of them answers.
    pub(super) async fn learn_blocks(self: Arc<Hub>) {
        let asked = self.ask(NodeQuestionKind::Blocks(BlockSelection {})).answer().await;
        let mut has_learned = false;
        for (_, answer) in asked.map(|replies| replies.answers).unwrap_or_default() {
            let Some(NodeAnswerKind::Blocks(blocks)) = answer.kind else { continue };
            has_learned = true;
            for block in blocks.rows {
                let until = Millis(block.until);
                if self.block_of(&block.user).is_none_or(|known| known < until) {
                    // Without room, it is as if nobody had told.
                    let _has_room = self.block_here(&block.user, Some(until));
                }
            }
        }
        self.nodes_table().learned_blocks(has_learned);
    }
}

impl Replies {
    /// Reads each answer. Returns the nodes that did not answer, with those whose answer is of another kind.
    fn read(self, mut read: impl FnMut(&ByteString, NodeAnswerKind) -> bool) -> Vec<ByteString> {
        let mut unanswered: BTreeSet<ByteString> = self.unanswered;
        for (node, answer) in self.answers {
            if !answer.kind.is_some_and(|kind| read(&node, kind)) {
                unanswered.insert(node);
            }
        }
        unanswered.into_iter().collect()
    }

    fn sizes(self, mut read: impl FnMut(Sizes)) -> Vec<ByteString> {
        self.read(|_, kind| match kind {
            NodeAnswerKind::Sizes(sizes) => {
                read(sizes);
                true
            }
            _ => false,
        })
    }
}

fn selection(pattern: &str, limit: usize) -> Selection {
    Selection { pattern: pattern.to_owned(), limit: count(limit) }
}

fn alone<T>(found: T) -> Call<Result<Surveyed<T>, ApiError>> {
    Call::Ready(Ok(Surveyed { found, unanswered: Vec::new() }))
}

fn channel_name(name: &str) -> Option<ChannelName> {
    name.parse().ok()
}

fn user_name(name: &str) -> Option<ByteString> {
    Some(name.into())
}

/// The rows whose names are valid.
fn named<T>(sizes: Sizes, read: fn(&str) -> Option<T>) -> impl Iterator<Item = (T, usize)> {
    sizes.rows.into_iter().filter_map(move |row| Some((read(&row.name)?, size(row.size))))
}

/// The largest of all nodes together.
fn ranked<T: Ord + Clone>(
    here: Largest<T>,
    replies: Replies,
    limit: usize,
    read: fn(&str) -> Option<T>,
) -> Surveyed<Largest<T>> {
    let mut least = here.total;
    let mut all: BTreeMap<T, usize> = here.found.into_iter().collect();
    let unanswered = replies.sizes(|sizes| {
        least = least.max(size(sizes.total));
        for (name, clients) in named(sizes, read) {
            *all.entry(name).or_default() += clients;
        }
    });
    let mut ranking = Ranking::new(limit);
    all.iter().for_each(|(name, clients)| ranking.offer(name, *clients));
    let largest = ranking.into_largest();
    Surveyed { found: Largest { total: largest.total.max(least), ..largest }, unanswered }
}

//! A server among others: who they are, and what is asked of them.

pub(super) mod message;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use self::message::{NodeContent, NodeId, NodeMessage, Order, ReplyPart};
use super::adapter::Adapter;
use super::rooms::Audience;
use crate::engine::Sid;

/// How often a node says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A node that has been silent for so long is not waited for.
const GONE: Duration = Duration::from_secs(12);

/// The most nodes that are known.
const MAX_NODES: usize = 1_024;

/// A server among others.
pub(super) struct Cluster {
    node: NodeId,
    adapter: Box<dyn Adapter>,
    state: Mutex<ClusterState>,
}

#[derive(Default)]
struct ClusterState {
    /// The other nodes, and when they were heard of.
    nodes: HashMap<NodeId, Instant>,
    questions: HashMap<u64, Question>,
    last_question: u64,
}

/// Something that was asked of the other nodes.
struct Question {
    waits_for: HashSet<NodeId>,
    parts: UnboundedSender<(ReplyPart, Vec<Bytes>)>,
}

/// What another node wants to be done.
pub(super) struct Ordered {
    pub(super) from: NodeId,
    pub(super) namespace: String,
    pub(super) audience: Audience,
    pub(super) order: Order,
    pub(super) attachments: Vec<Bytes>,
}

/// The answers of the other nodes, as they arrive. A question that is dropped is forgotten.
pub(super) struct Replies {
    cluster: Arc<Cluster>,
    question: u64,
    parts: UnboundedReceiver<(ReplyPart, Vec<Bytes>)>,
}

impl Cluster {
    pub(super) fn new(adapter: Box<dyn Adapter>) -> Cluster {
        Cluster { node: Arc::from(Sid::random().as_str()), adapter, state: Mutex::default() }
    }

    pub(super) fn adapter(&self) -> &dyn Adapter {
        &*self.adapter
    }

    fn lock(&self) -> MutexGuard<'_, ClusterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, content: NodeContent, attachments: Vec<Bytes>) {
        let message = NodeMessage { from: NodeId::clone(&self.node), content, attachments };
        self.adapter.send(message.encode());
    }

    /// Wants something done by the other nodes.
    pub(super) fn order(&self, namespace: &str, audience: Audience, order: Order, attachments: Vec<Bytes>) {
        self.send(NodeContent::Order { namespace: namespace.to_owned(), audience, order }, attachments);
    }

    /// Asks the other nodes something, of which `order` makes the order with the question's number.
    pub(super) fn ask(
        self: &Arc<Self>,
        namespace: &str,
        audience: Audience,
        order: impl FnOnce(u64) -> Order,
        attachments: Vec<Bytes>,
    ) -> Replies {
        let (sender, parts) = unbounded_channel();
        let mut state = self.lock();
        state.last_question = state.last_question.wrapping_add(1);
        let (question, waits_for) = (state.last_question, state.nodes.keys().cloned().collect());
        state.questions.insert(question, Question { waits_for, parts: sender });
        state.forget_answered();
        drop(state);
        self.order(namespace, audience, order(question), attachments);
        Replies { cluster: Arc::clone(self), question, parts }
    }

    /// Takes a message of a node. Returns what is to be done for it.
    pub(super) fn receive(&self, message: Bytes) -> Option<Ordered> {
        let NodeMessage { from, content, attachments } = NodeMessage::decode(message)?;
        if from == self.node {
            return None;
        }
        let mut state = self.lock();
        if matches!(content, NodeContent::Bye) {
            state.forget(&from);
            return None;
        }
        state.heard(&from);
        match content {
            NodeContent::Hello => {
                drop(state);
                self.send(NodeContent::Heartbeat, Vec::new());
            }
            NodeContent::Heartbeat | NodeContent::Bye => {}
            NodeContent::Reply { to, question, part, is_last } if to == self.node => {
                state.answered(&from, question, (part, attachments), is_last);
            }
            NodeContent::Reply { .. } => {}
            NodeContent::Order { namespace, audience, order } => {
                return Some(Ordered { from, namespace, audience, order, attachments });
            }
        }
        None
    }

    /// Says hello, and from time to time that the node is there, until it has ended.
    pub(super) async fn stay_in_touch(cluster: Weak<Cluster>) {
        let mut content = NodeContent::Hello;
        while let Some(cluster) = cluster.upgrade() {
            cluster.send(std::mem::replace(&mut content, NodeContent::Heartbeat), Vec::new());
            cluster.lock().forget_silent();
            drop(cluster);
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// How many other nodes there are.
    pub(super) fn others(&self) -> usize {
        self.lock().nodes.len()
    }
}

impl ClusterState {
    fn heard(&mut self, node: &NodeId) {
        if self.nodes.len() < MAX_NODES || self.nodes.contains_key(node) {
            self.nodes.insert(NodeId::clone(node), Instant::now());
        }
    }

    fn answered(&mut self, from: &NodeId, question: u64, part: (ReplyPart, Vec<Bytes>), is_last: bool) {
        let Some(asked) = self.questions.get_mut(&question) else { return };
        if asked.waits_for.contains(from) {
            // Who has asked may not wait any more.
            drop(asked.parts.send(part));
        }
        if is_last {
            asked.waits_for.remove(from);
            self.forget_answered();
        }
    }

    fn forget(&mut self, node: &NodeId) {
        self.nodes.remove(node);
        for question in self.questions.values_mut() {
            question.waits_for.remove(node);
        }
        self.forget_answered();
    }

    fn forget_silent(&mut self) {
        let now = Instant::now();
        let silent = self.nodes.iter().filter(|(_, heard)| now.duration_since(**heard) > GONE);
        let silent: Vec<NodeId> = silent.map(|(node, _)| NodeId::clone(node)).collect();
        silent.iter().for_each(|node| self.forget(node));
    }

    /// Ends the replies of questions that all nodes have answered.
    fn forget_answered(&mut self) {
        self.questions.retain(|_, question| !question.waits_for.is_empty());
    }
}

/// The answer to another node's question.
pub(super) struct Replying<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) to: NodeId,
    pub(super) question: u64,
}

impl Replying<'_> {
    pub(super) fn part(&self, part: ReplyPart, attachments: Vec<Bytes>) {
        self.send(part, false, attachments);
    }

    /// There are no more parts.
    pub(super) fn end(&self) {
        self.send(ReplyPart::Sockets(Vec::new()), true, Vec::new());
    }

    fn send(&self, part: ReplyPart, is_last: bool, attachments: Vec<Bytes>) {
        let (to, question) = (NodeId::clone(&self.to), self.question);
        self.cluster.send(NodeContent::Reply { to, question, part, is_last }, attachments);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.send(NodeContent::Bye, Vec::new());
    }
}

impl Replies {
    /// The next part with its attachments. `None`: all nodes have answered, or it is too late.
    pub(super) async fn next(&mut self, deadline: Instant) -> Option<(ReplyPart, Vec<Bytes>)> {
        timeout_at(deadline, self.parts.recv()).await.ok().flatten()
    }

    /// How many nodes have not answered.
    pub(super) fn silent(&self) -> usize {
        self.cluster.lock().questions.get(&self.question).map_or(0, |question| question.waits_for.len())
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.cluster.lock().questions.remove(&self.question);
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("node", &self.node).finish_non_exhaustive()
    }
}

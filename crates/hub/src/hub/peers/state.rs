//! What a node remembers of the others.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytestring::ByteString;

use super::known::{KnownNodes, NodeInfo};
use super::message::NodeFigures;
use super::surveys::{Surveys, TooManySurveys, WaitingSurvey};
use crate::hub::counters::Counter;
use crate::time::Millis;

/// How often a node says that it lives.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);

/// The most questions of others that are answered at a time.
const MAX_ANSWERING: usize = 64;

/// What this node knows of the others, and has asked them.
#[derive(Debug, Default)]
pub(in crate::hub) struct Nodes {
    state: Mutex<NodesState>,
    pub(in crate::hub) surveys: Surveys,
    answering: AtomicUsize,
    /// The newest time that this node was given, in milliseconds: messages come without one.
    clock: AtomicU64,
    /// Messages of other nodes.
    pub(in crate::hub) heard: Counter,
    /// Messages of other nodes that this version does not know.
    pub(in crate::hub) skipped: Counter,
}

#[derive(Debug, Default)]
struct NodesState {
    others: KnownNodes,
    presence: NodePresence,
    blocks: KnownBlocks,
}

/// Whether the others know of this node.
#[derive(Debug, Default)]
enum NodePresence {
    #[default]
    New,
    Lives {
        since: Millis,
        heartbeat_at: Millis,
    },
    Leaving,
}

/// Whether this node knows whom the others have blocked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum KnownBlocks {
    #[default]
    Unknown,
    Asked,
    Known,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::hub) struct Due {
    /// Say that this node lives.
    pub(in crate::hub) heartbeat: bool,
    /// Ask the others whom they have blocked.
    pub(in crate::hub) blocks: bool,
}

impl Nodes {
    fn state(&self) -> MutexGuard<'_, NodesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::hub) fn now(&self) -> Millis {
        Millis(self.clock.load(Ordering::Relaxed))
    }

    /// Time has passed.
    pub(in crate::hub) fn pass(&self, now: Millis) -> Due {
        self.clock.fetch_max(now.0, Ordering::Relaxed);
        let mut state = self.state();
        let forgotten = state.others.forget_silent(now);
        let due = state.due(now);
        drop(state);
        self.surveys.gone(&forgotten);
        self.surveys.expire(now);
        due
    }

    /// How long this node has been running.
    pub(in crate::hub) fn uptime(&self) -> Duration {
        match self.state().presence {
            NodePresence::Lives { since, .. } => self.now().since(since),
            NodePresence::New | NodePresence::Leaving => Duration::ZERO,
        }
    }

    /// How many questions wait for answers.
    pub(in crate::hub) fn open_questions(&self) -> usize {
        self.surveys.len()
    }

    /// The others were not told that this node lives: it says so again soon.
    pub(in crate::hub) fn heartbeat_failed(&self) {
        let now = self.now();
        if let NodePresence::Lives { heartbeat_at, .. } = &mut self.state().presence {
            *heartbeat_at = now;
        }
    }

    /// Another node lives. One that is new learns soon that this one does, too.
    pub(in crate::hub) fn heartbeat(&self, node: &ByteString, figures: NodeFigures) {
        let now = self.now();
        let mut state = self.state();
        if state.others.heard(node, figures, now)
            && let NodePresence::Lives { heartbeat_at, .. } = &mut state.presence
        {
            *heartbeat_at = now;
        }
    }

    /// Another node ends.
    pub(in crate::hub) fn goodbye(&self, node: &ByteString) {
        self.state().others.remove(node);
        self.surveys.gone(std::slice::from_ref(node));
    }

    /// This node ends. It says no more that it lives.
    pub(in crate::hub) fn leave(&self) {
        self.state().presence = NodePresence::Leaving;
    }

    /// The others have said whom they have blocked, or have not.
    pub(in crate::hub) fn learned_blocks(&self, learned: bool) {
        self.state().blocks = if learned { KnownBlocks::Known } else { KnownBlocks::Unknown };
    }

    /// Whether there may be such a node. One that has just begun has not heard of all.
    pub(in crate::hub) fn may_exist(&self, node: &str) -> bool {
        self.uptime() < 2 * HEARTBEAT_EVERY || self.state().others.knows(node)
    }

    /// What the others have said of themselves.
    pub(in crate::hub) fn infos(&self) -> Vec<NodeInfo> {
        self.state().others.infos().cloned().collect()
    }

    /// How many others are known.
    pub(in crate::hub) fn len(&self) -> usize {
        self.state().others.ids().count()
    }

    /// Begins to ask all others; `None` if there are none.
    pub(in crate::hub) fn survey(&self) -> Option<Result<WaitingSurvey, TooManySurveys>> {
        let nodes: BTreeSet<ByteString> = self.state().others.ids().cloned().collect();
        (!nodes.is_empty()).then(|| self.surveys.begin(nodes, self.now()))
    }

    /// Begins to answer a question, unless too many are being answered.
    pub(in crate::hub) fn begin_answer(&self) -> bool {
        let below = |count: usize| (count < MAX_ANSWERING).then_some(count + 1);
        self.answering.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).is_ok()
    }

    pub(in crate::hub) fn end_answer(&self) {
        self.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NodesState {
    fn due(&mut self, now: Millis) -> Due {
        let heartbeat = match &mut self.presence {
            NodePresence::Leaving => return Due::default(),
            NodePresence::New => {
                self.presence = NodePresence::Lives { since: now, heartbeat_at: now + HEARTBEAT_EVERY };
                true
            }
            NodePresence::Lives { heartbeat_at, .. } => {
                let is_due = *heartbeat_at <= now;
                if is_due {
                    *heartbeat_at = now + HEARTBEAT_EVERY;
                }
                is_due
            }
        };
        match (self.others.is_empty(), self.blocks) {
            // Whoever is alone does not hear whom the others block.
            (true, _) => self.blocks = KnownBlocks::Unknown,
            (false, KnownBlocks::Unknown) => {
                self.blocks = KnownBlocks::Asked;
                return Due { heartbeat, blocks: true };
            }
            (false, KnownBlocks::Asked | KnownBlocks::Known) => {}
        }
        Due { heartbeat, blocks: false }
    }
}

//! A subscription of which the client has not heard yet.

use std::collections::VecDeque;

use crate::frame::Frame;
use crate::namespace::SlowPolicy;
use crate::variant::Variant;

/// What a message costs beside its bytes.
const OVERHEAD: usize = 64;

/// A subscription that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSubscription {
    pub(crate) publications: Variant,
    pub(crate) joins: Option<Variant>,
    pub(crate) slow: SlowPolicy,
    /// The bytes that may be held for it.
    pub(crate) room: usize,
}

/// Identifies a subscription that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BeginningId(pub(super) u64);

/// A subscription between its beginning at the broker and its reply. What comes for it is held, since the client must learn
/// first that it is subscribed.
#[derive(Debug)]
pub(super) struct Beginning {
    new: NewSubscription,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The broker has not begun it.
    Asked,
    Holds(HeldMessages),
    /// Something is missing.
    Incomplete,
}

/// What is held, in its order.
#[derive(Debug, Default)]
struct HeldMessages {
    messages: VecDeque<(Variant, Frame)>,
    bytes: usize,
}

impl Beginning {
    pub(super) fn new(new: NewSubscription) -> Beginning {
        Beginning { new, stage: Stage::Asked }
    }

    /// The broker has begun it: from now on, messages are held.
    pub(super) fn start(&mut self) {
        self.stage = Stage::Holds(HeldMessages::default());
    }

    /// Something is missing, if the broker has begun it.
    pub(super) fn lose(&mut self) {
        if matches!(self.stage, Stage::Holds(_)) {
            self.stage = Stage::Incomplete;
        }
    }

    pub(super) fn takes_deltas(&self) -> bool {
        self.new.publications.is_delta()
    }

    /// Holds a message, if it is of a variant that the subscription receives.
    pub(super) fn hold(&mut self, variant: Variant, frame: &Frame) {
        let NewSubscription { publications, joins, slow, room } = self.new;
        let Stage::Holds(held) = &mut self.stage else { return };
        if variant != publications && Some(variant) != joins {
            return;
        }
        held.bytes = held.bytes.saturating_add(cost(frame));
        held.messages.push_back((variant, frame.clone()));
        let keep = match slow {
            SlowPolicy::Disconnect => usize::MAX,
            SlowPolicy::DropOldest(keep) => usize::try_from(keep.get()).unwrap_or(usize::MAX),
            SlowPolicy::Latest => 1,
        };
        let may_drop = slow != SlowPolicy::Disconnect;
        while held.count(publications) > keep || (may_drop && held.bytes > room) {
            // The newest one stays.
            if held.count(publications) < 2 {
                break;
            }
            held.drop_oldest(publications);
        }
        if held.bytes > room {
            self.stage = Stage::Incomplete;
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        !matches!(self.stage, Stage::Incomplete)
    }

    /// What was held, or `None` if something is missing.
    pub(super) fn into_held(self) -> Option<Vec<Frame>> {
        match self.stage {
            Stage::Asked => Some(Vec::new()),
            Stage::Holds(held) => Some(held.messages.into_iter().map(|(_, frame)| frame).collect()),
            Stage::Incomplete => None,
        }
    }
}

impl HeldMessages {
    fn count(&self, variant: Variant) -> usize {
        self.messages.iter().filter(|(held, _)| *held == variant).count()
    }

    fn drop_oldest(&mut self, variant: Variant) {
        let oldest = self.messages.iter().position(|(held, _)| *held == variant);
        if let Some((_, frame)) = oldest.and_then(|oldest| self.messages.remove(oldest)) {
            self.bytes = self.bytes.saturating_sub(cost(&frame));
        }
    }
}

fn cost(frame: &Frame) -> usize {
    frame.as_bytes().len().saturating_add(OVERHEAD)
}

//! A channel that a node follows: what arrives of it becomes one order.
//!
//! A store may bring publications twice, late, or not at all. The state below knows up to which position this node has
//! delivered, and delivers nothing but the next one. Everything else is held or dropped, and what is missing is read. There
//! is one read at a time, and it serves all that want one: a gap, an interruption, a check, and subscribers that begin.
//!
//! ```text
//!                 the store listens          the last one has left, and a while has passed
//!    join ─► Opening ─────────────► Open ─────────────────────────────────────────────────► Closing ─► gone
//!             ▲  └──────────── it does not ──────────────────────────────────────────────►   │   ▲
//!             │                                                       it does not stop       ▼   │ later
//!             └───────────── somebody joins ──────────────────────────────────────────────── Parted
//! ```
//!
//! Who joins while it is `Closing` waits until that is done, and it opens again.

mod arriving;
mod catch_up;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effect::Effect;
use super::held::{HeldArrivals, Room};
use super::joining::{Joining, SubscriberId};
use super::reading::Reading;
use crate::broker::{BrokerError, Since};
use crate::publication::{Publication, StreamPosition};
use crate::time::Millis;

/// The times of following.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// How long a node listens after its last subscriber has left.
    pub(super) linger: Duration,
    /// After this time without a sign, the position is compared with the store's. It differs between channels, so that they
    /// do not ask at once.
    pub(super) check: Duration,
    /// The first pause after a read has failed. It doubles with each.
    pub(super) retry: Duration,
    /// The longest one.
    pub(super) longest_retry: Duration,
}

/// The conditions of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions {
    pub(super) now: Millis,
    pub(super) times: Times,
    /// What the channel may hold.
    pub(super) room: Room,
}

/// A channel that this node follows, as a state machine.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct Following {
    link: Listening,
    /// Whether the channel keeps history, as the last subscriber has said.
    keeps_history: bool,
    /// Whether what is published now may not arrive.
    is_interrupted: bool,
    /// Those that have begun.
    subscribers: usize,
    joining: BTreeMap<SubscriberId, Joining>,
    /// Up to where this node has delivered; `None` if it does not know, and then nobody has subscribed to the stream.
    delivered: Option<StreamPosition>,
    /// The publication that was delivered last, from which a delta can be made.
    previous: Option<Arc<Publication>>,
    held: HeldArrivals,
    /// Publications may be missing that no arrival will show.
    is_in_doubt: bool,
    reading: Reading,
    /// How long it was waited after the last read, if that has failed.
    pause: Duration,
    /// When the position is compared with the store's.
    check_at: Millis,
}

/// What the store does for this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum Listening {
    /// It begins to listen.
    Opening,
    /// It listens. Without subscribers, until a time.
    Open { idle_until: Option<Millis> },
    /// It stops listening.
    Closing,
    /// It may still listen, since it has failed to stop, which is tried again.
    Parted { until: Millis },
}

impl Following {
    /// Begins to follow a channel, for a first subscriber.
    pub(super) fn begin(
        subscriber: SubscriberId,
        since: Since,
        keeps_history: bool,
        effects: &mut Vec<Effect>,
    ) -> Following {
        effects.push(Effect::Listen);
        Following {
            link: Listening::Opening,
            keeps_history,
            is_interrupted: false,
            subscribers: 0,
            joining: BTreeMap::from([(subscriber, Joining::new(since))]),
            delivered: None,
            previous: None,
            held: HeldArrivals::default(),
            is_in_doubt: false,
            reading: Reading::Idle,
            pause: Duration::ZERO,
            check_at: Millis(u64::MAX),
        }
    }

    /// A subscriber wants to begin.
    pub(super) fn join(
        &mut self,
        subscriber: SubscriberId,
        since: Since,
        keeps_history: bool,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        self.set_history(keeps_history, effects);
        self.joining.insert(subscriber, Joining::new(since));
        match &mut self.link {
            Listening::Opening | Listening::Closing => {}
            Listening::Parted { .. } => self.listen(effects),
            Listening::Open { idle_until } => {
                *idle_until = None;
                self.serve(effects);
                self.rest(conditions);
            }
        }
    }

    /// Begins to listen again. An interruption before it is over with it.
    fn listen(&mut self, effects: &mut Vec<Effect>) {
        self.is_interrupted = false;
        self.link = Listening::Opening;
        effects.push(Effect::Listen);
    }

    /// The options of the channel may change under its subscribers, who then go on with those of the last one.
    ///
    /// Without history, nothing can be recovered any more. Subscribers were promised that it can, so they are told: they
    /// subscribe again, and learn what is promised now.
    fn set_history(&mut self, keeps_history: bool, effects: &mut Vec<Effect>) {
        if self.keeps_history && !keeps_history {
            self.forget_position();
            if self.subscribers > 0 {
                effects.push(Effect::Lost);
            }
        }
        self.keeps_history = keeps_history;
    }

    /// A subscriber that waits goes away. Says whether it was waiting.
    pub(super) fn abandon(&mut self, subscriber: SubscriberId, conditions: &Conditions) -> bool {
        let was_waiting = self.joining.remove(&subscriber).is_some();
        self.rest(conditions);
        was_waiting
    }

    /// A subscriber that has begun goes away.
    pub(super) fn leave(&mut self, conditions: &Conditions) {
        self.subscribers = self.subscribers.saturating_sub(1);
        self.rest(conditions);
    }

    /// The store has begun to listen, or has not.
    pub(super) fn listened(
        &mut self,
        outcome: Result<(), BrokerError>,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        match outcome {
            Ok(()) => {
                self.link = Listening::Open { idle_until: None };
                self.serve(effects);
                self.rest(conditions);
            }
            Err(error) => {
                self.refuse(&error, |_| true, effects);
                self.link = Listening::Closing;
                effects.push(Effect::StopListening);
            }
        }
    }

    /// The store has stopped listening, or has not.
    pub(super) fn stopped(
        &mut self,
        outcome: &Result<(), BrokerError>,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        if !self.joining.is_empty() {
            self.listen(effects);
        } else if outcome.is_ok() {
            effects.push(Effect::Forget);
        } else {
            self.link = Listening::Parted { until: conditions.now + conditions.times.linger };
        }
    }

    /// What is published now may not arrive. Until it does again, nothing is read and nobody begins.
    pub(super) fn interrupted(&mut self, conditions: &Conditions, effects: &mut Vec<Effect>) {
        self.is_interrupted = true;
        if matches!(self.link, Listening::Open { .. }) {
            self.refuse(&BrokerError::Unavailable, |joining| !joining.is_asked, effects);
            self.rest(conditions);
        }
    }

    /// What is published from now on arrives again.
    pub(super) fn restored(&mut self, effects: &mut Vec<Effect>) {
        self.is_interrupted = false;
        self.reading.end_rest();
        if self.is_unused() {
            return self.forget_position();
        }
        self.is_in_doubt |= self.keeps_history;
        self.want_read(effects);
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, conditions: &Conditions, effects: &mut Vec<Effect>) {
        match self.link {
            Listening::Open { idle_until: Some(until) }
                if until <= conditions.now && !self.reading.is_running() =>
            {
                self.forget_position();
                self.reading = Reading::Idle;
                self.link = Listening::Closing;
                effects.push(Effect::StopListening);
            }
            Listening::Parted { until } if until <= conditions.now => {
                self.link = Listening::Closing;
                effects.push(Effect::StopListening);
            }
            _ => {}
        }
        if self.subscribers > 0 && self.check_at <= conditions.now {
            self.check_at = conditions.now + conditions.times.check;
            self.is_in_doubt = true;
        }
        if self.reading.rests_until().is_some_and(|until| until <= conditions.now) {
            self.reading.end_rest();
        }
        self.want_read(effects);
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let link = match self.link {
            Listening::Opening | Listening::Closing => None,
            Listening::Open { idle_until } => idle_until,
            Listening::Parted { until } => Some(until),
        };
        let check = (self.subscribers > 0 && self.keeps_history).then_some(self.check_at);
        [link, check, self.reading.rests_until()].into_iter().flatten().min()
    }

    /// Whether what is published now may not arrive.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Whether somebody has begun.
    pub(super) fn has_subscribers(&self) -> bool {
        self.subscribers > 0
    }

    /// The memory of what is held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.bytes().saturating_add(self.reading.bytes())
    }

    fn is_unused(&self) -> bool {
        self.subscribers == 0 && self.joining.is_empty()
    }

    /// Begins to wait for the end, if nobody is there.
    fn rest(&mut self, conditions: &Conditions) {
        if let Listening::Open { idle_until } = &mut self.link
            && self.subscribers == 0
            && self.joining.is_empty()
        {
            *idle_until = Some(conditions.now + conditions.times.linger);
        }
    }

    fn forget_position(&mut self) {
        self.delivered = None;
        self.previous = None;
        self.held.clear();
        self.is_in_doubt = false;
    }

    /// Serves those that wait: at once without history, and otherwise by a read.
    fn serve(&mut self, effects: &mut Vec<Effect>) {
        if self.is_interrupted {
            return self.refuse(&BrokerError::Unavailable, |joining| !joining.is_asked, effects);
        }
        if self.keeps_history {
            return self.want_read(effects);
        }
        for (subscriber, joining) in std::mem::take(&mut self.joining) {
            self.subscribers += 1;
            let joined = joining.wish.without_history();
            effects.push(Effect::Start { subscriber, joined });
        }
    }

    fn refuse(
        &mut self,
        error: &BrokerError,
        is_refused: impl Fn(&Joining) -> bool,
        effects: &mut Vec<Effect>,
    ) {
        self.joining.retain(|subscriber, joining| {
            let is_refused = is_refused(joining);
            if is_refused {
                effects.push(Effect::Refuse { subscriber: *subscriber, error: error.clone() });
            }
            !is_refused
        });
    }
}

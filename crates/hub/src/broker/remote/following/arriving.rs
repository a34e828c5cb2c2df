//! An arrival is delivered if it is the next one, held if others are missing before it, and dropped if it came before.

use std::sync::Arc;

use super::{Conditions, Following, Listening};
use crate::broker::remote::effect::{Effect, Note};
use crate::broker::remote::held::{Arrival, NoRoom};
use crate::broker::remote::reading::Reading;
use crate::publication::{Publication, StreamPosition};

impl Following {
    /// A publication has arrived.
    pub(in crate::broker::remote) fn arrived(
        &mut self,
        arrival: Arrival,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        if !matches!(self.link, Listening::Open { .. }) {
            return;
        }
        let Some(position) = arrival.position.as_ref().filter(|_| self.keeps_history) else {
            return self.arrived_outside(arrival, conditions, effects);
        };
        let Some(delivered) = &self.delivered else {
            // A read that has not begun yet shows it.
            if matches!(self.reading, Reading::Running(_)) {
                self.hold(arrival, conditions);
            }
            return;
        };
        if is_known(delivered, position) {
            return effects.push(Effect::Note(Note::Duplicate));
        }
        if is_next(delivered, position) {
            self.check_at = conditions.now + conditions.times.check;
            self.deliver(arrival.publication, conditions, effects);
            return self.deliver_held(conditions, effects);
        }
        if self.is_unused() {
            return self.forget_position();
        }
        self.hold(arrival, conditions);
        self.want_read(effects);
    }

    /// A publication that is not part of a stream.
    fn arrived_outside(&mut self, arrival: Arrival, conditions: &Conditions, effects: &mut Vec<Effect>) {
        if self.held.is_empty() {
            self.deliver_outside(arrival, effects);
        } else {
            self.hold(arrival, conditions);
        }
    }

    fn deliver_outside(&mut self, arrival: Arrival, effects: &mut Vec<Effect>) {
        self.previous = None;
        if self.subscribers > 0 {
            let epoch = arrival.position.map_or_else(|| Arc::from(""), |position| position.epoch);
            effects.push(Effect::Deliver { publication: arrival.publication, epoch, previous: None });
        }
    }

    /// Holds an arrival. If there is no room, what is held is read instead.
    fn hold(&mut self, arrival: Arrival, conditions: &Conditions) {
        if let Err(NoRoom) = self.held.push(arrival, conditions.room) {
            self.held.clear();
            self.is_in_doubt = true;
        }
    }

    /// Delivers the next publication of the stream.
    pub(super) fn deliver(
        &mut self,
        publication: Arc<Publication>,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        let Some(delivered) = &mut self.delivered else { return };
        delivered.offset = publication.offset;
        let epoch = delivered.epoch.clone();
        if let Reading::Running(run) = &mut self.reading {
            run.note(&publication, conditions.room);
        }
        let previous = self.previous.replace(publication.clone());
        if self.subscribers > 0 {
            effects.push(Effect::Deliver { publication, epoch, previous });
        }
    }

    /// Delivers what is held and can be delivered now.
    pub(super) fn deliver_held(&mut self, conditions: &Conditions, effects: &mut Vec<Effect>) {
        while let (Some(arrival), Some(delivered)) = (self.held.front(), &self.delivered) {
            let step = match &arrival.position {
                None => HeldStep::Outside,
                Some(position) if is_known(delivered, position) => HeldStep::Drop,
                Some(position) if is_next(delivered, position) => HeldStep::Deliver,
                Some(_) => return,
            };
            let Some(arrival) = self.held.pop() else { return };
            match step {
                HeldStep::Drop => effects.push(Effect::Note(Note::Duplicate)),
                HeldStep::Deliver => self.deliver(arrival.publication, conditions, effects),
                HeldStep::Outside => self.deliver_outside(arrival, effects),
            }
        }
    }
}

/// What becomes of an arrival that was held.
enum HeldStep {
    Drop,
    Deliver,
    Outside,
}

/// Whether a position was delivered already.
fn is_known(delivered: &StreamPosition, position: &StreamPosition) -> bool {
    delivered.epoch == position.epoch && position.offset <= delivered.offset
}

/// Whether a position is the one after another.
fn is_next(delivered: &StreamPosition, position: &StreamPosition) -> bool {
    delivered.epoch == position.epoch && delivered.offset.checked_add(1) == Some(position.offset)
}

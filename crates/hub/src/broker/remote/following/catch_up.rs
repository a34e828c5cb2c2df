//! Reading what a channel's subscribers miss, and what new ones want of the past.

use std::time::Duration;

use super::{Conditions, Following, Listening};
use crate::broker::remote::effect::{Effect, Note};
use crate::broker::remote::joining::{Joining, Wish};
use crate::broker::remote::reading::{ReadPlan, Reading, Run};
use crate::broker::remote::window::Window;
use crate::broker::{BrokerError, HistoryPage, Joined};
use crate::publication::StreamPosition;

/// How many reads may fail to show what a subscriber needs.
const MAX_ROUNDS: u8 = 3;

/// How far subscribers have come by a read.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    /// They have come nearer, and need another read.
    Behind,
    /// The page ended before what they need.
    Cut,
    /// They have all that it shows.
    Reached,
    /// The position was replaced: nothing that was delivered before counts.
    Replaced,
}

impl Following {
    /// Asks for a read, if one is needed and none is under way.
    pub(super) fn want_read(&mut self, effects: &mut Vec<Effect>) {
        let may_begin = match self.reading {
            Reading::Idle => true,
            Reading::Resting { .. } => !self.joining.is_empty(),
            Reading::Queued | Reading::Running(_) => false,
        };
        if may_begin && self.wants_read() {
            self.reading = Reading::Queued;
            effects.push(Effect::Read);
        }
    }

    fn wants_read(&self) -> bool {
        let may_read =
            matches!(self.link, Listening::Open { .. }) && self.keeps_history && !self.is_interrupted;
        may_read && (!self.joining.is_empty() || self.subscribers_want_read())
    }

    fn subscribers_want_read(&self) -> bool {
        self.subscribers > 0 && (self.is_in_doubt || !self.held.is_empty())
    }

    /// The turn of this channel's read has come. `None` if none is needed any more. `page` is the least that is asked for.
    pub(in crate::broker::remote) fn begin_read(&mut self, page: usize) -> Option<ReadPlan> {
        if !matches!(self.reading, Reading::Queued) {
            return None;
        }
        if !self.wants_read() {
            self.reading = Reading::Idle;
            return None;
        }
        let plan = self.plan(page);
        let run = Run::new(&plan, self.delivered.clone(), self.subscribers_want_read());
        self.reading = Reading::Running(Box::new(run));
        self.is_in_doubt = false;
        self.held.read_begins();
        self.joining.values_mut().for_each(|joining| joining.is_asked = true);
        Some(plan)
    }

    fn plan(&self, page: usize) -> ReadPlan {
        let known = self.delivered.as_ref();
        let of_subscribers = known.filter(|_| self.subscribers > 0).map(|known| known.offset);
        let of_joining = self.joining.values().filter_map(|joining| joining.wish.needs_after(known));
        let older = of_joining.reduce(|(after, limit), (other, more)| (after.min(other), limit.max(more)));
        match (older, of_subscribers) {
            (Some((after, limit)), Some(delivered)) => {
                // The page goes beyond what is delivered, or else subscribers would not come further.
                let before = usize::try_from(delivered.saturating_sub(after)).unwrap_or(usize::MAX);
                let limit = limit.max(before.min(limit).saturating_add(page));
                return ReadPlan { after: Some(after.min(delivered)), limit };
            }
            (Some((after, limit)), None) => return ReadPlan { after: Some(after), limit: limit.max(page) },
            (None, Some(delivered)) => return ReadPlan { after: Some(delivered), limit: page },
            (None, None) => {}
        }
        let wants_newest = |joining: &Joining| matches!(joining.wish, Wish::Newest { .. });
        ReadPlan { after: None, limit: usize::from(self.joining.values().any(wants_newest)) }
    }

    /// A read has ended.
    pub(in crate::broker::remote) fn read(
        &mut self,
        outcome: Result<HistoryPage, BrokerError>,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        let run = match std::mem::replace(&mut self.reading, Reading::Idle) {
            Reading::Running(run) => run,
            other => {
                self.reading = other;
                return;
            }
        };
        match outcome {
            // It keeps none any more.
            _ if !self.keeps_history => {}
            Ok(page) => self.read_succeeded(&run, page, conditions, effects),
            Err(error) => self.read_failed(&run, &error, conditions, effects),
        }
        self.want_read(effects);
        self.rest(conditions);
    }

    fn read_failed(
        &mut self,
        run: &Run,
        error: &BrokerError,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        self.is_in_doubt |= run.is_needed;
        self.refuse(error, |joining| joining.is_asked, effects);
        let Conditions { now, times, .. } = *conditions;
        self.pause = self.pause.saturating_mul(2).clamp(times.retry, times.longest_retry);
        self.reading = Reading::Resting { until: now + self.pause };
        self.refuse_if_interrupted(effects);
    }

    fn read_succeeded(
        &mut self,
        run: &Run,
        page: HistoryPage,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) {
        self.pause = Duration::ZERO;
        self.check_at = conditions.now + conditions.times.check;
        let HistoryPage { mut publications, position: top } = page;
        if run.after.is_none() {
            publications.reverse();
        }
        let window = Window::newest_of(publications);
        let any_gave_up = self.give_up_what_is_missing(&top);
        match self.catch_up(run, &window, &top, conditions, effects) {
            Reach::Cut if !any_gave_up => {
                self.give_up_what_is_asked();
                return self.read_again(effects);
            }
            Reach::Cut | Reach::Behind => return self.read_again(effects),
            Reach::Replaced => self.start(run, &window, &top, effects),
            Reach::Reached => match &run.recent {
                Some(recent) => self.start(run, &window.followed_by(recent), &top, effects),
                None => self.start(run, &window, &top, effects),
            },
        }
        self.deliver_held(conditions, effects);
        while self.held.front_is_old() {
            // The read began after it came, and does not show it: it is of a stream that is lost.
            self.held.pop();
            self.deliver_held(conditions, effects);
        }
        self.refuse_if_interrupted(effects);
    }

    /// Nobody waits for another read that does not begin.
    fn refuse_if_interrupted(&mut self, effects: &mut Vec<Effect>) {
        if self.is_interrupted {
            self.refuse(&BrokerError::Unavailable, |_| true, effects);
        }
    }

    /// Brings those that have begun up to what was read.
    fn catch_up(
        &mut self,
        run: &Run,
        window: &Window,
        top: &StreamPosition,
        conditions: &Conditions,
        effects: &mut Vec<Effect>,
    ) -> Reach {
        let Some(delivered) = self.delivered.clone() else { return self.replace_position(top) };
        let offset = delivered.offset;
        let before = run.delivered.as_ref().map_or(0, |before| before.offset);
        if delivered.epoch != top.epoch || top.offset < before {
            return self.lose(top, effects);
        }
        if top.offset <= offset {
            return Reach::Reached;
        }
        if self.subscribers == 0 {
            return self.replace_position(top);
        }
        let Some(next) = offset.checked_add(1).filter(|next| window.get(*next).is_some()) else {
            let was_cut = window.last().is_some_and(|last| last <= offset) && run.after != Some(offset);
            let is_further = run.delivered.as_ref() != Some(&delivered);
            return match was_cut {
                // What has arrived meanwhile has passed the page.
                true if is_further => Reach::Behind,
                true => Reach::Cut,
                false => self.lose(top, effects),
            };
        };
        for publication in window.from(next) {
            self.deliver(publication.clone(), conditions, effects);
        }
        if window.last() != Some(top.offset) {
            return Reach::Behind;
        }
        if run.is_needed {
            effects.push(Effect::Note(Note::GapFilled));
        }
        Reach::Reached
    }

    /// What is missing cannot be read.
    fn lose(&mut self, top: &StreamPosition, effects: &mut Vec<Effect>) -> Reach {
        if self.subscribers > 0 {
            effects.push(Effect::Lost);
            effects.push(Effect::Note(Note::GapLost));
        }
        self.replace_position(top)
    }

    fn replace_position(&mut self, top: &StreamPosition) -> Reach {
        self.delivered = Some(top.clone());
        self.previous = None;
        Reach::Replaced
    }

    /// Of those that wait, some need what the read has shown to be lost, or more of it than they may get. Says whether there
    /// are any.
    fn give_up_what_is_missing(&mut self, top: &StreamPosition) -> bool {
        let mut any = false;
        for joining in self.joining.values_mut().filter(|joining| joining.is_asked) {
            if joining.wish.cannot_be_had(top) {
                (joining.wish, any) = (Wish::Lost, true);
            }
        }
        any
    }

    /// The page ended before what subscribers need, since some that wait need what is older. They get nothing.
    fn give_up_what_is_asked(&mut self) {
        for joining in self.joining.values_mut().filter(|joining| joining.is_asked) {
            if !matches!(joining.wish, Wish::Nothing) {
                joining.wish = Wish::Lost;
            }
        }
    }

    /// The subscribers, and those that wait, need another read.
    fn read_again(&mut self, effects: &mut Vec<Effect>) {
        self.is_in_doubt = true;
        self.joining.values_mut().for_each(|joining| joining.is_asked = false);
        self.refuse_if_interrupted(effects);
    }

    /// Begins the subscriptions that the read was asked for, at what is delivered now.
    fn start(&mut self, run: &Run, window: &Window, top: &StreamPosition, effects: &mut Vec<Effect>) {
        let Some(begin) = self.delivered.clone() else { return };
        let was_cut = window.last().is_some_and(|last| last < top.offset);
        for (subscriber, mut joining) in std::mem::take(&mut self.joining) {
            let need = joining.wish.needs_after(Some(&begin)).filter(|_| joining.is_asked);
            let is_missing = need.is_some_and(|(after, _)| {
                let began_later = run.after.is_none_or(|began| began > after);
                window.between(after, begin.offset).is_none() && (was_cut || began_later)
            });
            if joining.is_asked && (!is_missing || joining.rounds >= MAX_ROUNDS) {
                self.subscribers += 1;
                let recovery = joining.wish.recover(&begin, window);
                let joined = Joined { position: begin.clone(), recovery };
                effects.push(Effect::Start { subscriber, joined });
                continue;
            }
            joining.rounds = joining.rounds.saturating_add(u8::from(is_missing));
            joining.is_asked = false;
            self.joining.insert(subscriber, joining);
        }
    }
}

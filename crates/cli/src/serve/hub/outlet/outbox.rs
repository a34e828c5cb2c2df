//! What waits to be sent through a stream, in bounded memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{Frame, Session, SlowPolicy};

use super::budget::Budget;
use super::inbox::Inbox;
use crate::serve::access::{Traffic, Visit};

/// The most bytes that wait for one client. While little waits, one longer message may wait as well. A client that is slower is
/// disconnected with 3008.
const MAX_QUEUED: usize = 1 << 20;

/// The bytes below which a session goes on that has more to say.
const LOW: usize = 64 << 10;

/// What a message costs beside its bytes.
const OVERHEAD: usize = 64;

/// What waits to be sent through a stream.
#[derive(Debug)]
pub(in crate::serve::hub) struct Outbox {
    state: Mutex<OutboxState>,
    budget: Arc<Budget>,
    /// Learns that the client is slow, or that nobody reads the stream.
    inbox: Arc<Inbox>,
}

#[derive(Debug)]
struct OutboxState {
    stage: OutboxStage,
    queue: VecDeque<Queued>,
    /// Of `queue` and `call`.
    bytes: usize,
    call: Option<CallOfSession>,
    reader: Option<Waker>,
    /// What the access log remembers, if there is one.
    visit: Option<Box<Visit>>,
    traffic: Traffic,
    /// The session, if it waits for [room](Outbox::room).
    session: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutboxStage {
    Open,
    /// Too many bytes waited. They were dropped, and the session has to disconnect the client.
    Slow,
    /// The session says its last words.
    Closing,
    /// The stream ends after the waiting bytes were sent.
    Ended,
}

/// A call of the session, whose own messages come before those of subscriptions that begin during it.
#[derive(Debug, Default)]
struct CallOfSession {
    begun: Vec<u64>,
    held: Vec<Queued>,
}

#[derive(Debug)]
struct Queued {
    frame: Frame,
    /// The subscription that it came by.
    subscription: Option<u64>,
}

impl Queued {
    fn cost(&self) -> usize {
        self.frame.as_bytes().len().saturating_add(OVERHEAD)
    }
}

impl Outbox {
    pub(in crate::serve::hub) fn new(budget: Arc<Budget>, inbox: Arc<Inbox>) -> Outbox {
        let state = OutboxState {
            stage: OutboxStage::Open,
            queue: VecDeque::new(),
            bytes: 0,
            call: None,
            reader: None,
            session: None,
            visit: None,
            traffic: Traffic::default(),
        };
        Outbox { state: Mutex::new(state), budget, inbox }
    }

    /// Writes a line of the access log when it is dropped, if there is a visit.
    pub(in crate::serve::hub) fn log(self, visit: Option<Box<Visit>>) -> Outbox {
        self.lock().visit = visit;
        self
    }

    /// Counts a request of the client.
    pub(in crate::serve::hub) fn received(&self, bytes: usize) {
        let traffic = &mut self.lock().traffic;
        traffic.messages_in = traffic.messages_in.saturating_add(1);
        traffic.bytes_in = traffic.bytes_in.saturating_add(bytes as u64);
    }

    /// Learns who the client is, for the access log.
    pub(in crate::serve::hub) fn meet(&self, session: &Session) {
        if let Some(visit) = &mut self.lock().visit {
            visit.meet(session);
        }
    }

    /// Sends a message of the session.
    pub(in crate::serve::hub) fn send(&self, frame: Frame) {
        let mut state = self.lock();
        if matches!(state.stage, OutboxStage::Open | OutboxStage::Closing) {
            self.add(&mut state, Queued { frame, subscription: None }, false);
        }
    }

    /// Sends a message of a topic.
    pub(in crate::serve::hub) fn deliver(&self, subscription: u64, slow: SlowPolicy, frame: &Frame) {
        let mut state = self.lock();
        if state.stage != OutboxStage::Open {
            return;
        }
        let keep = match slow {
            SlowPolicy::Disconnect => None,
            SlowPolicy::DropOldest(keep) => Some(usize::try_from(keep.get()).unwrap_or(usize::MAX)),
            SlowPolicy::Latest => Some(1),
        };
        if let Some(keep) = keep {
            self.make_room(&mut state, subscription, keep);
        }
        let is_held = state.call.as_ref().is_some_and(|call| call.begun.contains(&subscription));
        let queued = Queued { frame: frame.clone(), subscription: Some(subscription) };
        self.add(&mut state, queued, is_held);
    }

    /// Notes that a subscription begins.
    pub(in crate::serve::hub) fn begin(&self, subscription: u64) {
        if let Some(call) = &mut self.lock().call {
            call.begun.push(subscription);
        }
    }

    /// Notes that a subscription ends. What is held of it is not sent.
    pub(in crate::serve::hub) fn forget(&self, subscription: u64) {
        let mut state = self.lock();
        let OutboxState { call: Some(call), bytes, .. } = &mut *state else { return };
        call.held.retain(|queued| {
            let stays = queued.subscription != Some(subscription);
            if !stays {
                *bytes = bytes.saturating_sub(queued.cost());
                self.budget.give_back(queued.cost());
            }
            stays
        });
    }

    /// A call of the session begins.
    pub(in crate::serve::hub) fn begin_call(&self) {
        self.lock().call = Some(CallOfSession::default());
    }

    /// It has ended.
    pub(in crate::serve::hub) fn end_call(&self) {
        let mut state = self.lock();
        if let Some(call) = state.call.take()
            && !call.held.is_empty()
        {
            state.queue.extend(call.held);
            wake(&mut state.reader);
        }
    }

    /// Lets the session of a slow client say why it is disconnected.
    pub(in crate::serve::hub) fn close(&self) {
        let mut state = self.lock();
        if state.stage == OutboxStage::Slow {
            state.stage = OutboxStage::Closing;
        }
    }

    /// Ends the stream after what waits, because the hub closes it.
    pub(in crate::serve::hub) fn end_for(&self, why: &Disconnect) {
        if let Some(visit) = &mut self.lock().visit {
            visit.close(why);
        }
        self.end();
    }

    /// Ends the stream after what waits.
    pub(in crate::serve::hub) fn end(&self) {
        let mut state = self.lock();
        state.stage = OutboxStage::Ended;
        wake(&mut state.reader);
        wake(&mut state.session);
    }

    /// Nobody reads the stream any more.
    pub(in crate::serve::hub) fn abandon(&self) {
        let mut state = self.lock();
        state.stage = OutboxStage::Ended;
        self.clear(&mut state);
        wake(&mut state.session);
        drop(state);
        self.inbox.abandon();
    }

    /// Some messages, about so many bytes, or the end.
    pub(in crate::serve::hub) fn poll_frames(
        &self,
        cx: &mut Context<'_>,
        bytes: usize,
    ) -> Poll<Option<Vec<Frame>>> {
        let mut state = self.lock();
        let (mut frames, mut taken) = (Vec::new(), 0_usize);
        while taken < bytes
            && let Some(queued) = state.queue.pop_front()
        {
            taken = taken.saturating_add(queued.cost());
            state.traffic.messages_out = state.traffic.messages_out.saturating_add(1);
            let len = queued.frame.as_bytes().len() as u64;
            state.traffic.bytes_out = state.traffic.bytes_out.saturating_add(len);
            frames.push(queued.frame);
        }
        state.bytes = state.bytes.saturating_sub(taken);
        self.budget.give_back(taken);
        if state.has_room() {
            wake(&mut state.session);
        }
        if !frames.is_empty() {
            return Poll::Ready(Some(frames));
        }
        if state.stage == OutboxStage::Ended {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Some messages, about so many bytes, or `None` at the end. For the one task that reads them. Cancel safe.
    pub(in crate::serve::hub) async fn frames(&self, bytes: usize) -> Option<Vec<Frame>> {
        std::future::poll_fn(|cx| self.poll_frames(cx, bytes)).await
    }

    /// Waits until the stream has ended, though something may wait to be read. For the one task that reads it. Cancel safe.
    pub(in crate::serve::hub) async fn ended(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if state.stage == OutboxStage::Ended {
                return Poll::Ready(());
            }
            state.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// By which requests reach the session.
    pub(in crate::serve::hub) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Waits until little waits to be sent, for the one task of the session. Cancel safe.
    pub(in crate::serve::hub) async fn room(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if state.has_room() {
                return Poll::Ready(());
            }
            state.session = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn add(&self, state: &mut OutboxState, queued: Queued, is_held: bool) {
        let cost = queued.cost();
        let bytes = state.bytes.saturating_add(cost);
        let is_too_much = bytes > MAX_QUEUED && state.bytes > LOW;
        if is_too_much || !self.budget.take(cost) {
            state.stage = OutboxStage::Slow;
            self.clear(state);
            wake(&mut state.session);
            self.budget.count_slow();
            self.inbox.disconnect(Disconnect::SLOW);
            return;
        }
        state.bytes = bytes;
        match &mut state.call {
            Some(call) if is_held => call.held.push(queued),
            _ => {
                state.queue.push_back(queued);
                wake(&mut state.reader);
            }
        }
    }

    /// Drops the oldest messages of a subscription, so that with the next one there are `keep`.
    fn make_room(&self, state: &mut OutboxState, subscription: u64, keep: usize) {
        let is_of = |queued: &Queued| queued.subscription == Some(subscription);
        let waiting = state.queue.iter().filter(|queued| is_of(queued)).count();
        for _ in keep..=waiting {
            let Some(at) = state.queue.iter().position(is_of) else { return };
            if let Some(queued) = state.queue.remove(at) {
                state.bytes = state.bytes.saturating_sub(queued.cost());
                self.budget.give_back(queued.cost());
            }
        }
    }

    fn clear(&self, state: &mut OutboxState) {
        state.queue = VecDeque::new();
        if let Some(call) = &mut state.call {
            call.held = Vec::new();
        }
        self.budget.give_back(std::mem::take(&mut state.bytes));
    }

    fn lock(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutboxState {
    /// Whether the session may say more, or need not wait any longer.
    fn has_room(&self) -> bool {
        self.bytes <= LOW || self.stage != OutboxStage::Open
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let state = self.lock();
        self.budget.give_back(state.bytes);
        if let Some(visit) = &state.visit {
            visit.log_stream(state.traffic);
        }
    }
}

#[cfg(test)]
mod tests;

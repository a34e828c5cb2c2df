//! What a stream's session has to handle: requests of its client, messages of the hub, and the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{Control, ControlMessage, Frame};
use tokio::sync::Notify;

use super::budget::Budget;

/// The most requests of a client that wait for its session. One more disconnects it.
const MAX_FRAMES: usize = 256;

/// The most bytes in them.
const MAX_FRAME_BYTES: usize = 1 << 20;

/// The most messages of the hub that wait. A session that lost one is disconnected.
const MAX_CONTROLS: usize = 256;

/// By which the hub, requests and the stream's body reach a session.
#[derive(Debug)]
pub(in crate::serve::hub) struct Inbox {
    /// Of the requests.
    budget: Arc<Budget>,
    state: Mutex<InboxState>,
    changed: Notify,
    /// Told when the session has taken a request, and at the end.
    taken: Notify,
}

#[derive(Debug, Default)]
struct InboxState {
    frames: VecDeque<Frame>,
    frame_bytes: usize,
    controls: VecDeque<ControlMessage>,
    disconnect: Option<Disconnect>,
    /// Whether nobody reads the stream any more.
    is_abandoned: bool,
}

/// What comes next.
#[derive(Debug)]
pub(in crate::serve::hub) enum StreamEvent {
    Abandoned,
    Disconnect(Disconnect),
    Control(ControlMessage),
    Frame(Frame),
}

impl Inbox {
    pub(in crate::serve::hub) fn new(budget: Arc<Budget>) -> Inbox {
        Inbox { budget, state: Mutex::default(), changed: Notify::new(), taken: Notify::new() }
    }

    /// For tests without such a bound.
    #[cfg(test)]
    pub(in crate::serve::hub) fn unbounded() -> Inbox {
        Inbox::new(Arc::new(Budget::new(usize::MAX)))
    }

    /// Disconnects the client. The first reason counts.
    pub(in crate::serve::hub) fn disconnect(&self, why: Disconnect) {
        self.lock().disconnect.get_or_insert(why);
        self.changed.notify_one();
        self.taken.notify_waiters();
    }

    /// Nobody reads the stream any more.
    pub(in crate::serve::hub) fn abandon(&self) {
        self.lock().is_abandoned = true;
        self.changed.notify_one();
        self.taken.notify_waiters();
    }

    /// Waits until few requests wait, or nobody takes them any more. Cancel safe.
    pub(in crate::serve::hub) async fn room(&self) {
        loop {
            let taken = self.taken.notified();
            if self.lock().has_room() {
                return;
            }
            taken.await;
        }
    }

    /// The next event, for the one task that handles them. While the session `waits`, requests wait too. Cancel safe.
    pub(in crate::serve::hub) async fn next(&self, waits: bool) -> StreamEvent {
        loop {
            if let Some(event) = self.take(waits) {
                return event;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self, waits: bool) -> Option<StreamEvent> {
        let mut state = self.lock();
        if state.is_abandoned {
            return Some(StreamEvent::Abandoned);
        }
        if let Some(why) = state.disconnect.take() {
            return Some(StreamEvent::Disconnect(why));
        }
        if let Some(message) = state.controls.pop_front() {
            return Some(StreamEvent::Control(message));
        }
        if waits {
            return None;
        }
        let frame = state.frames.pop_front()?;
        state.frame_bytes = state.frame_bytes.saturating_sub(frame.as_bytes().len());
        self.budget.give_back(frame.as_bytes().len());
        if state.has_room() {
            self.taken.notify_waiters();
        }
        Some(StreamEvent::Frame(frame))
    }

    /// Adds a message, or says why the client must be disconnected.
    fn add(&self, message: ControlMessage) -> Result<(), Disconnect> {
        let mut state = self.lock();
        match message {
            ControlMessage::Disconnect(why) => return Err(why),
            ControlMessage::Frame(frame) => {
                let bytes = state.frame_bytes.saturating_add(frame.as_bytes().len());
                let is_too_much = state.frames.len() >= MAX_FRAMES || bytes > MAX_FRAME_BYTES;
                if is_too_much || !self.budget.take(frame.as_bytes().len()) {
                    return Err(Disconnect::TOO_MANY_REQUESTS);
                }
                state.frame_bytes = bytes;
                state.frames.push_back(frame);
            }
            // Whoever asked gets no answer, and the session goes on.
            ControlMessage::Describe(_) if state.controls.len() >= MAX_CONTROLS => {}
            _ if state.controls.len() >= MAX_CONTROLS => return Err(Disconnect::INSUFFICIENT_STATE),
            message => state.controls.push_back(message),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InboxState {
    fn has_room(&self) -> bool {
        let is_little = self.frames.len() < MAX_FRAMES / 2 && self.frame_bytes < MAX_FRAME_BYTES / 2;
        is_little || self.is_abandoned || self.disconnect.is_some()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let bytes = self.lock().frame_bytes;
        self.budget.give_back(bytes);
    }
}

impl Control for Inbox {
    fn deliver(&self, message: ControlMessage) {
        match self.add(message) {
            Ok(()) => self.changed.notify_one(),
            Err(why) => self.disconnect(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_waits_counts_for_all_streams_together() {
        let budget = Arc::new(Budget::new(3));
        let [one, other] = [(); 2].map(|()| Inbox::new(Arc::clone(&budget)));
        one.deliver(ControlMessage::Frame("{}".into()));
        other.deliver(ControlMessage::Frame("{}".into()));
        let Some(StreamEvent::Disconnect(why)) = other.take(true) else { panic!("it goes on") };
        assert_eq!(why, Disconnect::TOO_MANY_REQUESTS);
        assert!(matches!(one.take(false), Some(StreamEvent::Frame(_))));
        one.deliver(ControlMessage::Frame("{}".into()));
        drop(one);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_client_that_sends_too_much_while_its_session_waits_is_disconnected() {
        let inbox = Inbox::unbounded();
        for _ in 0..MAX_FRAMES {
            inbox.deliver(ControlMessage::Frame("{}".into()));
        }
        assert!(inbox.take(true).is_none(), "requests wait");
        inbox.deliver(ControlMessage::Frame("{}".into()));
        let Some(StreamEvent::Disconnect(why)) = inbox.take(true) else { panic!("it goes on") };
        assert_eq!(why, Disconnect::TOO_MANY_REQUESTS);

        let inbox = Inbox::unbounded();
        inbox.deliver(ControlMessage::Frame(Frame::Binary(vec![0; MAX_FRAME_BYTES].into())));
        assert!(matches!(inbox.take(false), Some(StreamEvent::Frame(_))));
        inbox.deliver(ControlMessage::Frame(Frame::Binary(vec![0; MAX_FRAME_BYTES + 1].into())));
        assert!(matches!(inbox.take(false), Some(StreamEvent::Disconnect(_))));
    }

    #[tokio::test]
    async fn who_sends_faster_than_the_session_takes_waits_for_room() {
        let inbox = Inbox::unbounded();
        for _ in 0..MAX_FRAMES / 2 {
            inbox.room().await;
            inbox.deliver(ControlMessage::Frame("{}".into()));
        }
        let mut waiting = Box::pin(inbox.room());
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(matches!(inbox.take(false), Some(StreamEvent::Frame(_))));
        assert!(waiting.now_or_never().is_some());
        inbox.deliver(ControlMessage::Frame("{}".into()));
        let waiting = inbox.room();
        inbox.abandon();
        waiting.await;
    }

    #[test]
    fn a_session_that_lost_a_message_is_disconnected_and_the_first_reason_counts() {
        let inbox = Inbox::unbounded();
        for _ in 0..=MAX_CONTROLS {
            inbox.deliver(ControlMessage::Unsubscribe(None));
        }
        inbox.deliver(ControlMessage::Disconnect(Disconnect::SHUTDOWN));
        let Some(StreamEvent::Disconnect(why)) = inbox.take(true) else { panic!("it goes on") };
        assert_eq!(why, Disconnect::INSUFFICIENT_STATE);
    }
}

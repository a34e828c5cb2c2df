//! The state that the handles of a reconnecting connection share.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use longwire_proto::{By, CloseFrame, Closed};

use super::policy::Reconnect;
use super::queue::Queue;
use super::state::{Announced, State, States};
use crate::error::{Cause, Error, Result};
use crate::halves::Sender;
use crate::message::Outgoing;
use crate::shared::Shared;

/// The state that the handles of a reconnecting connection share.
#[derive(Debug)]
pub(super) struct SendPath {
    pub(super) policy: Reconnect,
    inner: Mutex<SendPathState>,
}

#[derive(Debug)]
struct SendPathState {
    link: SendTarget,
    announced: Announced,
    queue: Queue,
    senders: usize,
    /// The task that opens connections. It is woken when no further connection is needed.
    maker: Option<Waker>,
    due: Followup,
}

/// Work to do after the lock is released, because logging and wakers may take the lock.
#[derive(Debug, Default)]
struct Followup {
    /// Changes of state to log.
    changes: Vec<State>,
    woken: Option<Waker>,
}

/// Where messages go.
#[derive(Debug)]
enum SendTarget {
    /// Into the queue.
    Down,
    /// To this connection. It may have broken without having been noticed yet.
    Up(Sender),
    /// Nowhere: this end is closing the connection.
    Closing(Sender),
    /// Nowhere: there will be no other connection.
    Over(Closed),
}

/// The outcome of sending a message.
pub(super) enum Sent {
    /// It was passed to the connection, or queued for the next one.
    Taken,
    /// The connection has no room for it at the moment.
    NoRoom(Arc<Shared>),
}

impl SendPath {
    pub(super) fn new(policy: Reconnect, state: State) -> SendPath {
        let queue = Queue::new(policy.while_disconnected);
        let announced = Announced::new(state);
        let due = Followup::default();
        let inner = SendPathState { link: SendTarget::Down, announced, queue, senders: 1, maker: None, due };
        SendPath { policy, inner: Mutex::new(inner) }
    }

    /// Passes a message on, after the queued ones.
    pub(super) fn send(&self, message: &Outgoing) -> Result<Sent> {
        let mut inner = self.lock();
        match inner.send_queued(&self.policy) {
            Ok(Sent::Taken) => {}
            Ok(full) => return Ok(full),
            Err(Error::Disconnected { .. }) => return inner.queue(message),
            Err(over) => return Err(over),
        }
        match inner.hand_over(message.clone(), &self.policy) {
            Err(Error::Disconnected { .. }) => inner.queue(message),
            outcome => outcome,
        }
    }

    /// Sends queued messages. An error if there is no connection or it has broken.
    pub(super) fn send_queued(&self) -> Result<Sent> {
        self.lock().send_queued(&self.policy)
    }

    /// Whether there will be no other connection. Otherwise, the task is woken when that changes.
    pub(super) fn poll_over(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.lock();
        inner.maker = Some(cx.waker().clone());
        matches!(inner.link, SendTarget::Over(_))
    }

    /// Whether any sender exists.
    pub(super) fn has_senders(&self) -> bool {
        self.lock().senders > 0
    }

    /// Whether no sender exists. Otherwise, the task is woken when the last one is dropped.
    pub(super) fn poll_abandoned(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.lock();
        inner.maker = Some(cx.waker().clone());
        inner.senders == 0
    }

    pub(super) fn connecting(&self, attempt: u32) {
        self.locked(|inner| inner.change(State::Connecting { attempt }));
    }

    /// Stores a new connection. `false` if it came too late and is no longer needed.
    pub(super) fn opened(&self, sender: Sender) -> bool {
        self.locked(|inner| {
            let is_wanted = matches!(inner.link, SendTarget::Down);
            if is_wanted {
                inner.link = SendTarget::Up(sender);
                inner.change(State::Open);
            }
            is_wanted
        })
    }

    /// Handles the end of a connection or a failed attempt. `true` if this end wanted the end.
    pub(super) fn lost(&self) -> bool {
        let mut inner = self.lock();
        if matches!(inner.link, SendTarget::Up(_)) {
            inner.link = SendTarget::Down;
        }
        !matches!(inner.link, SendTarget::Down)
    }

    pub(super) fn waiting(&self, wait: Duration, because: Cause) {
        let until = (tokio::time::Instant::now() + wait).into_std();
        self.locked(|inner| inner.change(State::Waiting { until, because }));
    }

    /// Ends the socket for good, if it has not ended yet.
    pub(super) fn end(&self, cause: Cause) {
        self.locked(|inner| inner.end(cause));
    }

    /// Begins to close, if closing has not begun. Queued messages are sent if there is a connection. Returns the
    /// connection, to wait for its end.
    pub(super) fn begin_close(&self, frame: CloseFrame) -> Option<Arc<Shared>> {
        self.locked(|inner| {
            match &inner.link {
                SendTarget::Up(sender) => {
                    let sender = sender.clone();
                    inner.close(sender.shared(), frame);
                    inner.link = SendTarget::Closing(sender);
                }
                SendTarget::Down => inner.end(Cause::Closed(given_up(String::new()))),
                SendTarget::Closing(_) | SendTarget::Over(_) => {}
            }
            match &inner.link {
                SendTarget::Closing(sender) => Some(Arc::clone(sender.shared())),
                _ => None,
            }
        })
    }

    /// How it ended, or would end at this moment.
    pub(super) fn closed(&self) -> Closed {
        match &self.lock().link {
            SendTarget::Down => Closed::lost(),
            SendTarget::Up(sender) | SendTarget::Closing(sender) => sender.shared().closed(),
            SendTarget::Over(closed) => closed.clone(),
        }
    }

    /// Applies `look` to the connection, if there is one.
    pub(super) fn of_connection<T>(&self, look: impl FnOnce(&Sender) -> T) -> Option<T> {
        match &self.lock().link {
            SendTarget::Up(sender) | SendTarget::Closing(sender) => Some(look(sender)),
            SendTarget::Down | SendTarget::Over(_) => None,
        }
    }

    /// The current connection.
    pub(super) fn connection(&self) -> Result<Arc<Shared>> {
        let inner = self.lock();
        match &inner.link {
            SendTarget::Up(sender) | SendTarget::Closing(sender) => Ok(Arc::clone(sender.shared())),
            SendTarget::Down => Err(Error::Disconnected { queued: inner.queue.len() }),
            SendTarget::Over(closed) => Err(Error::Closed(Box::new(closed.clone()))),
        }
    }

    pub(super) fn state(&self) -> State {
        self.lock().announced.state().clone()
    }

    pub(super) fn states(&self) -> States {
        self.lock().announced.listen()
    }

    pub(super) fn add_sender(&self) {
        self.lock().senders += 1;
    }

    pub(super) fn remove_sender(&self) {
        self.locked(|inner| {
            inner.senders -= 1;
            if inner.senders == 0 {
                inner.wake_maker();
            }
        });
    }

    /// Runs a step under the lock, then its follow-up work without the lock.
    fn locked<T>(&self, step: impl FnOnce(&mut SendPathState) -> T) -> T {
        let mut inner = self.lock();
        let outcome = step(&mut inner);
        let Followup { changes, woken } = mem::take(&mut inner.due);
        drop(inner);
        for state in changes {
            tracing::debug!(%state, "reconnecting");
        }
        if let Some(maker) = woken {
            maker.wake();
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, SendPathState> {
        // No panic can leave the state half changed, so a poisoned lock is still usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendPathState {
    fn send_queued(&mut self, policy: &Reconnect) -> Result<Sent> {
        while let Some(message) = self.queue.first().cloned() {
            match self.hand_over(message, policy)? {
                Sent::Taken => self.queue.pop(),
                full @ Sent::NoRoom(_) => return Ok(full),
            };
        }
        Ok(Sent::Taken)
    }

    /// Passes a message to the connection. [`Error::Disconnected`] if there is none, but another may follow.
    fn hand_over(&mut self, message: Outgoing, policy: &Reconnect) -> Result<Sent> {
        let queued = self.queue.len();
        match &self.link {
            SendTarget::Up(sender) => match sender.shared().try_send(message) {
                Ok(None) => Ok(Sent::Taken),
                Ok(Some(_)) => Ok(Sent::NoRoom(Arc::clone(sender.shared()))),
                Err(Error::Closed(closed)) if policy.final_codes.contains(&closed.code) => {
                    Err(Error::Closed(closed))
                }
                Err(Error::Closed(_)) => Err(Error::Disconnected { queued }),
                Err(error) => Err(error),
            },
            SendTarget::Down => Err(Error::Disconnected { queued }),
            SendTarget::Closing(sender) => Err(Error::Closed(Box::new(sender.shared().closed()))),
            SendTarget::Over(closed) => Err(Error::Closed(Box::new(closed.clone()))),
        }
    }

    fn queue(&mut self, message: &Outgoing) -> Result<Sent> {
        let queued = self.queue.len();
        if self.queue.push(message.clone()) { Ok(Sent::Taken) } else { Err(Error::Disconnected { queued }) }
    }

    fn close(&mut self, connection: &Arc<Shared>, frame: CloseFrame) {
        // The queue is bounded, so there is no need to wait for room.
        while let Some(message) = self.queue.pop() {
            if connection.send_granted(message).is_err() {
                break;
            }
        }
        connection.begin_close(Some(frame));
    }

    fn end(&mut self, cause: Cause) {
        if matches!(self.link, SendTarget::Over(_)) {
            return;
        }
        self.link = SendTarget::Over(match &cause {
            Cause::Closed(closed) => closed.clone(),
            Cause::Failed(error) => given_up(error.to_string()),
        });
        self.queue.clear();
        self.change(State::Ended(cause));
        self.wake_maker();
    }

    fn change(&mut self, state: State) {
        if !self.announced.state().is_ended() {
            self.due.changes.push(state.clone());
            self.announced.change(state);
        }
    }

    fn wake_maker(&mut self) {
        self.due.woken = self.maker.take();
    }
}

/// The end of a connection that was given up while there was none.
fn given_up(reason: String) -> Closed {
    let mut closed = Closed::lost();
    closed.by = By::Local;
    closed.reason = reason;
    closed
}

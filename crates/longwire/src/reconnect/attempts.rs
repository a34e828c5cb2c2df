//! Opens connections: try, wait, try again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use futures_core::Stream;
use longwire_proto::Closed;
use tokio::time::{Instant, Sleep, sleep};

use super::backoff::Backoff;
use super::send_path::{SendPath, Sent};
use super::verdict::retry_after;
use crate::error::{Cause, Error, Result};
use crate::halves::Receiver;
use crate::message::Message;
use crate::sink::SinkWait;
use crate::telemetry::{self, GaveUp};
use crate::websocket::WebSocket;

/// An attempt to open a connection.
pub(super) type Attempt = Pin<Box<dyn Future<Output = Result<WebSocket>> + Send>>;

/// Opens connections, one after the other. The receiving task polls it. It keeps its progress between polls, so
/// different tasks may poll it.
pub(super) struct Attempts {
    send_path: Arc<SendPath>,
    /// Starts an attempt.
    connect: Box<dyn Fn() -> Attempt + Send + Sync>,
    backoff: Backoff,
    phase: AttemptPhase,
}

enum AttemptPhase {
    /// The first connection.
    Connecting(Attempt),
    Reconnecting(Attempt),
    Open {
        receiver: Receiver,
        since: Instant,
        /// Waits for room for queued messages.
        room: SinkWait,
    },
    Waiting(Pin<Box<Sleep>>),
    Ended,
}

impl Attempts {
    pub(super) fn new(send_path: Arc<SendPath>, connect: Box<dyn Fn() -> Attempt + Send + Sync>) -> Attempts {
        let mut backoff = Backoff::new(&send_path.policy);
        // `SendPath` already starts in the state of the first attempt.
        backoff.count();
        let phase = AttemptPhase::Connecting(connect());
        Attempts { send_path, connect, backoff, phase }
    }

    /// Polls for the next message of this connection or a later one. `None` if there will be no more connections.
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        loop {
            match &mut self.phase {
                AttemptPhase::Ended => return Poll::Ready(Ok(None)),
                AttemptPhase::Connecting(_) | AttemptPhase::Reconnecting(_) | AttemptPhase::Waiting(_)
                    if self.send_path.poll_over(cx) =>
                {
                    self.phase = AttemptPhase::Ended;
                }
                AttemptPhase::Connecting(attempt) | AttemptPhase::Reconnecting(attempt) => {
                    match ready!(attempt.as_mut().poll(cx)) {
                        Ok(socket) => self.opened(socket),
                        Err(error) => self.lost(Cause::Failed(Arc::new(error)))?,
                    }
                }
                AttemptPhase::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.send_path.connecting(self.backoff.count());
                    telemetry::reconnecting();
                    self.phase = AttemptPhase::Reconnecting((self.connect)());
                }
                AttemptPhase::Open { receiver, since, room } => {
                    poll_queued(&self.send_path, room, cx);
                    let cause = match ready!(Pin::new(&mut *receiver).poll_next(cx)) {
                        Some(Ok(message)) => return Poll::Ready(Ok(Some(message))),
                        Some(Err(error)) => Cause::Failed(Arc::new(error)),
                        None => Cause::Closed(receiver.closed()),
                    };
                    if since.elapsed() >= self.send_path.policy.stable_after {
                        self.backoff.reset();
                    }
                    self.lost(cause)?;
                }
            }
        }
    }

    /// Continues without a receiver: discards messages until the end or until no handle is left; then returns `Ready`.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.send_path.poll_abandoned(cx) {
            // The states report errors, and senders see the end.
            if let Ok(None) = ready!(self.poll_recv(cx)) {
                break;
            }
        }
        Poll::Ready(())
    }

    fn opened(&mut self, socket: WebSocket) {
        let (sender, receiver) = socket.split();
        self.phase = if self.send_path.opened(sender) {
            if matches!(self.phase, AttemptPhase::Reconnecting(_)) {
                telemetry::reconnected();
            }
            AttemptPhase::Open { receiver, since: Instant::now(), room: SinkWait::Nothing }
        } else {
            AttemptPhase::Ended
        };
    }

    /// Starts waiting for the next attempt, or ends. Returns an error for the receiver if the connection ended
    /// unexpectedly.
    fn lost(&mut self, cause: Cause) -> Result<()> {
        self.phase = AttemptPhase::Ended;
        if self.send_path.lost() {
            self.send_path.end(cause);
            return Ok(());
        }
        let policy = &self.send_path.policy;
        let is_final = policy.is_final(&cause);
        if is_final || self.backoff.is_exhausted(policy) {
            self.send_path.end(cause.clone());
            let was_wanted = is_final && matches!(cause, Cause::Closed(Closed { clean: true, .. }));
            if was_wanted {
                return Ok(());
            }
            telemetry::gave_up(if is_final { GaveUp::Final } else { GaveUp::Tries });
            return Err(Error::GaveUp(cause));
        }
        let wait = self.backoff.wait(policy, retry_after(&cause, SystemTime::now()));
        self.send_path.waiting(wait, cause);
        self.phase = AttemptPhase::Waiting(Box::pin(sleep(wait)));
        Ok(())
    }
}

/// Sends queued messages as far as there is room, and registers to be woken when there is more.
fn poll_queued(send_path: &SendPath, room: &mut SinkWait, cx: &mut Context<'_>) {
    while let Ok(Sent::NoRoom(connection)) = send_path.send_queued() {
        // The receiver reports that the connection broke.
        if !matches!(room.poll_room(&connection, cx), Poll::Ready(Ok(()))) {
            return;
        }
    }
}

/// Nothing else opens connections. If this is dropped before the end, by a panic or with its runtime, senders must not
/// wait for a connection.
impl Drop for Attempts {
    fn drop(&mut self) {
        if self.send_path.has_senders() {
            self.send_path.end(Cause::Closed(Closed::lost()));
        }
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("send_path", &self.send_path).finish_non_exhaustive()
    }
}

//! The course of connections: try, wait, try again.

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
use super::line::{Line, Sent};
use super::verdict::retry_after;
use crate::error::{Cause, Error, Result};
use crate::halves::Receiver;
use crate::message::Message;
use crate::sink::SinkWait;
use crate::telemetry::{self, GaveUp};
use crate::websocket::WebSocket;

/// A try to make a connection.
pub(super) type Attempt = Pin<Box<dyn Future<Output = Result<WebSocket>> + Send>>;

/// The course of connections. Whoever receives polls it; it does all that has to wait, and keeps that over any poll, so that
/// nothing depends on who polls.
pub(super) struct Course {
    line: Arc<Line>,
    /// Begins a try.
    connect: Box<dyn Fn() -> Attempt + Send + Sync>,
    backoff: Backoff,
    phase: Phase,
}

enum Phase {
    /// For the first time.
    Connecting(Attempt),
    Reconnecting(Attempt),
    Open {
        receiver: Receiver,
        since: Instant,
        /// Room for what was queued.
        room: SinkWait,
    },
    Waiting(Pin<Box<Sleep>>),
    Ended,
}

impl Course {
    pub(super) fn new(line: Arc<Line>, connect: Box<dyn Fn() -> Attempt + Send + Sync>) -> Course {
        let mut backoff = Backoff::new(&line.policy);
        // The line says already that this is the first try.
        backoff.count();
        let phase = Phase::Connecting(connect());
        Course { line, connect, backoff, phase }
    }

    /// The next message of this or another connection. `None`: it is over.
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        loop {
            match &mut self.phase {
                Phase::Ended => return Poll::Ready(Ok(None)),
                Phase::Connecting(_) | Phase::Reconnecting(_) | Phase::Waiting(_)
                    if self.line.poll_over(cx) =>
                {
                    self.phase = Phase::Ended;
                }
                Phase::Connecting(attempt) | Phase::Reconnecting(attempt) => {
                    match ready!(attempt.as_mut().poll(cx)) {
                        Ok(socket) => self.opened(socket),
                        Err(error) => self.lost(Cause::Failed(Arc::new(error)))?,
                    }
                }
                Phase::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.line.connecting(self.backoff.count());
                    telemetry::reconnecting();
                    self.phase = Phase::Reconnecting((self.connect)());
                }
                Phase::Open { receiver, since, room } => {
                    poll_queued(&self.line, room, cx);
                    let cause = match ready!(Pin::new(&mut *receiver).poll_next(cx)) {
                        Some(Ok(message)) => return Poll::Ready(Ok(Some(message))),
                        Some(Err(error)) => Cause::Failed(Arc::new(error)),
                        None => Cause::Closed(receiver.closed()),
                    };
                    if since.elapsed() >= self.line.policy.stable_after {
                        self.backoff.reset();
                    }
                    self.lost(cause)?;
                }
            }
        }
    }

    /// Goes on without a receiver: discards what arrives, until it is over or no handle is left. `Ready`: it is.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.line.poll_abandoned(cx) {
            // Errors are told by the states; whoever sends is told that it is over.
            if let Ok(None) = ready!(self.poll_recv(cx)) {
                break;
            }
        }
        Poll::Ready(())
    }

    fn opened(&mut self, socket: WebSocket) {
        let (sender, receiver) = socket.split();
        self.phase = if self.line.opened(sender) {
            if matches!(self.phase, Phase::Reconnecting(_)) {
                telemetry::reconnected();
            }
            Phase::Open { receiver, since: Instant::now(), room: SinkWait::Nothing }
        } else {
            Phase::Ended
        };
    }

    /// Waits for the next try, or ends. The error is for whoever receives: the end is none that anybody wanted.
    fn lost(&mut self, cause: Cause) -> Result<()> {
        self.phase = Phase::Ended;
        if self.line.lost() {
            self.line.end(cause);
            return Ok(());
        }
        let policy = &self.line.policy;
        let is_final = policy.is_final(&cause);
        if is_final || self.backoff.is_exhausted(policy) {
            self.line.end(cause.clone());
            let was_wanted = is_final && matches!(cause, Cause::Closed(Closed { clean: true, .. }));
            if was_wanted {
                return Ok(());
            }
            telemetry::gave_up(if is_final { GaveUp::Final } else { GaveUp::Tries });
            return Err(Error::GaveUp(cause));
        }
        let wait = self.backoff.wait(policy, retry_after(&cause, SystemTime::now()));
        self.line.waiting(wait, cause);
        self.phase = Phase::Waiting(Box::pin(sleep(wait)));
        Ok(())
    }
}

/// Hands on what was queued as far as there is room, and is woken when there is more.
fn poll_queued(line: &Line, room: &mut SinkWait, cx: &mut Context<'_>) {
    while let Ok(Sent::NoRoom(connection)) = line.send_queued() {
        // That the connection broke is told by its receiver.
        if !matches!(room.poll_room(&connection, cx), Poll::Ready(Ok(()))) {
            return;
        }
    }
}

/// Nobody else makes connections: dropped before the end, in a panic or with its runtime, it leaves none to wait for.
impl Drop for Course {
    fn drop(&mut self) {
        if self.line.has_senders() {
            self.line.end(Cause::Closed(Closed::lost()));
        }
    }
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course").field("line", &self.line).finish_non_exhaustive()
    }
}

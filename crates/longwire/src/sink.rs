//! The state that a `Sink` keeps between two polls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::Result;
use crate::shared::Shared;
use crate::shared::state::Frames;

type Waiting = Pin<Box<dyn Future<Output = Result<()>> + Send + Sync>>;

/// What a `Sink` waits for between two polls: nothing, room for a message, or the end of writing.
#[derive(Default)]
pub(crate) enum SinkWait {
    #[default]
    Nothing,
    Room(Waiting),
    Flush(Waiting),
}

impl SinkWait {
    /// Waits until a message can be queued.
    pub(crate) fn poll_room(&mut self, shared: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !matches!(self, SinkWait::Room(_)) {
            let shared = Arc::clone(shared);
            *self = SinkWait::Room(Box::pin(async move { shared.room(Frames::Message).await }));
        }
        self.poll(cx)
    }

    /// Waits until everything is written.
    pub(crate) fn poll_flush(&mut self, shared: &Arc<Shared>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !matches!(self, SinkWait::Flush(_)) {
            let shared = Arc::clone(shared);
            *self = SinkWait::Flush(Box::pin(async move { shared.flush().await }));
        }
        self.poll(cx)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = match self {
            SinkWait::Nothing => return Poll::Ready(Ok(())),
            SinkWait::Room(waiting) | SinkWait::Flush(waiting) => waiting.as_mut().poll(cx),
        };
        if polled.is_ready() {
            *self = SinkWait::Nothing;
        }
        polled
    }
}

impl fmt::Debug for SinkWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SinkWait::Nothing => "Nothing",
            SinkWait::Room(_) => "Room",
            SinkWait::Flush(_) => "Flush",
        })
    }
}

//! What a node that follows channels needs of its program.

use std::time::Duration;

use crate::call::BoxFuture;

/// What a [`RemoteBroker`](crate::RemoteBroker) needs of the program it is part of: tasks and a clock.
pub trait Runtime: Send + Sync + 'static {
    /// Runs this future to its end, on a thread that may wait.
    fn spawn(&self, work: BoxFuture<()>);

    /// The time since a moment that does not change, such as the program's start. It measures how long calls take.
    fn elapsed(&self) -> Duration;
}

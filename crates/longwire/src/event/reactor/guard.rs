//! Contains panics of the application, so that they do not end the loop with all its connections.
//!
//! [`Reactor::call`] calls the handler's methods. More application code runs on a loop's thread: the `Drop` of the
//! handler's state, and of anything that owns the bytes of a message.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::Reactor;
use crate::event::application::Application;
use crate::event::connection::{Lifecycle, LoopConnection, WriteSide};
use crate::event::key::Key;
use crate::panic_message::panic_message;

impl<A: Application, L> Reactor<A, L> {
    /// Does something for a connection. If it panics, the connection ends.
    pub(super) fn guarded(&mut self, key: Key, work: impl FnOnce(&mut Self)) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(self))) {
            self.contain_panic(key, &*payload);
        }
    }

    #[cold]
    pub(super) fn contain_panic(&mut self, key: Key, payload: &(dyn Any + Send)) {
        tracing::error!(panic = panic_message(payload), "what belongs to the handler panicked");
        self.context.lent = Bytes::new();
        self.is_publishing = false;
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.writing = WriteSide::Broken;
        connection.has_ended = true;
        let is_open = matches!(connection.stage, Lifecycle::Open(_));
        if !is_open || catch_unwind(AssertUnwindSafe(|| self.vanished(key))).is_err() {
            self.give_up(key);
        }
    }
}

/// Drops the remaining connections one by one, so that a panic ends only its own.
impl<A: Application, L> Drop for Reactor<A, L> {
    fn drop(&mut self) {
        for (_, connection) in self.connections.drain() {
            let LoopConnection { stage, .. } = *connection;
            stage.into_read();
        }
    }
}

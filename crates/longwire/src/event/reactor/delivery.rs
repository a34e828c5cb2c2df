//! What arrives on an open connection.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use longwire_proto::{CloseCode, CloseFrame, Received};

use super::Reactor;
use crate::event::application::{Application, DeliveryPause, HandlerCall};
use crate::event::connection::{Attended, Lifecycle, WriteSide};
use crate::event::handler::SocketParts;
use crate::event::key::Key;
use crate::panic_message::panic_message;

impl<A: Application, L> Reactor<A, L> {
    /// Gives the handler what arrived; what it cannot take yet is kept.
    pub(super) fn deliver(&mut self, key: Key, bytes: &mut [u8]) {
        self.context.traffic.received(bytes.len());
        let stalled = self.connections.get_mut(key).and_then(|connection| connection.open_mut());
        let left = match stalled {
            Some(open) if open.is_stalled() => bytes.len(),
            _ => self.take_in(key, bytes),
        };
        if left > 0
            && let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut())
        {
            open.backlog().unparsed.push(bytes.get(bytes.len() - left..).unwrap_or_default());
            open.settle();
        }
    }

    /// Gives the handler what arrived, as far as there is room for its answers; gives how much is left.
    fn take_in(&mut self, key: Key, bytes: &mut [u8]) -> usize {
        let Some(connection) = self.connections.get_mut(key) else { return 0 };
        let Lifecycle::Open(open) = &mut connection.stage else { return 0 };
        if open.protocol.keeps_time() {
            open.protocol.heard(self.now);
        }
        open.share.renew(self.round);
        if connection.writing != WriteSide::Broken && open.is_busy(self.context.max_spawned) {
            open.share.left = 0;
        }
        let was_watched = std::mem::take(&mut open.is_watched);
        if open.protocol.queued() == 0
            && let Some(unused) = open.protocol.lend_buffer(self.pool.take())
        {
            self.pool.give(unused);
        }
        let mut received = Received::new(bytes);
        loop {
            let left = received.len();
            let Some(connection) = self.connections.get_mut(key) else { return 0 };
            let (peer_addr, is_broken) = (connection.peer_addr, connection.writing == WriteSide::Broken);
            let Lifecycle::Open(open) = &mut connection.stage else { return 0 };
            let (application, context) = (&self.rules.application, &mut self.context);
            let Attended { open, state } = &mut **open;
            let parts = SocketParts { open: &mut *open, context, key, peer_addr };
            // One connection's panic is not to be the end of all others on its loop.
            let run = catch_unwind(AssertUnwindSafe(|| application.give(parts, state, &mut received)));
            match run {
                Ok(DeliveryPause::Empty) => break,
                Ok(DeliveryPause::Published) => self.give_out(),
                // The answers cannot be written, and are not waited for.
                Ok(DeliveryPause::Full) if is_broken => open.protocol.transmitted(open.protocol.queued()),
                Ok(DeliveryPause::Full) => {
                    open.fill();
                    break;
                }
                // What it has spawned goes on with it.
                Ok(DeliveryPause::RoundBudget) if !is_broken && open.is_busy(self.context.max_spawned) => {
                    break;
                }
                Ok(DeliveryPause::RoundBudget) => {
                    self.rest(key);
                    break;
                }
                Err(payload) => {
                    self.context.lent = Bytes::new();
                    self.panicked(key, &*payload);
                    self.give_out();
                    // What came behind is parsed all the same: the peer's Close frame may be in it.
                    if received.len() == left {
                        received = Received::default();
                        break;
                    }
                }
            }
        }
        self.after_events(key);
        if was_watched {
            // The next ping may be due before the answer to the last one was.
            self.watch(key);
        }
        received.len()
    }

    /// Calls the handler for a connection that is open.
    pub(super) fn call(&mut self, key: Key, call: HandlerCall<'_>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let peer_addr = connection.peer_addr;
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let (application, context) = (&self.rules.application, &mut self.context);
        let Attended { open, state } = &mut **open;
        let parts = SocketParts { open, context, key, peer_addr };
        let called = catch_unwind(AssertUnwindSafe(|| application.call(parts, state, call)));
        if let Err(payload) = called {
            self.panicked(key, &*payload);
        }
    }

    /// Looks what has changed by what arrived or by a call of the handler.
    pub(super) fn after_events(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let has_deferred = open.deferred.is_some();
        if open.protocol.queued() == 0 {
            // What is queued is accounted for when it has been written, or could not be.
            open.settle();
            if let Some(unused) = open.protocol.reclaim_buffer() {
                self.pool.give(unused);
            }
        } else {
            self.mark(key);
        }
        self.after_closing(key);
        if has_deferred {
            // A timer may have been set.
            self.watch(key);
        }
    }

    /// Goes on with what had to wait for room.
    pub(super) fn after_write(&mut self, key: Key) {
        self.after_closing(key);
        self.watch(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        if !open.protocol.is_below_low_water() {
            return;
        }
        self.context.catch_up(open, key);
        if open.protocol.is_above_high_water() {
            // What waited here has filled the queue again; the rest of it comes first.
            return self.mark(key);
        }
        let is_stalled = open.is_stalled();
        if std::mem::take(&mut open.was_full) {
            self.call(key, HandlerCall::Drain);
            self.give_out();
            self.run_outcomes(key);
        }
        if is_stalled {
            self.take_unparsed(key);
        } else {
            self.after_events(key);
        }
    }

    /// Gives the handler what waits unparsed, as far as it can take it now, and then the end, if that has come.
    pub(super) fn take_unparsed(&mut self, key: Key) {
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        let Some(backlog) = &mut open.backlog else { return };
        let mut unparsed = std::mem::take(&mut backlog.unparsed);
        let left = self.take_in(key, unparsed.rest());
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        if left > 0 {
            unparsed.keep_last(left);
            open.backlog().unparsed = unparsed;
            return open.settle();
        }
        if let Some(end) = open.backlog.as_mut().and_then(|backlog| backlog.end.take()) {
            self.transport_ended(key, end);
        }
    }

    pub(super) fn panicked(&mut self, key: Key, payload: &(dyn Any + Send)) {
        tracing::error!(
            panic = panic_message(payload),
            "the handler panicked; the panic hook has written where"
        );
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.protocol.close(CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok());
        }
        self.after_closing(key);
    }
}

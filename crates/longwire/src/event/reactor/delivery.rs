//! Delivery of received bytes to the handler of an open connection.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use longwire_proto::{CloseCode, CloseFrame, Received};

use super::Reactor;
use super::visit::{Pending, Visit};
use crate::event::application::{Application, DeliveryPause, HandlerCall};
use crate::event::connection::{Attended, Lifecycle};
use crate::event::handler::SocketParts;
use crate::event::key::Key;
use crate::panic_message::panic_message;

impl<A: Application, L> Visit<'_, A, L> {
    /// Delivers what arrived on an open connection. Bytes that the handler cannot take yet are kept, unless the reactor
    /// delivers the rest after the returned work.
    fn deliver(&mut self, received: &mut Received<'_>) -> Option<Pending> {
        let is_stalled = self.connection.open_mut()?.is_stalled();
        let pending = if is_stalled { None } else { self.deliver_events(received) };
        if let None | Some(Pending::AfterEvents { .. }) = &pending
            && !received.is_empty()
            && let Some(open) = self.connection.open_mut()
        {
            open.backlog().unparsed.push(received.as_bytes());
            open.settle();
        }
        pending
    }

    /// Delivers what arrived, while there is room for the answers.
    fn deliver_events(&mut self, received: &mut Received<'_>) -> Option<Pending> {
        let (key, peer, is_broken) = (self.key, self.connection.place.peer(), self.is_broken());
        let Lifecycle::Open(attended) = &mut self.connection.stage else { return None };
        let Attended { open, state } = attended;
        if open.protocol.keeps_time() {
            open.protocol.heard(self.now);
        }
        open.share.renew(self.round);
        if !is_broken && open.is_busy(self.context.max_spawned) {
            open.share.left = 0;
        }
        if open.protocol.queued() == 0
            && let Some(unused) = open.protocol.lend_buffer(self.pool.take())
        {
            self.pool.give(unused);
        }
        loop {
            let left = received.len();
            let (application, context) = (&self.rules.application, &mut *self.context);
            let parts = SocketParts { open: &mut *open, context, key, peer };
            // A panic for one connection must not end all others on the loop.
            let run = catch_unwind(AssertUnwindSafe(|| application.give(parts, state, received)));
            match run {
                Ok(DeliveryPause::Empty) => break,
                Ok(DeliveryPause::Published) => return Some(Pending::Publications),
                // The answers cannot be written, so do not wait for room.
                Ok(DeliveryPause::Full) if is_broken => open.protocol.transmitted(open.protocol.queued()),
                Ok(DeliveryPause::Full) => {
                    open.fill();
                    break;
                }
                // Delivery continues when one of its futures has ended.
                Ok(DeliveryPause::RoundBudget) if !is_broken && open.is_busy(self.context.max_spawned) => {
                    break;
                }
                Ok(DeliveryPause::RoundBudget) => {
                    self.rest();
                    break;
                }
                Err(payload) => {
                    self.context.lent = Bytes::new();
                    return Some(Pending::HandlerPanicked { payload, is_stuck: received.len() == left });
                }
            }
        }
        let is_ending = self.after_events();
        // The next ping may be due before the answer to the last one.
        let was_watched = self.connection.open_mut().is_some_and(|open| std::mem::take(&mut open.is_watched));
        let is_watched = was_watched || self.has_deferred();
        (is_ending || is_watched).then_some(Pending::AfterEvents { is_watched })
    }

    /// Whether the handler may have set an alarm or timers, or spawned futures.
    fn has_deferred(&mut self) -> bool {
        self.connection.open_mut().is_some_and(|open| open.is_watched || open.known_deferred().is_some())
    }

    /// Updates the connection after events or a call of the handler. Returns `true` if the connection has begun to end.
    fn after_events(&mut self) -> bool {
        let Some(open) = self.connection.open_mut() else { return false };
        let is_ending = !open.protocol.is_open();
        if open.protocol.queued() == 0 {
            // Queued data is accounted for once it has been written or discarded.
            open.settle();
            if let Some(unused) = open.protocol.reclaim_buffer() {
                self.pool.give(unused);
            }
        } else {
            self.mark();
        }
        is_ending
    }
}

impl<A: Application, L> Reactor<A, L> {
    /// Delivers bytes that have arrived, and consumes all of them. Then calls `next` with the connection.
    pub(in crate::event) fn received(
        &mut self,
        key: Key,
        bytes: &mut [u8],
        next: impl FnOnce(&mut Visit<'_, A, L>),
    ) {
        let _entered = self.spans.enter(key);
        let Some(mut visit) = self.visit(key) else { return };
        if visit.count_received(bytes.len()) {
            let mut received = Received::new(bytes);
            while let Some(pending) = visit.guarded(|visit| visit.deliver(&mut received)) {
                let goes_on = self.resolve(key, pending, &mut received);
                let Some(again) = self.visit(key) else { return };
                visit = again;
                if !goes_on {
                    break;
                }
            }
        } else {
            self.received_before_open(key, bytes);
            let Some(again) = self.visit(key) else { return };
            visit = again;
        }
        next(&mut visit);
    }

    /// Delivers what arrived, if the connection is open.
    pub(super) fn deliver(&mut self, key: Key, bytes: &mut [u8]) {
        if self.connections.get(key).is_some_and(|connection| matches!(connection.stage, Lifecycle::Open(_)))
        {
            self.received(key, bytes, |_| {});
        }
    }

    /// Does the work that a visit has left. Returns `true` if the rest of `received` still has to be delivered.
    pub(in crate::event) fn resolve(
        &mut self,
        key: Key,
        pending: Pending,
        received: &mut Received<'_>,
    ) -> bool {
        let _entered = self.spans.enter(key);
        match pending {
            Pending::Publications => self.guarded(key, Reactor::deliver_publications),
            Pending::HandlerPanicked { payload, is_stuck } => {
                self.panicked(key, &*payload);
                self.guarded(key, Reactor::deliver_publications);
                // Parse what follows nevertheless: it may contain the peer's Close frame.
                if is_stuck {
                    *received = Received::default();
                }
            }
            Pending::Panicked(payload) => {
                self.contain_panic(key, &*payload);
                return false;
            }
            Pending::AfterEvents { is_watched } => {
                self.guarded(key, |reactor| {
                    reactor.after_closing(key);
                    if is_watched {
                        reactor.watch(key);
                    }
                });
                return false;
            }
            Pending::AfterWrite => {
                self.guarded(key, |reactor| reactor.after_write(key));
                return false;
            }
        }
        true
    }

    /// Delivers what arrived, while there is room for the answers. Returns how many bytes are left.
    fn deliver_events(&mut self, key: Key, bytes: &mut [u8]) -> usize {
        let mut received = Received::new(bytes);
        while let Some(mut visit) = self.visit(key)
            && let Some(pending) = visit.deliver_events(&mut received)
            && self.resolve(key, pending, &mut received)
        {}
        received.len()
    }

    /// Calls the handler, if the connection is open.
    pub(super) fn call(&mut self, key: Key, call: HandlerCall<'_>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let peer = connection.place.peer();
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let (application, context) = (&self.rules.application, &mut self.context);
        let Attended { open, state } = open;
        let parts = SocketParts { open, context, key, peer };
        let called = catch_unwind(AssertUnwindSafe(|| application.call(parts, state, call)));
        if let Err(payload) = called {
            self.panicked(key, &*payload);
        }
    }

    /// Updates a connection after a call of the handler or after mail.
    pub(super) fn after_events(&mut self, key: Key) {
        let Some(mut visit) = self.visit(key) else { return };
        // The handler may have set a timer or the alarm.
        let is_watched = visit.has_deferred();
        if visit.after_events() {
            self.after_closing(key);
        }
        if is_watched {
            self.watch(key);
        }
    }

    /// Continues with work that has waited for room.
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
            // The waiting messages have filled the queue again; they go first.
            return self.mark(key);
        }
        let is_stalled = open.is_stalled();
        if std::mem::take(&mut open.was_full) {
            self.call(key, HandlerCall::Drain);
            self.deliver_publications();
            self.run_outcomes(key);
        }
        if is_stalled {
            self.take_unparsed(key);
        } else {
            self.after_events(key);
        }
    }

    /// Delivers unparsed bytes while the handler can take them, and then the end of the transport, if it has come.
    pub(super) fn take_unparsed(&mut self, key: Key) {
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        let Some(backlog) = open.known_backlog() else { return };
        let mut unparsed = std::mem::take(&mut backlog.unparsed);
        let left = self.deliver_events(key, unparsed.rest());
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        if left > 0 {
            unparsed.keep_last(left);
            open.backlog().unparsed = unparsed;
            return open.settle();
        }
        if let Some(end) = open.known_backlog().and_then(|backlog| backlog.end.take()) {
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

//! What arrives on an open connection.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use longwire_proto::{CloseCode, CloseFrame, Event, LARGE_PAYLOAD, ProtocolError, Received, Role};

use super::Reactor;
use crate::event::connection::{Lifecycle, WriteSide};
use crate::event::handler::Handler;
use crate::event::key::Key;
use crate::event::message_ref::MessageRef;
use crate::event::socket::Socket;
use crate::message::Message;
use crate::panic_message::panic_message;
use crate::telemetry;

/// Why a run over what arrived has come to an end.
enum Pause {
    /// Everything was taken.
    Empty,
    /// The queue is full; the rest waits.
    Full,
    /// The handler has published something, which goes out first.
    Published,
    /// The connection has had its share of the round; the rest waits for the next one.
    RoundBudget,
}

impl<H: Handler, L> Reactor<H, L> {
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
            let (handler, context) = (&self.rules.handler, &mut self.context);
            // One connection's panic is not to be the end of all others on its loop.
            let run = catch_unwind(AssertUnwindSafe(|| {
                run(handler, &mut Socket { open, context, key, peer_addr }, &mut received)
            }));
            match run {
                Ok(Pause::Empty) => break,
                Ok(Pause::Published) => self.give_out(),
                // The answers cannot be written, and are not waited for.
                Ok(Pause::Full) if is_broken => open.protocol.transmitted(open.protocol.queued()),
                Ok(Pause::Full) => {
                    open.fill();
                    break;
                }
                // What it has spawned goes on with it.
                Ok(Pause::RoundBudget) if !is_broken && open.is_busy(self.context.max_spawned) => break,
                Ok(Pause::RoundBudget) => {
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
    pub(super) fn call(&mut self, key: Key, call: impl FnOnce(&H, &mut Socket<'_, H::State>)) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let peer_addr = connection.peer_addr;
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let (handler, context) = (&self.rules.handler, &mut self.context);
        let called = catch_unwind(AssertUnwindSafe(|| {
            call(handler, &mut Socket { open, context, key, peer_addr });
        }));
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
            self.call(key, H::on_drain);
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

/// Gives the handler one event after the other.
fn run<H: Handler>(handler: &H, socket: &mut Socket<'_, H::State>, received: &mut Received<'_>) -> Pause {
    loop {
        if !received.is_empty() {
            if socket.open.protocol.is_above_high_water() {
                return Pause::Full;
            }
            if socket.open.share.left == 0 {
                return Pause::RoundBudget;
            }
        }
        let queued = socket.open.protocol.queued();
        match socket.open.protocol.next_event(received) {
            Ok(Some(Event::Text(Cow::Owned(text)))) if text.len() >= LARGE_PAYLOAD => {
                lend(handler, socket, &text.into());
            }
            Ok(Some(Event::Binary(Cow::Owned(bytes)))) if bytes.len() >= LARGE_PAYLOAD => {
                lend(handler, socket, &bytes.into());
            }
            Ok(Some(Event::Text(text))) => {
                socket.context.traffic.message_received();
                socket.open.share.spend(text.len());
                handler.on_message(socket, MessageRef::Text(&text));
            }
            Ok(Some(Event::Binary(bytes))) => {
                socket.context.traffic.message_received();
                socket.open.share.spend(bytes.len());
                handler.on_message(socket, MessageRef::Binary(&bytes));
            }
            Ok(Some(other)) => rare(handler, socket, other, queued),
            Ok(None) => return Pause::Empty,
            Err(error) => failed(handler, socket, error),
        }
        if !socket.context.publications.is_empty() {
            return Pause::Published;
        }
    }
}

/// Gives the handler a large message, which it may send back without a copy.
fn lend<H: Handler>(handler: &H, socket: &mut Socket<'_, H::State>, message: &Message) {
    socket.context.traffic.message_received();
    socket.open.share.spend(message.len());
    socket.context.lent = message.clone().into_bytes();
    handler.on_message(socket, message.into());
    socket.context.lent = Bytes::new();
}

#[cold]
fn failed<H: Handler>(handler: &H, socket: &mut Socket<'_, H::State>, error: ProtocolError) {
    telemetry::failed(Role::Server, &error);
    handler.on_error(socket, &error.into());
}

/// Gives the handler what is no message; `queued` bytes waited before it arrived.
#[cold]
fn rare<H: Handler>(handler: &H, socket: &mut Socket<'_, H::State>, event: Event<'_>, queued: usize) {
    socket.open.share.spend(0);
    match event {
        Event::Ping(payload) => {
            // A pong that is not queued is put off, as RFC 6455 §5.5.3 allows.
            if socket.is_open() && socket.queued() == queued {
                socket.context.traffic.ping_put_off();
            }
            handler.on_ping(socket, &payload);
        }
        Event::Pong(payload) => handler.on_pong(socket, &payload),
        // What a Close frame does is seen when everything that arrived has been handled.
        _ => {}
    }
}

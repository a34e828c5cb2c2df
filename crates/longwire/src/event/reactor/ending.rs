//! The end of a connection and of its transport.
//!
//! Data that arrived before the end is delivered first. A peer that has ended only its side may still read, so queued
//! data is written until the close timeout. A transport that takes no more data is broken: the data that can still be
//! read is delivered, and the connection ends.

use std::io;

use longwire_proto::Role;

use super::Reactor;
use crate::connection::{is_end_of_tcp, is_vanished_peer};
use crate::error::Error;
use crate::event::application::{Application, HandlerCall};
use crate::event::connection::{Lifecycle, ReadEnd, WriteSide};
use crate::event::key::Key;
use crate::telemetry::{self, NotLetIn};

impl<A: Application, L> Reactor<A, L> {
    /// The transport has ended: the peer has ended its side, or reading has failed.
    pub(in crate::event) fn ended(&mut self, key: Key, error: Option<io::Error>) {
        let _entered = self.spans.enter(key);
        let error = error.filter(|error| !is_end_of_tcp(error));
        let Some(connection) = self.connections.get_mut(key) else { return };
        let had_ended = std::mem::replace(&mut connection.has_ended, true);
        if error.is_some() && matches!(connection.stage, Lifecycle::Open(_)) {
            self.broken(key);
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        match &mut connection.stage {
            Lifecycle::Open(_) if had_ended => self.mark(key),
            // The handler gets what arrived before first.
            Lifecycle::Open(open) if open.is_stalled() => open.backlog().end = Some(error),
            Lifecycle::Open(_) => self.guarded(key, |reactor| reactor.transport_ended(key, error)),
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) => {
                telemetry::refused(NotLetIn::of_end(error.as_ref()));
                self.give_up(key);
            }
            // The client may still wait for the response.
            Lifecycle::Refused(_) if error.is_none() => self.mark(key),
            Lifecycle::Refused(_) => self.give_up(key),
            Lifecycle::Http(_) | Lifecycle::Gone => {}
        }
    }

    /// The transport takes no more data. Data that the peer sent before may still arrive.
    pub(in crate::event) fn broken(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.writing = WriteSide::Broken;
        match &mut connection.stage {
            Lifecycle::Open(_) => self.guarded(key, |reactor| reactor.discard_queue(key)),
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) | Lifecycle::Refused(_) => self.give_up(key),
            Lifecycle::Http(_) | Lifecycle::Gone => {}
        }
        self.mark(key);
    }

    /// Discards queued data that cannot be written.
    pub(super) fn discard_queue(&mut self, key: Key) {
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        open.protocol.transmitted(open.protocol.queued());
        open.end_allowance();
        open.settle();
        if open.is_stalled() {
            // Delivery need not wait for room any more.
            self.rest(key);
        }
    }

    /// Handles the end of an open connection's transport, after everything that arrived has been delivered.
    pub(super) fn transport_ended(&mut self, key: Key, error: ReadEnd) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let may_write = matches!(connection.writing, WriteSide::Works | WriteSide::ShuttingDown);
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let reported = error.filter(|error| !is_vanished_peer(error) && open.protocol.closed().is_none());
        if may_write {
            open.protocol.receive_half_close();
        } else {
            open.protocol.receive_eof();
        }
        if let Some(error) = reported {
            let error = Error::io("read from the peer", error);
            self.call(key, HandlerCall::Error(&error));
        }
        self.after_closing(key);
    }

    /// Ends an open connection without writing another byte.
    pub(super) fn vanished(&mut self, key: Key) {
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.protocol.receive_eof();
            self.after_closing(key);
        }
    }

    /// Handles the start of a connection's end, if it has begun.
    pub(super) fn after_closing(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        if open.protocol.is_open() {
            return;
        }
        connection.place.close();
        open.end_allowance();
        // The waiting messages of topics may belong to the application, and dropping them may panic. All topics are
        // left first.
        if let Some(extra) = &mut open.extra {
            let subscriptions = std::mem::take(&mut extra.subscriptions).into_iter();
            let left: Vec<_> =
                subscriptions.map(|topic| self.context.topics.unsubscribe(topic, key)).collect();
            drop(left);
        }
        if open.protocol.closed().is_some() {
            self.leave(key);
        }
        self.mark(key);
        self.watch(key);
    }

    /// Reports the end of a connection to the handler, once.
    pub(super) fn leave(&mut self, key: Key) {
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        if std::mem::replace(&mut open.end_was_reported, true) {
            return;
        }
        open.end_allowance();
        open.forget_backlog();
        open.settle();
        let closed = open.protocol.closed().cloned().unwrap_or_else(longwire_proto::Closed::lost);
        tracing::debug!(%closed, "ended");
        telemetry::ended(Role::Server, Some(&closed));
        self.context.traffic.count();
        self.forget_deferred(key);
        self.call(key, HandlerCall::Close(&closed));
        self.deliver_publications();
    }
}

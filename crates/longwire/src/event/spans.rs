//! Which connection an event of `tracing` belongs to.

use std::net::SocketAddr;

use slotmap::SparseSecondaryMap;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::key::Key;

/// The span of a connection, from when it is accepted. All that is told of the connection, by the handler too, is told in it.
pub(super) fn of(peer: SocketAddr) -> Span {
    tracing::info_span!("connection", %peer)
}

/// The spans of the connections of a loop. Those that nobody wants to know of are not kept: then this is empty, an idle
/// connection costs no byte more, and to look here costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Spans(SparseSecondaryMap<Key, Span>);

impl Spans {
    pub(super) fn keep(&mut self, key: Key, span: Span) {
        if !span.is_disabled() {
            self.0.insert(key, span);
        }
    }

    /// What is told is told of this connection, until what is given back is dropped. It is boxed so that what it costs
    /// while nobody listens is to look at a pointer.
    #[inline]
    pub(super) fn enter(&self, key: Key) -> Option<Box<EnteredSpan>> {
        if self.0.is_empty() { None } else { self.enter_kept(key) }
    }

    #[cold]
    fn enter_kept(&self, key: Key) -> Option<Box<EnteredSpan>> {
        Some(Box::new(self.0.get(key)?.clone().entered()))
    }

    pub(super) fn take(&mut self, key: Key) -> Span {
        if self.0.is_empty() { Span::none() } else { self.0.remove(key).unwrap_or_else(Span::none) }
    }
}

//! The `tracing` spans of connections.

use slotmap::SparseSecondaryMap;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::key::Key;

/// The spans of the connections of a loop. Disabled spans are not kept: then this is empty, an idle connection costs no
/// memory for it, and a lookup costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Spans(SparseSecondaryMap<Key, Span>);

impl Spans {
    pub(super) fn keep(&mut self, key: Key, span: Span) {
        if !span.is_disabled() {
            self.0.insert(key, span);
        }
    }

    /// Enters the connection's span until the returned guard is dropped. The guard is boxed so that without a
    /// subscriber the cost is a check of one pointer.
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

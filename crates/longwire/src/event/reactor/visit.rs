//! A connection, borrowed once for a whole step.
//!
//! A visit reaches its own connection and the state that a loop's connections share, but no other connection. When the
//! visit ends, it leaves work that concerns other connections, or that is rare, as [`Pending`]. The reactor then does
//! that work by the connection's key.

use std::any::Any;
use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use bytes::buf::Limit;

use super::{Reactor, Step};
use crate::event::application::Application;
use crate::event::connection::{Lifecycle, LoopConnection, WriteSide};
use crate::event::key::Key;
use crate::event::loop_context::LoopContext;
use crate::event::pool::Pool;
use crate::event::rules::Rules;
use crate::event::spans::Spans;

/// A connection, with the state of the loop that it needs. `L` is what the driver keeps of it.
pub(in crate::event) struct Visit<'r, A: Application, L> {
    pub(super) key: Key,
    pub(super) connection: &'r mut LoopConnection<A::State, L>,
    pub(super) rules: &'r Rules<A>,
    pub(super) context: &'r mut LoopContext,
    pub(super) pool: &'r mut Pool,
    pub(super) now: Instant,
    /// The number of the loop's current round.
    pub(super) round: u32,
    spans: &'r Spans,
    dirty: &'r mut Vec<Key>,
    resting: &'r mut Vec<Key>,
}

/// Work that a visit leaves to the reactor.
#[must_use = "the reactor has to do it"]
pub(in crate::event) enum Pending {
    /// The handler has published messages, which are delivered before the next event.
    Publications,
    /// The handler panicked while it handled an event. `is_stuck`: no byte of what arrived was consumed.
    HandlerPanicked { payload: Box<dyn Any + Send>, is_stuck: bool },
    /// Other code of the application panicked.
    Panicked(Box<dyn Any + Send>),
    /// Everything that arrived is delivered. The connection has begun to end, or its deadlines have to be checked again
    /// (`is_watched`).
    AfterEvents { is_watched: bool },
    /// Work that waited for a write can continue.
    AfterWrite,
}

impl<A: Application, L> Reactor<A, L> {
    /// Borrows a connection. `None` if it is gone.
    #[inline]
    pub(in crate::event) fn visit(&mut self, key: Key) -> Option<Visit<'_, A, L>> {
        Some(Visit {
            key,
            connection: self.connections.get_mut(key)?,
            rules: &self.rules,
            context: &mut self.context,
            pool: &mut self.pool,
            now: self.now,
            round: self.round,
            spans: &self.spans,
            dirty: &mut self.dirty,
            resting: &mut self.resting,
        })
    }
}

impl<A: Application, L> Visit<'_, A, L> {
    /// The key of the connection.
    #[cfg(unix)]
    pub(in crate::event) fn key(&self) -> Key {
        self.key
    }

    /// What the driver keeps of the connection.
    pub(in crate::event) fn link(&mut self) -> &mut L {
        &mut self.connection.link
    }

    /// Counts bytes that an open connection has received. Returns `false` if it is not open.
    pub(super) fn count_received(&mut self, count: usize) -> bool {
        let Lifecycle::Open(open) = &mut self.connection.stage else { return false };
        open.count(|traffic| traffic.bytes_received += count as u64);
        self.context.traffic.received(count);
        true
    }

    /// Whether to read more.
    pub(in crate::event) fn wants_read(&self) -> bool {
        if self.connection.has_ended {
            return false;
        }
        match &self.connection.stage {
            Lifecycle::Open(open) => !open.is_stalled(),
            Lifecycle::Deciding(awaited) => awaited.wants_read(),
            Lifecycle::Opening(_) | Lifecycle::Refused(_) => true,
            Lifecycle::Http(_) | Lifecycle::Gone => false,
        }
    }

    /// Whether a good part of a large frame is still missing.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn is_amid_large_frame(&self) -> bool {
        match &self.connection.stage {
            Lifecycle::Open(open) => open.protocol.is_amid_large_frame(),
            _ => false,
        }
    }

    /// Room to read a large message into directly, together with the transport to read from; see
    /// [`Protocol::payload_room`](longwire_proto::Protocol::payload_room). After the read, call
    /// [`received_directly`](Reactor::received_directly).
    pub(in crate::event) fn payload_room(&mut self) -> Option<(&mut L, Limit<&mut Vec<u8>>)> {
        match &mut self.connection.stage {
            // While the queue is full or the maximum number of futures runs, input has to wait, but a completed message
            // could not.
            Lifecycle::Open(open) if open.protocol.is_above_high_water() => None,
            Lifecycle::Open(open) if open.is_busy(self.context.max_spawned) => None,
            Lifecycle::Open(open) => Some((&mut self.connection.link, open.protocol.payload_room()?)),
            _ => None,
        }
    }

    /// The current step. `None` if the transport takes no more data: then call [`Reactor::unwritable`].
    pub(in crate::event) fn step(&mut self) -> Option<Step> {
        let queued = self.connection.queued();
        let connection = &mut *self.connection;
        let step = match (&mut connection.stage, connection.writing) {
            (Lifecycle::Opening(_) | Lifecycle::Deciding(_), _) => Step::Wait,
            (Lifecycle::Http(_), _) => Step::HandOver,
            (Lifecycle::Gone, _) | (Lifecycle::Open(_), WriteSide::LastTry) => Step::Drop,
            (Lifecycle::Open(open), WriteSide::Works) if queued > 0 => {
                if open.protocol.is_over() {
                    connection.writing = WriteSide::LastTry;
                }
                Step::Write
            }
            (Lifecycle::Open(open), _) if open.protocol.is_over() => Step::Drop,
            (Lifecycle::Open(open), WriteSide::Works) if open.protocol.wants_shutdown() => {
                connection.writing = WriteSide::ShuttingDown;
                connection.place.drain();
                Step::Shutdown
            }
            (Lifecycle::Open(_), WriteSide::Shut | WriteSide::Broken) => return None,
            (Lifecycle::Refused(_), WriteSide::Works) if queued > 0 => Step::Write,
            (Lifecycle::Refused(_), WriteSide::Works) => {
                connection.writing = WriteSide::ShuttingDown;
                connection.place.leave();
                Step::Shutdown
            }
            (Lifecycle::Refused(_), WriteSide::Shut) if connection.has_ended => Step::Drop,
            (Lifecycle::Open(_) | Lifecycle::Refused(_), _) => Step::Wait,
        };
        Some(step)
    }

    /// The next bytes to write, together with the transport to write to; see
    /// [`Protocol::transmit`](longwire_proto::Protocol::transmit).
    pub(in crate::event) fn transmit<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> (&'a mut L, usize) {
        let filled = match &self.connection.stage {
            Lifecycle::Open(open) => open.protocol.transmit(slices),
            Lifecycle::Refused(refused) => match slices.first_mut() {
                Some(slot) => {
                    *slot = IoSlice::new(refused.unwritten());
                    1
                }
                None => 0,
            },
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) | Lifecycle::Http(_) | Lifecycle::Gone => 0,
        };
        (&mut self.connection.link, filled)
    }

    /// All queued bytes, if they are in one buffer; see
    /// [`Protocol::take_encoded`](longwire_proto::Protocol::take_encoded).
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn take_encoded(&mut self) -> Option<Vec<u8>> {
        let open = self.connection.open_mut()?;
        if open.protocol.is_sharing()
            && let Some(unused) = open.protocol.lend_buffer(self.pool.take())
        {
            self.pool.give(unused);
        }
        open.protocol.take_encoded()
    }

    /// How many of the bytes that [`take_encoded`](Visit::take_encoded) has returned are not yet written.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn taken(&mut self) -> usize {
        self.connection.open_mut().map_or(0, |open| open.protocol.taken())
    }

    /// Whether the connection only has to be dropped.
    #[cfg(unix)]
    pub(in crate::event) fn has_ended(&self) -> bool {
        match &self.connection.stage {
            Lifecycle::Open(open) => open.protocol.is_over(),
            stage => matches!(stage, Lifecycle::Gone),
        }
    }

    /// Whether the transport takes no more data, so the connection ends once there is nothing left to read.
    pub(in crate::event) fn is_broken(&self) -> bool {
        self.connection.writing == WriteSide::Broken
    }

    /// Records that the writing side has been shut down, after [`Step::Shutdown`].
    pub(in crate::event) fn shut(&mut self) {
        if self.connection.writing == WriteSide::ShuttingDown {
            self.connection.writing = WriteSide::Shut;
            self.mark();
        }
    }

    /// Records that the first `count` queued bytes have been written.
    pub(in crate::event) fn written(&mut self, count: usize) -> Option<Pending> {
        let _entered = self.spans.enter(self.key);
        self.guarded(|visit| visit.note_written(count).then_some(Pending::AfterWrite))
    }

    /// Records a write. Returns `true` if work has waited for it.
    fn note_written(&mut self, count: usize) -> bool {
        match &mut self.connection.stage {
            Lifecycle::Open(open) => {
                open.protocol.transmitted(count);
                open.count(|traffic| traffic.bytes_sent += count as u64);
                self.context.traffic.sent(count);
                if let Some(buffer) = open.protocol.reclaim_buffer() {
                    self.pool.give(buffer);
                }
                open.settle();
                let to_do = open.was_full || open.is_stalled() || open.is_watched || !open.protocol.is_open();
                to_do || open.known_backlog().is_some()
            }
            Lifecycle::Refused(refused) => {
                refused.written += count;
                false
            }
            Lifecycle::Opening(_) | Lifecycle::Deciding(_) | Lifecycle::Http(_) | Lifecycle::Gone => false,
        }
    }

    /// Marks the connection for the driver to look at after the sweep.
    pub(super) fn mark(&mut self) {
        if !std::mem::replace(&mut self.connection.is_dirty, true) {
            self.dirty.push(self.key);
        }
    }

    /// Whether the connection has pending work that nothing else in this round can add to: it was marked last, and follows no
    /// topic. The mark is removed then, and the caller does the work at once, while the connection is in the processor's
    /// caches.
    #[cfg(unix)]
    pub(in crate::event) fn answers_alone(&mut self) -> bool {
        let follows_no_topic = self.connection.open_mut().is_some_and(|open| open.subscriptions().is_empty());
        if !follows_no_topic || self.dirty.last() != Some(&self.key) {
            return false;
        }
        self.dirty.pop();
        self.connection.is_dirty = false;
        true
    }

    /// Leaves unparsed bytes to the next round.
    pub(super) fn rest(&mut self) {
        if let Some(open) = self.connection.open_mut()
            && !std::mem::replace(&mut open.is_resting, true)
        {
            self.resting.push(self.key);
        }
    }

    /// Does something for the connection and catches its panic.
    pub(super) fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Option<Pending>) -> Option<Pending> {
        catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|payload| Some(Pending::Panicked(payload)))
    }
}

#[cfg(test)]
impl<A: Application, L> Reactor<A, L> {
    /// Writes everything that is queued, and returns it.
    pub(super) fn write_all(&mut self, key: Key) -> Vec<u8> {
        let mut visit = self.visit(key).unwrap();
        assert_eq!(visit.step(), Some(Step::Write));
        let mut slices = [IoSlice::new(&[]); 16];
        let (_, filled) = visit.transmit(&mut slices);
        let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        if let Some(pending) = visit.written(bytes.len()) {
            self.resolve(key, pending, &mut longwire_proto::Received::default());
        }
        bytes
    }
}

//! One connection, borrowed once for all that a step does with it.
//!
//! A visit reaches its own connection and what the connections of a loop share, but no other connection. Work that concerns
//! others, or is rare, is left as [`Pending`] when the visit ends, and the reactor does it by the connection's key.

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

/// One connection of a loop, with what it needs of the loop. `L` is what the driver keeps of it.
pub(in crate::event) struct Visit<'r, A: Application, L> {
    pub(super) key: Key,
    pub(super) connection: &'r mut LoopConnection<A::State, L>,
    pub(super) rules: &'r Rules<A>,
    pub(super) context: &'r mut LoopContext,
    pub(super) pool: &'r mut Pool,
    pub(super) now: Instant,
    /// The number of this round of the loop.
    pub(super) round: u32,
    spans: &'r Spans,
    dirty: &'r mut Vec<Key>,
    resting: &'r mut Vec<Key>,
}

/// Work that a visit leaves to the reactor.
#[must_use = "the reactor has to do it"]
pub(in crate::event) enum Pending {
    /// The handler has published something, which goes out before the next event is delivered.
    Publications,
    /// The handler panicked over an event. `is_stuck`: without having taken anything of what arrived.
    HandlerPanicked { payload: Box<dyn Any + Send>, is_stuck: bool },
    /// Something else that belongs to the handler panicked.
    Panicked(Box<dyn Any + Send>),
    /// What arrived is delivered, and the connection has begun to end, or (`is_watched`) its times are looked at again.
    AfterEvents { is_watched: bool },
    /// Something has waited for the write.
    AfterWrite,
}

impl<A: Application, L> Reactor<A, L> {
    /// Borrows a connection. `None`: it is gone.
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
    /// The name of the connection in its loop.
    pub(in crate::event) fn key(&self) -> Key {
        self.key
    }

    /// What the driver keeps of the connection.
    pub(in crate::event) fn link(&mut self) -> &mut L {
        &mut self.connection.link
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.connection.stage, Lifecycle::Open(_))
    }

    /// Whether more is to be read.
    pub(in crate::event) fn wants_read(&self) -> bool {
        if self.connection.has_ended {
            return false;
        }
        match &self.connection.stage {
            Lifecycle::Open(open) => !open.is_stalled(),
            Lifecycle::Opening(_) | Lifecycle::Refused(_) => true,
            Lifecycle::Http(_) | Lifecycle::Gone => false,
        }
    }

    /// Whether a good part of a large frame has not arrived.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn is_amid_large_frame(&self) -> bool {
        match &self.connection.stage {
            Lifecycle::Open(open) => open.protocol.is_amid_large_frame(),
            _ => false,
        }
    }

    /// Room to read a large message straight into, together with the transport to read it from; see
    /// [`Protocol::payload_room`](longwire_proto::Protocol::payload_room). After the read, call
    /// [`received_directly`](Reactor::received_directly).
    pub(in crate::event) fn payload_room(&mut self) -> Option<(&mut L, Limit<&mut Vec<u8>>)> {
        match &mut self.connection.stage {
            // While the queue is full or as much runs as may, what arrives is to wait; a message that is complete could not.
            Lifecycle::Open(open) if open.protocol.is_above_high_water() => None,
            Lifecycle::Open(open) if open.is_busy(self.context.max_spawned) => None,
            Lifecycle::Open(open) => Some((&mut self.connection.link, open.protocol.payload_room()?)),
            _ => None,
        }
    }

    /// What is to be done now. `None`: [`Reactor::unwritable`] knows, for the transport takes nothing any more.
    pub(in crate::event) fn step(&mut self) -> Option<Step> {
        let queued = self.connection.queued();
        let connection = &mut *self.connection;
        let step = match (&mut connection.stage, connection.writing) {
            (Lifecycle::Opening(_), _) => Step::Wait,
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

    /// What is to be written next, with the transport to write it to; see
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
            Lifecycle::Opening(_) | Lifecycle::Http(_) | Lifecycle::Gone => 0,
        };
        (&mut self.connection.link, filled)
    }

    /// Everything that waits, if it lies in one buffer; see
    /// [`Protocol::take_encoded`](longwire_proto::Protocol::take_encoded).
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn take_encoded(&mut self) -> Option<Vec<u8>> {
        self.connection.open_mut()?.protocol.take_encoded()
    }

    /// Whether there is nothing to be done but to drop it.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn has_ended(&self) -> bool {
        match &self.connection.stage {
            Lifecycle::Open(open) => open.protocol.is_over(),
            stage => matches!(stage, Lifecycle::Gone),
        }
    }

    /// Whether the transport takes nothing any more, so that the connection ends when nothing can be read.
    pub(in crate::event) fn is_broken(&self) -> bool {
        self.connection.writing == WriteSide::Broken
    }

    /// The writing side has been shut down, as [`Step::Shutdown`] has asked for.
    pub(in crate::event) fn shut(&mut self) {
        if self.connection.writing == WriteSide::ShuttingDown {
            self.connection.writing = WriteSide::Shut;
            self.mark();
        }
    }

    /// The first `count` bytes of what waited have been written.
    pub(in crate::event) fn written(&mut self, count: usize) -> Option<Pending> {
        let _entered = self.spans.enter(self.key);
        self.guarded(|visit| visit.note_written(count).then_some(Pending::AfterWrite))
    }

    /// Notes a write; `true`: something has waited for it.
    fn note_written(&mut self, count: usize) -> bool {
        match &mut self.connection.stage {
            Lifecycle::Open(open) => {
                open.protocol.transmitted(count);
                self.context.traffic.sent(count);
                if let Some(buffer) = open.protocol.reclaim_buffer() {
                    self.pool.give(buffer);
                }
                open.settle();
                let to_do = open.was_full || open.is_stalled() || open.is_watched || !open.protocol.is_open();
                to_do || open.backlog.is_some()
            }
            Lifecycle::Refused(refused) => {
                refused.written += count;
                false
            }
            Lifecycle::Opening(_) | Lifecycle::Http(_) | Lifecycle::Gone => false,
        }
    }

    /// The driver is to look at the connection at the end of the sweep.
    pub(super) fn mark(&mut self) {
        if !std::mem::replace(&mut self.connection.is_dirty, true) {
            self.dirty.push(self.key);
        }
    }

    /// The next round goes on with what is not parsed.
    pub(super) fn rest(&mut self) {
        if let Some(open) = self.connection.open_mut()
            && !std::mem::replace(&mut open.share.is_resting, true)
        {
            self.resting.push(self.key);
        }
    }

    /// Does something for the connection, and contains a panic of it.
    pub(super) fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Option<Pending>) -> Option<Pending> {
        catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|payload| Some(Pending::Panicked(payload)))
    }
}

#[cfg(test)]
impl<A: Application, L> Reactor<A, L> {
    /// Writes what waits, and returns it.
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

//! Reading from a connection: by the ring, or by single calls while large messages arrive.

use std::{io, mem};

use bytes::BufMut as _;
use longwire_ring::{ReceiveEnd, Ring, direct};
use slotmap::Key as _;

use super::{SCRATCH, Uring};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::visit::Visit;
use crate::event::uring::link::{Link, Reading};
use crate::event::uring::records::Records;

/// How often one connection is read directly before the others are.
const READS_AT_A_TIME: usize = 8;

/// After this many reads in a row of less than [`SCRATCH`] bytes, the connection is no longer read directly. Switching
/// between the two costs more than a few reads of the wrong kind.
const DIRECT_READS: u8 = 16;

/// The outcome of a single read.
enum Read {
    /// Nothing should be read now.
    NotNow,
    End,
    /// A part of a large message, read into it directly. `is_full`: it filled all the room, and there may be more.
    Directly {
        count: usize,
        is_full: bool,
    },
    /// This many bytes, in the buffer.
    IntoScratch(usize),
}

impl<A: Application> Uring<A> {
    /// Handles bytes that the ring received, and continues reading.
    pub(super) fn received(&mut self, key: Key, data: &mut [u8]) {
        if let Some(tls) = self.lend_tls(key) {
            self.received_sealed(key, tls, data);
            self.read_on(key);
        } else {
            self.reactor.received(key, data, |visit| visit.read_on(&mut self.ring));
        }
    }

    /// Handles bytes that a direct call received. The caller continues reading: while it reads, the ring must not.
    fn received_into_scratch(&mut self, key: Key, data: &mut [u8]) {
        match self.lend_tls(key) {
            Some(tls) => self.received_sealed(key, tls, data),
            None => self.reactor.received(key, data, |_| {}),
        }
    }

    /// Takes a connection's TLS session for the time of a call.
    fn lend_tls(&mut self, key: Key) -> Option<Box<dyn Records>> {
        self.secure.as_ref()?;
        self.reactor.link(key)?.tls.take()
    }

    /// Decrypts and handles received bytes.
    fn received_sealed(&mut self, key: Key, mut tls: Box<dyn Records>, data: &[u8]) {
        let mut arrived = data;
        let outcome = loop {
            let received = self.reactor.in_span(key, || tls.receive(&mut arrived));
            loop {
                match tls.read(&mut self.plain) {
                    0 => break,
                    count => {
                        let plain = self.plain.get_mut(..count).unwrap_or_default();
                        self.reactor.received(key, plain, |_| {});
                    }
                }
            }
            if arrived.is_empty() || !matches!(received, Ok(true)) {
                break received;
            }
        };
        // TLS's own records, such as an alert, go out with the rest.
        let wants_write = tls.wants_write();
        if let Some(link) = self.reactor.link(key) {
            link.tls = Some(tls);
        }
        if wants_write {
            self.drive(key);
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => self.reactor.ended(key, None),
            Err(error) => self.reactor.ended(key, Some(error)),
        }
    }

    pub(super) fn receive_ended(&mut self, key: Key, why: ReceiveEnd) {
        let Some(link) = self.reactor.link(key) else { return };
        link.has_read(matches!(why, ReceiveEnd::EndOfFile | ReceiveEnd::Failed(_)));
        match why {
            ReceiveEnd::EndOfFile => self.reactor.ended(key, None),
            ReceiveEnd::Failed(error) => self.reactor.ended(key, Some(error)),
            ReceiveEnd::NoBuffers => self.hungry.push(key),
            ReceiveEnd::Cancelled => self.read_on(key),
        }
        // A connection that is being handed over may have waited for this.
        self.drive(key);
    }

    /// Starts or stops reading a connection, as its state requires.
    pub(super) fn read_on(&mut self, key: Key) {
        if let Some(mut visit) = self.reactor.visit(key) {
            visit.read_on(&mut self.ring);
        }
    }

    /// Reads what has arrived, directly into a large message if there is one.
    pub(super) fn readable(&mut self, key: Key) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(false);
        }
        let mut total = 0;
        for _ in 0..READS_AT_A_TIME {
            let Some(mut visit) = self.reactor.visit(key) else { return };
            match visit.read(&mut self.scratch) {
                Ok(Read::NotNow) => break,
                Ok(Read::End) => {
                    self.read_ended(key, None);
                    break;
                }
                Ok(Read::Directly { count, is_full }) => {
                    self.reactor.received_directly(key, count);
                    total += count;
                    if !is_full {
                        break;
                    }
                }
                Ok(Read::IntoScratch(count)) => {
                    let mut scratch = mem::take(&mut self.scratch);
                    self.received_into_scratch(key, scratch.get_mut(..count).unwrap_or_default());
                    self.scratch = scratch;
                    total += count;
                    if count < SCRATCH {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.read_ended(key, Some(error));
                    break;
                }
            }
        }
        if let Some(mut visit) = self.reactor.visit(key) {
            let link = visit.link();
            link.direct_reads =
                if total < SCRATCH { link.direct_reads.saturating_sub(1) } else { DIRECT_READS };
            visit.read_on(&mut self.ring);
        }
    }

    fn read_ended(&mut self, key: Key, error: Option<io::Error>) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(true);
        }
        self.reactor.ended(key, error);
    }
}

impl<A: Application> Visit<'_, A, Link> {
    /// Starts or stops reading the connection, as its state requires.
    pub(super) fn read_on(&mut self, ring: &mut Ring) {
        let wants_read = self.wants_read();
        let is_amid_large_frame = self.is_amid_large_frame();
        let token = self.key().data().as_ffi();
        let link = self.link();
        // This holds for TLS, too, although it saves nothing there: a burst that the ring has received is kept while
        // the connection is stalled, and could take up all of the loop's buffers.
        if is_amid_large_frame {
            link.direct_reads = DIRECT_READS;
        }
        match link.reading() {
            Reading::Shared(_) if link.direct_reads > 0 || !wants_read => {
                if let Some(operation) = link.stop_reading() {
                    ring.cancel(operation);
                }
            }
            Reading::No if wants_read && link.direct_reads > 0 => {
                let operation = ring.poll_readable(link.socket(), token);
                link.begin_reading(Reading::Direct(operation));
            }
            Reading::No if wants_read => {
                let operation = ring.receive(link.socket(), token);
                link.begin_reading(Reading::Shared(operation));
            }
            _ => {}
        }
    }

    /// Reads once, unless nothing should be read now.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<Read> {
        let wants_read = self.wants_read();
        if self.link().tls.is_none()
            && let Some((link, mut room)) = self.payload_room()
        {
            let size = room.remaining_mut();
            return Ok(match direct::receive_into(link.socket(), &mut room)? {
                0 => Read::End,
                count => Read::Directly { count, is_full: count == size },
            });
        }
        if !wants_read {
            return Ok(Read::NotNow);
        }
        Ok(match direct::receive(self.link().socket(), scratch)? {
            0 => Read::End,
            count => Read::IntoScratch(count),
        })
    }
}

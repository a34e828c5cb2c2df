//! How a connection is read: by the ring, or by single calls while large messages arrive.

use std::{io, mem};

use bytes::BufMut as _;
use longwire_ring::{ReceiveEnd, direct};
use slotmap::Key as _;

use super::{SCRATCH, Uring};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::uring::link::Reading;

/// How often one connection is read directly before the others have their turn.
const READS_AT_A_TIME: usize = 8;

/// After how many reads in a row that brought less than [`SCRATCH`] a connection has no large messages any more. To change
/// between the ways of reading costs more than a few reads in the wrong way.
const DIRECT_READS: u8 = 16;

/// What a single call has read.
struct Read {
    count: usize,
    /// Whether it took all the room, so that more may be there.
    is_full: bool,
}

impl<A: Application> Uring<A> {
    /// Takes what has arrived, through TLS if that is spoken.
    pub(super) fn received(&mut self, key: Key, data: &mut [u8]) {
        let Some(mut tls) = self.reactor.link(key).and_then(|link| link.tls.take()) else {
            return self.reactor.received(key, data);
        };
        let mut arrived = &*data;
        let outcome = loop {
            let received = self.reactor.in_span(key, || tls.receive(&mut arrived));
            loop {
                match tls.read(&mut self.plain) {
                    0 => break,
                    count => self.reactor.received(key, self.plain.get_mut(..count).unwrap_or_default()),
                }
            }
            if arrived.is_empty() || !matches!(received, Ok(true)) {
                break received;
            }
        };
        // What TLS itself has to say goes out with the rest, an alert included.
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
        // A connection that leaves the loop may have waited for this.
        self.drive(key);
    }

    /// Sees to it that a connection is read as it is to be read now.
    pub(super) fn read_on(&mut self, key: Key) {
        let wants_read = self.reactor.wants_read(key);
        let is_amid_large_frame = self.reactor.is_amid_large_frame(key);
        let token = key.data().as_ffi();
        let Some(link) = self.reactor.link(key) else { return };
        // Within TLS as well, where nothing is saved by it: what a burst of the ring brings is kept while the connection is
        // stalled, and may be all of the loop's buffers.
        if is_amid_large_frame {
            link.direct_reads = DIRECT_READS;
        }
        match link.reading() {
            Reading::Shared(_) if link.direct_reads > 0 || !wants_read => {
                if let Some(operation) = link.stop_reading() {
                    self.ring.cancel(operation);
                }
            }
            Reading::No if wants_read && link.direct_reads > 0 => {
                let operation = self.ring.poll_readable(link.socket(), token);
                link.begin_reading(Reading::Direct(operation));
            }
            Reading::No if wants_read => {
                let operation = self.ring.receive(link.socket(), token);
                link.begin_reading(Reading::Shared(operation));
            }
            _ => {}
        }
    }

    /// Reads what there is, straight into a large message if one is arriving.
    pub(super) fn readable(&mut self, key: Key) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(false);
        }
        let mut total = 0;
        for _ in 0..READS_AT_A_TIME {
            match self.read(key) {
                Ok(Some(read)) => {
                    total += read.count;
                    if !read.is_full {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.read_ended(key, Some(error));
                    break;
                }
            }
        }
        if let Some(link) = self.reactor.link(key) {
            link.direct_reads =
                if total < SCRATCH { link.direct_reads.saturating_sub(1) } else { DIRECT_READS };
        }
        self.read_on(key);
    }

    /// Reads once. `None`: the end, or nothing is to be read now.
    fn read(&mut self, key: Key) -> io::Result<Option<Read>> {
        let wants_read = self.reactor.wants_read(key);
        let is_plain = self.reactor.link(key).is_some_and(|link| link.tls.is_none());
        let (count, room) = if is_plain && let Some((link, mut room)) = self.reactor.payload_room(key) {
            let size = room.remaining_mut();
            let count = direct::receive_into(link.socket(), &mut room)?;
            if count > 0 {
                self.reactor.received_directly(key, count);
            }
            (count, size)
        } else if let Some(link) = self.reactor.link(key).filter(|_| wants_read) {
            let count = direct::receive(link.socket(), &mut self.scratch)?;
            let mut scratch = mem::take(&mut self.scratch);
            self.received(key, scratch.get_mut(..count).unwrap_or_default());
            self.scratch = scratch;
            (count, SCRATCH)
        } else {
            return Ok(None);
        };
        if count == 0 {
            self.read_ended(key, None);
            return Ok(None);
        }
        Ok(Some(Read { count, is_full: count == room }))
    }

    fn read_ended(&mut self, key: Key, error: Option<io::Error>) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(true);
        }
        self.reactor.ended(key, error);
    }
}

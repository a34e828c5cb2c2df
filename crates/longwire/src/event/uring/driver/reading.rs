//! Reading from a connection: by the ring, or by single calls while large messages arrive.

use std::{io, mem};

use bytes::BufMut as _;
use longwire_ring::{ReceiveEnd, Ring, direct};

use super::{SCRATCH, Uring, UringLoop};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::visit::Visit;
use crate::event::sockets::{SocketDriver as _, SocketLink as _};
use crate::event::uring::link::Link;

/// How often one connection is read directly before the others are.
const READS_AT_A_TIME: usize = 8;

/// After this many reads in a row of less than [`SCRATCH`] bytes, the connection is no longer read directly. Switching
/// between the two costs more than a few reads of the wrong kind.
pub(super) const DIRECT_READS: u8 = 16;

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

impl<A: Application> UringLoop<A> {
    /// Handles bytes that the ring received, and continues reading.
    pub(super) fn arrived(&mut self, key: Key, data: &mut [u8]) {
        if let Some(tls) = self.lend_tls(key) {
            self.received_sealed(key, tls, data);
            self.read_on(key);
        } else {
            self.reactor.received(key, data, |visit| self.driver.read_on(visit));
        }
    }

    pub(super) fn receive_ended(&mut self, key: Key, why: ReceiveEnd) {
        let Some(link) = self.reactor.link(key) else { return };
        let has_ended = matches!(why, ReceiveEnd::EndOfFile | ReceiveEnd::Failed(_));
        link.has_read(&self.driver.ring, has_ended);
        match why {
            ReceiveEnd::EndOfFile => self.reactor.ended(key, None),
            ReceiveEnd::Failed(error) => self.reactor.ended(key, Some(error)),
            ReceiveEnd::NoBuffers => self.driver.hungry.push(key),
            ReceiveEnd::Cancelled => self.read_on(key),
        }
        // A connection that is being handed over may have waited for this.
        self.drive(key);
    }

    /// Reads what has arrived, directly into a large message if there is one.
    pub(super) fn readable(&mut self, key: Key) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(&self.driver.ring, false);
        }
        let mut total = 0;
        for _ in 0..READS_AT_A_TIME {
            let Some(mut visit) = self.reactor.visit(key) else { return };
            let Uring { ring, scratch, .. } = &mut self.driver;
            match visit.read(ring, scratch) {
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
                    // While the loop reads directly, the ring must not.
                    let mut scratch = mem::take(&mut self.driver.scratch);
                    self.received(key, scratch.get_mut(..count).unwrap_or_default());
                    self.driver.scratch = scratch;
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
            self.driver.read_on(&mut visit);
        }
    }

    fn read_ended(&mut self, key: Key, error: Option<io::Error>) {
        if let Some(link) = self.reactor.link(key) {
            link.has_read(&self.driver.ring, true);
        }
        self.reactor.ended(key, error);
    }
}

impl<A: Application> Visit<'_, A, Link> {
    /// Reads once, unless nothing should be read now.
    fn read(&mut self, ring: &Ring, scratch: &mut [u8]) -> io::Result<Read> {
        let wants_read = self.wants_read();
        if self.link().state().tls.is_none()
            && let Some((link, mut room)) = self.payload_room()
        {
            let size = room.remaining_mut();
            return Ok(match direct::receive_into(link.descriptor(ring)?, &mut room)? {
                0 => Read::End,
                count => Read::Directly { count, is_full: count == size },
            });
        }
        if !wants_read {
            return Ok(Read::NotNow);
        }
        Ok(match direct::receive(self.link().descriptor(ring)?, scratch)? {
            0 => Read::End,
            count => Read::IntoScratch(count),
        })
    }
}

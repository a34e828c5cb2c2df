//! What the ring does for the loop: reads and writes.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;

use longwire_ring::direct;
use slotmap::Key as _;
use socket2::SockRef;

use super::reading::DIRECT_READS;
use super::{Uring, UringLoop};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::visit::Visit;
use crate::event::sockets::{DriverAction, Records, SocketDriver, SocketLink as _};
use crate::event::uring::link::{Link, Reading, Writing};

/// How many slices one write may gather.
const SLICES: usize = 16;

impl<A: Application> UringLoop<A> {
    pub(super) fn sent(&mut self, key: Key, result: &io::Result<()>) {
        let Some(mut visit) = self.reactor.visit(key) else { return };
        let link = visit.link();
        let Writing::Sending = link.has_written(&self.driver.ring) else { return };
        let is_plain = link.state().tls.is_none();
        if link.state().ends_after_write {
            self.driver.shut_down(link);
            visit.shut();
        }
        // With TLS, the bytes left the connection's queue when they were encrypted.
        let length = if is_plain { visit.taken() } else { 0 };
        self.written(key, length, result);
    }
}

impl SocketDriver for Uring {
    type Link = Link;

    fn link(&mut self, socket: OwnedFd, tls: Option<Box<dyn Records>>) -> Link {
        Link::new(self.ring.hold(socket), tls)
    }

    fn read_on<A: Application>(&mut self, visit: &mut Visit<'_, A, Link>) {
        let wants_read = visit.wants_read();
        let is_amid_large_frame = visit.is_amid_large_frame();
        let token = visit.key().data().as_ffi();
        let link = visit.link();
        // This holds for TLS, too, although it saves nothing there: a burst that the ring has received is kept while
        // the connection is stalled, and could take up all of the loop's buffers.
        if is_amid_large_frame {
            link.direct_reads = DIRECT_READS;
        }
        match link.reading() {
            Reading::Shared if link.direct_reads > 0 || !wants_read => {
                if let Some(operation) = link.stop_reading() {
                    self.ring.cancel(operation);
                }
            }
            Reading::No if wants_read && link.direct_reads > 0 => {
                let operation = self.ring.poll_readable(link.socket(), token);
                link.begin_reading(&self.ring, Reading::Direct, operation);
            }
            Reading::No if wants_read => {
                let operation = self.ring.receive(link.socket(), token);
                link.begin_reading(&self.ring, Reading::Shared, operation);
            }
            _ => {}
        }
    }

    /// Writes with the ring, or directly if the data is too large to copy.
    fn write<A: Application>(&mut self, visit: &mut Visit<'_, A, Link>) -> Option<DriverAction> {
        let token = visit.key().data().as_ffi();
        if let Some(buffer) = visit.take_encoded() {
            visit.link().send(&mut self.ring, buffer, token);
            return None;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (link, filled) = visit.transmit(&mut slices);
        let sent = link
            .descriptor(&self.ring)
            .and_then(|socket| direct::send(socket, slices.get(..filled).unwrap_or_default()));
        match sent {
            Ok(count) => {
                link.state().writes.note();
                let pending = visit.written(count);
                if pending.is_none() {
                    self.read_on(visit);
                }
                pending.map(DriverAction::Resolve)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let operation = self.ring.poll_writable(link.socket(), token);
                link.begin_writing(&self.ring, Writing::Blocked, operation);
                None
            }
            Err(_) => Some(DriverAction::Broken),
        }
    }

    fn write_sealed<A: Application>(&mut self, visit: &mut Visit<'_, A, Link>) -> io::Result<()> {
        let token = visit.key().data().as_ffi();
        let link = visit.link();
        if !link.is_writing()
            && let Some(buffer) = link.state().tls.as_mut().map(|tls| tls.take())
            && !buffer.is_empty()
        {
            link.send(&mut self.ring, buffer, token);
        }
        Ok(())
    }

    /// The receive in flight reports the end.
    fn broken<A: Application>(&mut self, _: &mut Visit<'_, A, Link>) {}

    /// The ring must have no operation in flight for the connection.
    fn lets_go<A: Application>(&mut self, visit: &mut Visit<'_, A, Link>) -> bool {
        match visit.link().reading() {
            Reading::Shared => {
                self.read_on(visit);
                false
            }
            Reading::Stopping | Reading::Direct => false,
            Reading::No | Reading::Ended => true,
        }
    }

    fn release(&mut self, link: Link) -> Option<(OwnedFd, Option<Box<dyn Records>>)> {
        let Some(socket) = self.ring.release(link.socket()) else {
            self.forget(link);
            return None;
        };
        Some((socket, link.into_tls()))
    }

    /// The ring keeps the socket until all operations in flight for it are cancelled.
    fn forget(&mut self, link: Link) {
        for operation in link.in_flight() {
            self.ring.cancel(operation);
        }
        self.ring.close(link.socket());
    }

    fn shut_down(&self, link: &Link) {
        if let Ok(socket) = link.descriptor(&self.ring) {
            // A transport that fails to shut down counts as shut down.
            let _gone = SockRef::from(&socket).shutdown(Shutdown::Write);
        }
    }
}

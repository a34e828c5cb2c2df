//! What a loop over raw sockets needs from its driver.

use std::io;
use std::os::fd::OwnedFd;

use super::records::Records;
use crate::event::application::Application;
use crate::event::reactor::visit::{Pending, Visit};
use crate::event::turns::Writes;

/// The system calls of a loop over raw sockets, or the ring that makes them.
pub(in crate::event) trait SocketDriver {
    type Link: SocketLink;

    /// Takes over the socket of a new connection. The link must come back to [`release`](SocketDriver::release) or
    /// [`forget`](SocketDriver::forget).
    fn link(&mut self, socket: OwnedFd, tls: Option<Box<dyn Records>>) -> Self::Link;

    /// Starts or stops reading a connection, as its state requires.
    fn read_on<A: Application>(&mut self, visit: &mut Visit<'_, A, Self::Link>);

    /// Writes queued data. `None`: look for the connection's next step.
    fn write<A: Application>(&mut self, visit: &mut Visit<'_, A, Self::Link>) -> Option<DriverAction>;

    /// Writes what TLS has encrypted.
    ///
    /// # Errors
    ///
    /// If the transport takes no more data.
    fn write_sealed<A: Application>(&mut self, visit: &mut Visit<'_, A, Self::Link>) -> io::Result<()>;

    /// The transport takes no more data. What can still be read has to be read up to the end.
    fn broken<A: Application>(&mut self, visit: &mut Visit<'_, A, Self::Link>);

    /// Whether a connection can be handed over now. If not, the driver ends what it has begun for it, and the loop asks
    /// again when the driver has.
    fn lets_go<A: Application>(&mut self, visit: &mut Visit<'_, A, Self::Link>) -> bool;

    /// The socket and its TLS session, of a connection that is handed over. `None` if the driver still uses the socket.
    fn release(&mut self, link: Self::Link) -> Option<(OwnedFd, Option<Box<dyn Records>>)>;

    /// Ends what the driver has begun for a connection that is dropped, and closes its socket.
    fn forget(&mut self, link: Self::Link);

    /// Shuts down the writing side.
    fn shut_down(&self, link: &Self::Link);
}

/// What a driver keeps of a connection.
pub(in crate::event) trait SocketLink {
    /// What every driver keeps.
    fn state(&mut self) -> &mut LinkState;

    /// Whether a write is unfinished. Until it is finished, nothing else is written.
    fn is_writing(&self) -> bool;
}

/// What every driver over sockets keeps of a connection.
#[derive(Default)]
pub(in crate::event) struct LinkState {
    pub(in crate::event) tls: Option<Box<dyn Records>>,
    pub(in crate::event) writes: Writes,
    /// Whether to shut down the writing side after the current write.
    pub(in crate::event) ends_after_write: bool,
    /// Whether the connection continues in the next round of the loop.
    pub(in crate::event) is_put_off: bool,
}

impl LinkState {
    pub(in crate::event) fn new(tls: Option<Box<dyn Records>>) -> LinkState {
        LinkState { tls, ..LinkState::default() }
    }
}

/// The next work for a connection that needs more than the connection itself.
pub(in crate::event) enum DriverAction {
    Nothing,
    /// It has used up its writes of this round.
    PutOff,
    /// TLS has to encrypt queued data; there may be more work afterwards.
    Seal,
    /// The same, without more work afterwards.
    SealLast,
    /// Data was written; the reactor has work to do.
    Resolve(Pending),
    /// Writing has failed.
    Broken,
    /// The transport takes no more data: call [`Reactor::unwritable`](crate::event::reactor::Reactor::unwritable).
    Unwritable,
    HandOver,
    Drop,
}

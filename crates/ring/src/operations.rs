//! The operations in flight, and the resources that the kernel may use for them.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use slotmap::{Key as _, KeyData, SlotMap};

/// A descriptor for operations. Each operation holds it until its last completion: until then, the descriptor is not
/// closed and its number is not reused.
pub type Socket = Rc<OwnedFd>;

/// Identifies an operation of a ring, to [cancel](crate::Ring::cancel) it. After the last completion it identifies
/// nothing, even if another operation takes its place in the ring's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub(crate) OperationKey);

slotmap::new_key_type! {
    /// The place of an operation in the ring's table.
    pub(crate) struct OperationKey;
}

impl OperationKey {
    pub(crate) fn user_data(self) -> u64 {
        self.data().as_ffi()
    }

    pub(crate) fn from_user_data(user_data: u64) -> OperationKey {
        KeyData::from_ffi(user_data).into()
    }
}

/// The request to the kernel.
#[derive(Debug)]
pub(crate) enum Work {
    /// Accept connections until an error.
    Accept,
    /// Receive into provided buffers until the end.
    Receive,
    /// Send a buffer. Boxed, because every connection has a receive in flight, and few have a send.
    Send(Box<Outgoing>),
    /// Wait until the socket is readable.
    AwaitReadable,
    /// Wait until the socket is writable.
    AwaitWritable,
    /// Wait for wake-ups from other threads, repeatedly.
    AwaitWake,
}

/// A buffer, of which the first `sent` bytes are sent.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) buffer: Vec<u8>,
    pub(crate) sent: usize,
}

/// An operation that the kernel has not finished.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) socket: Socket,
    pub(crate) token: u64,
    pub(crate) work: Work,
    /// Whether it was cancelled. A cancelled operation is not continued, whatever its result.
    pub(crate) cancelled: bool,
}

/// The ring's table of operations.
pub(crate) type Operations = SlotMap<OperationKey, InFlight>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every connection of a loop has a receive in flight.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_operation_in_flight_is_small() {
        assert_eq!(size_of::<InFlight>(), 40);
    }
}

//! The operations that the kernel has not finished, and what it may touch until it has.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use slotmap::{Key as _, KeyData, SlotMap};

/// A descriptor that operations are made on. Each operation holds it until its last completion: before that, the
/// descriptor is not closed and its number is not used again.
pub type Socket = Rc<OwnedFd>;

/// Names an operation of a ring, to [cancel](crate::Ring::cancel) it. After the last completion it names nothing, even if
/// another operation takes the place in the ring's table.
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

/// What the kernel was asked for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Accept connections until there is an error.
    Accept,
    /// Receive into provided buffers until there is an end.
    Receive,
    /// Send `buffer`, of which the first `sent` bytes have left.
    Send { buffer: Vec<u8>, sent: usize },
    /// Wait until there is something to read.
    AwaitReadable,
    /// Wait until there is room to write.
    AwaitWritable,
    /// Wait to be woken by another thread, again and again.
    AwaitWake,
}

/// An operation that the kernel has not finished.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) socket: Socket,
    pub(crate) token: u64,
    pub(crate) work: Work,
    /// Whether it was cancelled: it is not continued, whatever it comes to.
    pub(crate) cancelled: bool,
}

/// The ring's table of operations.
pub(crate) type Operations = SlotMap<OperationKey, InFlight>;
